/** What the program tells OpenTelemetry of errors, retries and recoveries. */
import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertObjectMatch,
  assertStringIncludes,
} from "@std/assert";
import { IamGate } from "../support/aws/iam_gate.ts";
import { error, mcp, result, Sessions } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { TEST_VERIFIER } from "../support/aws/test_identity.ts";
import { traced } from "./traced_proxy.ts";

Deno.test("each kind of error is told by its code, in the span and in the counter", async () => {
  await using server = await RawServer.start(mcp({
    refuse: (message, reply) =>
      reply.json(error(message, -32602, "PRIVATE-TEXT"), 400),
    answer: (message, reply) =>
      reply.json(error(message, -32001, "PRIVATE-TEXT")),
    "tools/call": (message, reply) =>
      reply.json(result(message, { isError: true, content: [] })),
    broken: (_message, reply) => reply.status(500),
    slow: (_message, reply) => reply.hang(),
  }));
  const args = ["--timeout", "300ms"];
  const late = await traced({ target: server.url, args }, async (proxy) => {
    await proxy.request("slow");
  });
  const told = await traced({ target: server.url }, async (proxy) => {
    for (const method of ["refuse", "answer", "broken"]) {
      await proxy.request(method);
    }
    await proxy.request("tools/call", { name: "t" });
    await proxy.send("no JSON");
    await proxy.next();
  });
  const faults = (name: string, from = told) => {
    const { attributes, status } = from.message(name);
    return [
      attributes["error.type"],
      attributes["rpc.response.status_code"],
      attributes["sigv4_proxy.error.reason"],
      status.code,
    ];
  };
  assertEquals(faults("refuse"), ["-32602", "-32602", undefined, 2]);
  assertEquals(faults("answer"), ["-32001", "-32001", undefined, 2]);
  assertEquals(faults("broken"), ["-31011", "-31011", "http-status", 2]);
  assertEquals(faults("slow", late), ["-31014", "-31014", "timeout", 2]);
  assertEquals(faults("tools/call t"), [
    "tool_error",
    undefined,
    undefined,
    2,
  ]);
  assertStringIncludes(late.message("slow").status.message, "300 ms");
  assertEquals(told.message("answer").status.message, "");
  assertFalse(told.text.includes("PRIVATE-TEXT"));
  const errors = (code: string, from = told) =>
    from.sum("sigv4_proxy.errors", { "rpc.response.status_code": code });
  for (const code of ["-32602", "-32001", "-31011", "-32700"]) {
    assertEquals(errors(code), 1, code);
  }
  // What the proxy then says to the target may be late, too.
  assert(errors("-31014", late) >= 1);
  assertEquals(told.sum("sigv4_proxy.errors"), 5);
});

Deno.test("a refusal by IAM is told by its reason and AWS's name for it", async () => {
  await using gate = await IamGate.start({
    verifier: TEST_VERIFIER,
    handler: (_request, response) => void response.end(),
  });
  const env = { AWS_SECRET_ACCESS_KEY: "another-secret-than-the-gate-knows" };
  const told = await traced({ target: gate.origin, env }, async (proxy) => {
    await proxy.request("m");
  });
  const { attributes, status } = told.message("m");
  assertObjectMatch(attributes, {
    "error.type": "-31013",
    "http.response.status_code": 403,
    "sigv4_proxy.error.reason": "signature",
  });
  assertMatch(String(attributes["sigv4_proxy.error.aws_type"]), /Exception$/);
  assertEquals(status.message, "", "the gate's words are not told");
});

Deno.test("what is sent again is counted, and each attempt is below the message", async () => {
  let refusals = 2;
  await using server = await RawServer.start(mcp({
    m: (message, reply) =>
      refusals-- > 0
        ? reply.status(503, { "retry-after": "0" })
        : reply.json(result(message)),
  }));
  const told = await traced({ target: server.url }, async (proxy) => {
    await proxy.request("m");
  });
  const span = told.message("m");
  assertObjectMatch(span.attributes, {
    "sigv4_proxy.retries": 2,
    "http.response.status_code": 200,
  });
  assertEquals(span.status.code, 0);
  assertEquals(
    told.childrenOf(span)
      .map(({ attributes }) => attributes["http.response.status_code"]),
    ["503", "503", "200"],
  );
  assertEquals(told.sum("sigv4_proxy.retries"), 2);
  assertEquals(told.sum("sigv4_proxy.errors"), 0);
});

Deno.test("a session that is replaced is one recovery, however many messages wait for it", async () => {
  const sessions = new Sessions();
  await using server = await RawServer.start(mcp({}, sessions));
  const told = await traced({ target: server.url }, async (proxy) => {
    await proxy.initialize();
    await proxy.request("before");
    sessions.known.clear();
    await Promise.all([proxy.request("m"), proxy.request("n")]);
  });
  assertEquals(told.sum("sigv4_proxy.recoveries"), 1);
  for (const name of ["m", "n"]) {
    assertObjectMatch(told.message(name).attributes, {
      "sigv4_proxy.session.recovered": true,
      "sigv4_proxy.retries": 1,
      "http.response.status_code": 200,
    });
  }
  // The client's, and the proxy's own.
  const opened = told.messages.filter(({ name }) => name === "initialize");
  assertEquals(opened.length, 2);
  for (const span of opened) assertEquals(told.childrenOf(span).length, 1);
});

Deno.test("an initialize of the proxy's own whose connection breaks is told as an error, and as no cancellation", async () => {
  const sessions = new Sessions();
  let isLost = false;
  const target = mcp({}, sessions);
  await using server = await RawServer.start(async (request, reply) => {
    const isBroken = isLost && request.text().includes('"initialize"');
    await (isBroken ? reply.reset() : target(request, reply));
  });
  const told = await traced({ target: server.url }, async (proxy) => {
    await proxy.initialize();
    sessions.known.clear();
    isLost = true;
    await proxy.request("m");
  });
  const own = told.messages.filter(({ name }) => name === "initialize").at(-1);
  assertEquals(own?.attributes["error.type"], "_OTHER");
  assertEquals(own?.attributes["sigv4_proxy.cancelled"], undefined);
});

Deno.test("a stream that is resumed is told as such, and is no retry", async () => {
  await using server = await RawServer.start(mcp({
    m: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.event({ id: "1", retry: 0 });
      await stream.end();
    },
    GET: async (_none, reply) => {
      const stream = await reply.sse();
      await stream.message({ jsonrpc: "2.0", id: "raw-1", result: {} });
      await stream.end();
    },
  }));
  const told = await traced({ target: server.url }, async (proxy) => {
    await proxy.request("m");
  });
  const span = told.message("m");
  assertObjectMatch(span.attributes, {
    "sigv4_proxy.retries": 0,
    "sigv4_proxy.resumptions": 1,
  });
  assertEquals(
    told.childrenOf(span).map(({ name }) => name),
    ["POST", "GET"],
  );
});
