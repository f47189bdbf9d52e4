/** What waits to be written, and what becomes of it when there is too much. */
import { assert, assertEquals } from "@std/assert";
import { SILENT_LOG } from "../../src/log/log.ts";
import { OPTION_NAMES } from "../../src/naming.ts";
import { Recorder, type RecorderOptions } from "../../src/recorder/recorder.ts";
import { StandIns } from "../../src/recorder/stand_ins.ts";
import { Waiting } from "../../src/recorder/waiting.ts";
import { RawServer } from "../support/raw/server.ts";

/** A recorder, and the lines that it makes. */
function collecting(options: Partial<RecorderOptions> = {}) {
  const made: { kind: string; by?: string; as?: number; count?: number }[] = [];
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
    ...options,
  });
  return { made, recorder };
}

function note(waiting: Waiting, byte: number, byteLength: number): void {
  const bytes = new Uint8Array(byteLength).fill(byte);
  waiting.push("in", byte / 4, byte, `é${byte}`, bytes);
}

Deno.test("of what waits the oldest goes, is counted, and the rest is as it was", () => {
  const waiting = new Waiting();
  let [next, dropped] = [0, 0];
  for (const count of [3_000, 1_500, 0]) {
    for (let added = 0; added < 3_000; added++, next++) {
      note(waiting, next, 3_900 + next % 101);
    }
    dropped += waiting.takeDropped();
    assert(waiting.size * 4_000 > 7 * 1024 * 1024, "most of the room is used");
    for (let left = waiting.size; left > count; left--, dropped++) {
      const { bytes, ...noted } = waiting.shift() ?? {};
      const byteLength = 3_900 + dropped % 101;
      const [at, id, more] = [dropped / 4, dropped, `é${dropped}`];
      assertEquals(noted, { kind: "in", at, id, more, byteLength });
      assertEquals(bytes?.length, byteLength);
      assert(bytes?.every((one) => one === dropped % 256), more);
    }
  }
  assertEquals(dropped, next);
  assertEquals(waiting.shift(), undefined);
});

Deno.test("what is large pushes out nothing that is small", () => {
  const waiting = new Waiting();
  note(waiting, 7, 100);
  for (let count = 0; count < 1_000; count++) note(waiting, 1, 64 * 1024);
  assertEquals(waiting.takeDropped(), 0);
  assertEquals(waiting.shift()?.bytes, new Uint8Array(100).fill(7));
  let kept = 0;
  for (let one; (one = waiting.shift());) if (one.bytes) kept++;
  assert(kept > 32 && kept < 128, `${kept}`);
});

Deno.test("many small things are bounded, too, and a large one is not copied", () => {
  const waiting = new Waiting();
  for (let count = 0; count < 300_000; count++) note(waiting, 1, 1);
  assertEquals(waiting.takeDropped(), 300_000 - waiting.size);
  assert(waiting.size < 220_000);
  waiting.keep(0);
  waiting.takeDropped();
  waiting.push("log", 0, 0, "x".repeat(400_000), { byteLength: 0 });
  assertEquals([waiting.takeDropped(), waiting.size], [1, 0]);
  note(waiting, 1, 300_000);
  assertEquals(waiting.shift()?.bytes, undefined);
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

Deno.test("at an end as many lines are written as there is certainly time for, and the others are counted", async () => {
  const { made, recorder } = collecting({ endMs: () => 100 });
  const message = new TextEncoder().encode("{}");
  for (let count = 0; count < 50_000; count++) {
    recorder.observer.received(message);
  }
  await recorder[Symbol.asyncDispose]();
  const written = made.filter(({ kind }) => kind === "in").length;
  const dropped = made.reduce((sum, { count = 0 }) => sum + count, 0);
  assert(written <= 2_000, `${written} lines were written`);
  assertEquals(written + dropped, 50_000);
});

Deno.test("a body is recorded to its end, though a copy of it is let go of", async () => {
  await using server = await RawServer.start((_request, reply) =>
    reply.json({ filler: "x".repeat(200_000) }, 403)
  );
  const { made, recorder } = collecting({ isEager: true });
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

Deno.test("an identity that is opened again is the same one", async () => {
  const { made, recorder } = collecting();
  const send = () => Promise.resolve(new Response());
  for (const who of ["one", "other", "one", "third"]) {
    await recorder.fetch(send, who)("http://127.0.0.1/");
  }
  await recorder[Symbol.asyncDispose]();
  const requests = made.filter(({ kind }) => kind === "request");
  assertEquals(requests.map(({ as }) => as ?? 1), [1, 2, 1, 3]);
});
