/** The HTTP server under Deno's OpenTelemetry, and a collector on loopback. */
import { assert, assertEquals, assertObjectMatch } from "@std/assert";
import { modern } from "../support/stream/modern_message.ts";
import { OtlpReceiver, type ReadSpan } from "./otlp_receiver.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { error, mcp, result } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { TEST_VERIFIER } from "../support/aws/test_identity.ts";
import { PARENT_ID, TRACE_ID, TRACE_PARENT } from "./traced_proxy.ts";

const OTHER_TRACE_PARENT =
  "00-11111111111111111111111111111111-2222222222222222-01";

type Post = (
  message: unknown,
  headers?: Record<string, string>,
  method?: string,
  query?: string,
) => Promise<Response>;

/** What the collector has when the HTTP server has carried this and ended. */
async function tracedHttp(
  server: RawServer,
  talk: (post: Post) => Promise<void>,
  ...args: string[]
): Promise<OtlpReceiver> {
  await using receiver = OtlpReceiver.start();
  await using proxy = await ProxyProcess.start({
    target: server.url,
    entry: new URL("./traced_http_main.ts", import.meta.url),
    bareArgs: [server.url.href, ...args],
    env: receiver.env,
    permissions: { net: ["127.0.0.1"] },
  });
  const { value } = await proxy.next();
  assert(typeof value === "object" && value !== null && "port" in value);
  const url = `http://127.0.0.1:${value.port}/mcp`;
  await talk((message, headers = {}, method = "POST", query = "") =>
    fetch(url + query, {
      method,
      headers: {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        ...headers,
      },
      ...(method === "POST" && { body: JSON.stringify(message) }),
    })
  );
  await proxy.closeStdin();
  assertEquals((await proxy.status()).code, 0, proxy.stderr);
  return receiver;
}

/** The span of the HTTP requests that came in. */
function served({ spans }: OtlpReceiver): ReadSpan {
  const found = spans.filter(({ kind }) => kind === "server");
  assertEquals(found.length, 1);
  return found[0];
}

Deno.test("over HTTP, a request is one trace, below the span in its headers", async () => {
  await using server = await RawServer.start({
    handler: mcp({}),
    verifier: TEST_VERIFIER,
  });
  const told = await tracedHttp(server, async (post) => {
    const response = await post(
      { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "t" } },
      { traceparent: TRACE_PARENT, tracestate: "a=b" },
    );
    assertEquals(await response.json(), { jsonrpc: "2.0", id: 1, result: {} });
  });
  const span = told.message("tools/call t");
  const request = served(told);
  assertEquals([request.traceId, request.parentSpanId], [TRACE_ID, PARENT_ID]);
  assertEquals([span.traceId, span.parentSpanId], [TRACE_ID, request.spanId]);
  assertObjectMatch(span.attributes, {
    "http.response.status_code": 200,
    "jsonrpc.request.id": "1",
    "sigv4_proxy.era": "legacy",
  });
  const [post] = told.childrenOf(span);
  const [seen] = server.requests.all;
  assertEquals(seen.header("traceparent"), `00-${TRACE_ID}-${post.spanId}-01`);
  assertEquals(seen.header("tracestate"), "a=b", "passed on as it came");
});

Deno.test("over HTTP, a request that names no span is one trace", async () => {
  await using server = await RawServer.start(mcp({}));
  const told = await tracedHttp(server, async (post) => {
    const response = await post({ jsonrpc: "2.0", id: 1, method: "m" });
    await response.body?.cancel();
  });
  const request = served(told);
  const span = told.message("m");
  assertEquals(request.parentSpanId, "");
  assertEquals(
    [span.traceId, span.parentSpanId],
    [request.traceId, request.spanId],
  );
  assertEquals(told.childrenOf(span).length, 1);
});

Deno.test("over HTTP, the context in _meta comes before that of the request, which is linked", async () => {
  await using server = await RawServer.start(mcp({}));
  const told = await tracedHttp(server, async (post) => {
    const meta = { traceparent: TRACE_PARENT };
    const response = await post(
      { jsonrpc: "2.0", id: 1, method: "m", params: modern({}, meta) },
      { traceparent: OTHER_TRACE_PARENT },
    );
    await response.body?.cancel();
  });
  const span = told.message("m");
  assertEquals([span.traceId, span.parentSpanId], [TRACE_ID, PARENT_ID]);
  const { traceId, parentSpanId, spanId } = served(told);
  assertEquals([traceId, parentSpanId], ["1".repeat(32), "2".repeat(16)]);
  assertEquals(span.links, [{ traceId, spanId }]);
  assertEquals(span.attributes["sigv4_proxy.era"], "modern");
});

Deno.test("over HTTP, what is no message goes on in its client's trace", async () => {
  await using server = await RawServer.start(mcp({}));
  const told = await tracedHttp(server, async (post) => {
    const headers = { traceparent: TRACE_PARENT };
    const response = await post(undefined, headers, "DELETE");
    await response.body?.cancel();
  });
  assertEquals(told.messages, []);
  const sent = told.spans.find(({ kind }) => kind === "client");
  const request = served(told);
  assertEquals([request.traceId, request.parentSpanId], [TRACE_ID, PARENT_ID]);
  assertEquals(
    [sent?.traceId, sent?.parentSpanId],
    [TRACE_ID, request.spanId],
  );
  assertEquals(
    server.requests.all[0].header("traceparent"),
    `00-${TRACE_ID}-${sent?.spanId}-01`,
  );
});

