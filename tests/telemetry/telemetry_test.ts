/** What the program tells OpenTelemetry of messages, to a collector on loopback. */
import {
  assert,
  assertEquals,
  assertFalse,
  assertObjectMatch,
} from "@std/assert";
import { IamGate } from "../support/aws/iam_gate.ts";
import { modern } from "../support/stream/modern_message.ts";
import { OtlpReceiver } from "./otlp_receiver.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { mcp, result, Sessions } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { TEST_VERIFIER } from "../support/aws/test_identity.ts";
import { PARENT_ID, TRACE_ID, TRACE_PARENT, traced } from "./traced_proxy.ts";

Deno.test("a message's span is below the one in its _meta, and the HTTP request for it is below that", async () => {
  await using gate = await IamGate.start({
    verifier: TEST_VERIFIER,
    handler: (request, response) => {
      const { id } = JSON.parse(new TextDecoder().decode(request.rawBody));
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ jsonrpc: "2.0", id, result: {} }));
    },
  });
  const call =
    `{"jsonrpc":"2.0", "id":1,"method":"tools/call","params":{"name":"add","_meta":{"traceparent":"${TRACE_PARENT}","tracestate":"a=b","baggage":"user=ren%C3%A9,n=1;p"}}}`;
  const told = await traced({ target: gate.origin }, async (proxy) => {
    await proxy.send(call);
    await proxy.answer(1);
  });

  const span = told.message("tools/call add");
  assertEquals([span.traceId, span.parentSpanId], [TRACE_ID, PARENT_ID]);
  assertEquals(span.kind, "client");
  const [post, ...others] = told.childrenOf(span);
  assertEquals([post.name, post.scope, others.length], ["POST", "deno", 0]);

  const [seen] = gate.records.all;
  assertEquals(seen.text(), call, "the message is not changed");
  assertEquals(
    seen.header("traceparent"),
    `00-${TRACE_ID}-${post.spanId}-01`,
  );
  assertEquals(seen.header("baggage"), "user=ren%C3%A9,n=1;p");
  assert(seen.verdict.ok, "the signature holds although headers were added");
  assertFalse(seen.verdict.signedHeaders.includes("traceparent"));
});

Deno.test("a span has the message's method, tool, ID, era, HTTP status and retries", async () => {
  await using server = await RawServer.start(mcp({
    "tools/call": (message, reply) =>
      reply.json(result(message), 200, { "mcp-session-id": "none" }),
  }, new Sessions()));
  const told = await traced({ target: server.url }, async (proxy) => {
    await proxy.initialize();
    await proxy.send({
      jsonrpc: "2.0",
      id: 12,
      method: "tools/call",
      params: { name: "weather", arguments: { place: "Graz" } },
    });
    await proxy.answer(12);
    await proxy.request("prompts/get", { name: "greet" });
    await proxy.request("resources/read", { uri: "file:///private/plan" });
  });
  assertEquals(told.message("tools/call weather").attributes, {
    "mcp.method.name": "tools/call",
    "mcp.protocol.version": "2025-11-25",
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "weather",
    "jsonrpc.request.id": "12",
    "server.address": "127.0.0.1",
    "server.port": Number(server.url.port),
    "network.protocol.name": "http",
    "network.transport": "tcp",
    "http.response.status_code": 200,
    "sigv4_proxy.era": "legacy",
    "sigv4_proxy.retries": 0,
  });
  assertEquals(
    told.message("prompts/get greet").attributes["gen_ai.prompt.name"],
    "greet",
  );
  assertEquals(
    told.message("resources/read").attributes["jsonrpc.request.id"],
    "raw-3",
  );
  assertEquals(
    told.message("notifications/initialized").attributes["mcp.method.name"],
    "notifications/initialized",
  );
  assertEquals(told.message("initialize").status.code, 0);
});

Deno.test("a modern message's span tells its era and protocol version", async () => {
  await using server = await RawServer.start(mcp({}));
  const told = await traced({ target: server.url }, async (proxy) => {
    const meta = { traceparent: TRACE_PARENT };
    await proxy.request("tools/call", modern({ name: "add" }, meta));
  });
  const span = told.message("tools/call add");
  assertEquals(span.parentSpanId, PARENT_ID);
  assertObjectMatch(span.attributes, {
    "sigv4_proxy.era": "modern",
    "mcp.protocol.version": "2026-07-28",
  });
});

