/** Response bodies: one JSON text, or a stream of events. */

import type { Semaphore } from "../../semaphore.ts";
import type { Naming } from "../../naming.ts";
import { Turn, whenOver } from "../../time.ts";
import { BodyChunks, type BodyPart } from "./body_chunks.ts";
import { BlockBuffer } from "./block_buffer.ts";
import { EventParser, type ServerEvent } from "./events.ts";

/** The media type of a response, without parameters, in lower case. */
export function mediaType(response: Response): string {
  const [type] = (response.headers.get("content-type") ?? "").split(";");
  return type.trim().toLowerCase();
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
    await chunks.return();
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

/** Lets go of a body that nobody reads. */
export async function discardBody(response: Response): Promise<void> {
  try {
    await response.body?.cancel();
  } catch {
    // It had failed already.
  }
}

/**
 * The events of a response, one by one as they come; at its end, or when it
 * breaks, what is there of one more.
 */
export async function* readEvents(
  response: Response,
  options: { maxDataBytes: number; onChunk?: () => void } & Naming,
): AsyncGenerator<ServerEvent> {
  const parser = new EventParser(options);
  const turn = new Turn();
  let failure: { cause: unknown } | undefined;
  const { maxDataBytes: maxBytes, onChunk } = options;
  const chunks = new BodyChunks(response, { maxBytes, onChunk });
  try {
    for (;;) {
      const next = await chunks.next().catch((cause) => {
        failure = { cause };
      });
      if (!next || next.done) break;
      turn.begin();
      for (const event of parser.feed(next.value)) {
        yield event;
        if (turn.isOver) await turn.next();
      }
      chunks.heldBytes = parser.heldBytes;
      // No event of this chunk is under way while another is so large.
      if (parser.holdsCopies) chunks.reuse(next.value);
      if (turn.isOver) await turn.next();
      turn.pause();
    }
  } finally {
    await chunks.return();
  }
  const last = parser.end();
  if (last) yield last;
  if (failure) throw failure.cause;
}
