/**
 * Bodies of requests in HTTP server mode: read completely, since they are
 * hashed, and therefore bounded.
 */

import type { IncomingMessage } from "node:http";
import { blobOf, giveAway } from "../blob.ts";
import { BlockBuffer } from "../mcp/wire/bytes.ts";
import type { Naming } from "../naming.ts";
import type { Semaphore } from "../semaphore.ts";
import { type Deadlines, TimeLimit } from "../time.ts";
import { type HttpError, overloaded, refused } from "./error.ts";

/** How large bodies may be, and how slow. */
export interface BodyLimits extends Naming {
  readonly maxBodyBytes: number;
  /** The time without a byte of it, in milliseconds. */
  readonly bodyIdleTimeoutMs: number;
  /** The time for all of it, in milliseconds. */
  readonly bodyTimeoutMs: number;
  /** A permit for each byte that all bodies together may have. */
  readonly bodies: Semaphore;
  readonly deadlines: Deadlines;
}

/** A body that was read; its permits are its own until it is disposed of. */
export interface HeldBody extends Disposable {
  /** A `Blob`, since the runtime may send bytes a second time. */
  readonly blob: Blob;
}

/** A larger message is not read only to learn what it asks for. */
export const MAX_READ_BYTES = 1024 * 1024;

/** Up to this size room is made for a body before it comes. */
const MAX_ROOM_BYTES = 64 * 1024;

/** The client went away in the middle of its request. */
export class ClientGone extends Error {
  override name = "ClientGone";

  constructor() {
    super("the client is gone");
  }
}

/**
 * @throws {HttpError} 413, 408 or 503.
 * @throws {ClientGone} Nobody waits for an answer any more.
 * @throws The reason of the signal.
 */
export async function readRequestBody(
  request: IncomingMessage,
  limits: BodyLimits,
  signal: AbortSignal,
): Promise<HeldBody> {
  const announced = checkAnnounced(request, limits);
  signal.throwIfAborted();
  const { maxBodyBytes, bodyIdleTimeoutMs, bodyTimeoutMs, bodies } = limits;
  const { promise: complete, resolve, reject } = Promise.withResolvers<void>();
  const limit = (limitMs: number, message: string) =>
    new TimeLimit(limits.deadlines, limitMs, () => {
      reject(refused(408, "timeout", message, { data: { limitMs } }));
    });
  using idle = limit(
    bodyIdleTimeoutMs,
    `nothing more of the request's body came for ${bodyIdleTimeoutMs} ms`,
  );
  using _whole = limit(
    bodyTimeoutMs,
    `the request's body did not come within ${bodyTimeoutMs} ms`,
  );
  // Nobody gets much room for no more than saying so.
  const isSmall = announced <= MAX_ROOM_BYTES;
  const buffer = new BlockBuffer(isSmall ? announced : 0);
  let length = 0;
  const take = (piece: unknown): void => {
    if (!(piece instanceof Uint8Array)) return;
    idle.touch();
    if (length + piece.length > maxBodyBytes) {
      return reject(tooLarge(limits));
    }
    if (!bodies.tryAcquire(piece.length)) {
      const message =
        "the proxy holds as many request bodies as it has memory for";
      return reject(overloaded(message));
    }
    length += piece.length;
    buffer.push(piece);
  };
  const gone = (): void => {
    if (!request.complete) reject(new ClientGone());
  };
  const stop = (): void => reject(signal.reason);
  signal.addEventListener("abort", stop);
  request.on("data", take).on("end", resolve).on("error", gone)
    .on("close", gone);
  try {
    await complete;
    // Once it is signed, a copy of it is sent: it need not be there twice.
    const blob = blobOf(giveAway(buffer.takeOwn()));
    return { blob, [Symbol.dispose]: () => bodies.release(length) };
  } catch (cause) {
    bodies.release(length);
    throw cause;
  } finally {
    signal.removeEventListener("abort", stop);
    request.off("data", take).off("end", resolve).off("error", gone)
      .off("close", gone);
  }
}

/** Refuses a body that is announced too large; else its length, or 0. */
export function checkAnnounced(
  { headers }: IncomingMessage,
  limits: BodyLimits,
): number {
  const length = Number(headers["content-length"] ?? 0);
  if (length > limits.maxBodyBytes) throw tooLarge(limits);
  return length;
}

function tooLarge(
  { maxBodyBytes: limitBytes, names }: BodyLimits,
): HttpError {
  return refused(
    413,
    "frame-too-large",
    `the request's body is over the limit of ${limitBytes} bytes; ${names.maxBodyBytes} sets this limit`,
    { data: { limitBytes } },
  );
}
