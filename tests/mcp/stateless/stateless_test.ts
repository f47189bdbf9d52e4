import { assertEquals, assertStringIncludes } from "@std/assert";
import { modern } from "../../support/stream/modern_message.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import { error, methods, result } from "../../support/raw/mcp.ts";
import { answerWhen, mcpHeaders } from "./modern_request.ts";

Deno.test("every POST has MCP-Protocol-Version and Mcp-Method, and no session", async () => {
  await using w = await StreamWorld.start(
    (request, reply) =>
      reply.json(result(JSON.parse(request.text())), 200, {
        "mcp-session-id": "a-session-that-is-not-wanted",
      }),
    { standaloneStream: true },
  );
  w.client.request(1, "tools/list", modern());
  await w.client.ask(2, "x/y", modern());
  w.client.notify("notifications/x", modern());
  await w.client.close();
  const version = { "mcp-protocol-version": "2026-07-28" };
  assertEquals(
    w.server.requests.all.map((seen) => [seen.method, mcpHeaders(seen)]),
    [
      ["POST", { ...version, "mcp-method": "tools/list" }],
      ["POST", { ...version, "mcp-method": "x/y" }],
      ["POST", { ...version, "mcp-method": "notifications/x" }],
    ],
    "no session header, no GET, no DELETE",
  );
  assertEquals(
    w.server.requests.all[0].header("accept"),
    "application/json, text/event-stream",
  );
});

Deno.test("Mcp-Name goes with tools/call, prompts/get and resources/read", async () => {
  await using w = await StreamWorld.start({});
  w.client.request(1, "tools/call", modern({ name: "add", uri: "x:y" }));
  w.client.request(2, "prompts/get", modern({ name: "grüß" }));
  w.client.request(
    3,
    "resources/read",
    modern({ name: "n", uri: "file:///a b" }),
  );
  w.client.request(4, "completion/complete", modern({ name: "n" }));
  await w.client.close();
  const seen = w.server.requests.all.map(mcpHeaders)
    .map((headers) => [headers["mcp-method"], headers["mcp-name"]]).sort();
  assertEquals(seen, [
    ["completion/complete", undefined],
    ["prompts/get", "=?base64?Z3LDvMOf?="],
    ["resources/read", "file:///a b"],
    ["tools/call", "add"],
  ]);
});

Deno.test("Mcp-Name goes with tasks/get, tasks/update and tasks/cancel: the task's ID", async () => {
  await using w = await StreamWorld.start(async (request, reply) => {
    const message = JSON.parse(request.text());
    const isRight = request.header("mcp-name") === message.params.taskId;
    if (isRight) return await reply.json(result(message));
    await reply.json(error(message, -32020, "HeaderMismatch"), 400);
  });
  for (const method of ["tasks/get", "tasks/update", "tasks/cancel"]) {
    w.client.request(method, method, modern({ taskId: "786512e2-9e0d" }));
    assertEquals((await w.client.answer(method)).json.error, undefined);
  }
});

Deno.test("a call whose headers do not fit is not sent again when something of its answer came before", async () => {
  let ran = 0;
  await using w = await StreamWorld.start({
    "tools/call": async (call, reply) => {
      ran++;
      const stream = await reply.sse();
      await stream.message({ jsonrpc: "2.0", method: "notifications/message" });
      await stream.message(error(call, -32020, "HeaderMismatch"));
      await stream.end();
    },
  });
  w.client.request(1, "tools/call", modern({ name: "add" }));
  assertEquals((await w.client.answer(1)).json.error.code, -32020);
  assertEquals(ran, 1);
});

Deno.test("input_required results and their retries pass untouched", async () => {
  const required =
    '{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","requestState":"\\u0041=","inputRequests":{"a":{"method":"roots/list"}}}}';
  await using w = await StreamWorld.start({
    "tools/call": (message, reply) =>
      message.params.requestState === undefined
        ? reply.status(200, { "content-type": "application/json" }, required)
        : reply.json(result(message, { said: "done" })),
  });
  w.client.request(1, "tools/call", modern({ name: "add" }));
  assertEquals((await w.client.answer(1)).text, required);
  const retry = JSON.stringify({
    jsonrpc: "2.0",
    id: 2,
    method: "tools/call",
    params: modern({ name: "add", requestState: "A=", inputResponses: {} }),
  });
  w.client.send(retry);
  assertEquals((await w.client.answer(2)).json.result, { said: "done" });
  assertEquals(w.server.requests.all[1].text(), retry);
});

