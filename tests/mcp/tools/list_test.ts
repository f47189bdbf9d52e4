import { toolPages } from "../../../src/mcp/tools/recorder.ts";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { modern } from "../../support/stream/modern_message.ts";
import { HIDDEN, listed, MIB, SEEN, TOO_MANY } from "./tool_lists.ts";
import type {
  ReadFrame,
  StreamClientOptions,
} from "../../support/stream/client.ts";
import { StreamWorld } from "../../support/stream/world.ts";

/** What the client is given of a list of tools, where it may not delete. */
async function shown(
  members: string,
  options: Partial<StreamClientOptions> = {},
): Promise<ReadFrame> {
  await using w = await StreamWorld.start({ "tools/list": listed(members) }, {
    tools: { deny: ["delete"] },
    ...options,
  });
  w.client.request(1, "tools/list");
  const frame = await w.client.next();
  assertEquals(await w.client.close(), []);
  return frame;
}

for (
  const [name, members] of [
    ["result", `"result":{"tools":[${HIDDEN}]},"result":{"tools":[${SEEN}]}`],
    [
      "result",
      `"r\\u0065sult":{"tools":[${HIDDEN}]},"result":{"tools":[${SEEN}]}`,
    ],
    ["result", `"result":{"tools":[${SEEN}]},"Result":{"tools":[${HIDDEN}]}`],
    ["tools", `"result":{"tools":[${HIDDEN}],"tools":[${SEEN}]}`],
    ["tools", `"result":{"tools":[${SEEN}],"TOOLS":[${HIDDEN}]}`],
    ["tools", `"result":{"Tools":[${HIDDEN}]}`],
  ]
) {
  Deno.test(`a list of tools that has ${name} in two ways is refused, and not passed unfiltered: ${members}`, async () => {
    const { json } = await shown(members);
    assertEquals([json.id, json.error?.code, json.error?.data.reason], [
      1,
      -31011,
      "bad-answer",
    ]);
    assertStringIncludes(json.error.message, `"${name}" stands twice`);
  });
}

Deno.test("a list of tools beside a result that is null is refused, and its words show nothing of it", async () => {
  const { json, text } = await shown(
    `"result":{"tools":[${HIDDEN}]},"result":null`,
  );
  assertEquals([json.id, json.error?.data.reason], [1, "bad-answer"]);
  assertEquals(text.includes("delete"), false);
});

Deno.test("a tool that has its name, or what it says of itself, in two ways is left out", async () => {
  const hint = '"annotations":{"readOnlyHint":true}';
  const tools = [
    SEEN,
    `{"name":"delete","name":"a",${hint}}`,
    `{"name":"b",${hint},"Name":"delete"}`,
    `{"name":"c","annotations":{},${hint}}`,
    `{"name":"d",${hint},"Annotations":{}}`,
    '{"name":"e","annotations":{"readOnlyHint":false,"readOnlyHint":true}}',
    '{"annotations":{"readOnlyHint":true}}',
    "7",
  ];
  const rules = { tools: { readOnly: true } };
  const { text } = await shown(`"result":{"tools":[${tools}]}`, rules);
  assertEquals(text, `{"jsonrpc":"2.0","id":1,"result":{"tools":[${SEEN}]}}`);
});

Deno.test("names that lead to no tool may stand twice in a list", async () => {
  const members = `"result":{"_meta":{"a":1,"a":2},"tools":[` +
    `{"name":"get","inputSchema":{"name":1,"Name":2}},${HIDDEN}]}`;
  const { text } = await shown(members);
  assertStringIncludes(text, '"a":1,"a":2');
  assertStringIncludes(text, '{"name":1,"Name":2}');
  assertEquals(text.includes("delete"), false);
});

Deno.test("a list of tools that could pass in pieces is filtered all the same", async () => {
  const filler = `"x":"${"x".repeat(9 * MIB)}"`;
  const members = `"result":{${filler},"tools":[${SEEN},${HIDDEN}]}`;
  const { json } = await shown(members, { maxAnswerBytes: 512 * MIB });
  assertEquals(json.result.tools, [JSON.parse(SEEN)]);
});

Deno.test("the answer to a list that was cancelled is filtered, should it still come", async () => {
  const release = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    "tools/list": async (message, reply) => {
      await release.promise;
      await listed(`"result":{"tools":[${SEEN},${HIDDEN}]}`)(
        message,
        reply,
        w.server.requests.all[0],
      );
    },
    "notifications/cancelled": async (_message, reply) => {
      await reply.status(202);
      release.resolve();
    },
  }, { tools: { deny: ["delete"] } });
  w.client.request(1, "tools/list");
  await w.server.requests.at(0);
  w.client.notify("notifications/cancelled", { requestId: 1 });
  const { json } = await w.client.answer(1);
  assertEquals(json.result.tools, [JSON.parse(SEEN)]);
});

