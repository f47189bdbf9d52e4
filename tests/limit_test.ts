import { assertEquals, assertRejects } from "@std/assert";
import { LimitError, reasonOf, withLimit } from "../src/limit.ts";

Deno.test("work that does not heed its signal is over all the same", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  let reason: unknown;
  await assertRejects(
    () =>
      withLimit(20, (signal) => {
        signal.addEventListener("abort", () => reason = signal.reason);
        return promise;
      }),
    LimitError,
    "no answer within 0.02 s",
  );
  assertEquals(reason instanceof LimitError, true);
  resolve("too late");
});

Deno.test("work that is done in time gives what it gives, or throws what it throws", async () => {
  assertEquals(await withLimit(60_000, () => Promise.resolve(1)), 1);
  await assertRejects(
    () => withLimit(60_000, () => Promise.reject(new TypeError("no"))),
    TypeError,
    "no",
  );
});

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
