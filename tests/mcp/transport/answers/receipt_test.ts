/** A result that says who answered, where it overtakes the answer of its POST. */

import { assertEquals } from "@std/assert";
import { Clock } from "../../../support/time/clock.ts";
import { result } from "../../../support/raw/mcp.ts";
import type { RawEventStream } from "../../../support/raw/server.ts";
import { StreamWorld } from "../../../support/stream/world.ts";
import { initializes } from "../calls.ts";

const KEY = "sigv4-proxy/identity";

for (const isAnswered of [true, false]) {
  Deno.test(`a result that comes before the answer of its POST ${isAnswered ? "waits for that, and has its receipt" : "waits five seconds for that, and then has no receipt"}, and none that the target forged`, async () => {
    using clock = new Clock();
    const stream = Promise.withResolvers<RawEventStream>();
    const isOver = Promise.withResolvers<void>();
    const hasCome = Promise.withResolvers<void>();
    await using w = await StreamWorld.start({
      GET: async (_message, reply) => {
        stream.resolve(await reply.sse());
        await isOver.promise;
      },
      "tools/call": async (message, reply) => {
        const value = { _meta: { [KEY]: "forged", own: 1 } };
        await (await stream.promise).message(result(message, value));
        hasCome.resolve();
        if (!isAnswered) await isOver.promise;
        await reply.status(202);
      },
    }, {
      standaloneStream: true,
      receiptOf: () => Promise.resolve('{"account":"1"}'),
    });
    await w.client.initialize();
    w.client.request(1, "tools/call", { name: "x" });
    await hasCome.promise;
    const answer = w.client.answer(1);
    const startedAt = performance.now();
    const { json } = isAnswered ? await answer : await clock.until(answer);
    // Time stands still but for what the test lets pass.
    assertEquals(performance.now() - startedAt >= 5_000, !isAnswered);
    isOver.resolve();
    assertEquals(json.result._meta, {
      own: 1,
      ...isAnswered && { [KEY]: { account: "1" } },
    });
  });
}

Deno.test("an answer of a batch that nobody waits for is left out, and the others have their receipts", async () => {
  await using w = await StreamWorld.start({
    initialize: initializes("2025-03-26"),
    batch: (calls, reply) =>
      reply.json([...calls, { id: 99 }].map((call) => result(call))),
  }, {
    receiptOf: () => Promise.resolve('"who"'),
  });
  await w.client.initialize();
  w.client.send([1, 2].map((id) => ({ jsonrpc: "2.0", id, method: "m" })));
  const told = (await w.client.close()).flatMap(({ json }) => json);
  assertEquals(
    told.map(({ id, result }) => [id, result._meta]),
    [[1, { [KEY]: "who" }], [2, { [KEY]: "who" }]],
  );
});

Deno.test("a result whose receipt cannot be had is given without it", async () => {
  await using w = await StreamWorld.start({
    "tools/call": (message, reply) => reply.json(result(message, { a: 1 })),
  }, {
    receiptOf: () => Promise.reject(new Error("no receipt")),
  });
  await w.client.initialize();
  w.client.request(1, "tools/call", { name: "x" });
  const { json } = await w.client.answer(1);
  assertEquals(json.result, { a: 1 });
});
