/** Several profiles: what belongs to a call's session, and what to them all. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { modern } from "../../support/stream/modern_message.ts";
import { error, type McpHandler, result } from "../../support/raw/mcp.ts";
import { as, PROFILES } from "./world.ts";
import { StreamWorld } from "../../support/stream/world.ts";

/** A target with sessions, and a client of two profiles before it. */
async function world(script: Record<string, McpHandler> = {}) {
  const w = await StreamWorld.start(script, {
    fetch: as("dev"),
    profiles: PROFILES,
  });
  /** What reached the target so far, parsed, with who sent it. */
  const seen = () =>
    w.server.requests.all.filter(({ method }) => method === "POST")
      .map((request) => ({
        who: request.header("x-who"),
        message: JSON.parse(request.text()),
        request,
      }));
  return Object.assign(w, {
    seen,
    /** Who sent each message of a method. */
    who: (method: string) =>
      seen().filter(({ message }) => message.method === method)
        .map(({ who }) => who),
    /** Calls a tool, and waits for the answer. */
    call: async (id: number, args: unknown, name = "x") => {
      return await w.client.ask(id, "tools/call", { name, arguments: args });
    },
    /** The first message of a method and a sender, past or to come. */
    arrival: (method: string, who: string) =>
      w.server.requests.find((request) =>
        request.header("x-who") === who &&
        request.text().includes(JSON.stringify(method))
      ),
  });
}

/** A list with a tool that has an argument of the proxy's name itself. */
const listed: McpHandler = (message, reply) =>
  reply.json(result(message, {
    tools: [
      {
        name: "own",
        inputSchema: {
          type: "object",
          properties: { aws_profile: { type: "string" } },
        },
      },
      { name: "x", inputSchema: { type: "object" } },
    ],
  }));

Deno.test("a tool with an argument aws_profile of its own is called as the client calls it, over the first profile", async () => {
  await using w = await world({
    "tools/list": listed,
    batch: (messages, reply) =>
      reply.json(messages.map((message: unknown) => result(message))),
  });
  await w.client.initialize();
  await w.client.ask("list", "tools/list");
  for (const [id, aws_profile] of [[1, "theirs"], [2, "prod"], [3, null]]) {
    const { error } = await w.call(Number(id), { aws_profile }, "own");
    assertEquals(error, undefined);
  }
  await w.call(4, { aws_profile: "prod" });
  const calls = w.seen().filter(({ message }) =>
    message.method === "tools/call"
  );
  assertEquals(
    calls.map(({ who, message }) => [who, message.params.arguments]),
    [
      ["dev", { aws_profile: "theirs" }],
      ["dev", { aws_profile: "prod" }],
      ["dev", { aws_profile: null }],
      ["prod", {}],
    ],
  );
  const batch =
    '[{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"own","arguments":{"aws_profile":"prod"}}}]';
  w.client.send(batch);
  assertEquals((await w.client.next()).json[0].result, {});
  assertEquals(w.seen().at(-1)?.request.text(), batch);
});

Deno.test("a tool that is listed without an argument of its own any more has the proxy's", async () => {
  let lists = 0;
  await using w = await world({
    "tools/list": (message, reply, request) =>
      ++lists === 1
        ? listed(message, reply, request)
        : reply.json(result(message, {
          tools: [{ name: "own", inputSchema: { type: "object" } }],
        })),
  });
  await w.client.initialize();
  for (const id of ["first", "second"]) {
    await w.client.ask(id, "tools/list");
  }
  await w.call(1, { aws_profile: "prod" }, "own");
  assertEquals(w.who("tools/call"), ["prod"]);
});

Deno.test("an aws_profile that is null is left out, alone and in a batch", async () => {
  await using w = await world({
    batch: (messages, reply) =>
      reply.json(messages.map((message: unknown) => result(message))),
  });
  await w.client.initialize();
  w.client.send(
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":1E2,"aws_profile":null}}}',
  );
  assertEquals((await w.client.answer(1)).json.result, {});
  w.client.send(
    '[{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"x","arguments":{"aws_profile":null,"a":1E2}}}, {"jsonrpc":"2.0","id":3,"method":"m"}]',
  );
  assertEquals((await w.client.next()).json.length, 2);
  assertEquals(
    w.seen().slice(-2).map(({ who, request }) => [who, request.text()]),
    [
      [
        "dev",
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":1E2}}}',
      ],
      [
        "dev",
        '[{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"x","arguments":{"a":1E2}}}, {"jsonrpc":"2.0","id":3,"method":"m"}]',
      ],
    ],
  );
});

