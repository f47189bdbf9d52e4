import { assertEquals } from "@std/assert";
import { Recent } from "../src/lru_cache.ts";

const MIB = 1024 * 1024;

Deno.test("of more values than are remembered the oldest go", () => {
  const recent = new Recent<number>(2);
  for (const [value, key] of ["a", "b", "a", "c"].entries()) {
    recent.set(key, value);
  }
  const all = ["a", "b", "c"].map((key) => recent.get(key));
  assertEquals([recent.size, ...all], [2, 2, undefined, 3]);
});

Deno.test("what is remembered is bounded by its length, too", () => {
  const recent = new Recent<number>(1_000);
  for (let n = 0; n < 100; n++) recent.set(`${n} ${"x".repeat(MIB)}`, n);
  assertEquals(recent.size, 3);
  recent.set("short", 1, 3.5 * MIB);
  assertEquals(recent.size, 1);
  recent.set("long", 1, 5 * MIB);
  assertEquals([recent.get("short"), recent.get("long")], [1, undefined]);
  recent.delete("short");
  for (let n = 0; n < 100; n++) recent.set(`${n}`, n);
  assertEquals(recent.size, 100);
});
