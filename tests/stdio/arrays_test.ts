/** Arrays of which a part is refused, or is of a request under way. */
import { assert, assertEquals } from "@std/assert";
import { PROFILES } from "../mcp/profiles/world.ts";
import { modern } from "../support/modern_message.ts";
import { result } from "../support/raw_mcp.ts";
import type { StreamClientOptions } from "../support/stream_client.ts";
import { StreamWorld } from "../support/stream_world.ts";

/** A call of another profile, which cannot stand in an array. */
const ofProd = {
  jsonrpc: "2.0",
  id: 5,
  method: "tools/call",
  params: { name: "x", arguments: { aws_profile: "prod" } },
};

const REFUSED_ARRAYS: Readonly<
  Record<string, [readonly unknown[], Partial<StreamClientOptions>?]>
> = {
  "two requests of one ID": [[
    { jsonrpc: "2.0", id: 5, method: "m" },
    { jsonrpc: "2.0", id: 5, method: "m" },
  ]],
  "a request of 2026-07-28": [[
    { jsonrpc: "2.0", id: 5, method: "m", params: modern() },
  ]],
  "a call of another profile": [[ofProd], { profiles: PROFILES }],
  "a call without an ID where tools are restricted": [[
    { jsonrpc: "2.0", method: "tools/call", params: { name: "a" } },
    { jsonrpc: "2.0", id: 5, method: "m" },
  ], { tools: { allow: ["a"] } }],
};

for (const [what, [messages, options]] of Object.entries(REFUSED_ARRAYS)) {
  Deno.test(`the client's answer counts though ${what} beside it is refused`, async () => {
    const answered = Promise.withResolvers<void>();
    await using w = await StreamWorld.start({
      ask: async (message, reply) => {
        const stream = await reply.sse();
        await stream.message({ jsonrpc: "2.0", id: 7, method: "roots/list" });
        await answered.promise;
        await stream.message(result(message));
        await stream.end();
      },
      response: async (_message, reply) => {
        await reply.status(202);
        answered.resolve();
      },
    }, options);
    await w.initialize();
    w.client.request(1, "ask");
    const { id } = (await w.client.next()).json;
    w.client.send([...messages, { jsonrpc: "2.0", id, result: {} }]);
    assert((await w.client.answer(5)).json.error);
    assertEquals((await w.client.answer(1)).json.result, {});
  });
}

Deno.test("a cancellation in an array cancels", async () => {
  await using w = await StreamWorld.start({
    hang: (_message, reply) => reply.hang(),
  });
  await w.initialize();
  w.client.request(1, "hang");
  await w.server.requests.find((seen) => seen.text().includes("hang"));
  w.client.send([
    {
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: 1 },
    },
    { jsonrpc: "2.0", id: 2, method: "m" },
  ]);
  await w.client.answer(2);
  assertEquals(await w.client.close(), []);
});
