import { assertEquals } from "@std/assert";
import { Clock, letTimeGo } from "../support/time/clock.ts";

Deno.test("time that is held passes as the test says, and timers ring in their order", async () => {
  const rung: string[] = [];
  const real = setTimeout;
  {
    using clock = new Clock();
    const start = performance.now();
    setTimeout((what: string) => rung.push(what), 200, "b");
    setTimeout(() => {
      rung.push(`a ${performance.now() - start}`);
      setTimeout(() => rung.push(`c ${performance.now() - start}`), 150);
    }, 100);
    clearTimeout(setTimeout(() => rung.push("none"), 150));
    await clock.pass(99);
    assertEquals(rung, []);
    await clock.pass(201);
    assertEquals(rung, ["a 100", "b", "c 250"]);
    assertEquals(performance.now() - start, 300);
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve);
    await promise;
    const ring = clock.ring(7);
    setTimeout(() => rung.push("d"), 7);
    await ring;
    assertEquals(rung.at(-1), "d");
    setTimeout(() => rung.push(`late ${performance.now() - start}`), 10);
    clock.jump(100);
    assertEquals(rung.at(-1), "late 407");
    const gone = Promise.withResolvers<void>();
    clearTimeout(setTimeout(() => rung.push("cleared"), 1));
    const stopped = setTimeout(() => rung.push("stopped"), 20);
    setTimeout(gone.resolve, 20);
    letTimeGo();
    clearTimeout(stopped);
    await gone.promise;
    assertEquals(rung.at(-1), "late 407");
    assertEquals(performance.now() - start > 407, true);
  }
  assertEquals(setTimeout, real);
  const before = performance.now();
  while (performance.now() === before);
});
