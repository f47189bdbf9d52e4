import { assertEquals } from "@std/assert";
import {
  error,
  openSession,
  result,
  Sessions,
} from "../../../support/raw/mcp.ts";
import { count, initialised } from "../world.ts";

Deno.test("without recovery a lost session is the client's error, and no new one is made", async () => {
  await using w = await initialised({}, { recover: false });
  w.sessions.known.clear();
  const json = await w.client.ask(1, "m");
  assertEquals(json.error.message, "Session not found");
  assertEquals(count(w.server, "initialize"), 1);
});

Deno.test("without recovery the standalone stream makes no new session either", async () => {
  await using w = await initialised(
    { GET: (_none, reply) => reply.status(404) },
    { standaloneStream: true, recover: false },
  );
  await w.server.requests.find(({ method }) => method === "GET");
  await w.client.ask(1, "m");
  assertEquals(count(w.server, "initialize"), 1);
});

Deno.test("a call that is cancelled while it waits to be sent again is never sent again, and the target is not told", async () => {
  await using w = await initialised({
    "tools/call": (_message, reply) =>
      reply.status(429, { "retry-after": "1" }),
  });
  w.client.request(1, "tools/call", { name: "x" });
  await w.server.requests.find((seen) => seen.text().includes("tools/call"));
  // The answer has come when the next one has, over the same connection.
  await w.client.ask(2, "m");
  w.client.notify("notifications/cancelled", { requestId: 1 });
  assertEquals(await w.client.close(), []);
  assertEquals(
    [count(w.server, "tools/call"), count(w.server, "notifications/cancelled")],
    [1, 0],
  );
});

for (const code of [-32001, -30001]) {
  Deno.test(`a batch that is answered in part, and with a lost session (${code}), is answered whole and sent once`, async () => {
    const lost = code === -30001
      ? "The provided SessionId was not found or has expired"
      : "Session not found";
    await using w = await initialised({
      batch: (messages, reply) =>
        reply.json([
          result(messages[0], { said: "ran" }),
          error(messages[1], code, lost),
        ]),
    });
    w.client.send([
      { jsonrpc: "2.0", id: 1, method: "tools/call" },
      { jsonrpc: "2.0", id: 2, method: "tools/call" },
    ]);
    const { json } = await w.client.next();
    assertEquals([json[0].result, json[1].error.code], [{ said: "ran" }, code]);
    assertEquals(await w.client.close(), []);
  });
}

Deno.test("a call that ran before its stream and its session were lost gets stream-cut, although no new session can be had", async () => {
  let isDown = false;
  const sessions = new Sessions();
  await using w = await initialised(
    {
      initialize: (message, reply) =>
        isDown ? reply.status(500) : openSession(sessions, message, reply),
      "tools/call": async (_message, reply) => {
        isDown = true;
        const stream = await reply.sse();
        await stream.event({ id: "1", retry: 1 });
        await stream.cut();
      },
      GET: (_none, reply) => reply.status(404),
    },
    {},
    sessions,
  );
  assertEquals(
    (await w.client.ask(1, "tools/call", { name: "x" })).error.data.reason,
    "stream-cut",
  );
});

Deno.test("a recovery asks for the version that was negotiated, and requests that come meanwhile wait", async () => {
  const release = Promise.withResolvers<void>();
  const recovering = Promise.withResolvers<void>();
  let initialized = 0;
  const versions: string[] = [];
  const sessions = new Sessions();
  await using w = await initialised(
    {
      initialize: async (message, reply) => {
        versions.push(message.params.protocolVersion);
        if (++initialized > 1) {
          recovering.resolve();
          await release.promise;
        }
        const told = { protocolVersion: "2025-06-18" };
        await openSession(sessions, message, reply, told);
      },
      "tools/call": (message, reply) =>
        initialized > 1
          ? reply.json(result(message))
          : reply.json(error({ id: null }, -32001, "Session not found"), 404),
    },
    {},
    sessions,
  );
  w.client.request(1, "tools/call", { name: "x" });
  await recovering.promise;
  w.client.request(2, "m");
  w.client.request(3, "m");
  assertEquals(count(w.server, "m"), 0);
  release.resolve();
  const ids = [
    (await w.client.next()).json.id,
    (await w.client.next()).json.id,
    (await w.client.next()).json.id,
  ];
  assertEquals(ids.sort(), [1, 2, 3]);
  assertEquals(versions, ["2025-11-25", "2025-06-18"]);
  assertEquals(initialized, 2);
});
