import { assertEquals, assertStringIncludes } from "@std/assert";
import { StreamWorld } from "../../support/stream/world.ts";
import { type McpHandler, result } from "../../support/raw/mcp.ts";
import type { SeenRequest } from "../../support/raw/server.ts";
import { allTools, TOOLS } from "./tool_lists.ts";

/** Pages of one tool each. */
const pagedTools: McpHandler = (message, reply) => {
  const page = Number(message.params?.cursor ?? 0);
  return reply.json(result(message, {
    tools: [TOOLS[page]],
    ...(page < 2 && { nextCursor: String(page + 1) }),
  }));
};

/** What was posted, to the letter. */
function sent(requests: readonly SeenRequest[]): string[] {
  return requests.filter(({ method }) => method === "POST")
    .map((seen) => seen.text());
}

const names = (json: { result: { tools: { name: string }[] } }) =>
  json.result.tools.map(({ name }) => name);

Deno.test("with read-only, tools/list has only tools that say they are, every other byte as it was", async () => {
  await using w = await StreamWorld.start({ "tools/list": allTools }, {
    tools: { readOnly: true },
  });
  w.client.request(1, "tools/list");
  const { text } = await w.client.next();
  assertEquals(
    text,
    `{"jsonrpc":"2.0","id":1,"result":{ "tools" : [ ${
      JSON.stringify(TOOLS[0])
    } ],"x":1E2 }}`,
  );
});

Deno.test("a list that has no tools and another page ends with the first", async () => {
  await using w = await StreamWorld.start({
    "tools/list": (message, reply) =>
      reply.json(result(message, { nextCursor: String(message.id) })),
  }, { tools: { readOnly: true } });
  const { error } = await w.client.ask(1, "tools/call", { name: "x" });
  assertStringIncludes(error.message, "has no list of tools");
  assertEquals(sent(w.server.requests.all).length, 1);
});

Deno.test("with read-only, a call of a tool never listed is checked: the whole list is fetched, once", async () => {
  await using w = await StreamWorld.start({
    "tools/list": pagedTools,
  }, { tools: { readOnly: true } });
  const json = await w.client.ask(1, "tools/call", { name: "delete_item" });
  assertEquals([json.error.code, json.error.data.tool], [
    -31019,
    "delete_item",
  ]);
  assertStringIncludes(
    json.error.message,
    "tools.readOnly allows only tools that say they change nothing",
  );
  w.client.request(2, "tools/call", { name: "get_item" });
  assertEquals("result" in (await w.client.answer(2)).json, true);
  w.client.request(3, "tools/call", { name: "put_item" });
  assertEquals((await w.client.answer(3)).json.error.code, -31019);
  assertEquals(
    sent(w.server.requests.all).map((text) => JSON.parse(text).method),
    ["tools/list", "tools/list", "tools/list", "tools/call"],
  );
  assertEquals(w.client.frames.length, 3);
});

Deno.test("allow and deny go by globs, in lists and calls; deny wins", async () => {
  await using w = await StreamWorld.start({ "tools/list": allTools }, {
    tools: { allow: ["*_item"], deny: ["delete*", "?ut_item"] },
  });
  w.client.request(1, "tools/list");
  assertEquals(names((await w.client.next()).json), ["get_item"]);
  for (
    const [name, isAllowed] of [
      ["get_item", true],
      ["put_item", false],
      ["delete_item", false],
      ["get_itemx", false],
      ["get.item", false],
    ] as const
  ) {
    const json = await w.client.ask(name, "tools/call", { name });
    assertEquals(json.error?.code, isAllowed ? undefined : -31019, name);
  }
});

Deno.test("each member of a batch is checked, and the others go on as they were", async () => {
  await using w = await StreamWorld.start({
    batch: (messages, reply) =>
      reply.json(messages.map((message: unknown) => result(message))),
  }, { tools: { deny: ["delete*"] } });
  w.client.send(
    '[ {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_item"}}, {"jsonrpc":"2.0","id":2, "method":"x"},{"jsonrpc":"2.0","method":"n"}]',
  );
  const answers = [(await w.client.next()).json, (await w.client.next()).json];
  const [blocked] = answers.filter((json) => !Array.isArray(json));
  assertEquals([blocked.id, blocked.error.code], [1, -31019]);
  assertEquals(sent(w.server.requests.all), [
    '[ {"jsonrpc":"2.0","id":2, "method":"x"},{"jsonrpc":"2.0","method":"n"}]',
  ]);
});

