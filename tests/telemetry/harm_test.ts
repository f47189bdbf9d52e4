/** What telemetry must not do: tell secrets, change messages, or cost where it is off. */
import {
  assertEquals,
  assertFalse,
  assertGreater,
  assertMatch,
  assertObjectMatch,
  assertStringIncludes,
} from "@std/assert";
import { SOURCE } from "../support/program/launch.ts";
import { OtlpReceiver } from "./otlp_receiver.ts";
import { NOBODY } from "../support/net/nobody.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { INITIALIZED, mcp, result } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import {
  TEST_CREDENTIALS,
  TEST_VERIFIER,
} from "../support/aws/test_identity.ts";
import { TRACE_PARENT, traced } from "./traced_proxy.ts";

Deno.test("no secret is told: of the query, of headers, sessions, credentials, arguments or results", async () => {
  const SECRETS = {
    query: "SECRET-in-the-query",
    bare: "SECRET-without-a-name",
    header: "SECRET-in-a-header",
    argument: "SECRET-in-an-argument",
    result: "SECRET-in-a-result",
    uri: "SECRET-in-a-uri",
    reason: "SECRET-in-the-reason-phrase",
    body: "SECRET-in-the-body-of-an-error",
    session: "SECRET-session-0123456789",
  };
  await using server = await RawServer.start(mcp({
    initialize: (message, reply) =>
      reply.json(result(message, INITIALIZED), 200, {
        "mcp-session-id": SECRETS.session,
      }),
    "tools/call": (message, reply) =>
      reply.json(result(message, { content: SECRETS.result })),
    "resources/read": (_message, reply) =>
      reply.write(
        `HTTP/1.1 500 ${SECRETS.reason}\r\ncontent-length: ${SECRETS.body.length}\r\n\r\n${SECRETS.body}`,
      ),
    leave: (_message, reply) => reply.cut(),
  }));
  const target = new URL(
    `?key=${SECRETS.query}&qualifier=DEFAULT&${SECRETS.bare}`,
    server.url,
  );
  const args = ["--header", `X-Key: ${SECRETS.header}`];
  const told = await traced({ target, args }, async (proxy) => {
    await proxy.initialize();
    const given = { key: SECRETS.argument };
    await proxy.request("tools/call", { name: "t", arguments: given });
    await proxy.request("resources/read", { uri: `x:${SECRETS.uri}` });
    await proxy.request("leave");
  });
  assertEquals(told.message("tools/call t").status.code, 0);
  const fetched = told.spans.filter(({ scope }) => scope === "deno");
  assertGreater(fetched.length, 4);
  assertEquals(fetched[0].attributes["url.path"], target.pathname);
  assertEquals(
    fetched[0].attributes["url.query"],
    "key=[redacted]&qualifier=[redacted]&[redacted]",
  );
  assertEquals(
    fetched[0].attributes["url.full"],
    `${target.origin}${target.pathname}?key=[redacted]&qualifier=[redacted]&[redacted]`,
  );
  assertFalse(told.text.includes("SECRET"), "nothing of these");
  for (const secret of Object.values(TEST_CREDENTIALS)) {
    assertFalse(told.text.includes(secret), "no credentials");
  }
});

Deno.test("the session ID that HTTP+SSE has in a URL is not told", async () => {
  await using server = await RawServer.start(async (request, reply) => {
    if (request.method === "GET") {
      const stream = await reply.sse();
      await stream.event({
        event: "endpoint",
        data: "/messages/SECRET-path?sessionId=SECRET-query",
      });
      const posted = await server.requests.find(({ target }) =>
        target.startsWith("/messages/")
      );
      await stream.message(result(JSON.parse(posted.text()), INITIALIZED));
      return await reply.hang();
    }
    if (request.target.startsWith("/messages/")) return await reply.status(202);
    await reply.status(405);
  });
  const told = await traced({ target: server.url }, async (proxy) => {
    await proxy.request("initialize", {});
  });
  const posts = told.childrenOf(told.message("initialize"));
  assertEquals(
    posts.map(({ attributes }) => attributes["url.full"]),
    [server.url.href, `${server.url.origin}/[redacted]?sessionId=[redacted]`],
  );
  assertFalse(told.text.includes("SECRET"));
});

Deno.test("nor is it told why a target cannot be reached, but for what it is", async () => {
  const target = new URL("?key=SECRET", NOBODY);
  const args = ["--retries", "0"];
  const told = await traced({ target, args }, async (proxy) => {
    await proxy.request("m");
  });
  const { attributes, status } = told.message("m");
  assertEquals(attributes["sigv4_proxy.error.reason"], "unreachable");
  assertStringIncludes(status.message, "cannot connect");
  assertFalse(told.text.includes("SECRET"));
});

