/**
 * Bodies of requests at the HTTP front: read whole, since they are hashed, and
 * therefore bounded.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { ProxyError } from "./errors.ts";
import { HttpError } from "./http_error.ts";

/** How large bodies may be, and how slow. */
export interface BodyLimits {
  /** The largest body, in bytes. */
  readonly maxBytes: number;
  /** The time without a byte of it, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** What all bodies together have. */
  readonly store: BodyStore;
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

/** The client went away in the middle of its request. */
export class ClientGone extends Error {
  override name = "ClientGone";

  constructor() {
    super("the client is gone");
  }
}

/** What a body of unknown length starts with. */
const FIRST_BYTES = 16 * 1024;

/**
 * Reads the body of a request.
 *
 * @param request The request.
 * @param limits How large it may be, and how slow.
 * @returns The body; it counts until it is disposed of.
 * @throws {HttpError} 413, 408 or 503.
 * @throws {ClientGone} Nobody waits for an answer any more.
 */
export async function readRequestBody(
  request: IncomingMessage,
  { maxBytes, idleTimeoutMs, store }: BodyLimits,
): Promise<HeldBody> {
  const announced = request.headers["content-length"];
  const announcedBytes = Number(announced ?? FIRST_BYTES);
  if (announcedBytes > maxBytes && announced !== undefined) {
    throw tooLarge(maxBytes);
  }
  const { promise: whole, resolve, reject } = Promise.withResolvers<void>();
  const late = (): void => reject(tooSlow(idleTimeoutMs));
  let timer = setTimeout(late, idleTimeoutMs);
  const buffer = new GrowingBuffer(announcedBytes);
  const take = (piece: unknown): void => {
    if (!(piece instanceof Uint8Array)) return;
    clearTimeout(timer);
    timer = setTimeout(late, idleTimeoutMs);
    if (buffer.length + piece.length > maxBytes) {
      return reject(tooLarge(maxBytes));
    }
    if (!store.take(piece.length)) return reject(noRoom());
    buffer.push(piece);
  };
  const gone = (): void => reject(new ClientGone());
  request.on("data", take).on("end", resolve).on("error", gone)
    .on("close", gone);
  let blob: Blob | undefined;
  try {
    await whole;
    blob = new Blob([buffer.bytes()]);
  } finally {
    clearTimeout(timer);
    request.off("data", take).off("end", resolve).off("error", gone)
      .off("close", gone);
    if (blob === undefined) store.give(buffer.length);
  }
  let held = buffer.length;
  return {
    blob,
    [Symbol.dispose](): void {
      store.give(held);
      held = 0;
    },
  };
}

/** Bytes that come in pieces, however small, in one buffer. */
class GrowingBuffer {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(firstBytes: number) {
    this.#bytes = new Uint8Array(firstBytes);
  }

  get length(): number {
    return this.#length;
  }

  push(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) {
      const grown = Math.max(length, 2 * this.#bytes.length);
      this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(grown));
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }
}

function tooLarge(limitBytes: number): HttpError {
  return new HttpError(
    413,
    new ProxyError(
      "frame-too-large",
      `the request's body is over the limit of ${limitBytes} bytes; --max-frame (MCP_MAX_FRAME) sets this limit`,
      { data: { limitBytes } },
    ),
  );
}

function tooSlow(limitMs: number): HttpError {
  return new HttpError(
    408,
    new ProxyError(
      "timeout",
      `nothing more of the request's body came for ${limitMs} ms`,
      { data: { limitMs } },
    ),
  );
}

/** Too much of many at once; it may fit a moment later. */
function noRoom(): HttpError {
  return new HttpError(
    503,
    new ProxyError(
      "unreachable",
      "the proxy holds as many request bodies as it has memory for",
      { data: { mayHaveRun: false } },
    ),
    { "retry-after": "1" },
  );
}
