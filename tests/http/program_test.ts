/** The whole program with --listen. */
import { Client } from "@modelcontextprotocol/sdk/client";
// @ts-types="@modelcontextprotocol/sdk/client/streamableHttp"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { HttpProxy } from "../support/program/http_proxy.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { RawClient } from "../support/raw/client.ts";
import { mcp, type McpHandler, PING, result } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { SdkServer } from "../support/sdk/server.ts";
import { TEST_VERIFIER } from "../support/aws/test_identity.ts";
import { allSigned } from "../support/sigv4/verifier.ts";
import { tempDir } from "../support/temp_dir.ts";
import { onCue } from "./on_cue.ts";
import { NOBODY } from "../support/net/nobody.ts";

const ANYWHERE = { net: ["127.0.0.1:0"] };
const TOKEN = "a-token-for-the-whole-program";

/** Where the program listens. */
async function endpoint(proxy: ProxyProcess): Promise<URL> {
  return new URL(await proxy.logged("url"));
}

/** The program in this process. */
const startHere = (target: URL, args: readonly string[], env = {}) =>
  ProxyProcess.startHere({ target, args, env });

const BY_VARIABLES = { MCP_LISTEN: "127.0.0.1:0", MCP_LISTEN_TOKEN: TOKEN };
const OPEN = ["--listen=127.0.0.1:0", "--no-listen-token"];

Deno.test("with --listen the SDK's client works with the token in the file that the log names", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using proxy = await ProxyProcess.start({
    target: server.url,
    args: ["--listen", "127.0.0.1:0"],
    permissions: { ...ANYWHERE, write: [directory] },
    env: { TMPDIR: directory, TMP: directory, TEMP: directory },
  });
  const url = await endpoint(proxy);
  const tokenFile = await proxy.logged("tokenFile");
  const token = await Deno.readTextFile(tokenFile);
  const client = new Client({ name: "sdk-client", version: "1.0.0" });
  await client.connect(
    new StreamableHTTPClientTransport(url, {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    }),
  );
  const { structuredContent } = await client.callTool({
    name: "add",
    arguments: { a: 2, b: 40 },
  });
  assertEquals(structuredContent, { sum: 42 });
  await client.close();
  assert(allSigned(server.gate.records.all));

  if (Deno.build.os !== "windows") {
    proxy.signal("SIGTERM");
    assertEquals((await proxy.status()).code, 0);
    await assertRejects(() => Deno.stat(tokenFile), Deno.errors.NotFound);
  }
  assertEquals(proxy.stderr.includes(token), false);
  assertEquals(proxy.frames.length, 0);
});

Deno.test("with --listen and --read-only a call that looks like an answer is not sent", async () => {
  await using target = await RawServer.start({
    verifier: TEST_VERIFIER,
    handler: mcp({}),
  });
  await using proxy = await startHere(
    target.url,
    ["--read-only"],
    BY_VARIABLES,
  );
  const answer = await fetch(await endpoint(proxy), {
    method: "POST",
    body:
      '{"jsonrpc":"2.0","id":1,"Method":"tools/call","result":null,"params":{"name":"delete_x"}}',
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  assertEquals(answer.status, 400);
  assertEquals((await answer.json()).error.code, -32600);
  assertEquals(target.requests.length, 0);
});

/** The program with a runtime directory, and another for temporary files. */
const listening = (directory: string, XDG_RUNTIME_DIR: string) =>
  ProxyProcess.start({
    target: NOBODY,
    args: ["--listen", "127.0.0.1:0"],
    permissions: {
      ...ANYWHERE,
      env: ["XDG_RUNTIME_DIR"],
      write: [directory],
    },
    env: {
      XDG_RUNTIME_DIR,
      TMPDIR: directory,
      TMP: directory,
      TEMP: directory,
    },
  });

Deno.test("a runtime directory that is no absolute path is not where the token goes", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  for (const wrong of ["", "."]) {
    await using proxy = await listening(directory, wrong);
    const file = await proxy.logged("tokenFile");
    assertStringIncludes(file, directory);
  }
});

Deno.test("a runtime directory that is not there is warned of, and the token goes elsewhere", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const gone = `${directory}/gone`;
  await using proxy = await listening(directory, gone);
  assertEquals(await proxy.logged("directory"), gone);
  const file = await proxy.logged("tokenFile");
  assertEquals(file.includes("gone"), false);
  assertStringIncludes(file, directory);
});

Deno.test("--max-concurrency says how many requests may be under way over HTTP", async () => {
  const { handler, asked, go } = onCue();
  await using target = await RawServer.start(mcp({ slow: handler }));
  await using proxy = await startHere(target.url, [
    ...OPEN,
    "--max-concurrency=1",
  ]);
  const url = await endpoint(proxy);
  const body = '{"jsonrpc":"2.0","id":1,"method":"slow"}';
  const first = fetch(url, { method: "POST", body });
  await asked;
  const second = await fetch(url, { method: "POST", body: PING });
  const { error } = await second.json();
  assertEquals([second.status, error.code], [503, -31020]);
  go();
  assertEquals((await (await first).json()).result, {});
});

