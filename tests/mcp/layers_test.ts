import { assertEquals, assertStringIncludes } from "@std/assert";
import { Clock } from "../support/clock.ts";
import { within } from "../support/deadline.ts";
import { mcp, type McpHandler, result, Sessions } from "../support/raw_mcp.ts";
import { RawServer, type SeenRequest } from "../support/raw_server.ts";
import {
  StreamClient,
  type StreamClientOptions,
} from "../support/stream_client.ts";

const TOOLS = [
  {
    name: "get_item",
    annotations: { readOnlyHint: true },
    inputSchema: { type: "object" },
  },
  {
    name: "put_item",
    inputSchema: { type: "object", properties: { id: { type: "string" } } },
  },
  {
    name: "delete_item",
    annotations: { readOnlyHint: false },
    inputSchema: { type: "object", properties: {} },
  },
];

/** Pages of one tool each. */
const pagedTools: McpHandler = (message, reply) => {
  const page = Number(message.params?.cursor ?? 0);
  return reply.json(result(message, {
    tools: [TOOLS[page]],
    ...(page < 2 && { nextCursor: String(page + 1) }),
  }));
};

const allTools: McpHandler = (message, reply) =>
  reply.status(
    200,
    { "content-type": "application/json" },
    `{"jsonrpc":"2.0","id":${
      JSON.stringify(message.id)
    },"result":{ "tools" : [ ${
      TOOLS.map((tool) => JSON.stringify(tool)).join(" , ")
    } ],"x":1E2 }}`,
  );

