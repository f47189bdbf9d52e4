/** Whole-program tests: the official SDK's client and server, and a signature between. */
import {
  assert,
  assertEquals,
  assertObjectMatch,
  assertStringIncludes,
} from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { IamGate } from "../support/aws/iam_gate.ts";
import { commandLine, spawn } from "../support/program/launch.ts";
import { linesOf } from "../support/lines.ts";
import {
  INITIALIZE_PARAMS,
  ProxyProcess,
} from "../support/program/proxy_process.ts";
import { NOBODY } from "../support/net/nobody.ts";
import { mcp } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { SdkServer } from "../support/sdk/server.ts";
import { sdkClient } from "../support/sdk/client.ts";
import {
  KEYS,
  NO_KEYS,
  TEST_CREDENTIALS,
  TEST_VERIFIER,
} from "../support/aws/test_identity.ts";
import { allSigned } from "../support/sigv4/verifier.ts";
import { outcomeOf } from "../support/program/outcome.ts";

for (const mode of ["stateful", "stateless"] as const) {
  for (const answers of ["json", "stream"] as const) {
    Deno.test(`the SDK's client talks to the SDK's ${mode} server that answers by ${answers}`, async () => {
      await using server = await SdkServer.start({
        verifier: TEST_VERIFIER,
        mode,
        answers,
      });
      await using peer = await sdkClient({ target: server.url });
      const { tools } = await peer.client.listTools();
      assert(tools.length > 3);
      const { structuredContent } = await peer.client.callTool({
        name: "add",
        arguments: { a: 2, b: 3 },
      });
      assertEquals(structuredContent, { sum: 5 });
      assert(allSigned(server.gate.records.all));
    });
  }
}

Deno.test("calls one after the other share a connection", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using peer = await sdkClient({ target: server.url });
  for (let call = 0; call < 10; call++) {
    await peer.client.callTool({ name: "add", arguments: { a: 1, b: call } });
  }
  const connections = new Set(
    server.gate.records.all.map(({ connection }) => connection),
  );
  // The pool may take one back a moment after the client has its answer.
  assert(connections.size <= 3, `${connections.size} connections`);
});

Deno.test("a path with escapes, a query, custom headers and a session token verify at the far end", async () => {
  await using gate = await IamGate.start({
    verifier: TEST_VERIFIER,
    handler: (request, response) => {
      const { id } = JSON.parse(new TextDecoder().decode(request.rawBody));
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ jsonrpc: "2.0", id, result: {} }));
    },
  });
  const target = new URL(
    "/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aeu-west-1%3A123456789012%3Aruntime%2Fx/invocations?qualifier=DEFAULT&e=&r=1&r=2&u=é%20+&&k",
    gate.origin,
  );
  await using proxy = await ProxyProcess.start({
    target,
    args: ["--header", "X-Team: a=b, c", "--headers", "x-one=1,x-two=zwei"],
    env: { MCP_TIMEOUT: "30s" },
  });
  const { value } = await proxy.request("ping");
  assertObjectMatch(value as object, { result: {} });
  const record = gate.records.all[0];
  assertEquals(record.verdict.ok, true);
  // A plus in a query is a space to some and a plus to others; as %20 it is
  // the same to all, and to the verifier.
  const query = target.search.replaceAll("+", "%20");
  assertEquals(record.target, target.pathname + query);
  assertEquals(
    ["x-team", "x-one", "x-two"].map((name) => record.header(name)),
    ["a=b, c", "1", "zwei"],
  );
  assert(record.verdict.ok);
  for (const name of ["x-team", "x-one", "content-type", "accept"]) {
    assert(record.verdict.signedHeaders.includes(name), `${name} is signed`);
  }
});

Deno.test("a faulty configuration is told at once and whole, with exit code 2 and an empty stdout", async () => {
  await using proxy = await ProxyProcess.start({
    target: new URL("http://127.0.0.1:9"),
    bareArgs: ["--sig-version", "v5", "--timeout", "soon", "ftp://x/"],
    env: { AWS_REGION: undefined },
  });
  assertEquals((await proxy.status()).code, 2);
  assertEquals(proxy.frames.length, 0);
  for (
    const words of [
      "configuration error: target URL must use http or https scheme",
      "region is required",
      "service name is required",
      "signature version must be 'v4' or 'v4a'",
      "--timeout",
    ]
  ) assertStringIncludes(proxy.stderr, words);
});

for (
  const [line, words] of [
    ["--help", "--help all"],
    ["--help messages", "--keep-alive"],
    ["help", "--help all"],
    ["help doctor", "--json"],
    ["--version", `sigv4-proxy ${manifest.version} (Deno `],
  ]
) {
  Deno.test(`${line} is printed on stdout, and the exit code is 0`, async () => {
    await using proxy = await ProxyProcess.start({
      target: new URL("http://127.0.0.1:9"),
      bareArgs: line.split(" "),
    });
    assertEquals((await proxy.status()).code, 0);
    const text = proxy.frames.all.map(({ text }) => text).join("\n");
    assertStringIncludes(text, words);
    assertEquals(proxy.stderr, "");
  });
}

