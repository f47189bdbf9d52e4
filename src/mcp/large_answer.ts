/**
 * Answers that are large: refused, or passed on while they still arrive.
 *
 * @module
 */

import { ProxyError } from "../errors.ts";
import type { BodyHead } from "./body.ts";
import { streamCut } from "./failure.ts";
import { type RequestId, requestIdFromSource } from "./message.ts";
import { TopLevelScanner } from "./scan.ts";

/**
 * The largest message that the client is given unless it is told otherwise:
 * the official SDK's client closes itself on a longer line.
 */
export const DEFAULT_MAX_ANSWER_BYTES = 10 * 1024 * 1024;

/** How long an answer that holds stdout may say nothing. */
const STALL_LIMIT_MS = 10_000;

/** How much of a large answer is looked at before it passes. */
const LOOK_AT_BYTES = 64 * 1024;

/** Whether a body that has only begun may be the answer to a request. */
export function isAnswerTo(id: RequestId, { pieces }: BodyHead): boolean {
  const scanner = new TopLevelScanner();
  let looked = 0;
  for (const piece of pieces) {
    const part = piece.subarray(0, LOOK_AT_BYTES - looked);
    scanner.feed(part);
    looked += part.length;
  }
  if (!scanner.isObject) return false;
  return scanner.members.every(({ name, source }) => {
    if (name === "method") return false;
    return name !== "id" || requestIdFromSource(source)?.key === id.key;
  });
}

/** What a large answer must keep to. */
export interface LargeAnswerLimits {
  readonly maxAnswerBytes: number;
  /** Takes the request's one answer; false when it has had one meanwhile. */
  readonly take: () => boolean;
}

/**
 * The pieces of a large answer. The last one is held back until the answer is
 * known to be whole and still wanted, so that a line which does not count
 * cannot be read as an answer.
 *
 * @throws {ProxyError} when the answer fails, stalls or is too large.
 */
export async function* largeAnswer(
  { pieces, byteLength }: BodyHead,
  rest: AsyncIterator<Uint8Array>,
  { maxAnswerBytes, take }: LargeAnswerLimits,
): AsyncGenerator<Uint8Array> {
  let last: Uint8Array = new Uint8Array();
  // Taken out one by one: what is passed on need not be kept.
  for (let piece = pieces.shift(); piece; piece = pieces.shift()) {
    yield last;
    last = piece;
  }
  for (;;) {
    const next = await nextPiece(rest);
    if (next.done) break;
    byteLength += next.value.length;
    if (byteLength > maxAnswerBytes) {
      throw frameTooLarge(undefined, maxAnswerBytes);
    }
    yield last;
    last = next.value;
  }
  if (take()) yield last;
}

async function nextPiece(
  rest: AsyncIterator<Uint8Array>,
): Promise<IteratorResult<Uint8Array>> {
  const { promise: stalled, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() =>
    reject(
      new ProxyError(
        "stream-cut",
        `a large answer stalled for ${STALL_LIMIT_MS} ms; the request may have run, so it was not sent again`,
      ),
    ), STALL_LIMIT_MS);
  try {
    return await Promise.race([rest.next(), stalled]);
  } catch (cause) {
    throw cause instanceof ProxyError ? cause : streamCut(cause);
  } finally {
    clearTimeout(timer);
  }
}

/** The error for an answer that would harm the client. */
export function frameTooLarge(
  byteLength: number | undefined,
  limitBytes: number,
): ProxyError {
  const size = byteLength === undefined
    ? "more than that"
    : `${byteLength} bytes`;
  return new ProxyError(
    "frame-too-large",
    `the target's answer is over ${limitBytes} bytes (it has ${size}); --max-answer (MCP_MAX_ANSWER) sets this limit`,
    { data: { limitBytes, ...(byteLength !== undefined && { byteLength }) } },
  );
}
