import { failure } from "./_failure.ts";
import { assertThrown, type ErrorClass, wanted } from "./_thrown.ts";

/** Fails unless the promise of `fn` rejects; resolves to its reason. */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  message?: string,
): Promise<unknown>;
/** Fails unless it rejects with an error of this class and message; resolves to it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: ErrorClass<E>,
  includes?: string,
  message?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  classOrMessage?: ErrorClass<E> | string,
  includes?: string,
  message?: string,
): Promise<unknown> {
  const want = wanted(classOrMessage, includes, message);
  const promise = started(fn, want.message);
  try {
    await promise;
  } catch (reason) {
    assertThrown(reason, want);
    return reason;
  }
  throw failure("the promise did not reject", want.message);
}

/** The promise that `fn` returns. To throw at once is not to reject. */
function started(
  fn: () => PromiseLike<unknown>,
  message: string | undefined,
): PromiseLike<unknown> {
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (thrown) {
    throw failure(
      `thrown at once, not rejected: ${Deno.inspect(thrown)}`,
      message,
    );
  }
  if (typeof promise?.then !== "function") {
    throw failure("the function returned no promise", message);
  }
  return promise;
}
