import { diff } from "./_diff.ts";
import { failure, show } from "./_failure.ts";

/** Fails unless both are one and the same (`Object.is`). */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  message?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  const alike = show(actual) === show(expected);
  throw failure(
    alike
      ? `alike but not the same object: ${show(actual)}`
      : `not the same\n${diff(actual, expected)}`,
    message,
  );
}