Deno.test("a call without an ID is dropped, alone and in a batch", async () => {
  await using w = await StreamWorld.start({ "tools/list": allTools }, {
    tools: { deny: ["x"] },
  });
  const call = {
    jsonrpc: "2.0",
    method: "tools/call",
    params: { name: "get_item" },
  };
  w.client.send(call);
  w.client.send([call]);
  await w.client.ask(1, "m");
  assertEquals(w.server.requests.length, 1);
});

Deno.test("a call that names no tool is blocked", async () => {
  await using w = await StreamWorld.start({ "tools/list": allTools }, {
    tools: { deny: ["x"] },
  });
  w.client.request(1, "tools/call", { title: "x" });
  assertEquals((await w.client.next()).json.error.code, -31019);
});

Deno.test("a call that is cancelled while the list is fetched is never sent", async () => {
  const release = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    "tools/list": async (message, reply) => {
      await release.promise;
      await reply.json(result(message, { tools: TOOLS }));
    },
  }, { tools: { readOnly: true } });
  w.client.request(1, "tools/call", { name: "get_item" });
  await w.server.requests.at(0);
  w.client.notify("notifications/cancelled", { requestId: 1 });
  await w.client.ask(2, "m");
  release.resolve();
  await w.client.ask(3, "tools/call", { name: "get_item" });
  assertEquals(await w.client.close(), []);
  assertEquals(
    sent(w.server.requests.all).map((text) => JSON.parse(text))
      .map(({ id, method }) => method === "tools/list" ? method : id),
    ["tools/list", 2, 3],
  );
});

Deno.test("a stop answers a call that waits for the list", async () => {
  await using w = await StreamWorld.start({
    "tools/list": (_message, reply) => reply.hang(),
  }, { tools: { readOnly: true } });
  w.client.request(1, "tools/call", { name: "get_item" });
  await w.server.requests.at(0);
  w.client.stop();
  const answers = await w.client.close();
  assertEquals(answers.map(({ json }) => [json.id, json.error.code]), [[
    1,
    -31018,
  ]]);
});

Deno.test("other messages pass byte for byte under a policy", async () => {
  await using w = await StreamWorld.start({ "tools/list": allTools }, {
    tools: { readOnly: true },
  });
  const text = '{ "jsonrpc":"2.0","id":1,"method":"m","params":{"a":1E2} }';
  w.client.send(text);
  await w.client.next();
  assertEquals(sent(w.server.requests.all), [text]);
});

Deno.test("of a batch that waits for the list, only what is cancelled is left out", async () => {
  const listed = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    "tools/list": async (message, reply) => {
      asked.resolve();
      await listed.promise;
      reply.json(result(message, { tools: TOOLS }));
    },
    batch: (messages, reply) =>
      reply.json(messages.map((message: unknown) => result(message))),
  }, { tools: { readOnly: true } });
  w.client.send(
    '[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_item"}},{"jsonrpc":"2.0","id":2,"method":"x"}]',
  );
  await asked.promise;
  w.client.send(
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}',
  );
  listed.resolve();
  const { text } = await w.client.next();
  assertEquals(JSON.parse(text)[0].id, 2);
  assertEquals(
    sent(w.server.requests.all).at(-1),
    '[{"jsonrpc":"2.0","id":2,"method":"x"}]',
  );
});

Deno.test("a list that the target gives in an array is the proxy's own all the same", async () => {
  await using w = await StreamWorld.start({
    "tools/list": (message, reply) =>
      reply.json([result(message, { tools: TOOLS })]),
  }, { tools: { readOnly: true } });
  w.client.request(1, "tools/call", { name: "get_item" });
  assertEquals("result" in (await w.client.next()).json, true);
  assertEquals(w.client.frames.length, 1);
});

Deno.test("what a reader that is not strict takes for a denied tool is denied, in lists and calls", async () => {
  const names = [
    "DELETE_x",
    " delete_x",
    "delete_x\n",
    "\u0000delete_x",
    "\u200bdelete_x",
    "del\u00adete_x",
    "\uff44elete_x",
    "delete_\u212a",
    "ta\u017fk_drop",
  ];
  await using w = await StreamWorld.start({
    "tools/list": (message, reply) =>
      reply.json(
        result(message, { tools: [...names, "get"].map((name) => ({ name })) }),
      ),
  }, { tools: { deny: ["delete_?", "Task_drop"] } });
  for (const [id, name] of names.entries()) {
    const { error } = await w.client.ask(id, "tools/call", { name });
    assertEquals(error?.data.reason, "blocked", name);
  }
  const list = await w.client.ask(names.length, "tools/list");
  assertEquals(list.result.tools, [{ name: "get" }]);
  assertEquals(w.posted, ["tools/list"]);
});
