import { assertEquals } from "@std/assert";
import { mcp, type McpHandler, result, Sessions } from "../support/raw_mcp.ts";
import { RawServer } from "../support/raw_server.ts";
import { StreamClient } from "../support/stream_client.ts";

async function standing(
  GET: McpHandler,
  options: { idleTimeoutMs?: number; script?: Record<string, McpHandler> } = {},
) {
  const { script, ...limits } = options;
  const sessions = new Sessions();
  const server = await RawServer.start(mcp({ GET, ...script }, sessions));
  const client = new StreamClient({
    url: server.url,
    standingStream: true,
    ...limits,
  });
  await client.initialize();
  return {
    server,
    client,
    sessions,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
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

Deno.test("a standing stream that breaks is opened again where it left off", async () => {
  const seen: (string | undefined)[] = [];
  await using world = await standing(async (_none, reply, request) => {
    seen.push(request.header("last-event-id"));
    const stream = await reply.sse();
    if (seen.length === 1) {
      await stream.event({
        id: "7",
        retry: 1,
        data: JSON.stringify(note("a")),
      });
      return await stream.cut();
    }
    if (seen.length === 2) return await stream.end();
    await stream.message(note("b"));
    await stream.closed;
  });
  assertEquals((await world.client.next()).json.method, "a");
  assertEquals((await world.client.next()).json.method, "b");
  assertEquals(seen, [undefined, "7", "7"]);
});

Deno.test("405 means that there is no standing stream: no error, no second try", async () => {
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
  client.request(1, "m");
  await client.answer(1);
  await client.close();
  assertEquals(server.requests.all.map(({ method }) => method), [
    "POST",
    "POST",
    "POST",
  ]);
});

Deno.test("a silent standing stream is opened again after the idle time", async () => {
  let opened = 0;
  const again = Promise.withResolvers<void>();
  await using _world = await standing(async (_none, reply) => {
    if (++opened === 2) again.resolve();
    const stream = await reply.sse();
    await stream.event({ retry: 1 });
    await stream.closed;
  }, { idleTimeoutMs: 50 });
  await again.promise;
});

Deno.test("a 404 to the standing stream renews the session and opens it there", async () => {
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

Deno.test("the standing stream does not keep the proxy from ending", async () => {
  await using world = await standing(async (_none, reply) => {
    const stream = await reply.sse();
    await stream.closed;
  });
  await world.server.requests.find(({ method }) => method === "GET");
  await world.client.close();
  assertEquals(world.server.requests.all.at(-1)?.method, "DELETE");
});

Deno.test("an answer that comes on the standing stream reaches who waits for it", async () => {
  const asked = Promise.withResolvers<unknown>();
  await using world = await standing(async (_none, reply) => {
    const stream = await reply.sse();
    await stream.message(result(await asked.promise, "by another way"));
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
  assertEquals((await world.client.next()).json.result, "by another way");
});
