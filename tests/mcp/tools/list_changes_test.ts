import { assertEquals } from "@std/assert";
import { modern } from "../../support/stream/modern_message.ts";
import { openSession, result, Sessions } from "../../support/raw/mcp.ts";
import { hinting, ToolWorld } from "./tool_world.ts";

const CHANGED = { jsonrpc: "2.0", method: "notifications/tools/list_changed" };

for (
  const [how, data] of [
    ["alone", JSON.stringify(CHANGED)],
    [
      "with its slashes escaped",
      JSON.stringify(CHANGED).replaceAll("/", "\\/"),
    ],
    ["in an array", JSON.stringify([CHANGED, { ...CHANGED, method: "n" }])],
  ]
) {
  Deno.test(`after list_changed, ${how}, the next call lists again with read-only`, async () => {
    await using w = await ToolWorld.make({
      m: async (message, reply) => {
        w.isReadOnly = false;
        const stream = await reply.sse();
        await stream.event({ event: "message", data });
        await stream.message(result(message));
        await stream.end();
      },
    });
    assertEquals("result" in await w.call(1), true);
    w.client.request(2, "m");
    assertEquals((await w.client.next()).text, data);
    await w.client.answer(2);
    assertEquals((await w.call(3)).error?.code, -31019);
    assertEquals(w.posted, ["tools/list", "tools/call", "m", "tools/list"]);
  });
}

Deno.test("list_changed on the standalone stream makes the next call list again", async () => {
  const opened = Promise.withResolvers<
    { message(value: unknown): Promise<void> }
  >();
  await using w = await ToolWorld.make(
    {
      GET: async (_none, reply) => {
        const stream = await reply.sse();
        opened.resolve(stream);
        await stream.closed;
      },
    },
    { standaloneStream: true },
  );
  await w.client.initialize();
  assertEquals("result" in await w.call(1), true);
  w.isReadOnly = false;
  await (await opened.promise).message(CHANGED);
  assertEquals((await w.client.next()).json, CHANGED);
  assertEquals((await w.call(2)).error?.code, -31019);
});

Deno.test("list_changed on a subscription of the modern era makes the next call list again", async () => {
  const change = Promise.withResolvers<void>();
  const note = (name: string, params = {}) => ({
    jsonrpc: "2.0",
    method: `notifications/${name}`,
    params: {
      _meta: { "io.modelcontextprotocol/subscriptionId": "s" },
      ...params,
    },
  });
  const notifications = { toolsListChanged: true };
  await using w = await ToolWorld.make({
    "subscriptions/listen": async (_message, reply) => {
      const stream = await reply.sse();
      await stream.message(
        note("subscriptions/acknowledged", { notifications }),
      );
      await change.promise;
      await stream.message(note("tools/list_changed"));
      await stream.closed;
    },
  });
  w.client.request("s", "subscriptions/listen", modern({ notifications }));
  await w.client.next();
  assertEquals("result" in await w.call(1, modern()), true);
  w.isReadOnly = false;
  change.resolve();
  assertEquals((await w.client.next()).json, note("tools/list_changed"));
  assertEquals((await w.call(2, modern())).error?.code, -31019);
});

Deno.test("a list that changes while it is fetched for a call is fetched anew", async () => {
  let count = 0;
  const first = { ...hinting(true), nextCursor: "2" };
  const answers = [first, hinting(true, "other")];
  await using w = await ToolWorld.make({
    "tools/list": async (message, reply) => {
      const stream = await reply.sse();
      if (++count === 2) await stream.message(CHANGED);
      await stream.message(result(message, answers[(count - 1) % 2]));
      await stream.end();
    },
  });
  assertEquals("result" in await w.call(1), true);
  assertEquals(w.posted, [
    ...Array.from({ length: 4 }, () => "tools/list"),
    "tools/call",
  ]);
});

Deno.test("what a target's tools said is forgotten with its session, where it tells of changed lists", async () => {
  const sessions = new Sessions();
  const capabilities = { tools: { listChanged: true } };
  await using w = await ToolWorld.make(
    {
      initialize: (message, reply) =>
        openSession(sessions, message, reply, { capabilities }),
    },
    {},
    sessions,
  );
  await w.client.initialize();
  assertEquals("result" in await w.call(1), true);
  w.restart(false);
  await w.client.ask(2, "m");
  assertEquals((await w.call(3)).error?.code, -31019);
});

Deno.test("a list of a session that is gone teaches nothing of the next one's tools", async () => {
  const sessions = new Sessions();
  const release = Promise.withResolvers<void>();
  let lists = 0;
  await using w = await ToolWorld.make(
    {
      "tools/list": async (message, reply) => {
        const { isReadOnly } = w;
        if (lists++ === 0) await release.promise;
        await reply.json(result(message, hinting(isReadOnly)));
      },
    },
    {},
    sessions,
  );
  await w.client.initialize();
  w.client.request(1, "tools/list");
  await w.server.requests.find((seen) => seen.text().includes("tools/list"));
  // The target begins anew, with another tool of that name.
  w.restart(false);
  await w.client.ask(2, "ping");
  release.resolve();
  const { json } = await w.client.answer(1);
  assertEquals(json.result.tools.length, 1);
  assertEquals((await w.call(3)).error?.code, -31019);
  assertEquals(w.posted.filter((method) => method === "tools/call"), []);
});