for (const name of ["mod.ts", "cli.ts"]) {
  Deno.test(`${name} is the command, without a bundler between`, async () => {
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    const entry = new URL(`../../${name}`, import.meta.url);
    await using proxy = await ProxyProcess.start({ target: server.url, entry });
    const { value } = await proxy.request("initialize", INITIALIZE_PARAMS);
    assertObjectMatch(Object(value), { result: { serverInfo: {} } });
    await proxy.closeStdin();
    assertEquals((await proxy.status()).code, 0);
  });
}

Deno.test("without credentials each request is told what to run, and they work when they appear", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using proxy = await ProxyProcess.start({
    target: server.url,
    env: NO_KEYS,
  });
  await proxy.waitForLog(({ text }) =>
    text.includes("failed to load AWS credentials")
  );
  for (let request = 0; request < 2; request++) {
    const { errorCode, text } = await proxy.request(
      "initialize",
      INITIALIZE_PARAMS,
    );
    assertEquals(errorCode, -31012);
    assertStringIncludes(text, "failed to load AWS credentials");
    assertStringIncludes(text, "aws configure");
  }
  await Deno.mkdir(`${proxy.home}/.aws`);
  await Deno.writeTextFile(
    `${proxy.home}/.aws/credentials`,
    `[default]\n${KEYS}`,
  );
  const deadline = AbortSignal.timeout(60_000);
  for (;;) {
    const { errorCode } = await proxy.request("initialize", INITIALIZE_PARAMS);
    if (errorCode === undefined) break;
    deadline.throwIfAborted();
  }
});

Deno.test("denied the network, it says so and names the flag", async () => {
  await using proxy = await ProxyProcess.start({
    target: new URL("http://127.0.0.1:9"),
    bareArgs: [
      "http://127.0.0.2:9999/mcp",
      "--region=eu-west-1",
      "--service=execute-api",
    ],
  });
  const { errorCode, text } = await proxy.request("ping");
  assertEquals(errorCode, -31010);
  assertStringIncludes(text, "--allow-net=127.0.0.2:9999");
});

Deno.test("of all permissions the program keeps none that keys in the environment make needless", async () => {
  await using proxy = await ProxyProcess.start({
    target: NOBODY,
    entry: import.meta.resolve("./watched_main.ts"),
    permissionFlags: ["--allow-all"],
  });
  await proxy.closeStdin();
  assertEquals((await proxy.status()).code, 0, proxy.stderr);
  const states = proxy.log.all.filter((line) => line.field("state"))
    .map((line) => [line.field("name"), line.field("state")]);
  assertEquals(states, [
    ["ffi", "prompt"],
    ["import", "prompt"],
    ["run", "prompt"],
    ["write", "prompt"],
    ["net", "granted"],
  ]);
});

Deno.test("stdout has frames only and no log line has a secret, at every level", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using proxy = await ProxyProcess.start({
    target: server.url,
    args: ["--log-level", "debug", "--header", "X-Key: a-header-secret"],
  });
  await proxy.initialize();
  const [sessionId] = server.sessionIds;
  await proxy.request("tools/list");
  await proxy.request(TEST_CREDENTIALS.secretAccessKey);
  await proxy.send("not json");
  await proxy.closeStdin();
  await proxy.status();
  for (const { value } of proxy.frames.all) {
    assertObjectMatch(value as object, { jsonrpc: "2.0" });
  }
  assertStringIncludes(proxy.stderr, '"method":"tools/list"');
  const signatures = server.gate.records.all.map((record) =>
    record.header("authorization")?.split("Signature=")[1] ?? "none"
  );
  for (
    const secret of [
      TEST_CREDENTIALS.secretAccessKey,
      TEST_CREDENTIALS.sessionToken,
      TEST_CREDENTIALS.accessKeyId,
      sessionId,
      "a-header-secret",
      ...signatures,
    ]
  ) assertEquals(proxy.stderr.includes(secret), false, secret);
});

Deno.test("a client that never reads stderr still gets its answers", async () => {
  await using server = await RawServer.start(mcp({}));
  await using line = await commandLine({
    target: server.url,
    // As long has what is in flight when stdin ends.
    args: ["--log-level", "debug", "--timeout", "10m"],
  });
  const child = spawn(line);
  // A line each: the pipe holds 64 KiB, and a thousand may wait.
  const count = 1500;
  const writer = child.stdin.getWriter();
  const sent = (async () => {
    for (let id = 0; id < count; id++) {
      const message = { jsonrpc: "2.0", id, method: "ping" };
      await writer.write(
        new TextEncoder().encode(`${JSON.stringify(message)}\n`),
      );
    }
    await writer.close();
  })();
  let answered = 0;
  for await (const _line of linesOf(child.stdout)) answered++;
  await sent;
  assertEquals(answered, count);
  await child.stderr.cancel();
  await child.status;
});

Deno.test("the command does not load the SDK", async () => {
  const { stdout } = await outcomeOf(Deno.execPath(), {
    args: ["info", "--json", new URL("../../cli.ts", import.meta.url).href],
  });
  const graph: { modules: { specifier: string }[] } = JSON.parse(stdout);
  const specifiers = graph.modules.map(({ specifier }) => specifier);
  assert(specifiers.some((specifier) => specifier.includes("signature-v4")));
  assertEquals(
    specifiers.filter((specifier) =>
      specifier.includes("modelcontextprotocol")
    ),
    [],
  );
});
