import {
  assertEquals,
  assertGreaterOrEqual,
  assertStringIncludes,
} from "@std/assert";
import {
  bridged,
  CAPABILITIES,
  DISCOVERED,
  legacyTarget,
  modernTarget,
  rpcError,
  VERSION,
} from "../../support/stream/bridge_world.ts";
import { ParseCounter } from "../../support/parse_counter.ts";
import type { RawEventStream } from "../../support/raw/server.ts";
import { within } from "../../support/time/deadline.ts";
import {
  mcp,
  type McpHandler,
  messages,
  result,
} from "../../support/raw/mcp.ts";

Deno.test("a legacy client's requests get the _meta of the modern era, every other byte as it was", async () => {
  await using w = await bridged(modernTarget());
  const { json } = await w.client.initialize({ capabilities: { roots: {} } });
  assertEquals(json.result, {
    protocolVersion: "2025-11-25",
    capabilities: DISCOVERED.capabilities,
    serverInfo: { name: "raw", version: "2" },
  });
  w.client.request(1, "logging/setLevel", { level: "debug" });
  assertEquals((await w.client.answer(1)).json.result, {});
  w.client.send(
    '{ "jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"x","arguments":{"n":1E2},"_meta":{"progressToken":7}} }',
  );
  await w.client.answer(2);
  const call = w.server.requests.all.at(-1);
  assertStringIncludes(call?.text() ?? "", '"arguments":{"n":1E2},"_meta":{');
  assertEquals(JSON.parse(call?.text() ?? "").params._meta, {
    [VERSION]: "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    [CAPABILITIES]: { roots: {} },
    "io.modelcontextprotocol/logLevel": "debug",
    progressToken: 7,
  });
  assertEquals(call?.header("mcp-name"), "x");
  assertEquals((await w.client.ask(3, "ping")).result, {});
  const { error } = await w.client.ask(4, "resources/subscribe", { uri: 4 });
  assertEquals(error, { code: -32602, message: "uri is required" });
  assertEquals(
    messages(w.server.requests.all).map(({ method }) => method)
      .filter((method) => method === "ping" || method === "logging/setLevel"),
    [],
  );
});

Deno.test("a legacy client at a target of its own era is not bridged", async () => {
  await using w = await bridged(legacyTarget());
  await w.client.initialize();
  await w.client.ask(1, "ping");
  assertEquals(
    messages(w.server.requests.all).map(({ method }) => method),
    ["initialize", "notifications/initialized", "ping"],
  );
});

Deno.test("an initialize that fails for no reason of era is answered with that cause", async () => {
  await using w = await bridged((_request, reply) =>
    reply.status(
      403,
      {
        "x-amzn-errortype": "AccessDeniedException",
        "content-type": "application/json",
      },
      '{"message":"User: arn:aws:iam::1:user/x is not authorized to perform: execute-api:Invoke on resource: y"}',
    )
  );
  w.client.request(1, "initialize", { protocolVersion: "2025-11-25" });
  const { json } = await w.client.next();
  assertEquals(json.error.code, -31013);
  assertEquals(w.server.requests.length, 1);
});

/** A client that has called a tool, which asks for input `rounds` times. */
async function asking(
  rounds: number,
  round: (n: number) => Record<string, unknown>,
) {
  const seen: { at: number; message: ReturnType<typeof JSON.parse> }[] = [];
  const handler: McpHandler = (message, reply) => {
    seen.push({ at: performance.now(), message });
    const n = seen.length;
    return reply.json(result(
      message,
      n > rounds
        ? { resultType: "complete", content: [], rounds: n }
        : { resultType: "input_required", ...round(n) },
    ));
  };
  const w = await bridged(modernTarget({ "tools/call": handler }));
  await w.client.initialize({ capabilities: { roots: {}, elicitation: {} } });
  w.client.request(1, "tools/call", { name: "x", arguments: { a: 1 } });
  return Object.assign(w, { seen });
}

/** What asks for the client's roots, under these names. */
const roots = (...names: string[]) => ({
  inputRequests: Object.fromEntries(
    names.map((name) => [name, { method: "roots/list" }]),
  ),
});

Deno.test("what a result asks for becomes a request of the server's, and the retry has the answer, the state to the letter and an ID of its own", async () => {
  const state = 'a"b\\\u00e9 \u2028';
  await using w = await asking(1, () => ({
    inputRequests: {
      "the key": { method: "roots/list" },
      e: { method: "elicitation/create", params: { message: "?", n: 1 } },
    },
    requestState: state,
  }));
  const asked = [(await w.client.next()).json, (await w.client.next()).json];
  const listed = asked.find(({ method }) => method === "roots/list");
  const elicited = asked.find(({ method }) => method === "elicitation/create");
  assertEquals(elicited.params, { message: "?", n: 1 });
  w.client.send(
    `{"jsonrpc":"2.0","id":${
      JSON.stringify(elicited.id)
    },"result":{"action":"accept","content":{"x":1E2}}}`,
  );
  w.client.send({ jsonrpc: "2.0", id: listed.id, result: { roots: [] } });
  const { json } = await w.client.next();
  assertEquals([json.id, json.result.rounds], [1, 2]);
  const [first, second] = w.seen.map(({ message }) => message);
  assertEquals(first.id === second.id, false);
  assertEquals(second.params.requestState, state);
  assertEquals(second.params.inputResponses, {
    "the key": { roots: [] },
    e: { action: "accept", content: { x: 100 } },
  });
  assertEquals(second.params.arguments, { a: 1 });
  assertStringIncludes(w.server.requests.all.at(-1)?.text() ?? "", '"x":1E2');
});

