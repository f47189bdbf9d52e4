import { assertEquals } from "@std/assert";
import { modern } from "../../support/modern_message.ts";
import {
  type McpHandler,
  openSession,
  result,
  Sessions,
} from "../../support/raw_mcp.ts";
import { StreamWorld } from "../../support/stream_world.ts";

/** A list whose one tool says that it is read-only until it is told otherwise. */
class ChangingTool {
  isReadOnly = true;

  readonly list: McpHandler = (message, reply) =>
    reply.json(
      result(message, {
        tools: [{
          name: "get",
          annotations: { readOnlyHint: this.isReadOnly },
        }],
      }),
    );
}

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
    const tool = new ChangingTool();
    await using w = await StreamWorld.start({
      "tools/list": tool.list,
      m: async (message, reply) => {
        tool.isReadOnly = false;
        const stream = await reply.sse();
        await stream.event({ event: "message", data });
        await stream.message(result(message));
        await stream.end();
      },
    }, { tools: { readOnly: true } });
    w.client.request(1, "tools/call", { name: "get" });
    assertEquals("result" in (await w.client.answer(1)).json, true);
    w.client.request(2, "m");
    assertEquals((await w.client.next()).text, data);
    await w.client.answer(2);
    w.client.request(3, "tools/call", { name: "get" });
    assertEquals((await w.client.answer(3)).json.error?.code, -31019);
    assertEquals(w.posted, ["tools/list", "tools/call", "m", "tools/list"]);
  });
}

Deno.test("list_changed on the standalone stream makes the next call list again", async () => {
  const tool = new ChangingTool();
  const opened = Promise.withResolvers<
    { message(value: unknown): Promise<void> }
  >();
  await using w = await StreamWorld.start(
    {
      "tools/list": tool.list,
      GET: async (_none, reply) => {
        const stream = await reply.sse();
        opened.resolve(stream);
        await stream.closed;
      },
    },
    { tools: { readOnly: true }, standaloneStream: true },
    new Sessions(),
  );
  await w.client.initialize();
  w.client.request(1, "tools/call", { name: "get" });
  assertEquals("result" in (await w.client.answer(1)).json, true);
  tool.isReadOnly = false;
  await (await opened.promise).message(CHANGED);
  assertEquals((await w.client.next()).json, CHANGED);
  w.client.request(2, "tools/call", { name: "get" });
  assertEquals((await w.client.answer(2)).json.error?.code, -31019);
});

Deno.test("list_changed on a subscription of the modern era makes the next call list again", async () => {
  const tool = new ChangingTool();
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
  await using w = await StreamWorld.start({
    "tools/list": tool.list,
    "subscriptions/listen": async (_message, reply) => {
      const stream = await reply.sse();
      await stream.message(
        note("subscriptions/acknowledged", { notifications }),
      );
      await change.promise;
      await stream.message(note("tools/list_changed"));
      await stream.closed;
    },
  }, { tools: { readOnly: true } });
  w.client.request("s", "subscriptions/listen", modern({ notifications }));
  await w.client.next();
  w.client.request(1, "tools/call", modern({ name: "get" }));
  assertEquals("result" in (await w.client.answer(1)).json, true);
  tool.isReadOnly = false;
  change.resolve();
  assertEquals((await w.client.next()).json, note("tools/list_changed"));
  w.client.request(2, "tools/call", modern({ name: "get" }));
  assertEquals((await w.client.answer(2)).json.error?.code, -31019);
});

Deno.test("a list that changes while it is fetched for a call is fetched anew", async () => {
  let count = 0;
  const page = (readOnlyHint: boolean, name: string, nextCursor?: string) => ({
    tools: [{ name, annotations: { readOnlyHint } }],
    nextCursor,
  });
  const answers = [
    page(true, "get", "2"),
    page(true, "other"),
    page(true, "get", "2"),
    page(true, "other"),
  ];
  await using w = await StreamWorld.start({
    "tools/list": async (message, reply) => {
      const stream = await reply.sse();
      if (++count === 2) await stream.message(CHANGED);
      await stream.message(result(message, answers[count - 1]));
      await stream.end();
    },
  }, { tools: { readOnly: true } });
  w.client.request(1, "tools/call", { name: "get" });
  assertEquals("result" in (await w.client.answer(1)).json, true);
  assertEquals(w.posted, [
    ...Array.from({ length: 4 }, () => "tools/list"),
    "tools/call",
  ]);
});

Deno.test("what a target's tools said is forgotten with its session, where it tells of changed lists", async () => {
  const tool = new ChangingTool();
  const sessions = new Sessions();
  const capabilities = { tools: { listChanged: true } };
  await using w = await StreamWorld.start(
    {
      "tools/list": tool.list,
      initialize: (message, reply) =>
        openSession(sessions, message, reply, { capabilities }),
    },
    { tools: { readOnly: true } },
    sessions,
  );
  await w.client.initialize();
  w.client.request(1, "tools/call", { name: "get" });
  assertEquals("result" in (await w.client.answer(1)).json, true);
  sessions.known.clear();
  tool.isReadOnly = false;
  await w.client.ask(2, "m");
  w.client.request(3, "tools/call", { name: "get" });
  assertEquals((await w.client.answer(3)).json.error?.code, -31019);
});

Deno.test("a list of a session that is gone teaches nothing of the next one's tools", async () => {
  const sessions = new Sessions();
  const release = Promise.withResolvers<void>();
  let isReadOnly = true;
  let lists = 0;
  await using w = await StreamWorld.start(
    {
      "tools/list": async (message, reply) => {
        const tools = [{
          name: "x",
          annotations: { readOnlyHint: isReadOnly },
        }];
        if (lists++ === 0) await release.promise;
        await reply.json(result(message, { tools }));
      },
    },
    { tools: { readOnly: true } },
    sessions,
  );
  await w.client.initialize();
  w.client.request(1, "tools/list");
  await w.server.requests.find((seen) => seen.text().includes("tools/list"));
  // The target begins anew, with another tool of that name.
  sessions.known.clear();
  isReadOnly = false;
  await w.client.ask(2, "ping");
  release.resolve();
  const { json } = await w.client.answer(1);
  assertEquals(json.result.tools.length, 1);
  w.client.request(3, "tools/call", { name: "x" });
  assertEquals((await w.client.answer(3)).json.error?.code, -31019);
  assertEquals(w.posted.filter((method) => method === "tools/call"), []);
});
