import { assertEquals } from "@std/assert";
import { reasonOf } from "../src/errors.ts";

Deno.test("the reason of a network error has its cause, and no query of a URL", () => {
  const cause = new Error(
    "error sending request for url (https://x.example/a?key=s): client error " +
      "(Connect): dns error: unknown",
  );
  assertEquals(
    reasonOf(new TypeError("failed", { cause })),
    "dns error: unknown",
  );
  assertEquals(
    reasonOf(new Error("no way to https://x.example/a?key=s (refused)")),
    "no way to https://x.example (refused)",
  );
  assertEquals(reasonOf("text\n of two lines"), "text of two lines");
});
