/** Tool rules and metadata at the HTTP server. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { cpuMs } from "../../support/time/cpu_time.ts";
import { error, type McpHandler, result } from "../../support/raw/mcp.ts";
import { call, LIST, list, READER, toolNames, World, WRITER } from "./world.ts";

const PING = { jsonrpc: "2.0", id: 1, method: "ping" };

Deno.test("a list holds the allowed tools alone, whatever else the answer has", async () => {
  const answer =
    '{"result": {"tools":[{"name":"write"}, {"name":"read","annotations":{"readOnlyHint":true},"n":1.50}], "x":12345678901234567890},"id":1,"jsonrpc":"2.0"}';
  await using world = await World.before({
    "tools/list": (_message, reply) =>
      reply.status(200, { "content-type": "application/json" }, answer),
  }, { tools: { readOnly: true } });
  const received = await world.post(LIST);
  assertEquals(
    await received.text(),
    '{"result": {"tools":[ {"name":"read","annotations":{"readOnlyHint":true},"n":1.50}], "x":12345678901234567890},"id":1,"jsonrpc":"2.0"}',
  );
});

Deno.test("of a batch of answers each goes on, and its lists hold the allowed tools alone", async () => {
  const other = '{"jsonrpc":"2.0","id":2,"result":{"n":1.50}}';
  const listing = (tools: unknown[]) =>
    JSON.stringify({ jsonrpc: "2.0", id: 1, result: { tools } });
  await using world = await World.before({
    "tools/list": (_message, reply) =>
      reply.status(
        200,
        { "content-type": "application/json" },
        `[${other}, ${listing([READER, WRITER])}]`,
      ),
  }, { tools: { readOnly: true } });
  const received = await world.post(LIST);
  assertEquals(await received.text(), `[${other},${listing([READER])}]`);
});

Deno.test("a list in an event stream, and one that is resumed, hold the allowed tools alone", async () => {
  const stream: McpHandler = async (_message, reply) => {
    const stream = await reply.sse();
    await stream.event({ id: "1", data: "", retry: 50 });
    await stream.message({ jsonrpc: "2.0", method: "n", params: { é: 1 } });
    const tools = [READER, WRITER];
    await stream.message({ jsonrpc: "2.0", id: 1, result: { tools } }, "2");
    await stream.end();
  };
  await using world = await World.before(
    { "tools/list": stream, "GET": stream },
    { tools: { deny: ["wr?te"] } },
  );
  for (
    const answer of [
      await world.post(LIST),
      await world.fetch({ headers: { "last-event-id": "1" } }),
    ]
  ) {
    const text = (await answer.text()).replace(/^:\n\n/gm, "");
    assertEquals(
      text,
      "id: 1\nretry: 50\ndata: \n\n" +
        'data: {"jsonrpc":"2.0","method":"n","params":{"é":1}}\n\n' +
        'id: 2\ndata: {"jsonrpc":"2.0","id":1,"result":{"tools":[' +
        `${JSON.stringify(READER)}]}}\n\n`,
    );
  }
});

Deno.test("a call of a forbidden tool is answered with -31019 and not sent", async () => {
  await using world = await World.before({}, {
    tools: { allow: ["read*", "list_*"], deny: ["read_secret"] },
  });
  const { status, json } = await world.ask(call("write", "w"));
  assertEquals([status, json.id, json.error.code], [200, "w", -31019]);
  assertStringIncludes(json.error.message, "tools.allow");
  const denied = await world.ask(call("read_secret"));
  assertStringIncludes(denied.json.error.message, "tools.deny");
  assertEquals(world.target.requests.length, 0);
  assertEquals((await world.ask(call("read_file"))).json.result, {});
  assertEquals(world.methods, ["tools/call"]);
});

Deno.test("a call that was never listed is checked by a list of all pages, in the same session", async () => {
  await using world = await World.before({ "tools/list": list }, {
    tools: { readOnly: true },
  });
  const session = {
    "mcp-session-id": "s-1",
    "mcp-protocol-version": "2025-11-25",
  };
  assertEquals((await world.ask(call("read"), session)).json.result, {});
  assertEquals(world.methods, ["tools/list", "tools/list", "tools/call"]);
  for (const { headers: _headers, ...seen } of world.target.requests.all) {
    assertEquals(seen.header("mcp-session-id"), "s-1");
    assertEquals(seen.header("mcp-protocol-version"), "2025-11-25");
  }
  for (const name of ["write", "plain"]) {
    const { status, json } = await world.ask(call(name), session);
    assertEquals([status, json.error.code], [200, -31019]);
    assertStringIncludes(json.error.message, "tools.readOnly");
  }
  // All are known by now.
  assertEquals(world.methods.length, 3);
});

Deno.test("a modern call is checked by a modern list", async () => {
  await using world = await World.before({
    "tools/list": async (message, reply) => {
      const stream = await reply.sse();
      await stream.message(result(message, { tools: [READER] }));
      await stream.end();
    },
  }, { tools: { readOnly: true } });
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "progressToken": 1,
  };
  const { json } = await world.ask({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "read", arguments: { a: 1 }, _meta },
  }, {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "read",
    "mcp-param-a": "1",
  });
  assertEquals(json.result, {});
  const [listed, called] = world.target.requests.all;
  assertEquals(listed.header("mcp-method"), "tools/list");
  assertEquals(listed.header("mcp-name"), undefined);
  assertEquals(listed.header("mcp-param-a"), undefined);
  const { progressToken: _token, ...meta } = _meta;
  assertEquals(JSON.parse(listed.text()).params, { _meta: meta });
  assertEquals(called.header("mcp-name"), "read");
});

Deno.test("what the target says in place of a list is the answer to the call", async () => {
  await using world = await World.before({
    "tools/list": (message, reply) =>
      reply.json(error(message, -32001, "Session not found"), 404),
  }, { tools: { readOnly: true } });
  const { status, json } = await world.ask(call("read"));
  assertEquals([status, json.error.code], [404, -32001]);
  assertEquals(world.methods, ["tools/list"]);
});

Deno.test("a call of a tool that no list has is not sent", async () => {
  await using world = await World.before({ "tools/list": list }, {
    tools: { readOnly: true },
  });
  const { json } = await world.ask(call("hidden"));
  assertEquals(json.error.code, -31019);
  assertEquals(world.methods.includes("tools/call"), false);
});

const UNCLEAR: Readonly<Record<string, string>> = {
  "a name twice":
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","name":"write"}}',
  "a name in another case":
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","Name":"write"}}',
  "a method twice":
    '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"write"}}',
  "what is not JSON": "{",
  "what is not UTF-8": '\u00ff{"jsonrpc":"2.0"}',
  "a byte order mark":
    '\ufeff{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write"}}',
  "a call without an id":
    '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"write"}}',
  "an allowed call without an id":
    '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"read"}}',
  "a call that looks like an answer":
    '{"jsonrpc":"2.0","id":1,"Method":"tools/call","result":null,"params":{"name":"write"}}',
  "an answer with parameters":
    '{"jsonrpc":"2.0","id":1,"result":null,"params":{"name":"write"}}',
  "a batch of such an answer":
    '[{"jsonrpc":"2.0","id":1,"Method":"tools/call","result":null}]',
  "an id in another case": '{"jsonrpc":"2.0","ID":1,"method":"tools/call"}',
};

for (const [what, body] of Object.entries(UNCLEAR)) {
  Deno.test(`with a tool policy ${what} is refused`, async () => {
    await using world = await World.before({}, { tools: { deny: ["write"] } });
    const answer = await world.fetch({
      method: "POST",
      body: what === "what is not UTF-8"
        ? Uint8Array.from(body, (char) => char.charCodeAt(0))
        : body,
    });
    assertEquals(answer.status, 400);
    assert((await answer.json()).error.code < 0);
    assertEquals(world.target.requests.length, 0);
  });
}

for (
  const [what, batch, reasons] of [
    ["a forbidden call", [PING, call("write", "w"), call("read", 3)], [
      "blocked",
      "blocked",
      "blocked",
    ]],
    [
      "a call without an id",
      [PING, { ...Object(call("read")), id: undefined }],
      [
        "blocked",
      ],
    ],
    ["a name in another case", [PING, { ...PING, id: 2, Params: {} }], [
      "invalid-request",
      "invalid-request",
    ]],
  ] as const
) {
  Deno.test(`of a batch with ${what} nothing is sent, and each request in it has its error`, async () => {
    await using world = await World.before({}, { tools: { deny: ["write"] } });
    const { status, json } = await world.ask(batch);
    assertEquals(status, 400);
    const ids = batch.flatMap(({ id }) => id === undefined ? [] : [id]);
    // deno-lint-ignore no-explicit-any
    assertEquals(json.map(({ id }: any) => id), ids);
    assertEquals(
      // deno-lint-ignore no-explicit-any
      json.map(({ error }: any) => error.data.reason),
      [...reasons],
    );
    assertEquals(world.target.requests.length, 0);
  });
}

Deno.test("in a batch that is not sent the blocked call alone is told of its tool", async () => {
  await using world = await World.before({}, { tools: { deny: ["write"] } });
  const { json } = await world.ask([PING, call("write", 2)]);
  // deno-lint-ignore no-explicit-any
  const [beside, blocked] = json.map(({ error }: any) => error);
  assertStringIncludes(beside.message, "nothing of the batch was sent");
  assertEquals([beside.data.tool, blocked.data.tool], [undefined, "write"]);
});

for (
  const [what, words, list] of [
    [
      "an error",
      "the disk is full",
      (message, reply) =>
        reply.json(error(message, -32603, "the disk is full")),
    ],
    [
      "a large body",
      "maxAnswerBytes",
      (message, reply) =>
        reply.json(result(message, { tools: [], filler: "x".repeat(2000) })),
    ],
    [
      "a large event",
      "maxAnswerBytes",
      async (message, reply) => {
        const stream = await reply.sse();
        const filler = "x".repeat(2000);
        await stream.message(result(message, { tools: [], filler }));
        await stream.end();
      },
    ],
  ] as readonly (readonly [string, string, McpHandler])[]
) {
  Deno.test(`a call whose list cannot be had for ${what} is refused, and told why`, async () => {
    await using world = await World.before({ "tools/list": list }, {
      tools: { readOnly: true },
      maxAnswerBytes: 1000,
    });
    const { status, json } = await world.ask(call("read"));
    assertEquals([status, json.error.code], [200, -31019]);
    assertStringIncludes(json.error.message, "which could not be had: ");
    assertStringIncludes(json.error.message, words);
    assertEquals(world.methods, ["tools/list"]);
  });
}

Deno.test("a call whose list ends in a broken connection is told that it has not run", async () => {
  await using world = await World.before({
    "tools/list": (_message, reply) => reply.reset(),
  }, { tools: { readOnly: true } });
  const { error } = (await world.ask(call("read"))).json;
  assertEquals([error.code, error.data.mayHaveRun], [-31010, false]);
});

Deno.test("with a tool policy a message is read in the charset in which it was checked", async () => {
  await using world = await World.before({}, { tools: { deny: ["write"] } });
  await world.ask(call("+AHcAcgBpAHQAZQ-"), {
    "content-type": "application/json; charset=utf-7",
  });
  const [seen] = world.target.requests.all;
  assertEquals(seen.header("content-type"), "application/json");
});

Deno.test("an answer that is too large to be looked at is not passed on", async () => {
  const tools = Array.from({ length: 100 }, () => ({ name: "x".repeat(100) }));
  await using world = await World.before({
    "tools/list": (message, reply) => reply.json(result(message, { tools })),
    "big": (message, reply) => reply.json(result(message, { tools })),
  }, { tools: { deny: ["write"] }, maxAnswerBytes: 1000 });
  const { status, json } = await world.ask(LIST);
  assertEquals([status, json.id, json.error.code], [502, 1, -31016]);
  // Other answers are not looked at.
  const big = await world.ask({ jsonrpc: "2.0", id: 1, method: "big" });
  assertEquals(toolNames(big.json).length, 100);
});

Deno.test("with a tool policy, headers that say another tool than the message are refused", async () => {
  await using world = await World.before(
    { "tools/call": (message, reply) => reply.json(result(message)) },
    { tools: { readOnly: false, allow: ["read", "lésen"], deny: [] } },
  );
  for (
    const [tool, headers, status] of [
      ["read", { "Mcp-Method": "tools/call", "Mcp-Name": "read" }, 200],
      ["read", { "Mcp-Method": "tools/call", "Mcp-Name": "write" }, 400],
      ["read", { "Mcp-Method": "ping" }, 400],
      ["lésen", { "Mcp-Name": "=?base64?bMOpc2Vu?=" }, 200],
      ["read", { "Mcp-Name": "=?base64?d3JpdGU=?=" }, 400],
    ] as const
  ) {
    const answer = await world.ask(call(tool), headers);
    assertEquals(answer.status, status, JSON.stringify(headers));
  }
  assertEquals(world.methods, ["tools/call", "tools/call"]);
});

Deno.test("with a tool policy no coding is claimed for a message that was checked without one", async () => {
  await using world = await World.before({}, { tools: { deny: ["write"] } });
  await world.ask(call("read"), { "content-encoding": "deflate" });
  const [seen] = world.target.requests.all;
  assertEquals(seen.header("content-encoding"), undefined);
});

Deno.test("a message of many members keeps nobody waiting, and is refused as such", async () => {
  await using world = await World.before({}, { tools: { deny: ["bad*"] } });
  const members = Array.from({ length: 500_000 }, (_, n) => `"k${n}":{}`);
  const text =
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${members},"name":"bad1"}}`;
  let isOver = false;
  const refused = world.post(text).finally(() => isOver = true);
  let worstMs = 0;
  while (!isOver) {
    const before = cpuMs();
    await world.ask(PING);
    worstMs = Math.max(worstMs, cpuMs() - before);
  }
  const { error } = await (await refused).json();
  assertStringIncludes(error.message, "too many members");
  assert(worstMs < 2_000, `${worstMs} ms`);
});
