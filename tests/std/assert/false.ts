import { AssertionError } from "./assertion_error.ts";

/** What counts as false. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

/** Fails unless `condition` is falsy. */
export function assertFalse(
  condition: unknown,
  message = "",
): asserts condition is Falsy {
  if (condition) throw new AssertionError(message);
}
