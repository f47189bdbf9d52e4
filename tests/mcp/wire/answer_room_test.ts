/** The room that large answers share. */
import { assertEquals } from "@std/assert";
import { modern } from "../../support/stream/modern_message.ts";
import { result } from "../../support/raw/mcp.ts";
import { StreamWorld } from "../../support/stream/world.ts";

const MIB = 1024 * 1024;

const answer = (id: unknown, bytes: number) =>
  JSON.stringify(result({ id }, { x: "x".repeat(bytes) }));

for (const kind of ["bodies", "events"]) {
  Deno.test(`eight ${kind} of 9 MiB at once all reach the client`, async () => {
    await using w = await StreamWorld.start({
      "tools/call": async ({ id }, reply) => {
        const text = answer(id, 9 * MIB);
        if (kind === "bodies") {
          return await reply.status(
            200,
            { "content-type": "application/json" },
            text,
          );
        }
        const stream = await reply.sse();
        await stream.raw(`data: ${text}\n\n`);
        await stream.end();
      },
    });
    for (let id = 1; id <= 8; id++) w.client.request(id, "tools/call");
    const lengths = new Map<unknown, number>();
    for (let left = 8; left > 0; left--) {
      const { json, text } = await w.client.next();
      lengths.set(json.id, text.length);
      w.client.frames.length = 0;
    }
    assertEquals(lengths.size, 8);
    assertEquals(new Set(lengths.values()).size <= 2, true);
  });
}

Deno.test("a large answer waits for others that stall, a small one does not, and a cancelled one gives its room back", async () => {
  const begun = Promise.withResolvers<void>();
  let stalled = 0;
  await using w = await StreamWorld.start({
    stall: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.raw(`data: {"x":"${"x".repeat(5 * MIB)}`);
      if (++stalled === 6) begun.resolve();
    },
    large: async ({ id }, reply) => {
      const stream = await reply.sse();
      void stream.raw(`data: ${answer(id, 5 * MIB)}\n\n`).catch(() => {});
    },
  });
  for (let id = 1; id <= 6; id++) w.client.request(id, "stall", modern());
  await begun.promise;
  w.client.request(7, "large", modern());
  w.client.request(8, "small", modern());
  assertEquals((await w.client.next()).json.id, 8);
  w.client.notify("notifications/cancelled", { requestId: 1 });
  assertEquals((await w.client.next()).json.id, 7);
});

Deno.test("a stream that stays open after a large message holds no room", async () => {
  await using w = await StreamWorld.start({
    noted: async (_message, reply) => {
      const stream = await reply.sse();
      const params = { x: "x".repeat(2 * MIB) };
      await stream.message({ jsonrpc: "2.0", method: "n", params });
      await stream.closed;
    },
    large: async ({ id }, reply) => {
      const stream = await reply.sse();
      await stream.raw(`data: ${answer(id, 5 * MIB)}\n\n`);
    },
  });
  for (let id = 1; id <= 6; id++) w.client.request(id, "noted", modern());
  for (let id = 1; id <= 6; id++) {
    assertEquals((await w.client.next()).json.method, "n");
  }
  w.client.request(7, "large", modern());
  assertEquals((await w.client.next()).json.id, 7);
});
