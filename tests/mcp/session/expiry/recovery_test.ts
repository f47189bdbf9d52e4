import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  error,
  INITIALIZED,
  type McpHandler,
  openSession,
  result,
  Sessions,
} from "../../../support/raw/mcp.ts";
import { initialised, trace } from "../world.ts";
import { StreamWorld } from "../../../support/stream/world.ts";
import { keptLog } from "../../../support/kept_log.ts";

Deno.test("a 404 with a session is answered after one new initialize", async () => {
  await using world = await (await StreamWorld.start({}))
    .initialize({ capabilities: { roots: {} } });
  const { server, client, sessions } = world;
  await client.ask(1, "before");
  sessions.known.clear();
  client.request(2, "tools/call", { name: "x" });
  assertEquals((await client.next()).json, {
    jsonrpc: "2.0",
    id: 2,
    result: {},
  });
  assertEquals(trace(server), [
    ["initialize", undefined],
    ["notifications/initialized", "session-1"],
    ["before", "session-1"],
    ["tools/call", "session-1"],
    ["initialize", undefined],
    ["notifications/initialized", "session-2"],
    ["tools/call", "session-2"],
  ]);
  const again = JSON.parse(server.requests.all[4].text());
  assertEquals(again.params, {
    protocolVersion: "2025-11-25",
    capabilities: { roots: {} },
    clientInfo: { name: "test", version: "1" },
  });
});

Deno.test("many requests that find the session lost share one new initialize", async () => {
  await using world = await initialised();
  const { server, client, sessions } = world;
  sessions.known.clear();
  const ids = Array.from({ length: 20 }, (_, index) => index);
  for (const id of ids) client.request(id, "tools/call", { name: "x" });
  const answered = [];
  for (const _ of ids) answered.push((await client.next()).json);
  assertEquals(answered.map(({ id }) => id).sort((a, b) => a - b), ids);
  assertEquals(answered.every(({ result }) => result), true);
  const count = trace(server).filter(([method]) => method === "initialize");
  assertEquals(count.length, 2);
});

Deno.test("an error in a 200 that tells of a lost session renews it, and tools/list is sent again", async () => {
  let isLost = true;
  await using world = await initialised({
    "tools/list": async (asked, reply) => {
      if (!isLost) return await reply.json(result(asked, { tools: [] }));
      isLost = false;
      const stream = await reply.sse();
      await stream.message(error(asked, -32001, "Session expired"));
      await stream.end();
    },
  });
  assertEquals("result" in await world.client.ask(1, "tools/list"), true);
  assertEquals(trace(world.server).at(-1), ["tools/list", "session-2"]);
});

Deno.test("where no new session can be had, a request that may have run is told of what it met", async () => {
  const sessions = new Sessions();
  await using world = await initialised(
    {
      initialize: (asked, reply) =>
        sessions.known.size > 0
          ? reply.status(500)
          : openSession(sessions, asked, reply),
      "tools/list": (asked, reply) =>
        reply.json(error(asked, -32001, "Session expired")),
    },
    {},
    sessions,
  );
  const { error: told } = await world.client.ask(1, "tools/list");
  assertEquals(told.message, "Session expired");
});

Deno.test("a session that is lost again and again is an error, not a loop", async () => {
  await using world = await initialised({
    "tools/call": (_asked, reply) => reply.status(404),
  });
  world.client.request(1, "tools/call", { name: "x" });
  const { json } = await world.client.next();
  assertEquals([json.error.code, json.error.data.status], [-31011, 404]);
  const calls = trace(world.server).filter(([method]) =>
    method === "tools/call"
  );
  assertEquals(calls.length, 2);
});

for (
  const [mayHaveRun, before] of [
    [false, "that the target refused with the lost session"],
    [true, "of which an earlier attempt got no answer"],
  ] as const
) {
  Deno.test(`at a stop a request ${before} is told as one that ${mayHaveRun ? "may have" : "has not"} run, while a new session is made`, async () => {
    let starts = 0;
    const sessions = new Sessions();
    await using world = await initialised(
      {
        initialize: (asked, reply) =>
          ++starts > 1 ? reply.hang() : openSession(sessions, asked, reply),
        "tools/list": (_asked, reply) => {
          sessions.known.clear();
          return reply.reset();
        },
      },
      {},
      sessions,
    );
    const { server, client } = world;
    if (!mayHaveRun) sessions.known.clear();
    client.request(1, "tools/list");
    await server.requests.find((seen) =>
      seen.text().includes('"initialize"') && seen !== server.requests.all[0]
    );
    client.stop();
    const { error } = (await client.answer(1)).json;
    assertEquals(error.data, {
      source: "sigv4-proxy",
      reason: "shutting-down",
      mayHaveRun,
    });
  });
}

Deno.test("a call whose lost session cannot be made anew at once is tried again, and told that it has not run in the end", async () => {
  for (const [breaks, told] of [[1, undefined], [Infinity, false]] as const) {
    let starts = 0;
    const sessions = new Sessions();
    await using world = await initialised(
      {
        initialize: (asked, reply) =>
          starts++ > 0 && starts <= breaks + 1
            ? reply.reset()
            : openSession(sessions, asked, reply),
      },
      {},
      sessions,
    );
    sessions.known.clear();
    const { result, error } = await world.client.ask(1, "tools/call", {
      name: "x",
    });
    assertEquals([error?.data.mayHaveRun, result], [
      told,
      told === undefined ? {} : undefined,
    ]);
    assertEquals(error?.message.includes("may have run") ?? false, false);
  }
});

