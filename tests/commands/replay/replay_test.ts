/** `replay`: what was recorded, against the program of today. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { ConfigError } from "../../../src/errors.ts";
import { runProgram } from "../program.ts";
import type {
  ProxyProcess,
  ProxyProcessOptions,
} from "../../support/program/proxy_process.ts";
import { mcp, result } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { RecordingDirectory, replay } from "../../recorder/recording.ts";
import { NO_KEYS } from "../../support/aws/test_identity.ts";
import { NOBODY } from "../../support/net/nobody.ts";

const RECORDINGS = new URL("../../recordings/", import.meta.url);

const NAMES = ["lost_session", "cut_stream", "refused"] as const;

/** A recording as it is, and with other words in it. */
async function changed(
  name: typeof NAMES[number],
  directory: RecordingDirectory,
  change: (text: string) => string,
) {
  const text = await Deno.readTextFile(new URL(`${name}.jsonl`, RECORDINGS));
  const other = change(text);
  assert(other !== text, "something is changed");
  await Deno.writeTextFile(directory.path, other);
  return await replay(directory.path, "--fast");
}

/** The path of one of them. */
function pathOf(name: typeof NAMES[number]): string {
  const { pathname } = new URL(`${name}.jsonl`, RECORDINGS);
  return decodeURIComponent(pathname).replace(/^\/([A-Z]:)/, "$1");
}

for (const name of NAMES) {
  Deno.test(`the recording ${name} ends today as it did then`, async () => {
    for (const way of [["--fast"], []]) {
      const { code, text: stdout } = await replay(pathOf(name), ...way);
      assertEquals(code, 0, stdout);
      assertStringIncludes(stdout, "as it was: 5 messages in, 4 out");
    }
  });
}

Deno.test("a replay takes the permissions for its file and for loopback, and no more", async () => {
  const path = pathOf("lost_session");
  const { code, stdout, stderr } = await runProgram(
    ["replay", "--fast", path],
    {
      target: NOBODY,
      permissionFlags: [
        "--no-prompt",
        "--allow-net=127.0.0.1",
        "--allow-env",
        `--allow-read=${path},${path}.older`,
      ],
    },
  );
  assertEquals(code, 0, stdout + stderr);
});

Deno.test("without the permission for loopback, a replay names its flag", async () => {
  const path = pathOf("refused");
  const { code, stdout, stderr } = await runProgram(["replay", path], {
    target: NOBODY,
    permissionFlags: ["--no-prompt", `--allow-read=${path},${path}.older`],
  });
  assertEquals([code, stdout], [2, ""]);
  assertStringIncludes(stderr, "add --allow-net=127.0.0.1\n");
});

Deno.test("a run that replaces no session, or sends nothing again, differs message by message", async () => {
  await using one = await RecordingDirectory.make();
  await using other = await RecordingDirectory.make();
  // Each waits for what does not come.
  const [session, again] = await Promise.all([
    changed(
      "lost_session",
      one,
      (text) => text.replace("--recover=true", "--recover=false"),
    ),
    changed(
      "refused",
      other,
      (text) => text.replace("--retries=1", "--retries=0"),
    ),
  ]);
  assertEquals([session.code, again.code], [1, 1]);
  for (
    const part of [
      "sessions replaced: then 2, today 0",
      'differs: out answer "raw-3": message: then',
      "only then",
    ]
  ) assertStringIncludes(session.text, part);
  assertStringIncludes(
    again.text,
    'POST tools/call "raw-3" (2 of 2): only then',
  );
});

Deno.test("a request that goes to another path than then is told", async () => {
  await using directory = await RecordingDirectory.make();
  const { code, text: stdout } = await changed(
    "refused",
    directory,
    (text) => text.replace(/("http":7,.*?)\/mcp"/, '$1/other"'),
  );
  assertEquals(code, 1);
  assertStringIncludes(stdout, "path: then /other, today /mcp");
});

Deno.test("a target that was not there is not there in a replay either", async () => {
  await using directory = await RecordingDirectory.make();
  const server = await RawServer.start(mcp({}));
  const { url } = server;
  await server[Symbol.asyncDispose]();
  {
    await using proxy = await directory.startHere({
      target: url,
      args: ["--retries", "0"],
    });
    await proxy.request("initialize", {});
    await proxy.closeStdin();
    await proxy.status();
  }
  const { code, text: stdout } = await replay(directory.path, "--fast");
  assertEquals(code, 0, stdout);
  // As another system says it.
  const { text } = await directory.read();
  const elsewhere = text.replaceAll(
    /Connection refused \(os error \d+\)/g,
    "No connection could be made. (os error 10061)",
  );
  if (Deno.build.os !== "windows") assert(elsewhere !== text);
  await Deno.writeTextFile(directory.path, elsewhere);
  const other = await replay(directory.path, "--fast");
  assertEquals(other.code, 0, other.text);
});

Deno.test("a question of the target's is asked when its call is under way, and answered", async () => {
  await using directory = await RecordingDirectory.make();
  const answered = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    "tools/call": async (message, reply) => {
      const stream = await reply.sse();
      await stream.message({
        jsonrpc: "2.0",
        id: "question-1",
        method: "elicitation/create",
        params: { message: "which one?", requestedSchema: {} },
      });
      await answered.promise;
      await stream.message(result(message));
      await stream.end();
    },
    response: async (_message, reply) => {
      await reply.status(202);
      answered.resolve();
    },
  }));
  {
    await using proxy = await directory.startHere({ target: server.url });
    await proxy.initialize();
    const call = proxy.request("tools/call", { name: "ask", arguments: {} });
    await proxy.frames.find(({ text }) => text.includes("question-1"));
    await proxy.send({
      jsonrpc: "2.0",
      id: "question-1",
      result: { action: "decline" },
    });
    await call;
    await proxy.closeStdin();
    await proxy.status();
  }
  const { code, text: stdout } = await replay(directory.path, "--fast");
  assertEquals(code, 0, stdout);
  assertStringIncludes(stdout, "4 messages in, 3 out");
});

