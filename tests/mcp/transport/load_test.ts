import { assert, assertEquals } from "@std/assert";
import { Clock } from "../../support/time/clock.ts";
import { messages, result } from "../../support/raw/mcp.ts";
import type { RawEventStream } from "../../support/raw/server.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import { answers, hang } from "./calls.ts";

Deno.test("a thousand requests at once are answered over no more connections than there are places", async () => {
  await using w = await StreamWorld.start({}, { maxConcurrency: 16 });
  const count = 1_000;
  for (let id = 0; id < count; id++) w.client.request(id, "m");
  const seen = new Set<number>();
  while (seen.size < count) seen.add((await w.client.next()).json.id);
  assertEquals(w.client.frames.length, count);
  const { length } = w.server.connections;
  assert(length <= 16, `${length} connections`);
});

Deno.test("a burst of notifications is sent over a few hundred connections at most, and in full", async () => {
  const release = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    "notifications/progress": async (_message, reply) => {
      await release.promise;
      await reply.status(202);
    },
  });
  const count = 1000;
  for (let step = 0; step < count; step++) {
    w.client.notify("notifications/progress", { progress: step });
  }
  // Whatever has no place to wait for is through when this is answered.
  w.client.request("p", "ping");
  await w.client.answer("p");
  const { length } = w.server.requests.all;
  assert(length < 300, `${length} requests at once`);
  release.resolve();
  await w.client.close();
  const steps = messages(w.server.requests.all)
    .filter(({ method }) => method === "notifications/progress")
    .map(({ params }) => params.progress).sort((one, other) => one - other);
  assertEquals(steps, Array.from({ length: count }, (_, step) => step));
});

Deno.test("requests are sent in the order in which they came", async () => {
  await using w = await StreamWorld.start({}, { maxConcurrency: 1 });
  for (let id = 0; id < 50; id++) w.client.request(id, "m");
  await w.client.close();
  assertEquals(
    messages(w.server.requests.all).map(({ id }) => id),
    Array.from({ length: 50 }, (_, id) => id),
  );
});

Deno.test("calls that all await the user's answer do not keep that answer from being sent", async () => {
  const places = 64;
  const questions = new Map<string, PromiseWithResolvers<void>>();
  await using w = await StreamWorld.start({
    "tools/call": async (message, reply) => {
      const id = `ask-${message.id}`;
      const answered = Promise.withResolvers<void>();
      questions.set(id, answered);
      const stream = await reply.sse();
      await stream.message({ jsonrpc: "2.0", id, method: "ask" });
      await answered.promise;
      await stream.message(result(message));
      await stream.end();
    },
    response: async (message, reply) => {
      await reply.status(202);
      questions.get(message.id)?.resolve();
    },
  });
  for (let id = 0; id < places; id++) w.client.request(id, "tools/call");
  const asked: string[] = [];
  while (asked.length < places) asked.push((await w.client.next()).json.id);
  // With every place taken, a ping and a notification pass as well.
  w.client.request("p", "ping");
  assertEquals((await w.client.next()).json.id, "p");
  w.client.notify("notifications/progress", {});
  await w.server.requests.find((seen) => seen.text().includes("progress"));
  for (const id of asked) w.client.send({ jsonrpc: "2.0", id, result: {} });
  const done = new Set<number>();
  while (done.size < places) done.add((await w.client.next()).json.id);
});

Deno.test("a request that is cancelled while it waits its turn is never sent", async () => {
  const release = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    slow: async (message, reply) => {
      await release.promise;
      await reply.json(result(message));
    },
  }, { maxConcurrency: 1 });
  w.client.request(1, "slow");
  await w.server.requests.at(0);
  w.client.request(2, "never");
  w.client.notify("notifications/cancelled", { requestId: 2 });
  w.client.request(3, "m");
  // Whatever has no place to wait for is through when this is answered.
  w.client.request("p", "ping");
  await w.client.answer("p");
  release.resolve();
  const ids = (await w.client.close()).map(({ json }) => json.id);
  assertEquals(ids.toSorted(), [1, 3]);
  assertEquals(w.posted, ["slow", "ping", "m"]);
});

Deno.test("a cancelled request gives its place to the next one at once", async () => {
  await using w = await StreamWorld.start({ hang }, { maxConcurrency: 1 });
  w.client.request(1, "hang");
  await w.server.requests.at(0);
  w.client.request(2, "m");
  w.client.notify("notifications/cancelled", { requestId: 1 });
  assertEquals((await w.client.next()).json.id, 2);
});

Deno.test("the time of a request runs while it waits its turn", async () => {
  const options = { maxConcurrency: 1, timeoutMs: 100 };
  await using w = await StreamWorld.start({ hang }, options);
  for (const id of [1, 2, 3]) w.client.request(id, "hang");
  const codes = await answers(w.client, 3);
  assertEquals(new Set(codes.values()), new Set([-31014]));
});

for (const timeoutResetOnProgress of [true, false]) {
  Deno.test(`each message of the target's ${timeoutResetOnProgress ? "starts the time anew with" : "leaves the time as it is without"} the option`, async () => {
    const opened = Promise.withResolvers<RawEventStream>();
    using clock = new Clock();
    await using w = await StreamWorld.start({
      m: async (_message, reply) => {
        const stream = await reply.sse();
        opened.resolve(stream);
        await stream.closed;
      },
    }, { timeoutMs: 60_000, timeoutResetOnProgress });
    w.client.request(1, "m");
    const stream = await opened.promise;
    for (let step = 0; step < 3; step++) {
      await clock.pass(25_000);
      await stream.message({ jsonrpc: "2.0", method: "n" });
      if (step < 2) assertEquals((await w.client.next()).json.method, "n");
    }
    if (timeoutResetOnProgress) await stream.message(result({ id: 1 }));
    const { json } = await w.client.answer(1);
    assertEquals("result" in json, timeoutResetOnProgress);
  });
}

Deno.test("streams that the target leaves open after its answers do not pile up", async () => {
  await using w = await StreamWorld.start({
    m: async (message, reply) => {
      const stream = await reply.sse();
      await stream.message(result(message));
      await stream.closed;
    },
  });
  for (let id = 0; id < 300; id++) {
    w.client.request(id, "m");
    await w.client.answer(id);
  }
  const { openCount } = w.server;
  assert(openCount <= 64, `${openCount} connections are open`);
});
