import { failure, show } from "./_failure.ts";

/** Fails unless `actual` holds `expected`. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  message?: string,
): void {
  if (actual.includes(expected)) return;
  throw failure(`${show(actual)} does not hold ${show(expected)}`, message);
}
