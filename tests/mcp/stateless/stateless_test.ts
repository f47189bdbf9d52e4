import { assertEquals, assertStringIncludes } from "@std/assert";
import { Clock } from "../../support/clock.ts";
import { within } from "../../support/deadline.ts";
import { modern, MODERN_META } from "../../support/modern_message.ts";
import { error, mcp, type McpHandler, result } from "../../support/raw_mcp.ts";
import { RawServer, type SeenRequest } from "../../support/raw_server.ts";
import { StreamClient } from "../../support/stream_client.ts";

/** What the client is told when the one request `m` meets this. */
async function answerWhen(m: McpHandler, method = "m") {
  await using server = await RawServer.start(mcp({ [method]: m }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, method, modern());
  const { json, text } = await client.next();
  const after = await client.close();
  assertEquals(after, [], "nothing follows the one answer");
  assertEquals(json.id, 1);
  return { ...json, text, requests: server.requests.all };
}

/** The headers of MCP among those of a request, by their names in lower case. */
function mcpHeaders({ headers }: SeenRequest): Record<string, string> {
  return Object.fromEntries(
    headers.map(([name, value]) => [name.toLowerCase(), value])
      .filter(([name]) => name.startsWith("mcp-")),
  );
}

function methods(requests: readonly SeenRequest[]): string[] {
  return requests.map((seen) =>
    seen.method === "POST" ? JSON.parse(seen.text()).method : seen.method
  );
}

const TOOLS = [{
  name: "add",
  inputSchema: {
    type: "object",
    properties: { region: { type: "string", "x-mcp-header": "Region" } },
  },
}];

Deno.test("every POST has MCP-Protocol-Version and Mcp-Method, and no session", async () => {
  await using server = await RawServer.start((request, reply) =>
    reply.json(result(JSON.parse(request.text())), 200, {
      "mcp-session-id": "a-session-that-is-not-wanted",
    })
  );
  await using client = new StreamClient({
    url: server.url,
    standingStream: true,
  });
  client.request(1, "tools/list", modern());
  client.request(2, "x/y", modern());
  await client.answer(2);
  client.notify("notifications/x", modern());
  await client.close();
  const version = { "mcp-protocol-version": "2026-07-28" };
  assertEquals(
    server.requests.all.map((seen) => [seen.method, mcpHeaders(seen)]),
    [
      ["POST", { ...version, "mcp-method": "tools/list" }],
      ["POST", { ...version, "mcp-method": "x/y" }],
      ["POST", { ...version, "mcp-method": "notifications/x" }],
    ],
    "no session header, no GET, no DELETE",
  );
  assertEquals(
    server.requests.all[0].header("accept"),
    "application/json, text/event-stream",
  );
});

Deno.test("Mcp-Name goes with tools/call, prompts/get and resources/read", async () => {
  await using server = await RawServer.start(mcp({}));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "tools/call", modern({ name: "add", uri: "x:y" }));
  client.request(2, "prompts/get", modern({ name: "grüß" }));
  client.request(
    3,
    "resources/read",
    modern({ name: "n", uri: "file:///a b" }),
  );
  client.request(4, "completion/complete", modern({ name: "n" }));
  await client.close();
  const seen = server.requests.all.map(mcpHeaders)
    .map((headers) => [headers["mcp-method"], headers["mcp-name"]]).sort();
  assertEquals(seen, [
    ["completion/complete", undefined],
    ["prompts/get", "=?base64?Z3LDvMOf?="],
    ["resources/read", "file:///a b"],
    ["tools/call", "add"],
  ]);
});

Deno.test("Mcp-Name goes with tasks/get, tasks/update and tasks/cancel: the task's ID", async () => {
  await using server = await RawServer.start(async (request, reply) => {
    const message = JSON.parse(request.text());
    const isRight = request.header("mcp-name") === message.params.taskId;
    if (isRight) return await reply.json(result(message));
    await reply.json(error(message, -32020, "HeaderMismatch"), 400);
  });
  await using client = new StreamClient({ url: server.url });
  for (const method of ["tasks/get", "tasks/update", "tasks/cancel"]) {
    client.request(method, method, modern({ taskId: "786512e2-9e0d" }));
    assertEquals((await client.answer(method)).json.error, undefined);
  }
});

