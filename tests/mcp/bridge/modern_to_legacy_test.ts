import { assertEquals } from "@std/assert";
import { Clock } from "../../support/time/clock.ts";
import {
  bridged,
  legacyTarget,
  modernParams,
} from "../../support/stream/bridge_world.ts";
import { ParseCounter } from "../../support/parse_counter.ts";
import {
  error,
  INITIALIZED,
  messages,
  methods,
  result,
} from "../../support/raw/mcp.ts";
import type { RawServer } from "../../support/raw/server.ts";
import { within } from "../../support/time/deadline.ts";

Deno.test("a modern client's requests go over a hidden session without its _meta, and results gain what the era demands", async () => {
  await using w = await bridged(legacyTarget({
    "tools/list": (message, reply) =>
      reply.status(
        200,
        { "content-type": "application/json" },
        `{"jsonrpc":"2.0","id":${message.id},"result":{"tools":[], "n":1E2}}`,
      ),
  }));
  const json = await w.client.ask(1, "server/discover", modernParams());
  assertEquals(json.result.supportedVersions, ["2026-07-28"]);
  assertEquals(
    json.result._meta["io.modelcontextprotocol/serverInfo"].name,
    "raw",
  );
  // A level is not set at a target that logs nothing.
  const level = { "io.modelcontextprotocol/logLevel": "debug" };
  const _meta = { ...Object(modernParams()._meta), ...level };
  w.client.send(
    `{"jsonrpc":"2.0","id":2,"method":"tools/list","params":${
      JSON.stringify({ _meta, x: 1 })
    }}`,
  );
  const { text } = await w.client.answer(2);
  assertEquals(
    text,
    '{"jsonrpc":"2.0","id":2,"result":{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[], "n":1E2}}',
  );
  const list = w.server.requests.all.find((seen) =>
    seen.text().includes("tools/list")
  );
  assertEquals(JSON.parse(list?.text() ?? "").params, { _meta: {}, x: 1 });
  assertEquals(list?.header("mcp-session-id")?.slice(0, 9), "session-1");
  assertEquals(
    messages(w.server.requests.all).map(({ method }) => method),
    [
      "server/discover",
      "initialize",
      "notifications/initialized",
      "tools/list",
    ],
  );
});

Deno.test("a probe that fails for no reason of era is answered truthfully", async () => {
  using clock = new Clock();
  await using w = await bridged(
    (_request, reply) =>
      reply.status(403, {
        "x-amzn-errortype": "AccessDeniedException",
        "content-type": "application/json",
      }, '{"message":"no"}'),
  );
  w.client.request(1, "server/discover", modernParams());
  const { json } = await clock.until(w.client.next());
  assertEquals(json.error.code, -31013);
  assertEquals(
    messages(w.server.requests.all).every(({ method }) =>
      method === "server/discover"
    ),
    true,
  );
});

for (const status of [403, 503]) {
  Deno.test(`a target that answered ${status} at first is found to be of a legacy revision by the next request`, async () => {
    using clock = new Clock();
    let isAway = true;
    const legacy = legacyTarget();
    await using w = await bridged((request, reply) =>
      isAway ? reply.status(status) : legacy(request, reply)
    );
    const params = modernParams();
    const first = w.client.ask(1, "tools/call", params);
    assertEquals((await clock.until(first)).error.data.source, "sigv4-proxy");
    isAway = false;
    const { result } = await w.client.ask(2, "tools/list", params);
    assertEquals(result.resultType, "complete");
  });
}

Deno.test("a call is told at once of what keeps its target's era from being found out", async () => {
  await using w = await bridged((_request, reply) => reply.status(403));
  const answer = await w.client.ask(1, "tools/call", modernParams());
  assertEquals(answer.error.data.status, 403);
  const asked = methods(w.server.requests.all);
  assertEquals(asked, ["server/discover", "initialize", "tools/call"]);
});

for (const order of [[1, 2], [2, 1]]) {
  Deno.test(`a call that was sent before the target told its era is answered, number ${order} in turn`, async () => {
    using clock = new Clock();
    const called = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const turns = [0, 1, 2].map(() => Promise.withResolvers<void>());
    const legacy = legacyTarget();
    let isAway = true;
    await using w = await bridged(async (request, reply) => {
      const [message] = messages([request]);
      if (message?.method === "tools/call") {
        isAway = false;
        called.resolve();
        await turns[1].promise;
        return await reply.json(result(message));
      }
      if (isAway) return await reply.status(403);
      if (message?.method === "server/discover") {
        asked.resolve();
        await turns[2].promise;
      }
      await legacy(request, reply);
    });
    using _ended = {
      [Symbol.dispose]: () => [1, 2].forEach((id) => turns[id].resolve()),
    };
    w.client.request(1, "tools/call", modernParams());
    await clock.until(called.promise);
    w.client.request(2, "tools/list", modernParams());
    await asked.promise;
    for (const id of order) {
      turns[id].resolve();
      assertEquals((await w.client.next()).json.id, id);
    }
  });
}