Deno.test("a 404 to a resumption renews the session, and the request gets stream-cut", async () => {
  await using world = await initialised({
    "tools/call": async (_asked, reply) => {
      const stream = await reply.sse();
      await stream.event({ id: "1", retry: 1 });
      await stream.cut();
    },
    GET: (_none, reply) => reply.status(404),
  });
  world.client.request(1, "tools/call", { name: "x" });
  const { json } = await world.client.next();
  assertEquals(json.error.data.reason, "stream-cut");
  assertEquals(trace(world.server).slice(3).map(([method]) => method), [
    "GET",
    "initialize",
    "notifications/initialized",
  ]);
});

Deno.test("a call whose resumed stream tells of a lost session is not sent again: the target had taken it", async () => {
  const words = "The provided SessionId was not found or has expired";
  await using world = await initialised({
    "tools/call": async (_asked, reply) => {
      const stream = await reply.sse();
      await stream.event({ id: "1", retry: 1 });
      await stream.cut();
    },
    GET: async (_none, reply) => {
      const stream = await reply.sse();
      await stream.message(error({ id: 1 }, -30001, words));
      await stream.end();
    },
  });
  world.client.request(1, "tools/call", { name: "x" });
  assertEquals((await world.client.next()).json.error.message, words);
  assertEquals(trace(world.server).slice(2, 4).map(([method]) => method), [
    "tools/call",
    "GET",
  ]);
  assertEquals(await world.client.close(), []);
  const calls = trace(world.server).filter(([name]) => name === "tools/call");
  assertEquals(calls.length, 1);
});

Deno.test("another protocol version in the new session is an error to the client", async () => {
  let protocolVersion = "2025-11-25";
  await using world = await initialised({
    initialize: (asked, reply) =>
      reply.json(result(asked, { ...INITIALIZED, protocolVersion }), 200, {
        "mcp-session-id": "session-x-0123456789",
      }),
    "tools/call": (_asked, reply) => reply.status(404),
  });
  protocolVersion = "2025-03-26";
  world.client.request(1, "tools/call", { name: "x" });
  const { json } = await world.client.next();
  assertStringIncludes(json.error.message, "2025-03-26");
});

Deno.test("an answer to a request of the old session is dropped", async () => {
  await using world = await initialised({
    ask: async (asked, reply) => {
      const stream = await reply.sse();
      await stream.message({ jsonrpc: "2.0", id: "q", method: "roots/list" });
      await stream.message(result(asked));
      await stream.end();
    },
  });
  const { client, server, sessions } = world;
  await client.ask(1, "ask");
  sessions.known.clear();
  await client.ask(2, "m");
  client.send({ jsonrpc: "2.0", id: "q", result: { roots: [] } });
  await client.close();
  assertEquals(trace(server).some(([method]) => method === undefined), false);
});

Deno.test("what was asked in a lost session is withdrawn before the new one asks something else under its ID", async () => {
  await using world = await initialised({
    ask: async (asked, reply) => {
      const stream = await reply.sse();
      const params = { message: `may ${asked.id}?` };
      const method = "elicitation/create";
      await stream.message({ jsonrpc: "2.0", id: 0, method, params });
      await stream.message(result(asked));
      await stream.end();
    },
  });
  const { client, sessions } = world;
  await client.ask(1, "ask");
  sessions.known.clear();
  await client.ask(2, "ask");
  sessions.known.clear();
  await client.ask(3, "m");
  assertEquals(
    client.frames.slice(1).map(({ json: { id, params } }) =>
      params?.message ?? params?.requestId ?? `answer ${id}`
    ),
    ["may 1?", "answer 1", 0, "may 2?", "answer 2", 0, "answer 3"],
  );
});

Deno.test("a second initialize of the client's makes a new session, and the old one is ended", async () => {
  await using world = await initialised();
  const { client, server } = world;
  await client.ask(1, "initialize", { protocolVersion: "2025-11-25" });
  const ended = await server.requests.find(({ method }) => method === "DELETE");
  assertEquals(ended.header("mcp-session-id")?.slice(0, 9), "session-1");
  await client.ask(2, "m");
  assertEquals(trace(server).findLast(([method]) => method === "m"), [
    "m",
    "session-2",
  ]);
});

Deno.test("a target that has one ID for all sessions is not asked to end the one that was just begun", async () => {
  const initialize: McpHandler = (message, reply) =>
    reply.json(result(message, INITIALIZED), 200, { "mcp-session-id": "one" });
  const sessions = new Sessions();
  sessions.known.add("one");
  await using world = await initialised({ initialize }, {}, sessions);
  const { client, server } = world;
  await client.ask(1, "initialize", { protocolVersion: "2025-11-25" });
  await client.ask(2, "m");
  await client.close();
  assertEquals(trace(server).map(([method]) => method).slice(2), [
    "initialize",
    "m",
    "DELETE",
  ]);
});

Deno.test("a target that comes back on the same port answers as if nothing had happened", async () => {
  await using world = await initialised();
  const { client, server, sessions } = world;
  await server.stop();
  sessions.known.clear();
  client.request(1, "tools/call", { name: "x" });
  await server.start();
  assertEquals((await client.next()).json.result, {});
});

Deno.test("the session ID is in no log line and in no error", async () => {
  const { log, lines } = keptLog();
  await using w = await StreamWorld.start({
    initialize: (asked, reply) =>
      reply.json(result(asked, INITIALIZED), 200, {
        "mcp-session-id": "secret-session-id",
      }),
    m: (_asked, reply, request) =>
      reply.status(500, {}, `no: ${request.header("mcp-session-id")}`),
  }, { log });
  await w.client.initialize();
  w.client.request(1, "m");
  const { text } = await w.client.answer(1);
  await w.client.close();
  assertEquals(text.includes("secret-session-id"), false);
  assertEquals(lines.length > 3, true);
  assertEquals(lines.join("").includes("secret-session-id"), false);
});
