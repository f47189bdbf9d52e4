import { assertEquals } from "@std/assert";
import { type Log, SILENT_LOG } from "../../../src/log/log.ts";
import { Clock } from "../../support/time/clock.ts";
import { within } from "../../support/time/deadline.ts";
import { mcp, type McpHandler, result } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { StreamClient } from "../../support/stream/client.ts";
import { StreamWorld } from "../../support/stream/world.ts";

async function standing(
  GET: McpHandler,
  options: {
    idleTimeoutMs?: number;
    script?: Record<string, McpHandler>;
    log?: Log;
  } = {},
) {
  const { script, ...limits } = options;
  const world = await StreamWorld.start({ GET, ...script }, {
    standaloneStream: true,
    ...limits,
  });
  await world.client.initialize();
  return world;
}

const note = (name: string) => ({ jsonrpc: "2.0", method: name });

Deno.test("what the target sends on its own reaches the client", async () => {
  await using world = await standing(async (_none, reply, request) => {
    assertEquals(request.header("accept"), "text/event-stream");
    assertEquals(request.header("mcp-session-id")?.slice(0, 9), "session-1");
    const stream = await reply.sse();
    await stream.message(note("a"));
    await stream.message({ jsonrpc: "2.0", id: 1, method: "ping" });
    await stream.closed;
  });
  assertEquals((await world.client.next()).json.method, "a");
  assertEquals((await world.client.next()).json.method, "ping");
});

/**
 * What each of three streams is asked to go on from; the first one breaks after
 * an event of this ID.
 */
async function openedBehind(id: string): Promise<(string | undefined)[]> {
  const seen: (string | undefined)[] = [];
  await using world = await standing(async (_none, reply, request) => {
    seen.push(request.header("last-event-id"));
    const stream = await reply.sse();
    if (seen.length === 1) {
      await stream.event({ id, retry: 1, data: JSON.stringify(note("a")) });
      return await stream.cut();
    }
    if (seen.length === 2) return await stream.end();
    await stream.message(note("b"));
    await stream.closed;
  });
  assertEquals((await world.client.next()).json.method, "a");
  assertEquals((await world.client.next()).json.method, "b");
  return seen;
}

Deno.test("a standalone stream that breaks is opened again where it left off", async () => {
  assertEquals(await openedBehind("7"), [undefined, "7", "7"]);
});

Deno.test("an event's ID that no header can carry is no place to go on from", async () => {
  const none = [undefined, undefined, undefined];
  assertEquals(await openedBehind("a\x01b"), none);
});

Deno.test("what comes under the last event's ID again is another event, if the target counts each stream's anew", async () => {
  let opened = 0;
  await using world = await standing(async (_none, reply) => {
    const stream = await reply.sse();
    const data = JSON.stringify(note(["first", "second"][opened++] ?? ""));
    await stream.event({ id: "1", retry: 1, data });
    await (opened === 1 ? stream.cut() : stream.closed);
  });
  assertEquals((await world.client.next()).json.method, "first");
  assertEquals((await world.client.next()).json.method, "second");
});

Deno.test("405 means that there is no standalone stream: no error, no second try", async () => {
  await using world = await standing((_none, reply) => reply.status(405));
  const { client, server } = world;
  await server.requests.find(({ method }) => method === "GET");
  client.request(1, "m");
  assertEquals((await client.next()).json.id, 1);
  assertEquals(await client.close(), []);
  const gets = server.requests.all.filter(({ method }) => method === "GET");
  assertEquals(gets.length, 1);
});

Deno.test("without the option there is no GET", async () => {
  await using server = await RawServer.start(mcp({}));
  await using client = new StreamClient({ url: server.url });
  await client.initialize();
  await client.ask(1, "m");
  await client.close();
  assertEquals(server.requests.all.map(({ method }) => method), [
    "POST",
    "POST",
    "POST",
  ]);
});

Deno.test("a silent standalone stream is opened again after the idle time", async () => {
  let opened = 0;
  const again = Promise.withResolvers<void>();
  using clock = new Clock();
  await using world = await standing(async (_none, reply) => {
    if (++opened === 2) again.resolve();
    const stream = await reply.sse();
    await stream.event({ retry: 1 });
    await stream.closed;
  }, { idleTimeoutMs: 60_000 });
  await world.server.requests.find(({ method }) => method === "GET");
  await clock.pass(61_000);
  await clock.until(within(again.promise, "the second stream"));
});

Deno.test("a 404 to the standalone stream renews the session and opens it there", async () => {
  const seen: (string | undefined)[] = [];
  await using world = await standing(async (_none, reply, request) => {
    seen.push(request.header("mcp-session-id")?.slice(0, 9));
    if (seen.length === 1) return await reply.status(404);
    const stream = await reply.sse();
    await stream.message(note("a"));
    await stream.closed;
  });
  assertEquals((await world.client.next()).json.method, "a");
  assertEquals(seen, ["session-1", "session-2"]);
});

