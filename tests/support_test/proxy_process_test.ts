/** A program under test is started narrowly, spoken to and cleaned up. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  permissionFlags,
  ProxyProcess,
} from "../support/program/proxy_process.ts";
import { mcp } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { sdkClient } from "../support/sdk/client.ts";
import { TEST_CREDENTIALS } from "../support/aws/test_identity.ts";
import { NOBODY } from "../support/net/nobody.ts";
import { tempDir } from "../support/temp_dir.ts";

/** Answers requests with what it is asked for, and logs each method. */
const PROGRAM = `
const encoder = new TextEncoder();
const out = (value) => Deno.stdout.writeSync(encoder.encode(value + "\\n"));
const results = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "program", version: "1" },
  }),
  "tools/list": () => ({ tools: [] }),
  args: () => Deno.args,
  cwd: () => Deno.env.get("HOME"),
  env: ({ name }) => Deno.env.get(name) ?? null,
  permission: async (descriptor) =>
    (await Deno.permissions.query(descriptor)).state,
};
const handle = async (line) => {
  if (line === "exit") Deno.exit(3);
  if (line === "garbage") return out("not json");
  if (line === "twice") return out('{"id":9,"result":1}\\n{"id":9,"error":{}}');
  const { id, method, params } = JSON.parse(line);
  console.error(JSON.stringify({ message: "got", method }));
  if (id === undefined || method === "silence") return;
  const result = await results[method](params);
  out(JSON.stringify({ jsonrpc: "2.0", id, result }));
};
let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\\n");
  rest = lines.pop();
  for (const line of lines) await handle(line);
}
Deno.stdout.writeSync(encoder.encode("the end"));
`;

interface Program extends AsyncDisposable {
  readonly entry: string;
}

async function writeProgram(source = PROGRAM): Promise<Program> {
  const folder = await tempDir({ "program.js": source });
  return { ...folder, entry: `${folder.path}/program.js` };
}

async function ask(
  program: ProxyProcess,
  method: string,
  params?: unknown,
): Promise<unknown> {
  return (await program.request(method, params)).field("result");
}

const ENV_FLAG = "--allow-env=AWS_*,MCP_*," +
  "HOME,USERPROFILE,HOMEPATH,HOMEDRIVE," +
  "HTTPS_PROXY,HTTP_PROXY,ALL_PROXY,NO_PROXY,https_proxy,http_proxy,all_proxy,no_proxy";

Deno.test("the flags name the target alone and what is asked for besides", () => {
  assertEquals(permissionFlags(new URL("https://h.example/mcp")), [
    "--no-prompt",
    "--allow-net=h.example:443",
    ENV_FLAG,
  ]);
  assertEquals(
    permissionFlags(NOBODY, { net: ["127.0.0.1:1"], read: ["/a", "/b"] }),
    [
      "--no-prompt",
      "--allow-net=127.0.0.1:9,127.0.0.1:1",
      ENV_FLAG,
      "--allow-read=/a,/b",
    ],
  );
});

Deno.test("the program gets its arguments, its home and nothing of this environment", async () => {
  await using file = await writeProgram();
  Deno.env.set("AWS_TEST_OF_A_LEAK", "leaked");
  await using program = await ProxyProcess.start({
    target: NOBODY,
    entry: file.entry,
    args: ["--sse"],
    env: { MCP_X: "1", AWS_SESSION_TOKEN: undefined },
  });
  Deno.env.delete("AWS_TEST_OF_A_LEAK");
  assertEquals(await ask(program, "args"), [
    "--target-url",
    NOBODY.href,
    "--region",
    "eu-west-1",
    "--service-name",
    "execute-api",
    "--sse",
  ]);
  assertEquals(await ask(program, "cwd"), program.home);
  for (
    const [name, value] of [
      ["AWS_ACCESS_KEY_ID", TEST_CREDENTIALS.accessKeyId],
      ["AWS_EC2_METADATA_DISABLED", "true"],
      ["AWS_SESSION_TOKEN", null],
      ["AWS_TEST_OF_A_LEAK", null],
      ["MCP_X", "1"],
    ] as const
  ) assertEquals(await ask(program, "env", { name }), value, name);
});

Deno.test("the program may reach its target and read its AWS files, and no more", async () => {
  await using file = await writeProgram();
  await using program = await ProxyProcess.start({
    target: NOBODY,
    entry: file.entry,
  });
  const state = (descriptor: Deno.PermissionDescriptor): Promise<unknown> =>
    ask(program, "permission", descriptor);
  assertEquals(await state({ name: "net", host: "127.0.0.1:9" }), "granted");
  assertEquals(
    await state({ name: "read", path: `${program.home}/.aws/config` }),
    "granted",
  );
  for (
    const descriptor of [
      { name: "net", host: "127.0.0.1:10" },
      { name: "read", path: program.home },
      { name: "write" },
      { name: "run" },
      { name: "sys" },
      { name: "env", variable: "PATH" },
    ] as const
  ) assert(await state(descriptor) !== "granted", JSON.stringify(descriptor));
});