for (
  const [form, began] of [
    ["2025-11-25", { task: { taskId: "t-1", status: "working" } }],
    ["later revisions", { resultType: "task", taskId: "t-1" }],
  ] as const
) {
  Deno.test(`requests about a task that another profile's call began, in the form of ${form}, go to its session`, async () => {
    await using w = await world({
      "tools/call": (message, reply) => reply.json(result(message, began)),
      "tasks/result": (_message, reply) => reply.hang(),
    });
    await w.client.initialize();
    await w.call(1, { aws_profile: "prod" });
    await w.client.ask(2, "tasks/get", { taskId: "t-1" });
    await w.client.ask(3, "tasks/get", { taskId: "of nobody" });
    assertEquals(w.who("tasks/get"), ["prod", "dev"]);
    w.client.request(4, "tasks/result", { taskId: "t-1" });
    await w.arrival("tasks/result", "prod");
    w.client.notify("notifications/cancelled", { requestId: 4 });
    await w.arrival("notifications/cancelled", "prod");
    w.client.send([
      {
        jsonrpc: "2.0",
        id: 5,
        method: "tasks/cancel",
        params: { taskId: "t-1" },
      },
    ]);
    await w.client.answer(5);
    assertEquals(w.who("tasks/cancel"), ["prod"]);
  });
}

Deno.test("that the client's roots have changed is told in every session that is open", async () => {
  await using w = await world();
  await w.client.initialize({ capabilities: { roots: { listChanged: true } } });
  await w.call(1, { aws_profile: "prod" });
  w.client.notify("notifications/roots/list_changed");
  await w.arrival("notifications/roots/list_changed", "dev");
  await w.arrival("notifications/roots/list_changed", "prod");
});

Deno.test("what is for all sessions is not sent where there is none yet", async () => {
  await using w = await world({
    initialize: (message, reply, request) =>
      request.header("x-who") === "prod"
        ? reply.json(error(message, -32000, "not you"))
        : reply.json(result(message, {
          protocolVersion: "2025-11-25",
          capabilities: {},
        })),
  });
  await w.client.initialize();
  assertEquals((await w.call(1, { aws_profile: "prod" })).error.code, -32000);
  w.client.notify("notifications/roots/list_changed");
  await w.client.ask(2, "logging/setLevel", { level: "debug" });
  assertEquals(await w.client.close(), []);
  assertEquals(w.who("notifications/roots/list_changed"), ["dev"]);
  assertEquals(w.who("logging/setLevel"), ["dev"]);
});

Deno.test("the log level is set in every session, in those opened later as well, and the client gets one answer", async () => {
  await using w = await world();
  await w.client.initialize();
  await w.client.ask(1, "logging/setLevel", { level: "error" });
  await w.call(2, { aws_profile: "prod" });
  await w.arrival("error", "prod");
  await w.client.ask(3, "logging/setLevel", { level: "debug" });
  await w.arrival("debug", "prod");
  assertEquals(await w.client.close(), []);
  const levels = w.seen()
    .filter(({ message }) => message.method === "logging/setLevel")
    .map(({ who, message }) => `${who} ${message.params.level}`);
  assertEquals(levels.sort(), [
    "dev debug",
    "dev error",
    "prod debug",
    "prod error",
  ]);
});

Deno.test("the log level of the client's first session is not set for another identity in its second", async () => {
  await using w = await world();
  await w.client.initialize();
  await w.client.ask(1, "logging/setLevel", { level: "error" });
  await w.client.initialize();
  for (const id of [2, 3]) await w.call(id, { aws_profile: "prod" });
  assertEquals(await w.client.close(), []);
  assertEquals(w.who("logging/setLevel"), ["dev"]);
});

Deno.test("in 2026-07-28 a call of another profile has the headers that the first one's list asks for", async () => {
  await using w = await world({
    "tools/list": (message, reply) =>
      reply.json(result(message, {
        tools: [{
          name: "x",
          inputSchema: {
            type: "object",
            properties: {
              region: { type: "string", "x-mcp-header": "Region" },
            },
          },
        }],
      })),
  });
  w.client.request(1, "tools/list", modern());
  const { text } = await w.client.answer(1);
  assertStringIncludes(text, "aws_profile");
  await w.client.ask(
    2,
    "tools/call",
    modern({ name: "x", arguments: { aws_profile: "prod", region: "r" } }),
  );
  const call = w.seen().at(-1);
  assertEquals(
    [call?.who, call?.message.method, call?.request.header("mcp-param-region")],
    ["prod", "tools/call", "r"],
  );
});