Deno.test("over HTTP, errors and bytes are counted", async () => {
  await using server = await RawServer.start(mcp({
    refuse: (message, reply) => reply.json(error(message, -32602, "no"), 400),
    broken: (_message, reply) => reply.status(502),
    moved: (_message, reply) => reply.status(302, { location: "/else" }),
    large: (message, reply) => reply.json(result(message)),
  }));
  const messages = ["refuse", "broken", "moved"].map((method, id) => ({
    jsonrpc: "2.0",
    id,
    method,
  }));
  const large = {
    jsonrpc: "2.0",
    method: "large",
    params: "x".repeat(2 ** 21),
  };
  let answered = 0;
  const told = await tracedHttp(server, async (post) => {
    for (const message of messages) {
      const response = await post(message);
      answered += (await response.text()).length;
    }
    const response = await post(large, {
      "mcp-method": "large",
      "traceparent": TRACE_PARENT,
    });
    answered += (await response.text()).length;
  });
  const types = ["refuse", "broken", "moved"].map((name) =>
    told.message(name).attributes["error.type"]
  );
  assertEquals(types, ["-32602", "502", "-31017"]);
  assertEquals(told.message("large").traceId, TRACE_ID);
  const received = { "network.io.direction": "receive" };
  assertEquals(
    told.sum("sigv4_proxy.io", received),
    [...messages, large].map((message) => JSON.stringify(message).length)
      .reduce((sum, length) => sum + length),
  );
  const sent = { "network.io.direction": "transmit" };
  assertEquals(told.sum("sigv4_proxy.io", sent), answered);
});

Deno.test("over HTTP, an error or a failed tool in a small answer is told, however it comes", async () => {
  const failed = { content: [], isError: true };
  await using server = await RawServer.start(mcp({
    json: (message, reply) => reply.json(error(message, -32602, "no")),
    stream: async (message, reply) => {
      const stream = await reply.sse();
      await stream.event({ data: '{"jsonrpc":"2.0","method":"n"}' });
      await stream.event({ data: JSON.stringify(error(message, -32001, "")) });
      await stream.end();
    },
    tool: (message, reply) => reply.json(result(message, failed)),
    large: (message, reply) =>
      reply.json(error(message, -32003, "x".repeat(2 ** 17))),
    fine: (message, reply) => reply.json(result(message)),
  }));
  const methods = ["json", "stream", "tool", "large", "fine"];
  const told = await tracedHttp(server, async (post) => {
    for (const method of methods) {
      const response = await post({ jsonrpc: "2.0", id: 1, method });
      assertEquals(response.status, 200);
      await response.text();
    }
  });
  assertEquals(
    methods.map((name) => told.message(name).attributes["error.type"]),
    ["-32602", "-32001", "tool_error", undefined, undefined],
  );
  const counted = (type: string) =>
    told.sum("sigv4_proxy.errors", { "error.type": type });
  assertEquals(["-32602", "-32001", "tool_error"].map(counted), [1, 1, 1]);
});

Deno.test("over HTTP, what is refused is counted, and so are the bytes that say so", async () => {
  const token = "a-token-that-only-tests-know";
  await using server = await RawServer.start(mcp({}));
  let answered = 0;
  const told = await tracedHttp(server, async (post) => {
    const refused = async (
      status: number,
      headers: Record<string, string>,
      filling = "",
    ): Promise<void> => {
      const message = { jsonrpc: "2.0", id: 1, method: "m", filling };
      const response = await post(message, headers);
      assertEquals(response.status, status);
      answered += (await response.text()).length;
    };
    const authorization = `Bearer ${token}`;
    await refused(401, {});
    await refused(403, { authorization, "sec-fetch-site": "cross-site" });
    await refused(413, { authorization }, "x".repeat(4 * 1024 * 1024));
  }, token);
  assertEquals(told.messages, []);
  const counted = (reason: string) =>
    told.sum("sigv4_proxy.errors", { "sigv4_proxy.error.reason": reason });
  assertEquals([counted("blocked"), counted("frame-too-large")], [2, 1]);
  const sent = { "network.io.direction": "transmit" };
  assertEquals(told.sum("sigv4_proxy.io", sent), answered);
});

Deno.test("over HTTP, no span has the query that a client sends", async () => {
  await using server = await RawServer.start(mcp({}));
  const told = await tracedHttp(server, async (post) => {
    const message = { jsonrpc: "2.0", id: 1, method: "ping" };
    const query = "?api_key=a-secret-of-the-client";
    const response = await post(message, {}, "POST", query);
    assertEquals(await response.json(), { jsonrpc: "2.0", id: 1, result: {} });
  });
  const { attributes } = served(told);
  assertEquals([attributes["url.path"], attributes["url.query"]], ["/mcp", ""]);
  assert(!told.text.includes("api_key") && !told.text.includes("a-secret-of"));
});