async function world(
  options: Partial<StreamClientOptions>,
  script: Record<string, McpHandler> = { "tools/list": allTools },
  sessions?: Sessions,
) {
  const server = await RawServer.start(mcp(script, sessions));
  const client = new StreamClient({ url: server.url, ...options });
  return {
    server,
    client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function sent(requests: readonly SeenRequest[]): string[] {
  return requests.filter(({ method }) => method === "POST")
    .map((seen) => seen.text());
}

const names = (json: { result: { tools: { name: string }[] } }) =>
  json.result.tools.map(({ name }) => name);

Deno.test("with read-only, tools/list has only tools that say they are, every other byte as it was", async () => {
  await using w = await world({ tools: { readOnly: true } });
  w.client.request(1, "tools/list");
  const { text } = await w.client.next();
  assertEquals(
    text,
    `{"jsonrpc":"2.0","id":1,"result":{ "tools" : [ ${
      JSON.stringify(TOOLS[0])
    } ],"x":1E2 }}`,
  );
});

Deno.test("with read-only, a call of a tool never listed is checked: the whole list is fetched, once", async () => {
  await using w = await world({ tools: { readOnly: true } }, {
    "tools/list": pagedTools,
  });
  w.client.request(1, "tools/call", { name: "delete_item" });
  const { json } = await w.client.answer(1);
  assertEquals([json.error.code, json.error.data.tool], [
    -31019,
    "delete_item",
  ]);
  assertStringIncludes(json.error.message, "tools.readOnly");
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
  await using w = await world({
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
    w.client.request(name, "tools/call", { name });
    const { json } = await w.client.answer(name);
    assertEquals(json.error?.code, isAllowed ? undefined : -31019, name);
  }
});

Deno.test("each member of a batch is checked, and the others go on as they were", async () => {
  await using w = await world({ tools: { deny: ["delete*"] } }, {
    batch: (messages, reply) =>
      reply.json(messages.map((message: unknown) => result(message))),
  });
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
  await using w = await world({ tools: { deny: ["x"] } });
  const call = {
    jsonrpc: "2.0",
    method: "tools/call",
    params: { name: "get_item" },
  };
  w.client.send(call);
  w.client.send([call]);
  w.client.request(1, "m");
  await w.client.answer(1);
  assertEquals(w.server.requests.length, 1);
});

Deno.test("a call that names no tool is blocked", async () => {
  await using w = await world({ tools: { deny: ["x"] } });
  w.client.request(1, "tools/call", { title: "x" });
  assertEquals((await w.client.next()).json.error.code, -31019);
});

Deno.test("a call that is cancelled while the list is fetched is never sent", async () => {
  const release = Promise.withResolvers<void>();
  await using w = await world({ tools: { readOnly: true } }, {
    "tools/list": async (message, reply) => {
      await release.promise;
      await reply.json(result(message, { tools: TOOLS }));
    },
  });
  w.client.request(1, "tools/call", { name: "get_item" });
  await w.server.requests.at(0);
  w.client.notify("notifications/cancelled", { requestId: 1 });
  w.client.request(2, "m");
  await w.client.answer(2);
  release.resolve();
  assertEquals(await w.client.close(), []);
  assertEquals(
    sent(w.server.requests.all).map((text) => JSON.parse(text).method),
    ["tools/list", "m"],
  );
});

Deno.test("a stop answers a call that waits for the list", async () => {
  await using w = await world({ tools: { readOnly: true } }, {
    "tools/list": (_message, reply) => reply.hang(),
  });
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
  await using w = await world({ tools: { readOnly: true } });
  const text = '{ "jsonrpc":"2.0","id":1,"method":"m","params":{"a":1E2} }';
  w.client.send(text);
  await w.client.next();
  assertEquals(sent(w.server.requests.all), [text]);
});

for (
  const [before, after] of [
    [
      '{"jsonrpc":"2.0","id":1,"method":"m"}',
      '{"params":{"_meta":{"a/b":"1","c":"x"}},"jsonrpc":"2.0","id":1,"method":"m"}',
    ],
    [
      '{"jsonrpc":"2.0","id":1,"method":"m","params":{}}',
      '{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a/b":"1","c":"x"}}}',
    ],
    [
      '{"id":1,"params": { "q":1E2},"jsonrpc":"2.0","method":"m"}',
      '{"id":1,"params": {"_meta":{"a/b":"1","c":"x"}, "q":1E2},"jsonrpc":"2.0","method":"m"}',
    ],
    [
      '{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"c":"mine"}}}',
      '{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a/b":"1","c":"mine"}}}',
    ],
    [
      '{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a/b":0,"c":1}}}',
      '{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a/b":0,"c":1}}}',
    ],
    [
      '{"jsonrpc":"2.0","method":"notifications/x"}',
      '{"jsonrpc":"2.0","method":"notifications/x"}',
    ],
    [
      '[{"jsonrpc":"2.0","id":1,"method":"m"}, {"jsonrpc":"2.0","method":"n"} ,{"id":2,"jsonrpc":"2.0","method":"m","params":{}}]',
      '[{"params":{"_meta":{"a/b":"1","c":"x"}},"jsonrpc":"2.0","id":1,"method":"m"}, {"jsonrpc":"2.0","method":"n"} ,{"id":2,"jsonrpc":"2.0","method":"m","params":{"_meta":{"a/b":"1","c":"x"}}}]',
    ],
  ]
) {
  Deno.test(`with metadata ${before} becomes ${after}`, async () => {
    await using w = await world({ metadata: [["a/b", "1"], ["c", "x"]] }, {
      batch: (_messages, reply) => reply.status(202),
    });
    w.client.send(before);
    await w.server.requests.at(0);
    assertEquals(sent(w.server.requests.all), [after]);
  });
}

/** A fetch that says who asks, in place of a signature. */
const as = (who: string): typeof fetch => (input, init) => {
  const headers = new Headers(init?.headers);
  headers.set("x-who", who);
  return fetch(input, { ...init, headers });
};

const PROFILES = new Map([["dev", as("dev")], ["prod", as("prod")]]);

Deno.test("tools gain the argument that names a profile", async () => {
  await using w = await world({ fetch: as("dev"), profiles: PROFILES });
  w.client.request(1, "tools/list");
  const { json } = await w.client.next();
  for (const tool of json.result.tools) {
    const { type, enum: profiles, description } =
      tool.inputSchema.properties.aws_profile;
    assertEquals([type, profiles], ["string", ["dev", "prod"]]);
    assertStringIncludes(description, "dev");
  }
  assertEquals(json.result.tools[1].inputSchema.properties.id, {
    type: "string",
  });
});

Deno.test("a call that names a profile goes over a session of its own, without the argument", async () => {
  const sessions = new Sessions();
  await using w = await world(
    { fetch: as("dev"), profiles: PROFILES },
    {},
    sessions,
  );
  const { client, server } = w;
  await client.initialize();
  client.send(
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":1E2,"aws_profile":"prod","b":2}}}',
  );
  client.request(2, "tools/call", {
    name: "x",
    arguments: { aws_profile: "dev" },
  });
  client.request(3, "tools/call", { name: "x", arguments: {} });
  const answers = [
    (await client.next()).json,
    (await client.next()).json,
    (await client.next()).json,
  ];
  assertEquals(answers.map(({ id }) => id).sort(), [1, 2, 3]);
  assertEquals(answers.every(({ result }) => result), true);
  const seen = server.requests.all.map((request) =>
    [
      JSON.parse(request.text()).method,
      request.header("x-who"),
      request.header("mcp-session-id")?.slice(0, 9),
    ].join(" ")
  );
  assertEquals(
    seen.filter((line) => /call|initialize /.test(line)).sort(),
    [
      "initialize dev ",
      "initialize prod ",
      "tools/call dev session-1",
      "tools/call dev session-1",
      "tools/call prod session-2",
    ],
  );
  const call = server.requests.all.find((request) =>
    request.text().includes("1E2")
  );
  assertEquals(
    call?.text(),
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":1E2,"b":2}}}',
  );
  await client.close();
  assertEquals(
    server.requests.all.filter(({ method }) => method === "DELETE")
      .map((request) => request.header("x-who")).sort(),
    ["dev", "prod"],
  );
});

Deno.test("an unlisted profile is refused with the list", async () => {
  await using w = await world({ fetch: as("dev"), profiles: PROFILES });
  w.client.request(1, "tools/call", {
    name: "x",
    arguments: { aws_profile: "root" },
  });
  const { json } = await w.client.next();
  assertEquals([json.error.code, json.error.data.profiles], [-31019, [
    "dev",
    "prod",
  ]]);
  assertEquals(w.server.requests.length, 0);
});

Deno.test("requests of both sessions reach the client under different IDs, and its answers the right one", async () => {
  const answered = new Map<string, (value: unknown) => void>();
  const sessions = new Sessions();
  await using w = await world({ fetch: as("dev"), profiles: PROFILES }, {
    "tools/call": async (message, reply, request) => {
      const who = request.header("x-who") ?? "";
      const { promise, resolve } = Promise.withResolvers();
      answered.set(who, resolve);
      const stream = await reply.sse();
      await stream.message({ jsonrpc: "2.0", id: 0, method: "roots/list" });
      await stream.message(result(message, { who, got: await promise }));
      await stream.end();
    },
    response: async (message, reply, request) => {
      await reply.status(202);
      answered.get(request.header("x-who") ?? "")?.([
        message.id,
        message.result,
      ]);
    },
  }, sessions);
  const { client } = w;
  await client.initialize();
  client.request(1, "tools/call", { name: "x", arguments: {} });
  client.request(2, "tools/call", {
    name: "x",
    arguments: { aws_profile: "prod" },
  });
  const asked = [(await client.next()).json, (await client.next()).json];
  const foreign = asked.find(({ id }) => id !== 0);
  assertEquals(asked.filter(({ id }) => id === 0).length, 1);
  client.send({ jsonrpc: "2.0", id: foreign.id, result: "to prod" });
  assertEquals((await client.answer(2)).json.result, {
    who: "prod",
    got: [0, "to prod"],
  });
  client.send({ jsonrpc: "2.0", id: 0, result: "to dev" });
  assertEquals((await client.answer(1)).json.result, {
    who: "dev",
    got: [0, "to dev"],
  });
});

Deno.test("an idle session is pinged, and the client does not see it", async () => {
  const pinged = Promise.withResolvers<void>();
  let pings = 0;
  using clock = new Clock();
  await using w = await world({ keepAliveMs: 3_000 }, {
    ping: async (message, reply) => {
      if (++pings === 3) pinged.resolve();
      await reply.json(result(message));
    },
  }, new Sessions());
  await w.client.initialize();
  for (let ping = 0; ping < 3; ping++) await clock.ring(3_000);
  await within(pinged.promise, "the third ping");
  assertEquals(await w.client.close(), []);
});

for (
  const [how, pong] of [
    ["in an array", (message: unknown) => [result(message)]],
    [
      "that is large",
      (message: unknown) => result(message, { x: "x".repeat(9 * 1024 * 1024) }),
    ],
  ] as const
) {
  Deno.test(`a pong ${how} is not for the client to see, and the next ping follows`, async () => {
    const pinged = Promise.withResolvers<void>();
    let pings = 0;
    using clock = new Clock();
    await using w = await world(
      { keepAliveMs: 3_000, maxAnswerBytes: 512 * 1024 * 1024 },
      {
        ping: async (message, reply) => {
          if (++pings === 2) pinged.resolve();
          await reply.json(pong(message));
        },
      },
      new Sessions(),
    );
    await w.client.initialize();
    for (let ping = 0; ping < 2; ping++) await clock.ring(3_000);
    await within(pinged.promise, "the second ping");
    assertEquals(await w.client.close(), []);
  });
}

Deno.test("without a session nothing is pinged", async () => {
  using clock = new Clock();
  await using w = await world({ keepAliveMs: 3_000 });
  w.client.request(1, "m");
  await w.client.answer(1);
  await clock.pass(200_000);
  w.client.request(2, "m");
  await w.client.answer(2);
  assertEquals(sent(w.server.requests.all).length, 2);
});

Deno.test("of a batch that waits for the list, only what is cancelled is left out", async () => {
  const listed = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  await using w = await world({ tools: { readOnly: true } }, {
    "tools/list": async (message, reply) => {
      asked.resolve();
      await listed.promise;
      reply.json(result(message, { tools: TOOLS }));
    },
    batch: (messages, reply) =>
      reply.json(messages.map((message: unknown) => result(message))),
  });
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
  await using w = await world({ tools: { readOnly: true } }, {
    "tools/list": (message, reply) =>
      reply.json([result(message, { tools: TOOLS })]),
  });
  w.client.request(1, "tools/call", { name: "get_item" });
  assertEquals("result" in (await w.client.next()).json, true);
  assertEquals(w.client.frames.length, 1);
});
