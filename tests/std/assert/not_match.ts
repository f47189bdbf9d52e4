import { failure, show } from "./_failure.ts";

/** Fails if `expected` finds something in `actual`. */
export function assertNotMatch(
  actual: string,
  expected: RegExp,
  message?: string,
): void {
  if (!expected.test(actual)) return;
  throw failure(`${show(actual)} matches ${expected}`, message);
}
