/** Waiting that fails the test instead of hanging it. */

// Those of the system, also where a test holds the time.
const { setTimeout, clearTimeout } = globalThis;

/** How long a test waits for what must come, unless it says otherwise. */
export const DEFAULT_DEADLINE_MS = 60_000;

/** What was waited for did not come in time. */
export class DeadlineError extends Error {
  override name = "DeadlineError";
}

/**
 * Waits for a promise, at most `deadlineMs`.
 *
 * @param promise What is waited for.
 * @param what Its name in the error.
 * @param deadlineMs The longest wait.
 * @returns What the promise resolves to.
 * @throws {DeadlineError} When the time is over.
 */
export async function within<T>(
  promise: Promise<T>,
  what: string,
  deadlineMs: number = DEFAULT_DEADLINE_MS,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new DeadlineError(`waited ${deadlineMs} ms for ${what}`)),
    deadlineMs,
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