Deno.test("a retry without a state has none", async () => {
  await using w = await asking(1, () => roots("r"));
  const { json } = await w.client.next();
  w.client.send({ jsonrpc: "2.0", id: json.id, result: { roots: [] } });
  await w.client.answer(1);
  assertEquals("requestState" in w.seen[1].message.params, false);
});

Deno.test("rounds that bring only a state are paced, and after ten the call fails", async () => {
  await using w = await asking(99, (n) => ({ requestState: `s${n}` }));
  const { json } = await w.client.next();
  assertEquals([json.id, json.error.data.reason], [1, "bad-answer"]);
  assertEquals(w.seen.length, 11);
  assertEquals(w.seen[3].message.params.requestState, "s3");
  // A pace, not a measurement: it is what the target is promised.
  assertGreaterOrEqual(w.seen[1].at - w.seen[0].at, 240);
});

Deno.test("a capability that the client did not declare fails the call", async () => {
  await using w = await asking(1, () => ({
    inputRequests: { s: { method: "sampling/createMessage", params: {} } },
  }));
  const { json } = await w.client.next();
  assertStringIncludes(json.error.message, "sampling/createMessage");
});

Deno.test("the client's error fails the call, and what else it was asked is withdrawn", async () => {
  await using w = await asking(1, () => roots("a", "b"));
  const [a, b] = [(await w.client.next()).json, (await w.client.next()).json];
  w.client.send(rpcError(a.id, -1, "no roots"));
  const last = [(await w.client.next()).json, (await w.client.next()).json];
  const cancelled = last.find(({ method }) =>
    method === "notifications/cancelled"
  );
  const failed = last.find(({ id }) => id === 1);
  assertEquals(cancelled.params.requestId, b.id);
  assertEquals([failed.error.code, failed.error.message], [-1, "no roots"]);
});

Deno.test("a call that is cancelled while the client is asked is over", async () => {
  await using w = await asking(1, () => roots("a"));
  const { json } = await w.client.next();
  w.client.notify("notifications/cancelled", { requestId: 1 });
  assertEquals((await w.client.next()).json.params.requestId, json.id);
  w.client.send({ jsonrpc: "2.0", id: json.id, result: { roots: [] } });
  assertEquals(await w.client.close(), []);
  assertEquals(w.seen.length, 1);
});

Deno.test("at the end of stdin a call whose client was asked is answered", async () => {
  await using w = await asking(1, () => roots("a"));
  await w.client.next();
  const rest = await w.client.close();
  assertEquals(rest.map(({ json }) => [json.id, json.error.code]), [[
    1,
    -31018,
  ]]);
});

Deno.test("an answer in an array counts, and a request beside it is refused", async () => {
  await using w = await asking(1, () => roots("a"));
  const { id } = (await w.client.next()).json;
  w.client.send([
    { jsonrpc: "2.0", id, result: { roots: [] } },
    { jsonrpc: "2.0", id: 2, method: "m" },
  ]);
  assertEquals((await w.client.answer(2)).json.error.code, -32600);
  assertEquals((await w.client.answer(1)).json.result.rounds, 2);
});

Deno.test("batches are refused, and a subscription that the target does not have is an error", async () => {
  await using w = await bridged(modernTarget({
    "server/discover": (message, reply) =>
      reply.json(result(message, { ...DISCOVERED, capabilities: null })),
  }));
  const { json } = await w.client.initialize();
  // Strict clients take no other than an object.
  assertEquals(json.result.capabilities, {});
  w.client.send([{ jsonrpc: "2.0", id: 1, method: "m" }]);
  assertEquals((await w.client.next()).json.error.code, -32600);
  w.client.request(2, "resources/subscribe", { uri: "a:b" });
  assertEquals((await w.client.next()).json.error.code, -32601);
  const { error } = await w.client.ask(3, "resources/subscribe");
  assertEquals([error.code, error.message], [-32602, "uri is required"]);
  await w.client.ask(4, "tools/list");
  assertEquals(await w.client.close(), []);
  // It offers nothing that could be listened to.
  const posted = messages(w.server.requests.all).map(({ method }) => method);
  assertEquals(posted.includes("subscriptions/listen"), false);
});

