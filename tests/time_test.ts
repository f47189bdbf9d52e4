import { assertEquals, assertRejects } from "@std/assert";
import { LimitError, untilAborted, withLimit } from "../src/time.ts";
import { within } from "./support/time/deadline.ts";

/** A signal that counts who listens. */
function counted(signal: AbortSignal): { listeners: number } {
  const count = { listeners: 0 };
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...given: unknown[]) => {
    count.listeners++;
    Reflect.apply(addEventListener, signal, given);
  };
  signal.removeEventListener = (...given: unknown[]) => {
    count.listeners--;
    Reflect.apply(removeEventListener, signal, given);
  };
  return count;
}

Deno.test("waiting for a promise leaves nothing on a signal that outlives it", async () => {
  const { signal } = new AbortController();
  const count = counted(signal);
  for (let i = 0; i < 10; i++) await untilAborted(Promise.resolve(i), signal);
  assertEquals(count.listeners, 0);
});

Deno.test("waiting for a promise ends when the signal is aborted", async () => {
  const stop = new AbortController();
  const waited = untilAborted(new Promise(() => {}), stop.signal);
  stop.abort();
  await within(waited, "the abort");
});

Deno.test("waiting for a promise fails as that does, before an abort", async () => {
  const { signal } = new AbortController();
  const failed = Promise.reject(new TypeError("broke"));
  await assertRejects(() => untilAborted(failed, signal), TypeError, "broke");
});

Deno.test("waiting for a promise does not begin after an abort", async () => {
  await within(
    untilAborted(new Promise(() => {}), AbortSignal.abort()),
    "the abort",
  );
});

Deno.test("a promise that fails after the abort for which nobody waits ends nothing", async () => {
  const { promise, reject } = Promise.withResolvers<void>();
  await untilAborted(promise, AbortSignal.abort());
  reject(new Error("too late"));
  await new Promise((resolve) => setTimeout(resolve, 0));
});

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
