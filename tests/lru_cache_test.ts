import { assert, assertEquals } from "@std/assert";
import { LruCache } from "../src/lru_cache.ts";

const MIB = 1024 * 1024;

Deno.test("of more values than are kept the least recently set goes", () => {
  const cache = new LruCache<number>(2);
  for (const [value, key] of ["a", "b", "a", "c"].entries()) {
    cache.set(key, value);
  }
  const all = ["a", "b", "c"].map((key) => cache.get(key));
  assertEquals([cache.size, ...all], [2, 2, undefined, 3]);
});

Deno.test("a value that was looked up stays longer than one that was not", () => {
  const cache = new LruCache<number>(2);
  for (const key of ["a", "b"]) cache.set(key, 1);
  cache.get("a");
  cache.set("c", 1);
  assertEquals([...cache.entries()].map(([key]) => key), ["a", "c"]);
});

Deno.test("a cache is bounded by the length of its texts, too", () => {
  const cache = new LruCache<number>(1_000);
  for (let n = 0; n < 100; n++) cache.set(`${n} ${"x".repeat(MIB)}`, n);
  assertEquals(cache.size, 3);
  cache.set("short", 1, 3.5 * MIB);
  assertEquals(cache.size, 1);
  cache.set("long", 1, 5 * MIB);
  assertEquals([cache.get("short"), cache.get("long")], [1, undefined]);
  cache.delete("short");
  for (let n = 0; n < 100; n++) cache.set(`${n}`, n);
  assertEquals(cache.size, 100);
});

Deno.test("a cache holds nothing of what was looked up or deleted", () => {
  const cache = new LruCache<number>(100);
  const before = Deno.memoryUsage().heapUsed;
  for (let n = 0; n < 100; n++) cache.set(`${n}`, n);
  for (let n = 0; n < 2 * MIB; n++) cache.get(`${n % 100}`);
  for (let n = 0; n < MIB; n++) {
    cache.set("other", n);
    cache.delete("other");
  }
  const grownMib = (Deno.memoryUsage().heapUsed - before) / MIB;
  assert(grownMib < 64, `${grownMib} MiB more`);
});
