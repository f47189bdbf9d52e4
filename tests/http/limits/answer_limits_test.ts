import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Clock } from "../../support/time/clock.ts";
import { within } from "../../support/time/deadline.ts";
import { request } from "../../support/raw/mcp.ts";
import type { RawHandler } from "../../support/raw/server.ts";
import { PING, World } from "./world.ts";

Deno.test("an answer that does not begin in time is 504 with the request's id", async () => {
  await using world = await World.make(
    { timeoutMs: 40 },
    {
      hang: (_message, reply) => reply.hang(),
    },
  );
  const answer = await world.post(request("hang", "late"));
  const { id, error } = await answer.json();
  assertEquals([answer.status, id, error.code], [504, "late", -31014]);
  assertStringIncludes(error.message, "timeoutMs");
});

Deno.test("an answer in which nothing moves is broken off", async () => {
  const left = Promise.withResolvers<void>();
  using clock = new Clock();
  await using world = await World.make(
    { idleTimeoutMs: 60_000 },
    {
      stall: async (_message, reply) => {
        const stream = await reply.sse();
        await stream.event({ data: "{}" });
        await stream.closed;
        left.resolve();
      },
    },
  );
  const answer = await world.post(request("stall"));
  const reader = answer.body!.getReader();
  await reader.read();
  const cut = assertRejects(() => reader.read(), TypeError);
  await clock.pass(61_000);
  await cut;
  await within(left.promise, "the target to be left");
  assertStringIncludes(world.logText, "idleTimeoutMs");
});

Deno.test("an event begins the time of an answer anew where that is wanted, and not elsewhere", async () => {
  const handler: RawHandler = async (_request, reply) => {
    const stream = await reply.sse();
    await stream.comment();
    await asked.promise;
    await stream.comment();
    await stream.closed;
  };
  const asked = Promise.withResolvers<void>();
  using clock = new Clock();
  await using strict = await World.make({ timeoutMs: 60_000 }, handler);
  await using patient = await World.make(
    { timeoutMs: 60_000, timeoutResetOnProgress: true },
    handler,
  );
  const readers = [];
  for (const world of [strict, patient]) {
    const reader = (await world.post(PING)).body!.getReader();
    readers.push(reader);
    await reader.read();
  }
  await clock.pass(40_000);
  asked.resolve();
  for (const reader of readers) await reader.read();
  const [cut, open] = readers.map((reader) =>
    assertRejects(() => within(reader.read(), "the limit"), TypeError)
  );
  await clock.pass(40_000);
  await cut;
  assertStringIncludes(strict.logText, "timeoutMs");
  assertEquals(patient.logText.includes("timeoutMs"), false);
  await clock.pass(21_000);
  await open;
});

Deno.test("a GET stream and a listen stand open beyond all limits", async () => {
  const released = Promise.withResolvers<void>();
  const stand: RawHandler = async (_request, reply) => {
    const stream = await reply.sse();
    await released.promise;
    await stream.event({ data: "{}" });
    await stream.end();
  };
  const limits = { timeoutMs: 60_000, idleTimeoutMs: 60_000 };
  using clock = new Clock();
  await using world = await World.make(limits, (request, reply) => {
    if (!request.text().includes('"stall"')) return stand(request, reply);
    return reply.hang();
  });
  const streams = [
    await world.fetch(),
    await world.post(request("subscriptions/listen"), {
      "mcp-method": "subscriptions/listen",
    }),
    await world.post(request("subscriptions/listen", 3)),
  ];
  // The same limits have passed for this one, which began later.
  const late = world.post(request("stall", 2));
  await world.target.requests.at(3);
  await clock.pass(61_000);
  assertEquals((await late).status, 504);
  await (await late).body?.cancel();
  released.resolve();
  for (const stream of streams) {
    assertEquals(await stream.text(), "data: {}\n\n");
  }
});
