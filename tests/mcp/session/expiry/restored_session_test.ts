import { assertEquals } from "@std/assert";
import { openSession, Sessions } from "../../../support/raw/mcp.ts";
import { initialised, trace } from "../world.ts";

Deno.test("the log level and the subscriptions are set up again, and changed lists are told of", async () => {
  const sessions = new Sessions();
  const capabilities = { tools: { listChanged: true }, prompts: {} };
  await using world = await initialised(
    {
      initialize: (asked, reply) =>
        openSession(sessions, asked, reply, { capabilities }),
    },
    {},
    sessions,
  );
  const { client, server } = world;
  client.request(1, "logging/setLevel", { level: "debug" });
  client.request(2, "resources/subscribe", { uri: "file:///a" });
  client.request(3, "resources/subscribe", { uri: "file:///b" });
  for (const id of [1, 2, 3]) await client.answer(id);
  await client.ask(4, "resources/unsubscribe", { uri: "file:///a" });
  const before = server.requests.length;
  sessions.known.clear();
  client.request(5, "tools/call", { name: "x" });
  assertEquals(
    (await client.next()).json.method,
    "notifications/tools/list_changed",
  );
  assertEquals((await client.next()).json.id, 5);
  assertEquals(
    server.requests.all.slice(before).map((seen) => {
      const { method, params } = JSON.parse(seen.text());
      return [method, params?.level ?? params?.uri];
    }),
    [
      ["tools/call", undefined],
      ["initialize", undefined],
      ["notifications/initialized", undefined],
      ["logging/setLevel", "debug"],
      ["resources/subscribe", "file:///b"],
      ["tools/call", undefined],
    ],
  );
});

Deno.test("after a second loss those lists are told of alone that the session before told of", async () => {
  const sessions = new Sessions();
  let tools: unknown = { listChanged: true };
  await using world = await initialised(
    {
      initialize: async (asked, reply) => {
        const told = { capabilities: { tools } };
        tools = {};
        await openSession(sessions, asked, reply, told);
      },
    },
    {},
    sessions,
  );
  const { client } = world;
  const told = [];
  for (const id of [1, 2]) {
    sessions.known.clear();
    client.request(id, "m");
    do told.push((await client.next()).json); while (told.at(-1).id !== id);
  }
  assertEquals(told.map(({ id, method }) => id ?? method), [
    "notifications/tools/list_changed",
    1,
    2,
  ]);
});

Deno.test("what the client set up in its first session is not set up again for its second", async () => {
  await using world = await initialised();
  const { client, server, sessions } = world;
  client.request(1, "logging/setLevel", { level: "debug" });
  client.request(2, "resources/subscribe", { uri: "file:///a" });
  for (const id of [1, 2]) await client.answer(id);
  await client.ask(3, "initialize", { protocolVersion: "2025-11-25" });
  await server.requests.find(({ method }) => method === "DELETE");
  const before = server.requests.length;
  sessions.known.clear();
  await client.ask(4, "m");
  assertEquals(
    trace(server).slice(before).map(([method]) => method),
    ["m", "initialize", "notifications/initialized", "m"],
  );
});
