/**
 * A signal as something to wait for.
 *
 * @module
 */

/** Resolves when the signal is aborted, at once if it is already. */
export function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

/**
 * Waits for a promise, but no longer than until one of the signals is aborted.
 * A `Promise.race` with a promise for the signal would leave something behind
 * at each call, for as long as the signal lives.
 */
export async function untilAborted(
  promise: Promise<unknown>,
  ...signals: readonly AbortSignal[]
): Promise<void> {
  if (signals.some((signal) => signal.aborted)) return;
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  const stop = () => resolve();
  for (const signal of signals) signal.addEventListener("abort", stop);
  try {
    await Promise.race([promise, stopped]);
  } finally {
    for (const signal of signals) signal.removeEventListener("abort", stop);
  }
}
