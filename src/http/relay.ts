/**
 * Pours an answer's body to a client, as fast as the client takes it.
 *
 * @module
 */

import type { ServerResponse } from "node:http";

/** A body, piece by piece. */
export type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** How a body is poured. */
export interface PourOptions {
  /** Ends the pouring. */
  readonly signal: AbortSignal;
  /** Resolves when the client has all of the answer. */
  readonly closed: Promise<void>;
  /** Is told of each piece, and of each that the client has taken late. */
  readonly onMove: (byteLength: number) => void;
}

/**
 * Pours a body to a client and ends the answer.
 *
 * @param pieces The body.
 * @param response The answer, its head written.
 * @param options What ends it, and who is told.
 * @throws What the body failed with, or the reason of the signal.
 */
export async function pour(
  pieces: Pieces,
  response: ServerResponse,
  { signal, closed, onMove }: PourOptions,
): Promise<void> {
  for await (const piece of pieces) {
    onMove(piece.length);
    if (response.write(piece)) continue;
    const { promise: drained, resolve } = Promise.withResolvers<void>();
    response.once("drain", resolve);
    await unlessAborted(drained, signal);
    onMove(0);
  }
  response.end();
  await unlessAborted(closed, signal);
}

async function unlessAborted(
  promise: Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason);
  signal.addEventListener("abort", stop);
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