Deno.test("other requests of a legacy target are refused, and its ping is answered", async () => {
  const answered: unknown[] = [];
  const done = Promise.withResolvers<void>();
  await using w = await bridged(legacyTarget({
    GET: async (_none, reply) => {
      const stream = await reply.sse();
      await stream.message({ jsonrpc: "2.0", id: "p", method: "ping" });
      await stream.message({ jsonrpc: "2.0", id: "r", method: "roots/list" });
      await stream.closed;
    },
    response: async (message, reply) => {
      await reply.status(202);
      answered.push([message.id, message.error?.code ?? message.result]);
      if (answered.length === 2) done.resolve();
    },
  }));
  await w.client.ask(1, "tools/list", modernParams());
  await done.promise;
  assertEquals(answered.sort(), [["p", {}], ["r", -32601]]);
});

Deno.test("a subscription is fed from the hidden session, and ends when it is cancelled", async () => {
  const streams = Promise.withResolvers<
    { message(value: unknown): Promise<void> }
  >();
  const unsubscribed = Promise.withResolvers<void>();
  const INIT = {
    protocolVersion: "2025-11-25",
    capabilities: {
      tools: { listChanged: true },
      resources: { subscribe: true },
    },
    serverInfo: { name: "raw", version: "1" },
  };
  await using w = await bridged(legacyTarget({
    initialize: (message, reply) => reply.json(result(message, INIT)),
    GET: async (_none, reply) => {
      const stream = await reply.sse();
      streams.resolve(stream);
      await stream.closed;
    },
    "resources/unsubscribe": async (message, reply) => {
      await reply.json(result(message));
      unsubscribed.resolve();
    },
  }));
  w.client.request(
    "l",
    "subscriptions/listen",
    modernParams({
      notifications: {
        toolsListChanged: true,
        promptsListChanged: true,
        resourceSubscriptions: ["a:b"],
      },
    }),
  );
  const { json } = await w.client.next();
  assertEquals(json.params, {
    _meta: { "io.modelcontextprotocol/subscriptionId": "l" },
    notifications: { toolsListChanged: true, resourceSubscriptions: ["a:b"] },
  });
  const stream = await streams.promise;
  await stream.message({
    jsonrpc: "2.0",
    method: "notifications/prompts/list_changed",
  });
  await stream.message({
    jsonrpc: "2.0",
    method: "notifications/resources/updated",
    params: { uri: "c:d" },
  });
  await stream.message({
    jsonrpc: "2.0",
    method: "notifications/resources/updated",
    params: { uri: "a:b" },
  });
  const told = (await w.client.next()).json;
  assertEquals(told.params, {
    _meta: { "io.modelcontextprotocol/subscriptionId": "l" },
    uri: "a:b",
  });
  // Another subscription needs the resource still.
  w.client.request(
    "m",
    "subscriptions/listen",
    modernParams({ notifications: { resourceSubscriptions: ["a:b"] } }),
  );
  await w.client.next();
  w.client.notify("notifications/cancelled", { requestId: "m" });
  await w.client.ask(1, "tools/list", modernParams());
  assertEquals(posted(w).includes("resources/unsubscribe"), false);
  w.client.notify("notifications/cancelled", { requestId: "l" });
  await unsubscribed.promise;
  assertEquals(await w.client.close(), []);
});

Deno.test("a call that is cancelled is not answered after all", async () => {
  const called = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<void>();
  await using w = await bridged(legacyTarget({
    "tools/call": async (message, reply) => {
      called.resolve();
      await cancelled.promise;
      reply.json(result(message, { late: 1 }));
    },
    "notifications/cancelled": async (_message, reply) => {
      await reply.status(202);
      cancelled.resolve();
    },
  }));
  w.client.request(1, "tools/call", modernParams({ name: "x" }));
  await called.promise;
  w.client.send({
    jsonrpc: "2.0",
    method: "notifications/cancelled",
    params: { requestId: 1 },
  });
  await cancelled.promise;
  w.client.request(2, "tools/list", modernParams());
  assertEquals((await w.client.next()).json.id, 2);
  assertEquals(await w.client.close(), []);
});

