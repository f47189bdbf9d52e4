import { failure, show } from "./_failure.ts";
import { equal } from "./equal.ts";

/** Fails if both are equal through and through. */
export function assertNotEquals<T>(
  actual: T,
  expected: T,
  message?: string,
): void {
  if (!equal(actual, expected)) return;
  throw failure(`equal, against expectation: ${show(actual)}`, message);
}
