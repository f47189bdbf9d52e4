/**
 * The one JSON text that answers a POST. A large one is refused, or passed on
 * while it still arrives.
 */

import { ProxyError } from "../../../errors.ts";
import type { Naming } from "../../../naming.ts";
import { LimitError, withLimit } from "../../../time.ts";
import { requestAlike } from "../../wire/answers.ts";
import {
  BodyChunks,
  type BodyPart,
  isSmallBody,
  mediaType,
} from "../../wire/body.ts";
import { NO_WAIT } from "../../wire/frames.ts";
import type { SessionHeaders } from "../../wire/headers.ts";
import { idIn, type RequestId } from "../../wire/message.ts";
import { TopLevelScanner } from "../../wire/scan.ts";
import type { Exchange } from "../exchange.ts";
import { badContentType, frameTooLarge, said, streamCut } from "../failure.ts";
import { checkExpiry } from "../session_expiry.ts";
import { DEFAULT_MAX_ANSWER_BYTES, type Target } from "../target.ts";
import type { AnswerContext } from "./event_stream.ts";

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
    const head = mayPass
      ? await chunks.read(PASS_FROM_BYTES).catch(failedRead)
      : undefined;
    if (head && !head.isComplete) {
      const [id] = exchange.requests;
      const beginning = new TopLevelScanner()
        .feed(head.bytes.subarray(0, LOOK_AT_BYTES));
      // An ID is spliced into an answer that is there as a whole.
      if (!isRespelt(id, idIn(beginning.members))) {
        const fault = faultOf(beginning, id);
        if (fault) throw badAnswer(fault);
        const take = () => {
          exchange.observation?.answered();
          return router.pending.take(id);
        };
        const { names } = target;
        const limits = { id, maxAnswerBytes, names, take };
        const pieces = largeAnswer(head, chunks, limits);
        return await exchange.delivering(target.emitPieces(pieces, id));
      }
    }
    const { bytes, isComplete } = await chunks.read(maxAnswerBytes, head?.bytes)
      .catch(failedRead);
    if (!isComplete) throw frameTooLarge(undefined, target);
    await receiveBody(context, exchange, session, response, bytes);
  } finally {
    // Not awaited: it would wait for a read that may never end.
    void chunks.close();
  }
}

function failedRead(cause: unknown): never {
  throw cause instanceof ProxyError ? cause : streamCut(cause);
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
const STALL_LIMIT_MS = 10_000;

/** How much of a large answer is looked at before it passes. */
const LOOK_AT_BYTES = 64 * 1024;

/** Whether an ID is another spelling of a request's. */
function isRespelt(id: RequestId, given: RequestId | undefined): boolean {
  return given !== undefined && given.source !== id.source &&
    requestAlike(given, new Map([[id.key, id]])) !== undefined;
}

/** The methods whose answers the proxy, or a layer of it, may have to read. */
const READ_METHODS: ReadonlySet<string> = new Set(["initialize", "tools/list"]);

/**
 * Whether an answer may pass while it still arrives: where the limit was
 * raised, and nothing in the answer is the proxy's to read.
 */
function mayPassInPieces(
  { requests, method, onAnswer }: Exchange,
  response: Response,
  { maxAnswerBytes, passesInPieces = true, receiptOf }: Target,
): boolean {
  // A receipt is put into what is there as a whole.
  return passesInPieces && receiptOf === undefined &&
    maxAnswerBytes > DEFAULT_MAX_ANSWER_BYTES && requests.length === 1 &&
    mediaType(response) === "application/json" && onAnswer === undefined &&
    !READ_METHODS.has(method);
}

interface LargeAnswerLimits extends Naming {
  readonly maxAnswerBytes: number;
  readonly id: RequestId;
  readonly take: () => boolean;
  readonly stallLimitMs?: number;
}

/**
 * The pieces of a large answer. The one that closes it is held back until the
 * answer is known to be whole and right, and still wanted: without it, a line
 * that does not count cannot be read as an answer.
 *
 * @param take Takes the request's one answer; false when it has had one.
 * @throws {ProxyError} when the answer fails, stalls, is too large, or is no
 * answer to the request.
 */
export async function* largeAnswer(
  { bytes }: BodyPart,
  rest: Pick<BodyChunks, "next">,
  limits: LargeAnswerLimits,
): AsyncGenerator<Uint8Array> {
  const { id, take, stallLimitMs = STALL_LIMIT_MS } = limits;
  const scanner = new TopLevelScanner();
  let last: Uint8Array | undefined;
  let byteLength = 0;
  for (let piece: Uint8Array | undefined = bytes; piece;) {
    byteLength += piece.length;
    if (byteLength > limits.maxAnswerBytes) {
      throw frameTooLarge(undefined, limits);
    }
    scanner.feed(piece);
    if (scanner.isBroken) throw badAnswer("it is not JSON");
    if (!scanner.isEnded) yield piece;
    // What follows the piece that closes it is white space.
    else last ??= piece;
    piece = await withLimit(stallLimitMs, () => rest.next())
      .catch((cause) => {
        if (cause instanceof LimitError) throw stalled(stallLimitMs);
        return failedRead(cause);
      });
  }
  const fault = scanner.isEnded
    ? faultOf(scanner, id)
    : "it ended before it was complete";
  if (fault) throw badAnswer(fault);
  if (last && take()) yield last;
}

/** What keeps a text from being the answer, as far as it is read by now. */
function faultOf(scanner: TopLevelScanner, id: RequestId): string | undefined {
  const { isObject, isEnded, members } = scanner;
  if (!isObject) return "it is not a JSON object";
  const sources = new Map(members.map(({ name, source }) => [name, source]));
  if (sources.has("method")) return 'it has a "method"';
  const isId = idIn(members)?.key === id.key;
  if (!isId && (isEnded || sources.has("id"))) {
    return "it has not the request's ID";
  }
  if (!isEnded) return undefined;
  if (sources.get("jsonrpc") !== '"2.0"') return 'it has no "jsonrpc": "2.0"';
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

function stalled(limitMs: number): ProxyError {
  return new ProxyError(
    "stream-cut",
    `a large answer stalled for ${limitMs} ms`,
    { data: { mayHaveRun: true } },
  );
}
