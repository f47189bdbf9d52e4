/** What passes through the HTTP server, and how it ends. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { HttpProxy } from "../support/program/http_proxy.ts";
import { RawClient } from "../support/raw/client.ts";
import { INITIALIZED, mcp, request, result } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { TEST_VERIFIER } from "../support/aws/test_identity.ts";
import { keptLog } from "../support/kept_log.ts";

Deno.test("a message and its answer pass byte for byte, signed on the way", async () => {
  const answer =
    '{ "result" :{"big":12345678901234567890,"e":1E2,"u":"\\u00e9é"},\n"id":12345678901234567890, "jsonrpc":"2.0"}\n';
  await using target = await RawServer.start({
    verifier: TEST_VERIFIER,
    handler: (_request, reply) =>
      reply.status(200, { "content-type": "application/json" }, answer),
  });
  await using proxy = await HttpProxy.start({ target: target.url });
  const message =
    '\n{ "params":{"x":1.50,"x":2}, "id":12345678901234567890 ,"method":"a\\/b","jsonrpc":"2.0","é":"\\ud83d\\ude00"}\r\n';
  const received = await proxy.post(message);
  assertEquals([received.status, await received.text()], [200, answer]);
  const [seen] = target.requests.all;
  assertEquals([seen.verdict?.ok, seen.text()], [true, message]);
  assertEquals(seen.target, "/mcp");
});

Deno.test("the target's own path and query are asked for, whatever the client's query is", async () => {
  await using target = await RawServer.start(mcp({}));
  const url = new URL("/prod/mcp%2Fx?qualifier=DEFAULT", target.url);
  await using proxy = await HttpProxy.start({ target: url });
  const answer = await proxy.fetch(
    { method: "POST", body: '{"jsonrpc":"2.0","id":1,"method":"m"}' },
    "/mcp?qualifier=OTHER",
  );
  assertEquals((await answer.json()).id, 1);
  assertEquals(
    target.requests.all[0].target,
    "/prod/mcp%2Fx?qualifier=DEFAULT",
  );
});

Deno.test("POST, GET and DELETE go on signed, with the headers of MCP both ways", async () => {
  await using target = await RawServer.start({
    verifier: TEST_VERIFIER,
    handler: mcp({
      initialize: (message, reply) =>
        reply.json(result(message, INITIALIZED), 200, {
          "mcp-session-id": "session-1",
        }),
      GET: async (_message, reply) => {
        const stream = await reply.sse({ "x-accel-buffering": "no" });
        await stream.event({ id: "8", data: "{}" });
        await stream.end();
      },
      DELETE: (_message, reply) => reply.status(204),
    }),
  });
  await using proxy = await HttpProxy.start({
    target: target.url,
    headers: [["x-team", "proxy"]],
  });
  const opened = await proxy.post(request("initialize"));
  assertEquals((await opened.json()).id, 1);
  assertEquals(opened.headers.get("mcp-session-id"), "session-1");
  const session = {
    "mcp-session-id": "session-1",
    "mcp-protocol-version": "2025-11-25",
    "x-team": "client",
  };
  const stream = await proxy.fetch({
    headers: {
      ...session,
      "accept": "text/event-stream",
      "last-event-id": "7",
    },
  });
  assertEquals(await stream.text(), "id: 8\ndata: {}\n\n");
  assertEquals(stream.headers.get("content-type"), "text/event-stream");
  assertEquals(stream.headers.get("x-accel-buffering"), "no");
  const ended = await proxy.fetch({ method: "DELETE", headers: session });
  assertEquals([ended.status, await ended.text()], [204, ""]);
  assertEquals(
    target.requests.all.map((seen) => [
      seen.method,
      seen.verdict?.ok,
      seen.header("mcp-session-id"),
      seen.header("mcp-protocol-version"),
      seen.header("last-event-id"),
      seen.header("x-team"),
    ]),
    [
      ["POST", true, undefined, undefined, undefined, "proxy"],
      ["GET", true, "session-1", "2025-11-25", "7", "proxy"],
      ["DELETE", true, "session-1", "2025-11-25", undefined, "proxy"],
    ],
  );
});

Deno.test("a notification is taken with 202 and no body", async () => {
  await using proxy = await HttpProxy.before({});
  const answer = await proxy.post({ jsonrpc: "2.0", method: "n" });
  assertEquals([answer.status, await answer.text()], [202, ""]);
  assertEquals(answer.headers.get("content-length"), "0");
});

Deno.test("a tools/call is never sent twice, though the connection breaks before its answer", async () => {
  await using proxy = await HttpProxy.before((request, reply) =>
    request.onConnection === 0
      ? reply.json(result(JSON.parse(request.text())))
      : reply.cut()
  );
  const first = await proxy.post({ jsonrpc: "2.0", id: 1, method: "m" });
  await first.text();
  const second = await proxy.post(request("tools/call", 2));
  const { id, error } = await second.json();
  assertEquals([second.status, id, error.code], [502, 2, -31010]);
  assertEquals(error.data.mayHaveRun, true);
  assertEquals(proxy.target.requests.length, 2);
});

Deno.test("other paths are 404 and other methods 405", async () => {
  await using proxy = await HttpProxy.before({});
  const status = async (path: string, method = "GET") => {
    const answer = await proxy.fetch({ method }, path);
    await answer.body?.cancel();
    return [answer.status, answer.headers.get("allow")];
  };
  for (
    const path of [
      "/",
      "/mcp/",
      "/MCP",
      "/mcp//",
      "/mcp2",
      "/.well-known/oauth-protected-resource",
    ]
  ) {
    assertEquals(await status(path), [404, null], path);
  }
  for (const method of ["PUT", "HEAD", "OPTIONS", "PATCH"]) {
    assertEquals(await status("/mcp", method), [405, "POST, GET, DELETE"]);
  }
  assertEquals(await status("/healthz", "POST"), [405, "GET, HEAD"]);
  assertEquals(proxy.target.requests.length, 0);
});

Deno.test("/healthz says ok without a token, and asks nothing of the target", async () => {
  await using proxy = await HttpProxy.before({});
  using client = await RawClient.connect(proxy.port);
  await client.sendHead("GET /healthz HTTP/1.1", "Host: localhost");
  assertEquals((await client.head()).status, 200);
  assertEquals(await client.until("\n"), "ok\n");
  assertEquals(proxy.target.requests.length, 0);
});

Deno.test("a client that waits for 100 Continue is told to go on, or why not", async () => {
  await using proxy = await HttpProxy.before({}, { token: false });
  const head = [
    "Host: localhost",
    "Content-Length: 40",
    "Expect: 100-continue",
  ];
  using client = await RawClient.connect(proxy.port);
  await client.sendHead("POST /mcp HTTP/1.1", ...head);
  assertEquals((await client.head()).status, 100);
  await client.send('{"jsonrpc":"2.0","id":100,"method":"mm"}');
  assertEquals((await client.head()).status, 200);
  using refused = await RawClient.connect(proxy.port);
  await refused.sendHead("POST /elsewhere HTTP/1.1", ...head);
  assertEquals((await refused.head()).status, 404);
});

Deno.test("a client's own X-Amzn headers are signed and sent on, and no signature of its own", async () => {
  const name = "x-amzn-bedrock-agentcore-runtime-session-id";
  await using target = await RawServer.start({
    verifier: TEST_VERIFIER,
    handler: mcp({}),
  });
  await using proxy = await HttpProxy.start({ target: target.url });
  const answer = await proxy.post({ jsonrpc: "2.0", id: 1, method: "m" }, {
    [name]: "a-session-of-the-client-alone",
    "x-amz-security-token": "a-token-of-the-client",
  });
  assertEquals((await answer.json()).id, 1);
  const [seen] = target.requests.all;
  assertEquals(seen.verdict?.ok, true);
  assertEquals(seen.header(name), "a-session-of-the-client-alone");
  assert(seen.header("authorization")?.includes(`;${name}`));
  assert(!seen.header("x-amz-security-token")?.includes("of-the-client"));
});

Deno.test("the log that a program hands in is told no secret, whatever it does with its lines", async () => {
  const { log, lines } = keptLog();
  await using proxy = await HttpProxy.before({}, {
    headers: [["x-api-key", "0a1b2c3d4e5f6a7b8c9d"]],
    log,
  });
  // What a client says of its message is told in a line about it.
  const headers = { "mcp-method": "0a1b2c3d4e5f6a7b8c9d" };
  const message = { jsonrpc: "2.0", id: 1, method: "ping" };
  assertEquals((await proxy.post(message, headers)).status, 200);
  await proxy.stop();
  assertStringIncludes(lines.join("\n"), '"method":"[redacted]"');
  assertEquals(lines.join("\n").includes("0a1b2c3d4e5f6a7b8c9d"), false);
});
