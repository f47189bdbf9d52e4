/** Response bodies: one JSON text, or a stream of events. */

import { excerpt } from "../../excerpt.ts";
import { Semaphore } from "../../semaphore.ts";
import { whenOver } from "../../time.ts";
import { ProxyError } from "../../errors.ts";
import { BlockBuffer } from "./bytes.ts";

const MCP_TYPES = ["text/event-stream", "application/json"];

/** The bare media type of a response; of several headers', one that MCP has. */
export function mediaType({ headers }: Response): string {
  const types = (headers.get("content-type") ?? "").toLowerCase()
    .split(/[;,]/).map((part) => part.trim());
  return MCP_TYPES.find((type) => types.includes(type)) ?? types[0];
}

/** A body this small comes in one piece, as a rule. */
const SMALL_BODY_BYTES = 64 * 1024;

/**
 * Whether a body may be read at once: it says that it is small, and is neither
 * encoded nor in chunks, whose length may be any other.
 */
export function isSmallBody(
  { headers }: Response,
  maxBytes: number,
): boolean {
  const length = headers.get("content-length");
  return length !== null &&
    Number(length) <= Math.min(SMALL_BODY_BYTES, maxBytes) &&
    !headers.has("content-encoding") && !headers.has("transfer-encoding");
}

/**
 * Reads a body to its end; `undefined` when it is over the limit, and then
 * lets go of it.
 *
 * @throws What the connection failed with.
 */
export async function readBody(
  response: Response,
  { maxBytes }: { maxBytes: number },
): Promise<Uint8Array | undefined> {
  const chunks = new BodyChunks(response, { maxBytes });
  try {
    const { bytes, isComplete } = await chunks.read(maxBytes);
    return isComplete ? bytes : undefined;
  } finally {
    await chunks.close();
  }
}

/** How much of a body is read that may not end. */
export interface BodyLimits {
  readonly maxBytes: number;
  readonly limitMs: number;
  /**
   * What all such bodies together may hold, each beyond its first 64 KiB. One
   * for which there is no room in its time ends there.
   */
  readonly room?: Semaphore;
  /** Says whether one that begins so is read on; every one is by default. */
  readonly goesOn?: (beginning: Uint8Array) => boolean;
}

/** It takes of the room until it is disposed of. */
export type BodyBeginning = BodyPart & Disposable;

/**
 * What comes of a body within a size and a time, and before the connection
 * fails; then lets go of the rest.
 */
export async function readBeginning(
  { body }: Response,
  { maxBytes, limitMs, room, goesOn }: BodyLimits,
): Promise<BodyBeginning> {
  const kept = new BlockBuffer();
  let takenBytes = 0;
  let isComplete = body === null;
  const over = new AbortController();
  using _limit = whenOver(limitMs, () => over.abort());
  const reader = body?.getReader();
  const letGo = () => void reader?.cancel().catch(() => {});
  over.signal.addEventListener("abort", letGo);
  try {
    while (reader && kept.byteLength < maxBytes) {
      if (room && takenBytes === 0 && kept.byteLength >= SMALL_BODY_BYTES) {
        const beginning = kept.take();
        kept.push(beginning);
        if (goesOn?.(beginning) === false) break;
        if (!await room.acquire(over.signal, maxBytes)) break;
        takenBytes = maxBytes;
      }
      const { done, value } = await reader.read();
      if (done) {
        isComplete = !over.signal.aborted;
        break;
      }
      kept.push(value);
    }
  } catch {
    // What came before is all there is.
  } finally {
    letGo();
  }
  return {
    bytes: kept.take(),
    isComplete,
    [Symbol.dispose]() {
      room?.release(takenBytes);
      takenBytes = 0;
    },
  };
}

/**
 * How much of a body that nobody needs is read, so that its connection can be
 * used again; a body that is not over by then costs a new one.
 */
const DRAIN: BodyLimits = { maxBytes: 64 * 1024, limitMs: 250 };

/** Reads past a body that nobody needs, if that is soon done. */
export async function drainBody(response: Response): Promise<void> {
  if (mediaType(response) === "text/event-stream") await discardBody(response);
  else await readBeginning(response, DRAIN);
}

export async function discardBody(response: Response): Promise<void> {
  // It rejects with what the body had failed with already.
  await response.body?.cancel().catch(() => {});
}

/**
 * Refuses a body that cannot be read.
 *
 * @throws {ProxyError} `bad-answer`: it is encoded in a way that is not known.
 */
export function checkEncoding(response: Response): void {
  const encoding = unknownEncoding(response);
  if (encoding === undefined) return;
  const { status } = response;
  const message = `the target answered HTTP ${status}${encoding}`;
  throw new ProxyError("bad-answer", message, { data: { status } });
}

/** What is to be said of a body that is encoded in a way that is not known. */
export function unknownEncoding({ headers }: Response): string | undefined {
  const encoding = headers.get("content-encoding")?.trim() ?? "";
  // The runtime undoes one of the two that it asks for, and leaves the header.
  return ["", "identity", "gzip", "br"].includes(encoding.toLowerCase())
    ? undefined
    : ` with Content-Encoding: ${
      excerpt(encoding)
    }, which was not asked for and cannot be read; gzip and br can`;
}

export interface BodyPart {
  readonly bytes: Uint8Array;
  /** Whether that is all of it. */
  readonly isComplete: boolean;
}

export interface ReadingOptions {
  /** The most bytes of it that are held at once. */
  readonly maxBytes: number;
  /** Hears of each chunk, and every now and then while there is no room. */
  readonly onChunk?: () => void;
}

const MIB = 1024 * 1024;

