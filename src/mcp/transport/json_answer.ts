/**
 * Answers of one JSON text. Large ones are refused, or passed on while they
 * still arrive.
 */

import { ProxyError } from "../../errors.ts";
import { whenOver } from "../../time.ts";
import { spellingsOf } from "../wire/answer_id.ts";
import {
  type BodyHead,
  isSmallBody,
  mediaType,
  readHead,
} from "../wire/body.ts";
import { NO_WAIT } from "../wire/frames.ts";
import type { SessionHeaders } from "../wire/headers.ts";
import { AttemptError } from "./retry.ts";
import type { AnswerContext } from "./response_streams.ts";
import { checkExpiry } from "./session_expiry.ts";
import type { Exchange } from "./exchange.ts";
import { badContentType, frameTooLarge, said, streamCut } from "./failure.ts";
import type { PendingRequests } from "./pending_requests.ts";
import type { Target } from "./target.ts";
import { type RequestId, requestIdFromSource } from "../wire/message.ts";
import { TopLevelScanner } from "../wire/scan.ts";
import { BodyChunks } from "../wire/body_chunks.ts";

/**
 * The largest message that the client is given unless it is told otherwise:
 * the official SDK's client closes itself on a longer line.
 */
export const DEFAULT_MAX_ANSWER_BYTES = 10 * 1024 * 1024;

const decoder = new TextDecoder();

/** From this size on an answer passes while it still arrives. */
const PASS_FROM_BYTES = 8 * 1024 * 1024;

/** A small body that takes longer than this is as good as none. */
const MIN_IDLE_MS = 60_000;

/** Reads an answer that is not a stream: one JSON text, or nothing. */
export async function receiveJson(
  context: AnswerContext,
  exchange: Exchange,
  session: SessionHeaders,
  response: Response,
): Promise<void> {
  const { target, router } = context;
  const { maxAnswerBytes, idleTimeoutMs } = target;
  // Of what is read in one step nothing is seen before its end: that must not
  // look like silence.
  const isSmall = idleTimeoutMs >= MIN_IDLE_MS &&
    isSmallBody(response, maxAnswerBytes);
  if (isSmall) {
    const body = await response.bytes().catch(failedRead);
    exchange.touch();
    return await receiveBody(context, exchange, session, response, body);
  }
  const mayPass = mayPassInPieces(exchange, response, target);
  const chunks = new BodyChunks(response, {
    maxBytes: mayPass ? PASS_FROM_BYTES : maxAnswerBytes,
    onChunk: () => exchange.touch(),
  });
  try {
    let head: BodyHead | undefined;
    if (mayPass) {
      head = await readHead(chunks, PASS_FROM_BYTES).catch(failedRead);
      // An ID is spliced into an answer that is there as a whole.
      if (!head.isWhole && !isRespelt(exchange.requests[0], head)) {
        const { pending } = router;
        return await passLargeAnswer(exchange, head, chunks, target, pending);
      }
    }
    const body = await chunks.joined(maxAnswerBytes, head?.pieces)
      .catch(failedRead);
    if (body === undefined) {
      const error = frameTooLarge(undefined, maxAnswerBytes);
      throw new AttemptError(error, "never");
    }
    await receiveBody(context, exchange, session, response, body);
  } finally {
    // Not awaited: it would wait for a read that may never end.
    void chunks.return();
  }
}

function failedRead(cause: unknown): never {
  const error = cause instanceof ProxyError ? cause : streamCut(cause);
  throw new AttemptError(error, "never");
}

function receiveBody(
  { target, router }: AnswerContext,
  exchange: Exchange,
  session: SessionHeaders,
  response: Response,
  body: Uint8Array,
): Promise<void> {
  const { redact } = target.redactor;
  if (body.length === 0) return NO_WAIT;
  checkExpiry(exchange, session, body, redact);
  const type = mediaType(response);
  if (type !== "application/json") {
    const words = said(decoder.decode(body), redact);
    throw badContentType(response.status, type, words);
  }
  return router.receive(body, session, exchange);
}

/** How long an answer that holds stdout may say nothing. */
const DEFAULT_STALL_LIMIT_MS = 10_000;

/** How much of a large answer is looked at before it passes. */
const LOOK_AT_BYTES = 64 * 1024;

/** The ID of a body that has only begun, if it is another's spelling of this. */
function isRespelt(id: RequestId, head: BodyHead): boolean {
  const source = scanBeginning(head).members
    .find(({ name }) => name === "id")?.source;
  const given = requestIdFromSource(source);
  if (!given || given.source === id.source) return false;
  return spellingsOf(given).some(({ key }) => key === id.key);
}

function scanBeginning({ pieces }: BodyHead): TopLevelScanner {
  const scanner = new TopLevelScanner();
  let looked = 0;
  for (const piece of pieces) {
    const part = piece.subarray(0, LOOK_AT_BYTES - looked);
    scanner.feed(part);
    looked += part.length;
  }
  return scanner;
}

/** Whether a body that has only begun may be the answer to a request. */
function isAnswerTo(id: RequestId, head: BodyHead): boolean {
  const scanner = scanBeginning(head);
  if (!scanner.isObject) return false;
  return scanner.members.every(({ name, source }) => {
    if (name === "method") return false;
    return name !== "id" || requestIdFromSource(source)?.key === id.key;
  });
}

