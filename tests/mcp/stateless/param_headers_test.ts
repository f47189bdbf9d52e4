import { assertEquals } from "@std/assert";
import { modern, MODERN_META } from "../../support/stream/modern_message.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import {
  error,
  type McpHandler,
  methods,
  result,
} from "../../support/raw/mcp.ts";
import { answerWhen, mcpHeaders } from "./modern_request.ts";

const TOOLS = [{
  name: "add",
  inputSchema: {
    type: "object",
    properties: { region: { type: "string", "x-mcp-header": "Region" } },
  },
}];

Deno.test("Mcp-Param goes with tools/call, as the list that passed through marks it", async () => {
  await using w = await StreamWorld.start({
    "tools/list": (message, reply) =>
      reply.json(result(message, { tools: TOOLS })),
  });
  const call = { name: "add", arguments: { region: " x", other: "y" } };
  await w.client.ask(1, "tools/list", modern());
  await w.client.ask(2, "tools/call", modern(call));
  await w.client.ask(3, "tools/call", modern({ ...call, arguments: {} }));
  assertEquals(
    w.server.requests.all.map((seen) => mcpHeaders(seen)["mcp-param-region"]),
    [undefined, "=?base64?IHg=?=", undefined],
  );
});

Deno.test("a tool with an invalid x-mcp-header is left out of the list, and every other byte of it stays", async () => {
  const list =
    '{"jsonrpc":"2.0", "id":1,"result":{"tools":[{"name":"a","n":1.0}, {"name":"bad","inputSchema":{"properties":{"x":{"type":"number","x-mcp-header":"X"}}}}],"ttlMs":0}}';
  const { text } = await answerWhen(
    (_message, reply) =>
      reply.status(200, { "content-type": "application/json" }, list),
    "tools/list",
  );
  assertEquals(
    text,
    '{"jsonrpc":"2.0", "id":1,"result":{"tools":[{"name":"a","n":1.0}],"ttlMs":0}}',
  );
});

Deno.test("an event of a list loses its invalid tools, too", async () => {
  const bad = {
    name: "bad",
    inputSchema: { properties: { x: { "x-mcp-header": "" } } },
  };
  const { result: list } = await answerWhen(async (message, reply) => {
    const stream = await reply.sse();
    await stream.message(result(message, { tools: [bad, ...TOOLS] }));
    await stream.end();
  }, "tools/list");
  assertEquals(list, { tools: TOOLS });
});

Deno.test("on -32020 in a 400 to a tools/call the tools are listed afresh, all pages, and the call is sent once more", async () => {
  const mismatch: McpHandler = async (message, reply, request) => {
    if (request.header("mcp-param-region") === "here") {
      return await reply.json(result(message, { said: "done" }));
    }
    const refusal = error(message, -32020, "Header mismatch");
    await reply.json(refusal, 400);
  };
  const list: McpHandler = (message, reply) =>
    reply.json(result(
      message,
      message.params.cursor === undefined
        ? { tools: [], nextCursor: "second" }
        : { tools: TOOLS },
    ));
  await using w = await StreamWorld.start({
    "tools/call": mismatch,
    "tools/list": list,
  });
  const call = { name: "add", arguments: { region: "here" } };
  w.client.request(7, "tools/call", modern(call, { progressToken: 1 }));
  const frames = await w.client.close();
  assertEquals(frames.map(({ json }) => [json.id, json.result]), [
    [7, { said: "done" }],
  ]);
  assertEquals(methods(w.server.requests.all), [
    "tools/call",
    "tools/list",
    "tools/list",
    "tools/call",
  ]);
  const [first, page, , second] = w.server.requests.all;
  assertEquals(first.text(), second.text());
  assertEquals(JSON.parse(page.text()).params, { _meta: MODERN_META });
  assertEquals(mcpHeaders(page), {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/list",
  });
});

for (
  const [what, status, id] of [
    ["a 200", 200, 7],
    ["a 500", 500, 7],
    ["a 400 under another ID", 400, 99],
    ["an event", undefined, 7],
  ] as const
) {
  Deno.test(`-32020 in ${what} may be the call's own error: it is not sent again`, async () => {
    const refusal = error({ id }, -32020, "Header mismatch");
    await using w = await StreamWorld.start({
      "tools/call": async (_message, reply) => {
        if (status) return await reply.json(refusal, status);
        const stream = await reply.sse();
        await stream.message(refusal);
        await stream.end();
      },
    });
    w.client.request(7, "tools/call", modern({ name: "add" }));
    const frames = await w.client.close();
    assertEquals(frames.map(({ json }) => [json.id, json.error.code]), [
      [7, -32020],
    ]);
    assertEquals(methods(w.server.requests.all), ["tools/call"]);
  });
}

Deno.test("-32020 in a 400 without an ID is the target's word on the headers", async () => {
  let count = 0;
  await using w = await StreamWorld.start({
    "tools/call": (message, reply) =>
      ++count === 1
        ? reply.json(error({ id: null }, -32020, "Header mismatch"), 400)
        : reply.json(result(message, { said: "done" })),
  });
  w.client.request(7, "tools/call", modern({ name: "add" }));
  assertEquals((await w.client.answer(7)).json.result, { said: "done" });
});

Deno.test("a tools/call that meets -32020 again is answered with it, and sent no third time", async () => {
  await using w = await StreamWorld.start({
    "tools/call": (message, reply) =>
      reply.json(error(message, -32020, "Header mismatch"), 400),
    "tools/list": (message, reply) =>
      reply.json(result(message, { tools: TOOLS })),
  });
  w.client.request(1, "tools/call", modern({ name: "add" }));
  const frames = await w.client.close();
  assertEquals(frames.map(({ json }) => json.error.code), [-32020]);
  assertEquals(methods(w.server.requests.all), [
    "tools/call",
    "tools/list",
    "tools/call",
  ]);
});

Deno.test("where the tools cannot be listed, a tools/call is answered with its -32020", async () => {
  await using w = await StreamWorld.start({
    "tools/call": (message, reply) =>
      reply.json(error(message, -32020, "Header mismatch"), 400),
    "tools/list": (message, reply) =>
      reply.json(error(message, -32603, "no list"), 500),
  });
  w.client.request(1, "tools/call", modern({ name: "add" }));
  const frames = await w.client.close();
  assertEquals(frames.map(({ json }) => [json.id, json.error.code]), [
    [1, -32020],
  ]);
});

Deno.test("-32020 to anything but a tools/call goes to the client as it is", async () => {
  const { error: told, requests } = await answerWhen(
    (message, reply) => reply.json(error(message, -32020, "mismatch"), 400),
    "prompts/get",
  );
  assertEquals([told.code, requests.length], [-32020, 1]);
});