Deno.test("a trace context that is no text, nonsense, not for a header or badly escaped does a message no harm", async () => {
  const contexts = Object.entries({
    "no text": { traceparent: 5, tracestate: {}, baggage: ["a=b"] },
    "nonsense": { traceparent: "x", tracestate: "=", baggage: ";;=," },
    "not for a header": {
      traceparent: `${TRACE_PARENT}\n`,
      baggage: "a=b;c=\u{1F600}\r\nx-evil: 1",
    },
    "badly escaped": { traceparent: "00-0-0-0", baggage: "a=%E0%A4%A" },
  });
  await using server = await RawServer.start(mcp({}));
  const told = await traced({ target: server.url }, async (proxy) => {
    for (const [what, _meta] of contexts) {
      const { value } = await proxy.request(what, { _meta });
      assertObjectMatch(value as object, { result: {} }, what);
    }
  });
  for (const [at, [what]] of contexts.entries()) {
    const span = told.message(what);
    assertEquals(span.parentSpanId, "", `${what}: a trace of its own`);
    const request = server.requests.all[at];
    assertMatch(
      request.header("traceparent") ?? "",
      new RegExp(`^00-${span.traceId}-[0-9a-f]{16}-01$`),
      what,
    );
    assertEquals(request.header("x-evil"), undefined, what);
  }
  assertFalse(told.stderr.includes("Failed to extract"));
});

Deno.test("a traceparent among the custom headers makes room for the real one", async () => {
  await using server = await RawServer.start(mcp({}));
  const args = ["--header", `traceparent: ${TRACE_PARENT}`];
  const told = await traced({ target: server.url, args }, async (proxy) => {
    await proxy.request("m");
  });
  const [post] = told.childrenOf(told.message("m"));
  assertEquals(
    server.requests.all[0].header("traceparent"),
    `00-${post.traceId}-${post.spanId}-01`,
  );
});

Deno.test("with OTEL_PROPAGATORS=none no trace context is read, and none is sent but a custom header", async () => {
  await using server = await RawServer.start(mcp({}));
  const env = { OTEL_PROPAGATORS: "none" };
  const args = ["--header", `traceparent: ${TRACE_PARENT}`];
  const target = server.url;
  const told = await traced({ target, env, args }, async (proxy) => {
    await proxy.request("m", { _meta: { traceparent: TRACE_PARENT } });
  });
  assertEquals(told.message("m").parentSpanId, "");
  const [seen] = server.requests.all;
  assertEquals(seen.header("traceparent"), TRACE_PARENT);
});

Deno.test("with metrics alone, the counters are told and headers stay as they are", async () => {
  await using server = await RawServer.start(mcp({}));
  const env = { OTEL_DENO_TRACING: "false" };
  const args = ["--header", `traceparent: ${TRACE_PARENT}`];
  const target = server.url;
  const told = await traced({ target, env, args }, async (proxy) => {
    await proxy.request("m");
  });
  assertEquals(told.spans, []);
  assertEquals(told.sum("sigv4_proxy.requests"), 1);
  const [seen] = server.requests.all;
  assertEquals(seen.header("traceparent"), TRACE_PARENT);
});

Deno.test("another Host than the target's is signed and sent as without telemetry", async () => {
  await using server = await RawServer.start({
    handler: mcp({}),
    verifier: TEST_VERIFIER,
  });
  const args = ["--sign-host", "mcp.example"];
  const told = await traced(
    { target: new URL(`${server.url}?key=SECRET`), args },
    async (proxy) => {
      const { value } = await proxy.request("m");
      assertObjectMatch(value as object, { result: {} });
    },
  );
  assertEquals(server.requests.all[0].header("host"), "mcp.example");
  assertFalse(told.text.includes("SECRET"));
});

Deno.test("a collector that is not there does no harm", async () => {
  await using server = await RawServer.start(mcp({}));
  await using proxy = await ProxyProcess.start({
    target: server.url,
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
    },
  });
  await proxy.initialize();
  await proxy.request("m");
  await proxy.closeStdin();
  assertEquals((await proxy.status()).code, 0);
  assertEquals(proxy.frames.length, 2, "stdout has the answers alone");
});

for (const [state, env] of [["off", {}], ["on", undefined]] as const) {
  Deno.test(`with telemetry ${state}, OpenTelemetry is ${state === "on" ? "" : "not "}loaded`, async () => {
    await using receiver = OtlpReceiver.start();
    await using server = await RawServer.start(mcp({}));
    await using proxy = await ProxyProcess.start({
      target: server.url,
      env: env ?? receiver.env,
      // Deno then tells of each module that it loads, where it is no bundle.
      entry: SOURCE,
      denoFlags: ["--log-level=debug"],
    });
    await proxy.request("m");
    await proxy.closeStdin();
    await proxy.status();
    const loaded = proxy.stderr.split("\n")
      .filter((line) => /\bspecifier=\S* .*@opentelemetry/.test(line));
    assertEquals(loaded.length > 0, state === "on", loaded[0]);
    assertStringIncludes(proxy.stderr, "specifier=", "it does tell");
    const header = server.requests.all[0].header("traceparent");
    assertEquals(header !== undefined, state === "on");
  });
}
