/** Whole-program tests: which tools a client sees and calls. */
import { assertEquals } from "@std/assert";
import { result } from "../support/raw/mcp.ts";
import { LayersWorld, TOOLS } from "./layers_world.ts";

for (
  const [how, options] of [
    ["--read-only", { args: ["--read-only"] }],
    ["MCP_READ_ONLY", { env: { MCP_READ_ONLY: "true" } }],
  ] as const
) {
  Deno.test(`with ${how} other tools are neither listed nor called, listed before or not`, async () => {
    await using w = await LayersWorld.start(options);
    await w.proxy.initialize();
    const { error } = await w.call("put_item");
    assertEquals([error.code, error.data.reason, error.data.tool], [
      -31019,
      "blocked",
      "put_item",
    ]);
    assertEquals(w.sent("tools/list").length, 1);
    assertEquals(await w.names(), ["get_item"]);
    assertEquals((await w.call("delete_item")).error.code, -31019);
    assertEquals((await w.call("get_item")).result, {});
    assertEquals(
      w.sent("tools/call").map(({ message }) => message.params.name),
      ["get_item"],
    );
  });
}

Deno.test("with --read-only a call is not sent again to a target that began anew and says that its tool writes", async () => {
  let readOnlyHint = true;
  const ran: number[] = [];
  await using w = await LayersWorld.start({ args: ["--read-only"] }, {
    "tools/list": (message, reply) =>
      reply.json(
        result(message, {
          tools: [{ name: "x", annotations: { readOnlyHint } }],
        }),
      ),
    "tools/call": (message, reply) => {
      ran.push(message.id);
      return reply.json(result(message));
    },
  });
  await w.proxy.initialize();
  assertEquals((await w.call("x")).result, {});
  w.sessions.known.clear();
  readOnlyHint = false;
  assertEquals((await w.call("x")).error?.code, -31019);
  assertEquals((await w.call("x")).error?.code, -31019);
  await w.proxy.initialize();
  assertEquals((await w.call("x")).error?.code, -31019);
  assertEquals(ran.length, 1);
});

Deno.test("with --read-only a call that looks like an answer is not sent", async () => {
  await using w = await LayersWorld.start({ args: ["--read-only"] });
  await w.proxy.initialize();
  await w.proxy.send({
    jsonrpc: "2.0",
    id: 1,
    Method: "tools/call",
    result: null,
    params: { name: "delete_item" },
  });
  await w.call("get_item");
  const reached = w.server.requests.all.map((request) => request.text());
  assertEquals(reached.filter((text) => text.includes("delete_item")), []);
});

for (
  const [how, options, allowed] of [
    [
      "--allow-tool",
      { args: ["--allow-tool=get_*", "--allow-tool", "put_*"] },
      [
        "get_item",
        "put_item",
      ],
    ],
    ["MCP_ALLOW_TOOL", { env: { MCP_ALLOW_TOOL: "get_*, put_*" } }, [
      "get_item",
      "put_item",
    ]],
    ["--deny-tool", { args: ["--deny-tool", " delete_* "] }, [
      "get_item",
      "put_item",
    ]],
    ["MCP_DENY_TOOL", { env: { MCP_DENY_TOOL: "delete_*,put_*" } }, [
      "get_item",
    ]],
    [
      "--allow-tool and --deny-tool",
      { args: ["--allow-tool=*_item", "--deny-tool=put_*"] },
      ["get_item", "delete_item"],
    ],
  ] as const
) {
  Deno.test(`with ${how} the client sees and calls what it names, and no other call is sent`, async () => {
    await using w = await LayersWorld.start(options);
    await w.proxy.initialize();
    assertEquals(await w.names(), [...allowed]);
    for (const { name } of TOOLS) {
      const { error } = await w.call(name);
      const isAllowed = allowed.some((one) => one === name);
      assertEquals(error?.code, isAllowed ? undefined : -31019, name);
    }
    assertEquals(
      w.sent("tools/call").map(({ message }) => message.params.name),
      [...allowed],
    );
  });
}
