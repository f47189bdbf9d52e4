import { assertEquals } from "@std/assert";
import { excerpt } from "../src/excerpt.ts";

Deno.test("a text that is cut ends between characters, and says that it was", () => {
  assertEquals(excerpt("abc", 3), "abc");
  assertEquals(excerpt("abcd", 3), "abc…");
  assertEquals(excerpt("ab👍d", 3), "ab👍…");
  assertEquals(excerpt("👍👍👍", 3), "👍👍👍");
});
