/** Work that may not take longer than it is given. */

import { whenOver } from "./time.ts";

/** What is thrown when the time is over. */
export class LimitError extends Error {
  override name = "LimitError";

  /** @param limitMs How long it was. */
  constructor(limitMs: number) {
    super(`no answer within ${limitMs / 1000} s`);
  }
}

/**
 * Runs work that is to be over within some time, whether it heeds its signal
 * or not.
 *
 * @param limitMs How long it may take.
 * @param work The work; its signal is aborted when the time is over.
 * @returns What the work gives.
 * @throws {LimitError} The time is over.
 * @throws What the work throws.
 */
export async function withLimit<T>(
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  using _limit = whenOver(limitMs, () => {
    const error = new LimitError(limitMs);
    limit.abort(error);
    reject(error);
  });
  return await Promise.race([work(limit.signal), promise]);
}

/**
 * What is behind an error of the network, in words.
 *
 * @param error What was thrown.
 * @returns The message of its cause, if it has one, on one line.
 */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error
    ? error.cause
    : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.replace(/^error sending request .*?: client error \(\w+\): /, "")
    // A query may hold a secret.
    .replace(/\bhttps?:\/\/[^\s)]+/g, (url) => URL.parse(url)?.origin ?? "…")
    .replace(/\s+/g, " ").trim();
}
