import { assertEquals } from "@std/assert";
import { Glob } from "../src/glob.ts";

for (
  const [glob, text, matches] of [
    ["get", "get", true],
    ["get", "gets", false],
    ["get", "forget", false],
    ["", "", true],
    ["", "a", false],
    ["*", "", true],
    ["*", "a\nb", true],
    ["**", "a", true],
    ["get_*", "get_", true],
    ["get_*", "get", false],
    ["*_item", "get_item", true],
    ["*_item", "get_items", false],
    ["*_item", "_item_item", true],
    ["a*b*c", "a-b-b-c-c", true],
    ["a*b*c", "a-c-b", false],
    ["*ab?", "aabab1", true],
    ["*ab?", "abab", false],
    ["g?t", "get", true],
    ["g?t", "gt", false],
    ["get?", "get😀", true],
    ["get??", "get😀", false],
    ["*??", "😀", false],
    ["*😀", "😃😀", true],
    ["get.item", "get_item", false],
    ["(a|b)[c]{1}^$+\\", "(a|b)[c]{1}^$+\\", true],
    ["Get", "get", false],
  ] as const
) {
  Deno.test(`the glob ${glob} ${matches ? "is" : "is not"} a pattern of ${JSON.stringify(text)}`, () => {
    assertEquals(new Glob(glob).matches(text), matches);
  });
}