Deno.test("notifications, batches and the client's answers have spans of their own", async () => {
  await using server = await RawServer.start(mcp({
    batch: (messages, reply) =>
      reply.json([result(messages[0]), result(messages[1])]),
    response: (_message, reply) => reply.status(202),
    "notifications/bad": (_message, reply) => reply.status(400),
  }));
  const told = await traced({ target: server.url }, async (proxy) => {
    await proxy.send([
      { jsonrpc: "2.0", id: "a", method: "ping" },
      { jsonrpc: "2.0", id: "b", method: "ping" },
    ]);
    await proxy.next();
    await proxy.send({ jsonrpc: "2.0", id: 5, result: {} });
    await proxy.notify("notifications/bad");
    await proxy.request("ping");
  });
  assertEquals(told.message("batch").status.code, 0);
  assertEquals(
    told.message("response").attributes["http.response.status_code"],
    202,
  );
  assertObjectMatch(told.message("notifications/bad").attributes, {
    "error.type": "-31011",
    "http.response.status_code": 400,
    "sigv4_proxy.error.reason": "http-status",
  });
  assertEquals(told.sum("sigv4_proxy.requests"), 3);
});

for (const era of ["legacy", "modern"] as const) {
  Deno.test(`a cancelled ${era} request is told as such, and is no error`, async () => {
    await using server = await RawServer.start(mcp({
      m: (_message, reply) => reply.hang(),
    }));
    const params = era === "modern" ? modern() : {};
    const told = await traced({ target: server.url }, async (proxy) => {
      await proxy.send({ jsonrpc: "2.0", id: 1, method: "m", params });
      await server.requests.at(0);
      await proxy.notify("notifications/cancelled", { requestId: 1 });
      await proxy.request("ping");
    });
    const span = told.message("m");
    assertEquals(span.attributes["sigv4_proxy.cancelled"], true);
    assertEquals(span.status.code, 0);
    assertEquals(told.sum("sigv4_proxy.errors"), 0);
  });
}

Deno.test("requests, durations and bytes are counted", async () => {
  await using server = await RawServer.start(mcp({}));
  const told = await traced({ target: server.url }, async (proxy) => {
    await proxy.send('{"jsonrpc":"2.0","id":1,"method":"ping"}');
    await proxy.answer(1);
    await proxy.request("tools/list");
    await proxy.request("tools/list");
  });
  const lists = { "mcp.method.name": "tools/list" };
  assertEquals(told.sum("sigv4_proxy.requests", lists), 2);
  assertEquals(told.sum("sigv4_proxy.requests"), 3);
  const durations = told.points("mcp.client.operation.duration");
  assertEquals(durations.map(({ value }) => value).toSorted(), [1, 2]);
  assertEquals(durations[0].unit, "s");
  assertEquals(durations[0].bounds?.length, 14);
  const received = { "network.io.direction": "receive" };
  const sent = { "network.io.direction": "transmit" };
  const one = '{"jsonrpc":"2.0","id":1,"method":"ping"}'.length;
  const list = '{"jsonrpc":"2.0","id":"raw-1","method":"tools/list"}'.length;
  assertEquals(told.sum("sigv4_proxy.io", received), one + 2 * list);
  const answers = '{"jsonrpc":"2.0","id":1,"result":{}}'.length +
    2 * '{"jsonrpc":"2.0","id":"raw-1","result":{}}'.length;
  assertEquals(told.sum("sigv4_proxy.io", sent), answers);
});

Deno.test("what is in flight at SIGTERM is told before the program ends", async () => {
  await using receiver = OtlpReceiver.start();
  await using server = await RawServer.start(mcp({
    m: (_message, reply) => reply.hang(),
  }));
  await using proxy = await ProxyProcess.start({
    target: server.url,
    env: receiver.env,
  });
  await proxy.send({ jsonrpc: "2.0", id: 1, method: "m" });
  await server.requests.at(0);
  proxy.signal("SIGTERM");
  assertEquals((await proxy.status()).code, 0);
  assertObjectMatch(receiver.message("m").attributes, {
    "error.type": "-31018",
    "sigv4_proxy.error.reason": "shutting-down",
  });
  assertEquals(receiver.sum("sigv4_proxy.requests"), 1);
});

Deno.test("a call that a policy blocks has a span, and no HTTP request", async () => {
  await using server = await RawServer.start(mcp({
    "tools/list": (message, reply) =>
      reply.json(result(message, { tools: [{ name: "drop" }] })),
  }));
  const args = ["--deny-tool", "drop"];
  const told = await traced({ target: server.url, args }, async (proxy) => {
    const meta = { traceparent: TRACE_PARENT };
    await proxy.request("tools/call", { name: "drop", _meta: meta });
  });
  const span = told.message("tools/call drop");
  assertEquals(span.parentSpanId, PARENT_ID);
  assertEquals(span.attributes["sigv4_proxy.error.reason"], "blocked");
  assertEquals(told.childrenOf(span), []);
  assertEquals(told.sum("sigv4_proxy.errors"), 1);
});
