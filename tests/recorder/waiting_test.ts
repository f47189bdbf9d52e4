/** What waits to be written, and what becomes of it when there is too much. */
import { assert, assertEquals } from "@std/assert";
import { SILENT_LOG } from "../../src/log/log.ts";
import { OPTION_NAMES } from "../../src/naming.ts";
import { Recorder } from "../../src/recorder/recorder.ts";
import { StandIns } from "../../src/recorder/stand_ins.ts";
import { Waiting } from "../../src/recorder/waiting.ts";
import { RawServer } from "../support/raw_server.ts";

function note(waiting: Waiting, byte: number, byteLength: number): void {
  const kept = waiting.copy(new Uint8Array(byteLength).fill(byte));
  waiting.push({ at: 0, kind: "in", kept, byteLength });
}

Deno.test("of what waits the oldest goes, is counted, and the rest is as it was", () => {
  const waiting = new Waiting();
  const [count, length] = [3_000, 4_001];
  for (let byte = 0; byte < count; byte++) note(waiting, byte, length);
  const dropped = waiting.takeDropped();
  assertEquals(dropped + waiting.size, count);
  assert(waiting.size * length > 7 * 1024 * 1024, "most of the room is used");
  for (let byte = dropped; byte < count; byte++) {
    const noted = waiting.shift();
    assert(noted?.kind === "in");
    const bytes = waiting.bytesOf(noted);
    assertEquals(bytes?.length, length);
    assert(bytes?.every((one) => one === byte % 256), `${byte}`);
  }
  assertEquals(waiting.shift(), undefined);
});

Deno.test("what is large pushes out nothing that is small", () => {
  const waiting = new Waiting();
  note(waiting, 7, 100);
  for (let count = 0; count < 1_000; count++) note(waiting, 1, 64 * 1024);
  assertEquals(waiting.takeDropped(), 0);
  const first = waiting.shift();
  assert(first?.kind === "in");
  assertEquals(waiting.bytesOf(first), new Uint8Array(100).fill(7));
});

Deno.test("many small things are bounded, too, and a large one is not copied", () => {
  const waiting = new Waiting();
  for (let count = 0; count < 100_000; count++) note(waiting, 1, 1);
  assertEquals(waiting.takeDropped(), 100_000 - waiting.size);
  assert(waiting.size < 50_000);
  assertEquals(waiting.copy(new Uint8Array(300_000)), undefined);
});

Deno.test("what is noted while a turn ends is written, though nothing follows", async () => {
  for (let ticks = 0; ticks < 20; ticks++) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const say = (): void =>
      recorder.observer.received(new TextEncoder().encode("{}"));
    let writes = 0;
    await using recorder = new Recorder({
      names: OPTION_NAMES,
      out: {
        async write(lines) {
          if (lines.length === 0) return;
          if (++writes === 2) return resolve();
          let left = ticks;
          const tick = (): void => left-- > 0 ? queueMicrotask(tick) : say();
          tick();
          await Promise.resolve();
        },
        close: () => Promise.resolve(),
      },
      standIns: new StandIns((text) => text, false),
      log: SILENT_LOG,
      isEager: true,
    });
    say();
    await promise;
  }
});

Deno.test("at an end that does not wait for a slow disk the last lines come after those before", async () => {
  const begun = Promise.withResolvers<void>();
  const disk = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const steps: string[] = [];
  const recorder = new Recorder({
    names: OPTION_NAMES,
    out: {
      async write(lines) {
        steps.push("write");
        begun.resolve();
        await disk.promise;
        steps.push(`wrote ${lines.length}`);
      },
      close: () => Promise.resolve(closed.resolve()),
    },
    standIns: new StandIns((text) => text, false),
    log: SILENT_LOG,
    endMs: () => 20,
    isEager: true,
  });
  recorder.observer.received(new TextEncoder().encode("{}"));
  await begun.promise;
  await recorder[Symbol.asyncDispose]();
  assertEquals(steps, ["write"]);
  disk.resolve();
  await closed.promise;
  assertEquals(steps, ["write", "wrote 1", "write", "wrote 1"]);
});

Deno.test("a body is recorded to its end, though a copy of it is let go of", async () => {
  await using server = await RawServer.start((_request, reply) =>
    reply.json({ filler: "x".repeat(200_000) }, 403)
  );
  const made: { kind: string; by?: string }[] = [];
  const recorder = new Recorder({
    names: OPTION_NAMES,
    out: {
      write: (lines) =>
        Promise.resolve(
          void made.push(...lines.map((text) => JSON.parse(text))),
        ),
      close: () => Promise.resolve(),
    },
    standIns: new StandIns((text) => text, false),
    log: SILENT_LOG,
    isEager: true,
  });
  const response = await recorder.fetch(fetch)(server.url);
  const copy = response.clone().body?.getReader();
  await copy?.read();
  const cancelled = copy?.cancel();
  assertEquals((await response.bytes()).length, 200_013);
  await cancelled;
  await recorder[Symbol.asyncDispose]();
  const ends = made.filter(({ kind }) => kind === "end");
  assertEquals(ends.map(({ by }) => by), ["target"]);
});