Deno.test("a large answer is not parsed on its way to a modern client, and gains what the era demands", async () => {
  await using w = await bridged(legacyTarget({
    "tools/call": (message, reply) =>
      reply.json(result(message, { text: "x".repeat(2 ** 20) })),
  }));
  await w.client.ask(1, "tools/list", modernParams());
  using parsed = new ParseCounter();
  const json = await w.client.ask(2, "tools/call", modernParams({ name: "x" }));
  assertEquals(json.result.resultType, "complete");
  // By this client alone.
  assertEquals(parsed.count, 1);
});

Deno.test("a request of no era is answered, not dropped, once the client speaks the modern one", async () => {
  await using w = await bridged(legacyTarget());
  await w.client.ask(1, "tools/list", modernParams());
  assertEquals((await w.client.ask(2, "tools/list")).error.code, -32600);
});

for (const when of ["at first", "after modern requests"]) {
  Deno.test(`of several initialize in flight before a legacy target each is answered (${when})`, async () => {
    await using w = await bridged(legacyTarget());
    if (when !== "at first") await w.client.ask(1, "ping", modernParams());
    const ids = [5, 6, 7];
    for (const id of ids) w.client.request(id, "initialize", {});
    const answered = (await w.client.close()).map(({ json }) => json.id);
    assertEquals(answered.sort(), ids);
  });
}

Deno.test("requests of one ID in flight before a legacy target are each answered, with what is theirs", async () => {
  const sent = Promise.withResolvers<void>();
  const list = Promise.withResolvers<void>();
  await using w = await bridged(legacyTarget({
    "tools/call": async (message, reply) => {
      await sent.promise;
      await reply.json(result(message, { content: [] }));
    },
    "tools/list": async (message, reply) => {
      await list.promise;
      await reply.json(result(message, { tools: [] }));
    },
  }));
  await w.client.ask(0, "ping", modernParams());
  for (const method of ["tools/list", "tools/call"]) {
    w.client.request(1, method, modernParams({ name: "x" }));
  }
  await w.server.requests.at(5);
  sent.resolve();
  const call = (await w.client.answer(1)).json.result;
  assertEquals([call.content, "ttlMs" in call], [[], false]);
  list.resolve();
  const { tools, ttlMs } = (await w.client.answer(1)).json.result;
  assertEquals([tools, ttlMs], [[], 0]);
});

Deno.test("the log level of each request is set in the session when it changes", async () => {
  await using w = await bridged(legacyTarget({
    initialize: (message, reply) => {
      const capabilities = { logging: {} };
      return reply.json(result(message, { ...INITIALIZED, capabilities }));
    },
  }));
  for (const [id, level] of ["info", "info", undefined, "debug"].entries()) {
    const params = modernParams() as { _meta: Record<string, unknown> };
    if (level !== undefined) {
      params._meta["io.modelcontextprotocol/logLevel"] = level;
    }
    await w.client.ask(id, "tools/list", params);
  }
  await w.client.close();
  const levels = messages(w.server.requests.all)
    .filter(({ method }) => method === "logging/setLevel");
  assertEquals(levels.map(({ params }) => params.level), ["info", "debug"]);
});

Deno.test("notifications that are of both eras pass either way, and so do errors", async () => {
  const told = Promise.withResolvers<void>();
  await using w = await bridged(legacyTarget({
    "tools/call": async (message, reply) => {
      const stream = await reply.sse();
      const params = { level: "info", data: "x" };
      const method = "notifications/message";
      await stream.message({ jsonrpc: "2.0", method, params });
      await stream.message(error(message, -7, "no"));
      await stream.end();
    },
    "notifications/progress": async (_message, reply) => {
      await reply.status(202);
      told.resolve();
    },
  }));
  w.client.request(1, "tools/call", modernParams({ name: "x" }));
  assertEquals((await w.client.next()).json.params.data, "x");
  assertEquals((await w.client.next()).json, {
    jsonrpc: "2.0",
    id: 1,
    error: { code: -7, message: "no" },
  });
  w.client.notify("notifications/progress", { progressToken: 1, progress: 1 });
  await within(told.promise, "the notification");
});

Deno.test("a subscription of a modern client's that stands at the end is answered then", async () => {
  await using w = await bridged(legacyTarget());
  w.client.request(
    "l",
    "subscriptions/listen",
    modernParams({ notifications: { toolsListChanged: true } }),
  );
  await w.client.next();
  const rest = await w.client.close();
  assertEquals(
    rest.map(({ json: { id, result } }) => [id, result.resultType]),
    [["l", "complete"]],
  );
});

/** The methods of what was POSTed so far. */
function posted(w: { server: RawServer }): string[] {
  return messages(w.server.requests.all).map(({ method }) => method);
}