Deno.test("a list of tools with too many values to be parsed is shortened, and an error in the modern era", async () => {
  const many = `[${"1,".repeat(800_000)}1]`;
  await using w = await StreamWorld.start({
    "tools/list": listed(
      `"result":{"tools":[${HIDDEN},{"name":"z","x":${many}}]}`,
    ),
  }, { tools: { deny: ["delete"] } });
  for (
    const [id, params, code] of [[1, {}, undefined], [2, modern(), -31011]]
  ) {
    w.client.request(Number(id), "tools/list", params);
    const { text, json } = await w.client.answer(Number(id));
    assertEquals([json.error?.code, text.includes("delete")], [code, false]);
  }
});

for (
  const members of [
    `"result":{${TOO_MANY},"tools":[${HIDDEN}]}`,
    `${TOO_MANY},"result":{"tools":[${HIDDEN}]}`,
    `"result":{"tools":[${`${HIDDEN},`.repeat(60_000)}${SEEN}]}`,
  ]
) {
  Deno.test(`a list of tools with too many members is refused as such: ${members.length} bytes of ${members.slice(0, 20)}`, async () => {
    await using w = await StreamWorld.start(
      { "tools/list": listed(members) },
      { tools: { deny: ["delete"] } },
    );
    for (const [id, params] of [[1, {}], [2, modern()]] as const) {
      const { error } = await w.client.ask(id, "tools/list", params);
      assertEquals(error.code, -31011);
      if (id === 1) assertStringIncludes(error.message, "too many members");
    }
  });
}

Deno.test("a tool with too many members is left out, and the others stay", async () => {
  const { json } = await shown(
    `"result":{"tools":[${SEEN},{${TOO_MANY},"name":"get2"},{"name":"get3"}]}`,
  );
  assertEquals(
    json.result.tools.map(({ name }: { name: string }) => name),
    ["get", "get3"],
  );
});

Deno.test("a list of tools of some MiB is read, and shortened", async () => {
  const padding = "x".repeat(3 * MIB);
  const { json } = await shown(
    `"result":{"tools":[${HIDDEN},{"name":"get","description":"${padding}"}]}`,
  );
  assertEquals(
    json.result.tools.map(({ name }: { name: string }) => name),
    ["get"],
  );
});

for (
  const [what, requests, answer] of [
    ["a call before it", ["tools/call", "tools/list"], '"result":{}'],
    ["a call behind it", ["tools/list", "tools/call"], '"result":{}'],
    ["another list", ["tools/list", "tools/list"], ""],
  ] as const
) {
  Deno.test(`a list of tools is filtered, though it shares its ID with ${what} that is answered first`, async () => {
    const sent = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    let lists = requests.filter((method) => method === "tools/list").length;
    await using w = await StreamWorld.start({
      "tools/list": async (...all) => {
        lists -= 1;
        await (lists === 0 ? answered : sent).promise;
        await listed(`"result":{"tools":[${SEEN},${HIDDEN}]}`)(...all);
      },
      "tools/call": async (...all) => {
        await sent.promise;
        await listed(answer)(...all);
      },
    }, { tools: { deny: ["delete"] } });
    for (const method of requests) w.client.request(1, method, { name: "get" });
    await w.server.requests.at(1);
    sent.resolve();
    await w.client.next();
    answered.resolve();
    const { json } = await w.client.next();
    assertEquals(json.result.tools, [JSON.parse(SEEN)]);
  });
}

Deno.test("of a list without an end a thousand pages are read, and of one that repeats its cursor two", async () => {
  const pagesWith = async (
    cursorAfter: (page: number) => string | undefined,
  ) => {
    let count = 0;
    const ask = () =>
      Promise.resolve({ result: { nextCursor: cursorAfter(++count) } });
    for await (const _page of toolPages(ask, {}));
    return count;
  };
  const endless = (page: number) => page < 2_000 ? `${page}` : undefined;
  assertEquals(await pagesWith(endless), 1_000);
  assertEquals(await pagesWith(() => "the same"), 2);
});

Deno.test("a list of tools that is no array is refused, and not passed unfiltered", async () => {
  for (const list of [`{"a":${HIDDEN}}`, '"delete"']) {
    const { json, text } = await shown(`"result":{"tools":${list}}`);
    assertStringIncludes(json.error.message, '"tools" is not an array');
    assertEquals(text.includes("delete"), false);
  }
});
