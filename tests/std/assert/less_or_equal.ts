import { AssertionError } from "./assertion_error.ts";
import { show } from "./_failure.ts";

/** Fails unless `actual` is less than or equal to `expected`. */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  message?: string,
): void {
  if (actual <= expected) return;
  throw new AssertionError(
    message ?? `not so: ${show(actual)} <= ${show(expected)}`,
  );
}