Deno.test("address and token may come from the environment, and the token is in no log line", async () => {
  await using target = await RawServer.start({
    verifier: TEST_VERIFIER,
    handler: mcp({}),
  });
  await using proxy = await startHere(
    target.url,
    ["--log-level", "debug"],
    BY_VARIABLES,
  );
  const url = await endpoint(proxy);
  const post = (authorization: string) =>
    fetch(url, { method: "POST", body: PING, headers: { authorization } });
  const right = await post(`Bearer ${TOKEN}`);
  assertEquals((await right.json()).id, 1);
  const wrong = await post(`Bearer ${TOKEN}-not`);
  assertEquals(wrong.status, 401);
  await wrong.body?.cancel();
  await proxy.waitForLog(({ text }) => text.includes("refused a request"));
  assertEquals(proxy.stderr.includes(TOKEN), false);
});

Deno.test("MCP_NO_LISTEN_TOKEN asks for no token, and MCP_LISTEN_HOST takes that name and no other", async () => {
  await using target = await RawServer.start(mcp({}));
  await using proxy = await startHere(target.url, [], {
    MCP_LISTEN: "127.0.0.1:0",
    MCP_NO_LISTEN_TOKEN: "true",
    MCP_LISTEN_HOST: "mcp.example,proxy.internal",
  });
  const { port } = await endpoint(proxy);
  const statuses: Record<string, number> = {};
  for (const host of ["mcp.example", "proxy.internal", "other.example"]) {
    using client = await RawClient.connect(Number(port));
    await client.sendPost("/mcp", [`Host: ${host}`], PING);
    statuses[host] = (await client.head()).status;
  }
  assertEquals(statuses, {
    "mcp.example": 200,
    "proxy.internal": 200,
    "other.example": 403,
  });
  assertEquals(target.requests.length, 2);
});

Deno.test("a tool policy and metadata hold with --listen", async () => {
  const list: McpHandler = (message, reply) =>
    reply.json(result(message, {
      tools: [
        { name: "read", annotations: { readOnlyHint: true } },
        { name: "write" },
      ],
    }));
  await using target = await RawServer.start(mcp({ "tools/list": list }));
  await using proxy = await startHere(target.url, [
    ...OPEN,
    "--read-only",
    "--metadata=team=ulm",
  ]);
  const url = await endpoint(proxy);
  const ask = async (method: string, params: unknown = {}) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    return await (await fetch(url, { method: "POST", body })).json();
  };
  assertEquals((await ask("tools/call", { name: "write" })).error.code, -31019);
  const { tools } = (await ask("tools/list")).result;
  assertEquals(tools.map(({ name }: { name: string }) => name), ["read"]);
  assertEquals((await ask("tools/call", { name: "read" })).result, {});
  const last = target.requests.all.at(-1)?.text() ?? "";
  assertEquals(JSON.parse(last).params._meta, { team: "ulm" });
});

/** A program with a call under way that is told to stop. */
async function stopping(
  target: RawServer,
  asked: Promise<void>,
): Promise<{ proxy: ProxyProcess; url: URL; call: Promise<Response> }> {
  const proxy = await ProxyProcess.start({
    target: target.url,
    args: OPEN,
    permissions: ANYWHERE,
  });
  const url = await endpoint(proxy);
  const body = '{"jsonrpc":"2.0","id":1,"method":"slow"}';
  const call = fetch(url, { method: "POST", body });
  await asked;
  proxy.signal("SIGTERM");
  await proxy.waitForLog(({ text }) => text.includes('"stopping"'));
  return { proxy, url, call };
}

Deno.test({
  name:
    "at SIGTERM a call under way is answered, and /healthz says draining until then",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { handler, asked, go } = onCue();
    await using target = await RawServer.start(mcp({
      slow: handler,
      hang: (_message, reply) => reply.hang(),
    }));
    // Tells by a 504 that more time has passed than there is for stdio.
    await using clock = await HttpProxy.start({
      target: target.url,
      timeoutMs: 1_000,
    });
    const { proxy, url, call } = await stopping(target, asked);
    await using _proxy = proxy;
    const tick = await clock.post({ jsonrpc: "2.0", id: 1, method: "hang" });
    assertEquals(tick.status, 504);
    await tick.body?.cancel();
    const health = await fetch(new URL("/healthz", url));
    assertEquals([health.status, await health.text()], [503, "draining\n"]);
    go();
    assertEquals((await (await call).json()).result, {});
    assertEquals((await proxy.status()).code, 0);
  },
});

Deno.test({
  name:
    "at a second SIGTERM a call under way is given up with the word that it may have run",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { handler, asked } = onCue();
    await using target = await RawServer.start(mcp({ slow: handler }));
    const { proxy, call } = await stopping(target, asked);
    await using _proxy = proxy;
    proxy.signal("SIGTERM");
    const answer = await call;
    const { error } = await answer.json();
    assertEquals([answer.status, error.data.mayHaveRun], [504, true]);
    assertEquals((await proxy.status()).code, 0);
    assertStringIncludes(proxy.stderr, "stopping at once");
  },
});

Deno.test("what is wrong with an address is a configuration error", async () => {
  await using proxy = await ProxyProcess.start({
    target: NOBODY,
    args: ["--listen", "8080"],
  });
  assertEquals((await proxy.status()).code, 2);
  assertStringIncludes(
    proxy.stderr,
    "configuration error: listen must be HOST:PORT",
  );
});
