import { assertEquals, assertStringIncludes } from "@std/assert";
import { Clock } from "../../support/time/clock.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import { Arrivals } from "../../support/arrivals.ts";
import { mcp, methods, result } from "../../support/raw/mcp.ts";
import type { RawEventStream } from "../../support/raw/reply.ts";
import { RawServer } from "../../support/raw/server.ts";
import { StreamClient } from "../../support/stream/client.ts";

Deno.test("a request over its time is answered with -31014, and the target is told", async () => {
  using clock = new Clock();
  await using w = await StreamWorld.start({
    m: (_message, reply) => reply.hang(),
  }, { timeoutMs: 60_000 });
  w.client.request("t", "m");
  await w.server.requests.at(0);
  await clock.pass(61_000);
  const { json } = await w.client.next();
  assertEquals([json.error.code, json.error.data.limitMs], [-31014, 60_000]);
  const told = await w.server.requests.at(1);
  assertEquals(JSON.parse(told.text()), {
    jsonrpc: "2.0",
    method: "notifications/cancelled",
    params: { requestId: "t", reason: "timeout" },
  });
});

Deno.test("initialize over its time is answered, and not cancelled upstream", async () => {
  using clock = new Clock();
  await using w = await StreamWorld.start({
    initialize: (_message, reply) => reply.hang(),
  }, { timeoutMs: 60_000 });
  w.client.request(1, "initialize", {});
  await w.server.requests.at(0);
  await clock.pass(61_000);
  assertEquals((await w.client.next()).json.error.code, -31014);
  await w.client.close();
  assertEquals(methods(w.server.requests.all), ["initialize"]);
});

Deno.test("a body that stalls is over its time, too", async () => {
  await using w = await StreamWorld.start({
    m: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.comment("working");
      await stream.closed;
    },
  }, { timeoutMs: 100 });
  w.client.request(1, "m");
  assertEquals((await w.client.next()).json.error.code, -31014);
});

Deno.test("a request without a byte for the idle time is answered with -31014", async () => {
  await using w = await StreamWorld.start({
    m: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.comment("working");
      await stream.closed;
    },
  }, { idleTimeoutMs: 100 });
  w.client.request(1, "m");
  const { json } = await w.client.next();
  assertEquals([json.error.code, json.error.data.limitMs], [-31014, 100]);
  assertStringIncludes(json.error.message, "idleTimeoutMs");
});

Deno.test("a stream that goes on is not idle", async () => {
  const opened = Promise.withResolvers<RawEventStream>();
  await using server = await RawServer.start(mcp({
    m: async (_message, reply) => {
      const stream = await reply.sse();
      opened.resolve(stream);
      await stream.closed;
    },
  }));
  using clock = new Clock();
  const pieces = new Arrivals<Uint8Array>("piece of a body");
  await using client = new StreamClient({
    url: server.url,
    idleTimeoutMs: 60_000,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      const noted = new TransformStream<Uint8Array, Uint8Array>({
        transform(piece, controller) {
          controller.enqueue(piece);
          pieces.add(piece);
        },
      });
      return new Response(response.body?.pipeThrough(noted), response);
    },
  });
  client.request(1, "m");
  const stream = await opened.promise;
  for (let turn = 0; turn < 4; turn++) {
    await clock.pass(40_000);
    await stream.comment();
    await pieces.at(turn);
  }
  await stream.message(result({ id: 1 }, { said: "done" }));
  assertEquals((await client.next()).json.result, { said: "done" });
});

Deno.test("the idle time of a request begins when it is sent, not while it waits for a place", async () => {
  const calls = new Arrivals<() => void>("call");
  using clock = new Clock();
  await using w = await StreamWorld.start({
    m: async (message, reply) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      calls.add(resolve);
      await promise;
      await reply.json(result(message));
    },
  }, { idleTimeoutMs: 60_000, maxConcurrency: 1 });
  w.client.request(1, "m");
  w.client.request(2, "m");
  for (const id of [1, 2]) {
    const answer = await calls.at(id - 1);
    await clock.pass(45_000);
    answer();
    assertEquals((await w.client.answer(id)).json.result, {});
  }
});
