import { diff } from "./_diff.ts";
import { failure } from "./_failure.ts";
import { equal } from "./equal.ts";

/** Fails unless both are equal through and through. */
export function assertEquals<T>(
  actual: T,
  expected: T,
  message?: string,
): void {
  if (equal(actual, expected)) return;
  throw failure(`not equal\n${diff(actual, expected)}`, message);
}
