import { assertEquals } from "@std/assert";
import { Backlog } from "../../src/stdio/backlog.ts";
import { Clock } from "../support/time/clock.ts";
import { NOBODY } from "../support/net/nobody.ts";
import { StreamClient } from "../support/stream/client.ts";
import { within } from "../support/time/deadline.ts";

Deno.test("reading waits while a backlog is full, for as long as something ends", async () => {
  const backlog = new Backlog({ messages: 2, bytes: 100 }, 60_000);
  const { signal } = new AbortController();
  const held = [1, 2].map(() => Promise.withResolvers<void>());
  for (const { promise } of held) backlog.add(promise, 10);
  const room = backlog.room(10, signal);
  held[0].resolve();
  assertEquals(await within(room, "room"), true);
});

Deno.test("reading goes on without room when nothing of a backlog ends for too long", async () => {
  using clock = new Clock();
  const backlog = new Backlog({ messages: 1, bytes: 100 });
  backlog.add(new Promise(() => {}), 10);
  const { signal } = new AbortController();
  const room = backlog.room(10, signal);
  await clock.pass(30_000);
  assertEquals(await within(room, "giving up"), false);
  // The next one does not wait as long again.
  assertEquals(await within(backlog.room(10, signal), "the next"), false);
});

Deno.test("how long reading may wait counts from what ended last", async () => {
  using clock = new Clock();
  const backlog = new Backlog({ messages: 9, bytes: 20 }, 50);
  const held = [1, 2].map(() => Promise.withResolvers<void>());
  for (const { promise } of held) backlog.add(promise, 10);
  const room = backlog.room(20, new AbortController().signal);
  await clock.pass(40);
  held[0].resolve();
  await clock.pass(40);
  held[1].resolve();
  assertEquals(await within(room, "room"), true);
});

Deno.test("a stop ends the wait for room", async () => {
  const backlog = new Backlog({ messages: 1, bytes: 100 }, 60_000);
  backlog.add(new Promise(() => {}), 10);
  const stop = new AbortController();
  const room = backlog.room(10, stop.signal);
  stop.abort();
  assertEquals(await within(room, "the stop"), false);
});

Deno.test("a message that is larger than all that may be held is taken when nothing else is", async () => {
  const backlog = new Backlog({ messages: 9, bytes: 20 });
  const held = Promise.withResolvers<void>();
  assertEquals(backlog.hasRoomFor(30), true);
  backlog.add(held.promise, 30);
  assertEquals(backlog.hasRoomFor(1), false);
  held.resolve();
  await held.promise;
  assertEquals(backlog.hasRoomFor(30), true);
});

Deno.test("of lines that are no messages a thousand are refused to a client that reads nothing, and all once it does", async () => {
  let received = 0;
  const observer = {
    received: () => void received++,
    delivered() {},
    recovered() {},
  };
  await using client = new StreamClient({ url: NOBODY, observer });
  for (let count = 0; count < 3_000; count++) client.send("no message");
  // There is no network between the two: what can be read is read in a turn.
  for (let before = -1; before < received;) {
    before = received;
    await new Promise((resolve) => setTimeout(resolve));
  }
  if (received > 1_500) throw new Error(`${received} lines were read`);
  const refused = await client.close();
  assertEquals([refused.length, received], [3_000, 3_000]);
});