Deno.test("what is no recording to be played is refused with its reason", async () => {
  await using directory = await RecordingDirectory.make();
  const refusal = async (text: string): Promise<string> => {
    await Deno.writeTextFile(directory.path, text);
    const { message } = await assertRejects(
      () => replay(directory.path),
      ConfigError,
    );
    return message;
  };
  assertStringIncludes(await refusal("a letter\n"), "is no recording");
  assertStringIncludes(
    await refusal('{"recording":"sigv4-proxy","format":2}\n'),
    "of a format that this version does not read",
  );
  const first = (await Deno.readTextFile(
    new URL("refused.jsonl", RECORDINGS),
  )).split("\n")[0];
  assertStringIncludes(
    await refusal(first.replace("--retries=1", "--allow-account=/etc/passwd")),
    "a flag that no recording has: --allow-account",
  );
  assertStringIncludes(
    await refusal(first.replace("--retries=1", "--header-file=/etc/passwd")),
    "a flag that no recording has: --header-file",
  );
});

Deno.test("a recording with a head that HTTP does not take, or with one twice, is played all the same", async () => {
  await using directory = await RecordingDirectory.make();
  const { code, text: stdout } = await changed(
    "cut_stream",
    directory,
    (text) =>
      text.replace(
        /^.*"kind":"response".*$/m,
        (line) =>
          [line, line].join("\n").replaceAll(
            '"headers":{',
            '"headers":{"x\\r\\n":"y","x-other":"a\\u0000…",',
          ),
      ),
  );
  assertStringIncludes(stdout, "as it was: 5 messages in, 4 out");
  assertEquals(code, 0, stdout);
});

/** What is recorded of a client and of how its program ends. */
async function recorded(
  directory: RecordingDirectory,
  client: (proxy: ProxyProcess) => Promise<unknown>,
  options: Partial<ProxyProcessOptions> = {},
  start: "start" | "startHere" = "startHere",
): Promise<void> {
  await using server = await RawServer.start(mcp({
    "tools/call": async (message, reply) => {
      if (message.params.name === "hang") return await reply.hang();
      await reply.json(result(message));
    },
  }));
  await using proxy = await directory[start]({
    target: server.url,
    ...options,
  });
  await client(proxy);
  await proxy.closeStdin();
  await proxy.status();
}

const HANG = {
  jsonrpc: "2.0",
  id: "hangs",
  method: "tools/call",
  params: { name: "hang", arguments: {} },
};

/** Waits until the file of a running program has a text. */
async function hasText(path: string, text: string): Promise<void> {
  using watcher = Deno.watchFs(path);
  for (;;) {
    if ((await Deno.readTextFile(path)).includes(text)) return;
    await watcher[Symbol.asyncIterator]().next();
  }
}

Deno.test("a call that a stop leaves without an answer is sent in a replay, and its answer not compared", async () => {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    await using directory = await RecordingDirectory.make();
    await recorded(
      directory,
      async (proxy) => {
        await proxy.initialize();
        await proxy.send(HANG);
        await hasText(directory.path, "initialized");
        await hasText(directory.path, "hangs");
        proxy.signal(signal);
      },
      {},
      "start",
    );
    const { code, text: stdout } = await replay(directory.path, "--fast");
    assertEquals(code, 0, stdout);
    assertStringIncludes(stdout, "not played: calls that were not answered: 1");
  }
});

Deno.test("a call for which nobody could sign is left out of a replay", async () => {
  await using directory = await RecordingDirectory.make();
  await recorded(
    directory,
    (proxy) => proxy.initialize(),
    {
      env: NO_KEYS,
    },
  );
  const { code, text: stdout } = await replay(directory.path, "--fast");
  assertEquals(code, 0, stdout);
  assertStringIncludes(stdout, "calls for which nobody could sign: 1");
});

Deno.test("a recording with a gap is played up to it, and one without its beginning is not", async () => {
  await using directory = await RecordingDirectory.make();
  await recorded(directory, async (proxy) => {
    await proxy.initialize();
    for (let call = 0; call < 3; call++) {
      await proxy.request("tools/call", { name: "work", arguments: {} });
    }
  });
  const lines = (await Deno.readTextFile(directory.path)).trimEnd().split("\n");
  const at = lines.findLastIndex((line) => line.includes('"kind":"in"'));
  const { seq, t } = JSON.parse(lines[at + 1]);
  const gap = JSON.stringify({ seq, t, kind: "dropped", count: 5 });
  const write = (lines: string[]) =>
    Deno.writeTextFile(directory.path, lines.join("\n"));
  for (const missing of [[gap], []]) {
    await write([
      ...lines.slice(0, at + 1),
      ...missing,
      ...lines.slice(at + 3),
    ]);
    const { code, text: stdout } = await replay(directory.path, "--fast");
    assertEquals(code, 0, stdout);
    assertStringIncludes(stdout, "not played: what came after a gap");
  }
  await write([lines[0], ...lines.slice(4)]);
  await assertRejects(
    () => replay(directory.path, "--fast"),
    ConfigError,
    "its beginning is gone",
  );
});