Deno.test("frames, answers and log lines can be awaited", async () => {
  await using file = await writeProgram();
  await using program = await ProxyProcess.start({
    target: NOBODY,
    entry: file.entry,
  });
  const line = program.waitForLog((line) => line.field("method") === "args");
  const first = await program.initialize();
  assertEquals(first, await program.next());
  await program.send("garbage");
  const garbage = await program.next();
  assertEquals([garbage.text, garbage.value], ["not json", undefined]);
  await program.send({ jsonrpc: "2.0", id: "x", method: "args" });
  assertEquals((await program.answer("x")).field("id"), "x");
  assertEquals((await line).field("message"), "got");
  await program.send("twice");
  await program.frames.find((frame) => frame.text.includes("error"));
  assertEquals(program.answers(9).length, 2);
  assertEquals(program.answers("none"), []);
  await program.log.at(2);
  assertEquals(program.stderrLines.length, 3);
});

Deno.test("an answer that does not come fails the test in time", async () => {
  await using file = await writeProgram();
  await using program = await ProxyProcess.start({
    target: NOBODY,
    entry: file.entry,
  });
  await assertRejects(
    () => program.request("silence", {}, 50),
    Error,
    "waited 50 ms for a matching frame on stdout",
  );
});

Deno.test("the end of stdin, a code and a signal are seen as they are", async () => {
  await using file = await writeProgram();
  const options = { target: NOBODY, entry: file.entry };
  await using ended = await ProxyProcess.start(options);
  await ended.closeStdin();
  assertEquals((await ended.status()).code, 0);
  const last = await ended.next();
  assertEquals([last.text, last.isWhole], ["the end", false]);

  await using exited = await ProxyProcess.start(options);
  const waiting = exited.next();
  await exited.send("exit");
  await assertRejects(() => waiting, Error, "the program ended with 3");
  assertEquals((await exited.status()).code, 3);

  await using killed = await ProxyProcess.start(options);
  await killed.initialize();
  killed.signal("SIGTERM");
  assertEquals((await killed.status()).signal, "SIGTERM");
});

Deno.test("stdout can be closed under the program", async () => {
  await using file = await writeProgram(`
    const bytes = new Uint8Array(100_000).fill(97);
    try {
      for (;;) {
        await Deno.stdout.write(bytes);
      }
    } catch (error) {
      console.error(error.name);
    }
  `);
  await using program = await ProxyProcess.start({
    target: NOBODY,
    entry: file.entry,
    holdStdout: true,
  });
  await program.breakStdout();
  assertEquals((await program.log.at(0)).text, "BrokenPipe");
  assertEquals((await program.status()).code, 0);
});

Deno.test("a program that is still alive is killed, and its home removed", async () => {
  await using file = await writeProgram();
  const program = await ProxyProcess.start({
    target: NOBODY,
    entry: file.entry,
  });
  await program.initialize();
  await program[Symbol.asyncDispose]();
  assertEquals((await program.status()).signal, "SIGKILL");
  await assertRejects(() => Deno.stat(program.home), Deno.errors.NotFound);
});

Deno.test("the SDK's client starts the same program", async () => {
  await using file = await writeProgram();
  await using sdk = await sdkClient({ target: NOBODY, entry: file.entry });
  assertEquals(sdk.client.getServerVersion()?.name, "program");
  assertEquals(await sdk.client.listTools(), { tools: [] });
  await sdk.log.find((line) =>
    line.field("method") === "notifications/initialized"
  );
});

Deno.test("a program that does not start fails with what it says", async () => {
  await using file = await writeProgram("throw new Error('no such luck')");
  const error = await assertRejects(() =>
    sdkClient({ target: NOBODY, entry: file.entry })
  );
  assertStringIncludes(String(error), "no such luck");
});

Deno.test("in this process the program answers as in its own, logs, and ends with its stdin", async () => {
  await using server = await RawServer.start(mcp({}));
  const texts: string[] = [];
  for (const start of [ProxyProcess.start, ProxyProcess.startHere]) {
    await using proxy = await start({ target: server.url });
    await proxy.waitForLog((line) => line.field("message") === "started");
    texts.push((await proxy.initialize()).text);
    await proxy.closeStdin();
    assertEquals((await proxy.status()).code, 0);
  }
  assertEquals(texts[1], texts[0]);
});
