import { failure } from "./_failure.ts";

/** Fails on `null` and `undefined`. */
export function assertExists<T>(
  actual: T,
  message?: string,
): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  throw failure(`${actual} where a value was expected`, message);
}