Deno.test("a call whose headers do not fit is not sent again when something of its answer came before", async () => {
  let ran = 0;
  await using server = await RawServer.start(mcp({
    "tools/call": async (call, reply) => {
      ran++;
      const stream = await reply.sse();
      await stream.message({ jsonrpc: "2.0", method: "notifications/message" });
      await stream.message(error(call, -32020, "HeaderMismatch"));
      await stream.end();
    },
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "tools/call", modern({ name: "add" }));
  assertEquals((await client.answer(1)).json.error.code, -32020);
  assertEquals(ran, 1);
});

Deno.test("Mcp-Param goes with tools/call, as the list that passed through marks it", async () => {
  await using server = await RawServer.start(mcp({
    "tools/list": (message, reply) =>
      reply.json(result(message, { tools: TOOLS })),
  }));
  await using client = new StreamClient({ url: server.url });
  const call = { name: "add", arguments: { region: " x", other: "y" } };
  client.request(1, "tools/list", modern());
  await client.answer(1);
  client.request(2, "tools/call", modern(call));
  await client.answer(2);
  client.request(3, "tools/call", modern({ ...call, arguments: {} }));
  await client.answer(3);
  assertEquals(
    server.requests.all.map((seen) => mcpHeaders(seen)["mcp-param-region"]),
    [undefined, "=?base64?IHg=?=", undefined],
  );
});

Deno.test("a tool with an invalid x-mcp-header is left out of the list, and every other byte of it stays", async () => {
  const list =
    '{"jsonrpc":"2.0", "id":1,"result":{"tools":[{"name":"a","n":1.0}, {"name":"bad","inputSchema":{"properties":{"x":{"type":"number","x-mcp-header":"X"}}}}],"ttlMs":0}}';
  const { text } = await answerWhen(
    (_message, reply) =>
      reply.status(200, { "content-type": "application/json" }, list),
    "tools/list",
  );
  assertEquals(
    text,
    '{"jsonrpc":"2.0", "id":1,"result":{"tools":[{"name":"a","n":1.0}],"ttlMs":0}}',
  );
});

Deno.test("an event of a list loses its invalid tools, too", async () => {
  const bad = {
    name: "bad",
    inputSchema: { properties: { x: { "x-mcp-header": "" } } },
  };
  const { result: list } = await answerWhen(async (message, reply) => {
    const stream = await reply.sse();
    await stream.message(result(message, { tools: [bad, ...TOOLS] }));
    await stream.end();
  }, "tools/list");
  assertEquals(list, { tools: TOOLS });
});

Deno.test("on -32020 in a 400 to a tools/call the tools are listed afresh, all pages, and the call is sent once more", async () => {
  const mismatch: McpHandler = async (message, reply, request) => {
    if (request.header("mcp-param-region") === "here") {
      return await reply.json(result(message, { said: "done" }));
    }
    const refusal = error(message, -32020, "Header mismatch");
    await reply.json(refusal, 400);
  };
  const list: McpHandler = (message, reply) =>
    reply.json(result(
      message,
      message.params.cursor === undefined
        ? { tools: [], nextCursor: "second" }
        : { tools: TOOLS },
    ));
  await using server = await RawServer.start(
    mcp({ "tools/call": mismatch, "tools/list": list }),
  );
  await using client = new StreamClient({ url: server.url });
  const call = { name: "add", arguments: { region: "here" } };
  client.request(7, "tools/call", modern(call, { progressToken: 1 }));
  const frames = await client.close();
  assertEquals(frames.map(({ json }) => [json.id, json.result]), [
    [7, { said: "done" }],
  ]);
  assertEquals(methods(server.requests.all), [
    "tools/call",
    "tools/list",
    "tools/list",
    "tools/call",
  ]);
  const [first, page, , second] = server.requests.all;
  assertEquals(first.text(), second.text());
  assertEquals(JSON.parse(page.text()).params, { _meta: MODERN_META });
  assertEquals(mcpHeaders(page), {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/list",
  });
});

for (
  const [what, status, id] of [
    ["a 200", 200, 7],
    ["a 500", 500, 7],
    ["a 400 under another ID", 400, 99],
    ["an event", undefined, 7],
  ] as const
) {
  Deno.test(`-32020 in ${what} may be the call's own error: it is not sent again`, async () => {
    const refusal = error({ id }, -32020, "Header mismatch");
    await using server = await RawServer.start(mcp({
      "tools/call": async (_message, reply) => {
        if (status) return await reply.json(refusal, status);
        const stream = await reply.sse();
        await stream.message(refusal);
        await stream.end();
      },
    }));
    await using client = new StreamClient({ url: server.url });
    client.request(7, "tools/call", modern({ name: "add" }));
    const frames = await client.close();
    assertEquals(frames.map(({ json }) => [json.id, json.error.code]), [
      [7, -32020],
    ]);
    assertEquals(methods(server.requests.all), ["tools/call"]);
  });
}

Deno.test("-32020 in a 400 without an ID is the target's word on the headers", async () => {
  let count = 0;
  await using server = await RawServer.start(mcp({
    "tools/call": (message, reply) =>
      ++count === 1
        ? reply.json(error({ id: null }, -32020, "Header mismatch"), 400)
        : reply.json(result(message, { said: "done" })),
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(7, "tools/call", modern({ name: "add" }));
  assertEquals((await client.answer(7)).json.result, { said: "done" });
});

Deno.test("a tools/call that meets -32020 again is answered with it, and sent no third time", async () => {
  await using server = await RawServer.start(mcp({
    "tools/call": (message, reply) =>
      reply.json(error(message, -32020, "Header mismatch"), 400),
    "tools/list": (message, reply) =>
      reply.json(result(message, { tools: TOOLS })),
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "tools/call", modern({ name: "add" }));
  const frames = await client.close();
  assertEquals(frames.map(({ json }) => json.error.code), [-32020]);
  assertEquals(methods(server.requests.all), [
    "tools/call",
    "tools/list",
    "tools/call",
  ]);
});

Deno.test("where the tools cannot be listed, a tools/call is answered with its -32020", async () => {
  await using server = await RawServer.start(mcp({
    "tools/call": (message, reply) =>
      reply.json(error(message, -32020, "Header mismatch"), 400),
    "tools/list": (message, reply) =>
      reply.json(error(message, -32603, "no list"), 500),
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "tools/call", modern({ name: "add" }));
  const frames = await client.close();
  assertEquals(frames.map(({ json }) => [json.id, json.error.code]), [
    [1, -32020],
  ]);
});

Deno.test("-32020 to anything but a tools/call goes to the client as it is", async () => {
  const { error: told, requests } = await answerWhen(
    (message, reply) => reply.json(error(message, -32020, "mismatch"), 400),
    "prompts/get",
  );
  assertEquals([told.code, requests.length], [-32020, 1]);
});

Deno.test("input_required results and their retries pass untouched", async () => {
  const required =
    '{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","requestState":"\\u0041=","inputRequests":{"a":{"method":"roots/list"}}}}';
  await using server = await RawServer.start(mcp({
    "tools/call": (message, reply) =>
      message.params.requestState === undefined
        ? reply.status(200, { "content-type": "application/json" }, required)
        : reply.json(result(message, { said: "done" })),
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "tools/call", modern({ name: "add" }));
  assertEquals((await client.answer(1)).text, required);
  const retry = JSON.stringify({
    jsonrpc: "2.0",
    id: 2,
    method: "tools/call",
    params: modern({ name: "add", requestState: "A=", inputResponses: {} }),
  });
  client.send(retry);
  assertEquals((await client.answer(2)).json.result, { said: "done" });
  assertEquals(server.requests.all[1].text(), retry);
});

Deno.test("notifications/cancelled closes the HTTP response, sends nothing upstream, and no answer to that id follows", async () => {
  const closed = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    "tools/call": async (message, reply) => {
      const stream = await reply.sse();
      await stream.message({
        jsonrpc: "2.0",
        method: "notifications/progress",
      });
      await reply.closed;
      await stream.message(result(message));
      closed.resolve();
    },
  }));
  await using client = new StreamClient({ url: server.url });
  client.request("a", "tools/call", modern({ name: "add" }));
  await client.next();
  client.notify("notifications/cancelled", { requestId: "a", reason: "why" });
  await within(closed.promise, "the response to be closed");
  client.request("b", "m", modern());
  const frames = await client.close();
  assertEquals(frames.map(({ json }) => json.id), ["b"]);
  assertEquals(methods(server.requests.all), ["tools/call", "m"]);
});

Deno.test("a request that is cancelled before it has a place is never sent", async () => {
  const release = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    slow: async (message, reply) => {
      await release.promise;
      await reply.json(result(message));
    },
  }));
  await using client = new StreamClient({ url: server.url, maxConcurrency: 1 });
  client.request(1, "slow", modern());
  client.request(2, "m", modern());
  client.notify("notifications/cancelled", { requestId: 2 });
  client.request(3, "n", modern());
  await server.requests.at(0);
  release.resolve();
  const frames = await client.close();
  assertEquals(frames.map(({ json }) => json.id), [1, 3]);
  assertEquals(methods(server.requests.all), ["slow", "n"]);
});

Deno.test("what was in the same chunk as a cancelled request's progress is not written", async () => {
  await using server = await RawServer.start(mcp({
    "tools/call": async (_message, reply) => {
      const note = (count: number) =>
        `data: ${
          JSON.stringify({
            jsonrpc: "2.0",
            method: "n",
            params: { count },
          })
        }\n\n`;
      const stream = await reply.sse();
      await stream.raw(Array.from({ length: 40 }, (_, i) => note(i)).join(""));
      await reply.closed;
    },
  }));
  // The client reads one frame, cancels, and reads on only then.
  await using client = new StreamClient({ url: server.url });
  client.request(1, "tools/call", modern({ name: "add" }));
  await client.next();
  client.notify("notifications/cancelled", { requestId: 1 });
  client.request(2, "m", modern());
  const frames = [await client.next()];
  while (frames.at(-1)?.json.id !== 2) frames.push(await client.next());
  const notes = frames.filter(({ json }) => json.method === "n").length;
  if (notes > 10) throw new Error(`${notes} notifications were written`);
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

for (const body of ['"id":null,', "", '"id":1,']) {
  Deno.test(`a 4xx with a JSON-RPC error (${body || "no id"}) goes to the client as it is, id set when absent`, async () => {
    const rest =
      '"jsonrpc":"2.0","error":{"code":-32021,"message":"no","data":{"requiredCapabilities":{"sampling":{}}}}}';
    const { text } = await answerWhen((_message, reply) =>
      reply.status(
        400,
        { "content-type": "application/json" },
        `{${body}${rest}`,
      )
    );
    assertEquals(text, `{"id":1,${rest}`);
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

Deno.test("a request over its time is answered with -31014, its response is closed, and the target is told nothing", async () => {
  const closed = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    hang: async (_message, reply) => {
      await reply.hang();
      closed.resolve();
    },
  }));
  using clock = new Clock();
  await using client = new StreamClient({ url: server.url, timeoutMs: 60_000 });
  client.request(1, "hang", modern());
  await server.requests.at(0);
  await clock.pass(61_000);
  const { json } = await client.next();
  assertEquals([json.error.code, json.error.data.limitMs], [-31014, 60_000]);
  await within(closed.promise, "the response to be closed");
  await client.close();
  assertEquals(methods(server.requests.all), ["hang"]);
});

Deno.test("a request without a byte for the idle time is answered with -31014", async () => {
  await using server = await RawServer.start(mcp({
    hang: (_message, reply) => reply.hang(),
  }));
  await using client = new StreamClient({
    url: server.url,
    idleTimeoutMs: 100,
  });
  client.request(1, "hang", modern());
  const { json } = await client.next();
  assertEquals([json.error.code, json.error.data.limitMs], [-31014, 100]);
});

Deno.test("a 503 with Retry-After is tried again, a call that may have run is not", async () => {
  let tries = 0;
  await using server = await RawServer.start(mcp({
    "tools/list": (message, reply) =>
      ++tries === 1
        ? reply.status(503, { "retry-after": "0" })
        : reply.json(result(message, { tools: [] })),
    "tools/call": (_message, reply) => reply.status(503),
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "tools/list", modern());
  assertEquals((await client.answer(1)).json.result, { tools: [] });
  client.request(2, "tools/call", modern({ name: "add" }));
  assertEquals((await client.answer(2)).json.error.data.status, 503);
  assertEquals(methods(server.requests.all), [
    "tools/list",
    "tools/list",
    "tools/call",
  ]);
});

Deno.test("a tool that the list calls idempotent is called again after a 503", async () => {
  let tries = 0;
  const idempotent = { name: "put", annotations: { idempotentHint: true } };
  await using server = await RawServer.start(mcp({
    "tools/list": (message, reply) =>
      reply.json(result(message, { tools: [idempotent] })),
    "tools/call": (message, reply) =>
      ++tries === 1
        ? reply.status(503)
        : reply.json(result(message, { said: "put" })),
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "tools/list", modern());
  await client.answer(1);
  client.request(2, "tools/call", modern({ name: "put" }));
  assertEquals((await client.answer(2)).json.result, { said: "put" });
});

Deno.test("a redirect is an error and not followed", async () => {
  const { error: told, requests } = await answerWhen((_message, reply) =>
    reply.status(307, { location: "/elsewhere?x=1" })
  );
  assertEquals([told.code, requests.length], [-31017, 1]);
});

Deno.test("a stop answers what is in flight with -31018, and says if it may have run", async () => {
  await using server = await RawServer.start(mcp({
    hang: (_message, reply) => reply.hang(),
  }));
  await using client = new StreamClient({ url: server.url, maxConcurrency: 1 });
  client.request("x", "hang", modern());
  await server.requests.at(0);
  client.request("y", "hang", modern());
  client.stop();
  const answers = await client.close();
  assertEquals(
    answers.map(({ json }) => [
      json.id,
      json.error.code,
      json.error.data.mayHaveRun,
    ]),
    [["x", -31018, true], ["y", -31018, false]],
  );
  assertEquals(server.requests.length, 1);
});

Deno.test("at the end of stdin what is in flight is answered", async () => {
  const release = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    slow: async (message, reply) => {
      await release.promise;
      await reply.json(result(message, { said: "done" }));
    },
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "slow", modern());
  const rest = client.close();
  await server.requests.at(0);
  release.resolve();
  assertEquals((await rest).map(({ json }) => json.result), [{ said: "done" }]);
});

Deno.test("a batch in the target's answer loses what the client must not see, and no more", async () => {
  await using server = await RawServer.start(mcp({
    m: (message, reply) =>
      reply.json([
        { jsonrpc: "2.0", id: 9, method: "ping" },
        { jsonrpc: "2.0", method: "n" },
        result(message, { said: "r" }),
      ]),
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "m", modern());
  const texts = (await client.close()).map(({ text }) => text);
  assertEquals(texts, [
    '{"jsonrpc":"2.0","method":"n"}',
    '{"jsonrpc":"2.0","id":1,"result":{"said":"r"}}',
  ]);
});

Deno.test("a header value that cannot stand in a header is encoded, not refused", async () => {
  await using server = await RawServer.start(mcp({}));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "a\nb", modern());
  assertStringIncludes((await client.answer(1)).text, '"result":{}');
  assertEquals(
    mcpHeaders(server.requests.all[0])["mcp-method"],
    "=?base64?YQpi?=",
  );
});