/** The methods whose answers the proxy, or a layer of it, may have to read. */
const READ_METHODS: ReadonlySet<string> = new Set([
  "initialize",
  "tools/list",
]);

/**
 * Whether an answer may pass while it still arrives: where the limit was
 * raised, and nothing in the answer is the proxy's to read.
 */
function mayPassInPieces(
  { requests, method, onAnswer }: Exchange,
  response: Response,
  { maxAnswerBytes, passesInPieces = true }: Target,
): boolean {
  return passesInPieces &&
    maxAnswerBytes > DEFAULT_MAX_ANSWER_BYTES && requests.length === 1 &&
    mediaType(response) === "application/json" && onAnswer === undefined &&
    !READ_METHODS.has(method);
}

/**
 * Delivers the answer of a single request while it still arrives. Until it is
 * there as a whole, stdout is its own; should it fail or stall, its line is
 * ended, and an error follows.
 *
 * @throws {ProxyError} when the answer fails, stalls or is too large.
 */
async function passLargeAnswer(
  exchange: Exchange,
  head: BodyHead,
  rest: AsyncIterator<Uint8Array>,
  { emitPieces, maxAnswerBytes }: Target,
  pending: PendingRequests,
): Promise<void> {
  const [id] = exchange.requests;
  if (!isAnswerTo(id, head)) {
    throw new ProxyError(
      "bad-answer",
      "the target's large answer does not begin as an answer to the request",
    );
  }
  const pieces = largeAnswer(head, rest, {
    id,
    maxAnswerBytes,
    take: () => {
      exchange.observation?.answered();
      return pending.take(exchange, id);
    },
  });
  await exchange.delivering(emitPieces(pieces, id));
}

/** What a large answer must keep to. */
export interface LargeAnswerLimits {
  readonly maxAnswerBytes: number;
  /** The request that it must answer. */
  readonly id: RequestId;
  /** Takes the request's one answer; false when it has had one meanwhile. */
  readonly take: () => boolean;
  /** How long it may say nothing, in milliseconds; 10 seconds by default. */
  readonly stallLimitMs?: number;
}

/**
 * The pieces of a large answer. The one that closes it is held back until the
 * answer is known to be whole and right, and still wanted: without it, a line
 * that does not count cannot be read as an answer.
 *
 * @throws {ProxyError} when the answer fails, stalls, is too large, or is no
 * answer to the request.
 */
export async function* largeAnswer(
  { pieces, byteLength }: BodyHead,
  rest: AsyncIterator<Uint8Array>,
  { maxAnswerBytes, id, take, stallLimitMs = DEFAULT_STALL_LIMIT_MS }:
    LargeAnswerLimits,
): AsyncGenerator<Uint8Array> {
  const scanner = new TopLevelScanner();
  let last: Uint8Array | undefined;
  for (;;) {
    // Taken out one by one: what is passed on need not be kept.
    let piece = pieces.shift();
    if (!piece) {
      const next = await nextPiece(rest, stallLimitMs);
      if (next.done) break;
      piece = next.value;
      byteLength += piece.length;
    }
    if (byteLength > maxAnswerBytes) {
      throw frameTooLarge(undefined, maxAnswerBytes);
    }
    scanner.feed(piece);
    if (scanner.isBroken) throw badAnswer("it is not JSON");
    if (!scanner.isEnded) yield piece;
    // What follows the piece that closes it is white space.
    else last ??= piece;
  }
  const fault = faultOf(scanner, id);
  if (fault) throw badAnswer(fault);
  if (last && take()) yield last;
}

/** What keeps a text that was read to its end from being the answer. */
function faultOf(
  { isObject, isEnded, members }: TopLevelScanner,
  id: RequestId,
): string | undefined {
  if (!isEnded) return "it ended before it was complete";
  if (!isObject) return "it is not a JSON object";
  const sources = new Map(members.map(({ name, source }) => [name, source]));
  if (sources.get("jsonrpc") !== '"2.0"') return 'it has no "jsonrpc": "2.0"';
  if (requestIdFromSource(sources.get("id"))?.key !== id.key) {
    return "it has not the request's ID";
  }
  if (sources.has("method")) return 'it has a "method"';
  if (sources.has("result") === sources.has("error")) {
    return 'it has not one of "result" and "error"';
  }
}

function badAnswer(fault: string): ProxyError {
  return new ProxyError(
    "bad-answer",
    `the target's large answer is no JSON-RPC answer to the request: ${fault}`,
  );
}

async function nextPiece(
  rest: AsyncIterator<Uint8Array>,
  stallLimitMs: number,
): Promise<IteratorResult<Uint8Array>> {
  const { promise: stalled, reject } = Promise.withResolvers<never>();
  using _limit = whenOver(stallLimitMs, () =>
    reject(
      new ProxyError(
        "stream-cut",
        `a large answer stalled for ${stallLimitMs} ms; the request may have run, so it was not sent again`,
      ),
    ));
  try {
    return await Promise.race([rest.next(), stalled]);
  } catch (cause) {
    throw cause instanceof ProxyError ? cause : streamCut(cause);
  }
}
