import { assertEquals } from "@std/assert";
import { Semaphore } from "../src/semaphore.ts";

const { signal } = new AbortController();

Deno.test("permits are taken in order, as long as there are enough", async () => {
  const semaphore = new Semaphore(10);
  const taken: string[] = [];
  const take = (name: string, count: number) =>
    semaphore.acquire(signal, count).then(() => taken.push(name));
  const all = [take("a", 6), take("b", 6), take("c", 4), take("d", 10)];
  await all[0];
  assertEquals([taken, semaphore.waiting], [["a"], 3]);
  semaphore.release(6);
  await all[2];
  assertEquals(taken, ["a", "b", "c"]);
  // Enough for one are free, but another asked before.
  semaphore.release(6);
  assertEquals(semaphore.tryAcquire(), false);
  semaphore.release(4);
  await all[3];
  semaphore.release(10);
  assertEquals([semaphore.waiting, semaphore.tryAcquire(10)], [0, true]);
});

Deno.test("who waits for permits no longer keeps nobody waiting, and takes none", async () => {
  const semaphore = new Semaphore(10);
  const patience = new AbortController();
  assertEquals(semaphore.tryAcquire(6), true);
  const large = semaphore.acquire(patience.signal, 10);
  const small = semaphore.acquire(signal, 4);
  patience.abort();
  assertEquals([await large, await small], [false, true]);
  const late = new AbortController();
  const given = semaphore.acquire(late.signal, 10);
  semaphore.release(10);
  late.abort();
  assertEquals(await given, false);
  assertEquals(semaphore.tryAcquire(10), true);
});