/** So much of each answer, or event, is held whatever else is. */
const FREE_BYTES = MIB;

/**
 * What all answers of this process together may hold beyond that. An answer
 * takes all that it may come to need before it is read on, so that none waits
 * in the middle for another that does, too.
 */
const ROOM_BYTES = 64 * MIB;

const room = new Semaphore(ROOM_BYTES);

const NONE = new Uint8Array();

/** What is read at once. */
const CHUNK_BYTES = 64 * 1024;

/** How often it is told that a body waits for room, and not for the target. */
const WAITING_MS = 1_000;

/**
 * The chunks of a body, one by one. Whoever reads them is taken to hold them
 * all, unless it says otherwise; while other large bodies are held, this one is
 * not read on.
 */
export class BodyChunks {
  readonly #response: Response;
  readonly #onChunk: (() => void) | undefined;
  readonly #maxBytes: number;
  #heldBytes = 0;
  /** What is taken of the room, and what ends the wait for it. */
  #takenBytes = 0;
  #wait: AbortController | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** Reads on into memory that it is given. */
  #byteReader: ReadableStreamBYOBReader | undefined;
  #copied: Uint8Array | undefined;
  #mayReuse = true;

  constructor(response: Response, { maxBytes, onChunk }: ReadingOptions) {
    this.#response = response;
    this.#maxBytes = maxBytes;
    this.#onChunk = onChunk;
  }

  /** How much is held of what was read. */
  set heldBytes(bytes: number) {
    this.#heldBytes = bytes;
    if (bytes <= FREE_BYTES) this.#giveRoom();
  }

  /**
   * Reads a chunk; `undefined` at the end.
   *
   * @throws {ProxyError} `bad-answer`: the body's encoding is not known.
   * @throws What the connection failed with.
   */
  async next(): Promise<Uint8Array | undefined> {
    if (!this.#reader) {
      checkEncoding(this.#response);
      if (!this.#response.body) return undefined;
      this.#reader = this.#response.body.getReader();
    }
    if (this.#heldBytes > FREE_BYTES) await this.#untilThereIsRoom();
    let chunk: Uint8Array | undefined;
    // An empty one is no end: a `fetch` that is handed in may give some.
    while (!chunk?.length) {
      const { done, value } = this.#byteReader
        ? await this.#byteReader.read(this.#memory())
        : await this.#reader.read();
      if (done) return undefined;
      chunk = value;
    }
    this.#heldBytes += chunk.length;
    this.#onChunk?.();
    return chunk;
  }

  /** What the next chunk is read into: that of the last, if it was copied. */
  #memory(): Uint8Array {
    const buffer = this.#copied?.buffer ?? new ArrayBuffer(CHUNK_BYTES);
    this.#copied = undefined;
    return new Uint8Array(buffer);
  }

  /**
   * Says that the last chunk was copied. Its memory takes the next one, if the
   * body is a stream of bytes: nobody else has the chunks of such a stream. Left
   * behind, each would take 64 KiB until it is collected as garbage.
   */
  reuse(chunk: Uint8Array): void {
    if (!this.#mayReuse || !this.#reader || !this.#response.body) return;
    // A larger one may also hold what was not copied.
    if (chunk.length > CHUNK_BYTES) return;
    this.#copied = chunk;
    if (this.#byteReader) return;
    this.#reader.releaseLock();
    try {
      this.#byteReader = this.#response.body.getReader({ mode: "byob" });
    } catch {
      this.#mayReuse = false;
      this.#reader = this.#response.body.getReader();
    }
  }

  /**
   * Reads until there are more than `maxBytes`, or no more.
   *
   * @param beginning What was read of it before.
   * @throws As {@linkcode BodyChunks.next} does.
   */
  async read(
    maxBytes: number,
    beginning: Uint8Array = NONE,
  ): Promise<BodyPart> {
    const kept = new BlockBuffer(expectedBytes(this.#response, maxBytes));
    kept.push(beginning);
    while (kept.byteLength <= maxBytes) {
      const chunk = await this.next();
      if (!chunk) return { bytes: kept.take(), isComplete: true };
      kept.push(chunk);
      if (kept.isLarge) this.reuse(chunk);
    }
    return { bytes: kept.take(), isComplete: false };
  }

  async #untilThereIsRoom(): Promise<void> {
    if (this.#takenBytes > 0) return;
    const bytes = Math.min(this.#maxBytes, ROOM_BYTES);
    // It is on the path of each stream, and a timer costs 10 us.
    if (!room.tryAcquire(bytes)) {
      const timer = setInterval(() => this.#onChunk?.(), WAITING_MS);
      this.#wait = new AbortController();
      const isTaken = await room.acquire(this.#wait.signal, bytes);
      clearInterval(timer);
      this.#onChunk?.();
      if (!isTaken) return;
    }
    this.#takenBytes = bytes;
  }

  /** Gives the room back, or waits for it no longer. */
  #giveRoom(): void {
    this.#wait?.abort();
    room.release(this.#takenBytes);
    this.#takenBytes = 0;
  }

  /** Lets go of the rest, even of a chunk that is waited for. */
  async close(): Promise<void> {
    this.#giveRoom();
    const reader = this.#byteReader ?? this.#reader;
    await reader?.cancel().catch(() => {});
    // Whoever is handed the response may look at its body, read or not.
    reader?.releaseLock();
  }
}

/** How long what is read of a body will be, or at most. */
function expectedBytes({ headers }: Response, maxBytes: number): number {
  const length = headers.get("content-length");
  const isKnown = length !== null && !headers.has("content-encoding");
  return Math.min(isKnown ? Number(length) : Infinity, maxBytes + CHUNK_BYTES);
}