for (const id of [undefined, "1"]) {
  Deno.test(`a stream that ends before the answer, ${id ? "after" : "without"} an event ID, is stream-cut and never resumed`, async () => {
    const { error: told, requests } = await answerWhen(
      async (_message, reply) => {
        const stream = await reply.sse();
        await stream.event({ ...(id && { id }), data: "" });
        await stream.end();
      },
      "tools/call",
    );
    assertEquals([told.code, told.data.reason], [-31015, "stream-cut"]);
    assertEquals(methods(requests), ["tools/call"]);
  });
}

Deno.test("a 404 with -32601 to a request goes to the client as it is", async () => {
  const { error: told } = await answerWhen((message, reply) =>
    reply.json(error(message, -32601, "Method not found"), 404)
  );
  assertEquals(told, { code: -32601, message: "Method not found" });
});

for (const status of [400, 404, 405]) {
  Deno.test(`a ${status} without a JSON-RPC error to a request that is no server/discover is http-status`, async () => {
    const { error: told } = await answerWhen((_message, reply) =>
      reply.status(status, { "content-type": "text/plain" }, "what?")
    );
    assertEquals([told.code, told.data.reason, told.data.status], [
      -31011,
      "http-status",
      status,
    ]);
  });
}

Deno.test("a request of the target's, which this era has none of, does not reach the client", async () => {
  const { requests } = await answerWhen(async (message, reply) => {
    const stream = await reply.sse();
    await stream.message({ jsonrpc: "2.0", id: 5, method: "roots/list" });
    await stream.message(result(message));
    await stream.end();
  });
  assertEquals(requests.length, 1);
});

Deno.test("a 503 with Retry-After is tried again, a call that may have run is not", async () => {
  let tries = 0;
  await using w = await StreamWorld.start({
    "tools/list": (message, reply) =>
      ++tries === 1
        ? reply.status(503, { "retry-after": "0" })
        : reply.json(result(message, { tools: [] })),
    "tools/call": (_message, reply) => reply.status(503),
  });
  w.client.request(1, "tools/list", modern());
  assertEquals((await w.client.answer(1)).json.result, { tools: [] });
  w.client.request(2, "tools/call", modern({ name: "add" }));
  assertEquals((await w.client.answer(2)).json.error.data.status, 503);
  assertEquals(methods(w.server.requests.all), [
    "tools/list",
    "tools/list",
    "tools/call",
  ]);
});

Deno.test("a tool that the list calls idempotent is called again after a 503", async () => {
  let tries = 0;
  const idempotent = { name: "put", annotations: { idempotentHint: true } };
  await using w = await StreamWorld.start({
    "tools/list": (message, reply) =>
      reply.json(result(message, { tools: [idempotent] })),
    "tools/call": (message, reply) =>
      ++tries === 1
        ? reply.status(503)
        : reply.json(result(message, { said: "put" })),
  });
  await w.client.ask(1, "tools/list", modern());
  w.client.request(2, "tools/call", modern({ name: "put" }));
  assertEquals((await w.client.answer(2)).json.result, { said: "put" });
});

Deno.test("a batch in the target's answer loses what the client must not see, and no more", async () => {
  await using w = await StreamWorld.start({
    m: (message, reply) =>
      reply.json([
        { jsonrpc: "2.0", id: 9, method: "ping" },
        { jsonrpc: "2.0", method: "n" },
        result(message, { said: "r" }),
      ]),
  });
  w.client.request(1, "m", modern());
  const texts = (await w.client.close()).map(({ text }) => text);
  assertEquals(texts, [
    '{"jsonrpc":"2.0","method":"n"}',
    '{"jsonrpc":"2.0","id":1,"result":{"said":"r"}}',
  ]);
});

Deno.test("a header value that cannot stand in a header is encoded, not refused", async () => {
  await using w = await StreamWorld.start({});
  w.client.request(1, "a\nb", modern());
  assertStringIncludes((await w.client.answer(1)).text, '"result":{}');
  assertEquals(
    mcpHeaders(w.server.requests.all[0])["mcp-method"],
    "=?base64?YQpi?=",
  );
});
