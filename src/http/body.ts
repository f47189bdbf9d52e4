/**
 * Bodies of requests at the HTTP front: read whole, since they are hashed, and
 * therefore bounded.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { type HttpError, overloaded, refused } from "./error.ts";
import { blobOf } from "../blob.ts";
import { type Deadlines, TimeLimit } from "../time.ts";

/** How large bodies may be, and how slow. */
export interface BodyLimits {
  /** The largest body, in bytes. */
  readonly maxBytes: number;
  /** The time without a byte of it, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** The time for all of it, in milliseconds. */
  readonly timeoutMs: number;
  /** What all bodies together have. */
  readonly store: BodyStore;
  readonly deadlines: Deadlines;
}

/** The memory that all bodies together may take at a time. */
export class BodyStore {
  #freeBytes: number;

  /** @param bytes All of it. */
  constructor(bytes: number) {
    this.#freeBytes = bytes;
  }

  /** Takes some bytes of it; false when they are not there. */
  take(bytes: number): boolean {
    if (bytes > this.#freeBytes) return false;
    this.#freeBytes -= bytes;
    return true;
  }

  /** Gives bytes back. */
  give(bytes: number): void {
    this.#freeBytes += bytes;
  }
}

/** A body that was read. */
export interface HeldBody extends Disposable {
  /** A `Blob`, since the runtime may send bytes a second time. */
  readonly blob: Blob;
}

/** A larger message is not read only to learn what it asks for. */
export const MAX_READ_BYTES = 1024 * 1024;

/** The client went away in the middle of its request. */
export class ClientGone extends Error {
  override name = "ClientGone";

  constructor() {
    super("the client is gone");
  }
}

/** What a body starts with: what is announced may never come. */
const FIRST_BYTES = 16 * 1024;

/**
 * Reads the body of a request.
 *
 * @param limits How large it may be, and how slow.
 * @returns The body; it counts until it is disposed of.
 * @throws {HttpError} 413, 408 or 503.
 * @throws {ClientGone} Nobody waits for an answer any more.
 * @throws The reason of the signal.
 */
export async function readRequestBody(
  request: IncomingMessage,
  limits: BodyLimits,
  signal: AbortSignal,
): Promise<HeldBody> {
  const { maxBytes, idleTimeoutMs, timeoutMs, store, deadlines } = limits;
  const size = announcedSize(request) ?? maxBytes;
  checkAnnounced(request, limits);
  signal.throwIfAborted();
  const { promise: complete, resolve, reject } = Promise.withResolvers<void>();
  using idle = new TimeLimit(
    deadlines,
    idleTimeoutMs,
    () =>
      reject(
        tooSlow(
          idleTimeoutMs,
          `nothing more of the request's body came for ${idleTimeoutMs} ms`,
        ),
      ),
  );
  using _whole = new TimeLimit(
    deadlines,
    timeoutMs,
    () =>
      reject(
        tooSlow(
          timeoutMs,
          `the request's body did not come within ${timeoutMs} ms`,
        ),
      ),
  );
  const buffer = new GrowingBuffer(size, store);
  const take = (piece: unknown): void => {
    if (!(piece instanceof Uint8Array)) return;
    idle.touch();
    if (buffer.length + piece.length > maxBytes) {
      return reject(tooLarge(maxBytes));
    }
    if (buffer.push(piece)) return;
    reject(
      overloaded(
        "the proxy holds as many request bodies as it has memory for",
      ),
    );
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
    return buffer.hold();
  } finally {
    signal.removeEventListener("abort", stop);
    request.off("data", take).off("end", resolve).off("error", gone)
      .off("close", gone);
    buffer.release();
  }
}

/**
 * Refuses a body that is announced too large, before any of it comes.
 *
 * @throws {HttpError} 413.
 */
export function checkAnnounced(
  request: IncomingMessage,
  { maxBytes }: BodyLimits,
): void {
  if ((announcedSize(request) ?? 0) > maxBytes) throw tooLarge(maxBytes);
}

function announcedSize({ headers }: IncomingMessage): number | undefined {
  const length = headers["content-length"];
  return length === undefined ? undefined : Number(length);
}

/**
 * Bytes that come in pieces, however small, in one buffer. It has no more than
 * the store has given, and that is at most twice of what came.
 */
class GrowingBuffer {
  readonly #mostBytes: number;
  readonly #store: BodyStore;
  #bytes = new Uint8Array();
  #length = 0;

  constructor(mostBytes: number, store: BodyStore) {
    this.#mostBytes = mostBytes;
    this.#store = store;
  }

  get length(): number {
    return this.#length;
  }

  /** Adds a piece; false when there is no room for it. */
  push(piece: Uint8Array): boolean {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length && !this.#grow(length)) return false;
    this.#bytes.set(piece, this.#length);
    this.#length = length;
    return true;
  }

  #grow(needed: number): boolean {
    const ample = Math.max(FIRST_BYTES, 2 * this.#bytes.length);
    const wanted = Math.max(needed, Math.min(ample, this.#mostBytes));
    const had = this.#bytes.length;
    const size = [wanted, needed].find((size) => this.#store.take(size - had));
    if (size === undefined) return false;
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(size));
    return true;
  }

  /** What came, as a body that counts by itself. */
  hold(): HeldBody {
    const store = this.#store;
    const blob = blobOf(this.#bytes.subarray(0, this.#length));
    store.give(this.#bytes.length - this.#length);
    let held = this.#length;
    this.#bytes = new Uint8Array();
    return {
      blob,
      [Symbol.dispose](): void {
        store.give(held);
        held = 0;
      },
    };
  }

  /** Gives back what it has, unless it was handed on. */
  release(): void {
    this.#store.give(this.#bytes.length);
    this.#bytes = new Uint8Array();
  }
}

function tooLarge(limitBytes: number): HttpError {
  return refused(
    413,
    "frame-too-large",
    `the request's body is over the limit of ${limitBytes} bytes; --max-frame (MCP_MAX_FRAME) sets this limit`,
    { data: { limitBytes } },
  );
}

function tooSlow(limitMs: number, message: string): HttpError {
  return refused(408, "timeout", message, { data: { limitMs } });
}