Deno.test("the standalone stream does not keep the proxy from ending", async () => {
  await using world = await standing(async (_none, reply) => {
    const stream = await reply.sse();
    await stream.closed;
  });
  await world.server.requests.find(({ method }) => method === "GET");
  await world.client.close();
  assertEquals(world.server.requests.all.at(-1)?.method, "DELETE");
});

Deno.test("an answer that comes on the standalone stream reaches who waits for it", async () => {
  const asked = Promise.withResolvers<unknown>();
  await using world = await standing(async (_none, reply) => {
    const stream = await reply.sse();
    await stream.message(
      result(await asked.promise, { said: "by another way" }),
    );
    await stream.closed;
  }, {
    script: {
      m: async (message, reply) => {
        const stream = await reply.sse();
        asked.resolve(message);
        await stream.closed;
      },
    },
  });
  world.client.request(1, "m");
  assertEquals((await world.client.next()).json.result, {
    said: "by another way",
  });
});

/** The messages that were logged as warnings. */
function warnings(): { log: Log; told: string[]; first: Promise<void> } {
  const told: string[] = [];
  const { promise: first, resolve } = Promise.withResolvers<void>();
  const warn = (message: string) => {
    told.push(message);
    resolve();
  };
  return { log: { ...SILENT_LOG, warn }, told, first };
}

const rpcError = (id: unknown, code: number, message: string) => ({
  jsonrpc: "2.0",
  id,
  error: { code, message },
});

for (
  const [what, refuse] of Object.entries<McpHandler>({
    "406": (_none, reply) => reply.status(406),
    "400": (_none, reply) => reply.json({ error: "GET is not for you" }, 400),
    "200 with JSON": (_none, reply) => reply.json({ ok: true }),
    "200 with a page": (_none, reply) =>
      reply.status(200, { "content-type": "text/html" }, "<h1>Hi</h1>"),
  })
) {
  Deno.test(`a GET that is always answered ${what} is tried three times, and this is said once`, async () => {
    const { log, told, first } = warnings();
    await using world = await standing(refuse, { log });
    await within(first, "a warning");
    await world.client.ask(1, "m");
    const gets = world.server.requests.all.filter(({ method }) =>
      method === "GET"
    );
    assertEquals(gets.length, 3);
    assertEquals(told, [
      "the standalone stream was refused; it is not tried again",
    ]);
  });
}

Deno.test("a GET that is answered 503 for a while is opened in the end, and this is said once", async () => {
  const { log, told } = warnings();
  let tries = 0;
  await using world = await standing(async (_none, reply) => {
    if (++tries < 5) return await reply.status(503);
    const stream = await reply.sse();
    await stream.message(note("a"));
    await stream.closed;
  }, { log });
  assertEquals((await world.client.next()).json.method, "a");
  assertEquals(told, ["the standalone stream was refused; it is tried again"]);
});

for (
  const [what, tell] of Object.entries<McpHandler>({
    "a 400 in text": (_none, reply) =>
      reply.status(400, {}, "Bad Request: No valid session ID provided"),
    "a 401": (_none, reply) =>
      reply.status(401, {}, "Unauthorized: Session not found"),
    "a 200 with JSON": (_none, reply) =>
      reply.json(rpcError("server-error", -32600, "Session not found")),
    "an event with an error in words": async (_none, reply) => {
      const stream = await reply.sse();
      await stream.message({ error: "Session not found" });
      await stream.closed;
    },
    "an event with a JSON-RPC error": async (_none, reply) => {
      const stream = await reply.sse();
      await stream.message(rpcError(null, -32001, "Session has expired"));
      await stream.closed;
    },
  })
) {
  Deno.test(`a session lost by ${what} to the standalone stream is replaced, and the stream is opened there`, async () => {
    const seen: (string | undefined)[] = [];
    await using world = await standing(async (none, reply, request) => {
      seen.push(request.header("mcp-session-id")?.slice(0, 9));
      if (seen.length === 1) return await tell(none, reply, request);
      const stream = await reply.sse();
      await stream.message(note("a"));
      await stream.closed;
    });
    assertEquals((await world.client.next()).json.method, "a");
    assertEquals(seen, ["session-1", "session-2"]);
  });

  Deno.test(`a target that meets every standalone stream with ${what} is initialised twice at most`, async () => {
    await using world = await standing(tell);
    for (let id = 0; id < 20; id++) {
      await world.client.ask(id, "m");
    }
    await world.client.close();
    assertEquals(world.sessions.known.size <= 2, true);
  });
}