Deno.test("a subscription that is never acknowledged holds nothing up at the end", async () => {
  const listening = Promise.withResolvers<void>();
  await using w = await bridged(modernTarget({
    "subscriptions/listen": async (_message, reply) => {
      const stream = await reply.sse();
      listening.resolve();
      await stream.closed;
    },
  }));
  await w.client.initialize();
  w.client.request(1, "resources/subscribe", { uri: "a:b" });
  await listening.promise;
  const rest = await w.client.close();
  assertEquals(rest.map(({ json }) => json.id), [1]);
});

Deno.test("a legacy target may ask before it answers initialize", async () => {
  const answered = Promise.withResolvers<void>();
  await using w = await bridged(mcp({
    initialize: async (message, reply) => {
      const stream = await reply.sse();
      await stream.message({ jsonrpc: "2.0", id: "p", method: "ping" });
      await answered.promise;
      await stream.message(result(message, {
        protocolVersion: "2025-11-25",
        capabilities: {},
        serverInfo: { name: "raw", version: "1" },
      }));
      await stream.end();
    },
    response: async (_message, reply) => {
      await reply.status(202);
      answered.resolve();
    },
  }));
  w.client.request(1, "initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "c", version: "1" },
  });
  assertEquals((await w.client.next()).json.method, "ping");
  w.client.send({ jsonrpc: "2.0", id: "p", result: {} });
  assertEquals((await w.client.next()).json.id, 1);
});

Deno.test("at most 256 questions wait for the client, of all calls together; a call that asks for more fails", async () => {
  const names = Array.from({ length: 250 }, (_none, index) => `q${index}`);
  await using w = await asking(
    99,
    (n) => roots(...names.slice(0, n === 1 ? 250 : 7)),
  );
  for (let asked = 0; asked < 250; asked++) {
    assertEquals((await w.client.next()).json.method, "roots/list");
  }
  w.client.request(2, "tools/call", { name: "x" });
  const { json } = await w.client.next();
  assertEquals([json.id, json.error.data.reason], [2, "overloaded"]);
  assertStringIncludes(json.error.message, "256");
});

Deno.test("a large answer is not parsed on its way to a legacy client", async () => {
  await using w = await bridged(modernTarget({
    "tools/call": (message, reply) =>
      reply.json(result(message, {
        resultType: "complete",
        text: "x".repeat(2 ** 20),
      })),
  }));
  await w.client.initialize();
  using parsed = new ParseCounter();
  await w.client.ask(1, "tools/call", { name: "x" });
  // By this client alone.
  assertEquals(parsed.count, 1);
});

Deno.test("a client whose target was replaced by one of 2026-07-28 alone is bridged from its next request on", async () => {
  const legacy = legacyTarget();
  const modern = modernTarget({
    ping: (message, reply) =>
      reply.json(rpcError(message.id, -32022, "Unsupported version"), 400),
    "subscriptions/listen": (message, reply) =>
      reply.json(result(message, { resultType: "complete" })),
  });
  let target = legacy;
  await using w = await bridged((request, reply) => target(request, reply));
  const { json } = await w.client.initialize();
  assertEquals(json.result.protocolVersion, "2025-11-25");
  await w.client.ask(1, "ping");
  target = modern;
  assertEquals((await w.client.ask(2, "ping")).error.code, -32022);
  const { params } =
    (await w.client.ask(3, "tools/call", { name: "x" })).result;
  assertEquals(params, undefined);
  const { length } = messages(w.server.requests.all);
  assertEquals((await w.client.ask(4, "ping")).result, {});
  assertEquals(messages(w.server.requests.all).length, length);
});

Deno.test("the client's error to the only question fails the call, which is not sent again", async () => {
  await using w = await asking(1, () => roots("a"));
  const { id } = (await w.client.next()).json;
  w.client.send(rpcError(id, -1, "no roots"));
  assertEquals((await w.client.answer(1)).json.error.code, -1);
  assertEquals(await w.client.close(), []);
  assertEquals(w.seen.length, 1);
});

for (const method of ["tools/call", "resources/list"]) {
  Deno.test(`a request that a legacy client cancels ends at a modern target, too: ${method}`, async () => {
    const began = Promise.withResolvers<RawEventStream>();
    await using w = await bridged(modernTarget({
      [method]: async (_message, reply) => {
        const stream = await reply.sse();
        began.resolve(stream);
        await stream.closed;
      },
    }));
    await w.client.initialize();
    w.client.request(1, method, { name: "x" });
    const { closed } = await within(began.promise, "the request");
    w.client.notify("notifications/cancelled", { requestId: 1 });
    await within(closed, "the request to be given up");
    assertEquals(await w.client.close(), []);
  });
}

Deno.test("a modern target hears nothing of a legacy client's notifications but cancellations", async () => {
  await using w = await bridged(modernTarget());
  await w.client.initialize();
  w.client.notify("notifications/roots/list_changed");
  await w.client.ask(1, "tools/list");
  await w.client.close();
  const told = messages(w.server.requests.all).map(({ method }) => method)
    .filter((method) => method.startsWith("notifications/"));
  assertEquals(told, []);
});
