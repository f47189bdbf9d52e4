import { failure, show } from "./_failure.ts";

/** Fails unless `expected` finds something in `actual`. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  message?: string,
): void {
  if (expected.test(actual)) return;
  throw failure(`${show(actual)} does not match ${expected}`, message);
}
