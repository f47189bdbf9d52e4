import { failure } from "./_failure.ts";
import { assertThrown, type ErrorClass, wanted } from "./_thrown.ts";

/** Fails unless `fn` throws; returns what it threw. */
export function assertThrows(fn: () => unknown, message?: string): unknown;
/** Fails unless `fn` throws an error of this class and message; returns it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass: ErrorClass<E>,
  includes?: string,
  message?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  classOrMessage?: ErrorClass<E> | string,
  includes?: string,
  message?: string,
): unknown {
  const want = wanted(classOrMessage, includes, message);
  try {
    fn();
  } catch (thrown) {
    assertThrown(thrown, want);
    return thrown;
  }
  throw failure("nothing was thrown", want.message);
}
