/**
 * What answers a POST: a stream of events, with the streams that resume it, or
 * one JSON text. A large text is refused, or passed on while it still arrives.
 */

import { ProxyError } from "../../../errors.ts";
import { delay, LimitError, withLimit } from "../../../time.ts";
import {
  BodyChunks,
  type BodyPart,
  isSmallBody,
  mediaType,
} from "../../wire/body.ts";
import { readEvents } from "../../wire/events.ts";
import {
  hasSession,
  resumableId,
  type SessionHeaders,
  streamHeaders,
} from "../../wire/headers.ts";
import { readErrorBody } from "./error_body.ts";
import type { Exchange } from "../exchange.ts";
import { badContentType, frameTooLarge, said, streamCut } from "../failure.ts";
import type { ResponseRouter } from "./response_router.ts";
import { reopenMs, retryAfterMs, SessionExpiredError } from "../retry.ts";
import { checkExpiry, expiryInRefusal } from "../session_expiry.ts";
import { DEFAULT_MAX_ANSWER_BYTES, type Target } from "../target.ts";
import type { Naming } from "../../../naming.ts";
import { spellingsOf } from "../../wire/answers.ts";
import { NO_WAIT } from "../../wire/frames.ts";
import { idIn, type RequestId } from "../../wire/message.ts";
import { TopLevelScanner } from "../../wire/scan.ts";

/** How many times in a row resuming a stream may bring nothing. */
const MAX_FRUITLESS_TRIES = 5;

/** The longest `Retry-After` that is waited for before a stream is resumed. */
const MAX_ASKED_MS = 30_000;

const decoder = new TextDecoder();

/** What carried the POST. */
export interface AnswerContext {
  readonly target: Target;
  readonly router: ResponseRouter;
  /** Whether streams that are cut are resumed. */
  readonly resumes: boolean;
  fetch(exchange: Exchange, url: URL, init: RequestInit): Promise<Response>;
  /** Lets a stream go on for a while that nobody waits for any more. */
  drain(exchange: Exchange): void;
}

/** Reads the event stream of an answer, and resumes it until all is answered. */
export async function receiveStream(
  context: AnswerContext,
  exchange: Exchange,
  session: SessionHeaders,
  first: Response,
): Promise<void> {
  const { target, router } = context;
  /** Up to where everything was received. */
  let lastEventId: string | undefined;
  /** How long that event was. */
  let lastBytes: number | undefined;
  let retryMs: number | undefined;
  /** What a `Retry-After` asks to wait, in milliseconds. */
  let askedMs = 0;
  /** How many times in a row resuming brought nothing. */
  let fruitlessTries = 0;
  let cause: unknown;

  /** Delivers the events of one response, until it ends or breaks. */
  const receive = async (response: Response) => {
    const [resumedAfter, resumedBytes] = [lastEventId, lastBytes];
    cause = undefined;
    const events = readEvents(response, {
      maxDataBytes: target.maxAnswerBytes,
      names: target.names,
      onChunk: () => exchange.touch(),
    });
    try {
      for (;;) {
        const next = await events.next().catch((broke) => {
          if (broke instanceof ProxyError) throw broke;
          cause = broke;
        });
        if (!next || next.done) return;
        const event = next.value;
        const { id, data: { length } } = event;
        retryMs = event.retryMs ?? retryMs;
        // A server that replays from the ID on, not after it. One that counts
        // each stream's anew has another event under that ID.
        if (id !== undefined) {
          if (id === resumedAfter && length === resumedBytes) continue;
          lastBytes = length;
        }
        // An empty ID says that there is nothing to resume from.
        lastEventId = (resumableId(id) ?? lastEventId) || undefined;
        fruitlessTries = 0;
        checkExpiry(exchange, session, event.data, target.redactor.redact);
        await router.receiveEvent(event, session, exchange);
        if (exchange.isSettled) context.drain(exchange);
      }
    } finally {
      await events.return(undefined);
    }
  };

  /** Asks for the rest of a stream; `undefined` when it is worth another try. */
  const resume = async () => {
    let response: Response;
    try {
      response = await context.fetch(exchange, target.url, {
        method: "GET",
        headers: streamHeaders(target.headers, session, lastEventId),
      });
    } catch (failure) {
      if (exchange.signal.aborted || failure instanceof ProxyError) {
        throw failure;
      }
      cause = failure;
      return undefined;
    }
    if (response.ok && mediaType(response) === "text/event-stream") {
      return response;
    }
    using body = await readErrorBody(response);
    const text = decoder.decode(body.bytes);
    if (hasSession(session) && expiryInRefusal(response, text)) {
      throw new SessionExpiredError(session, "never", streamCut(cause));
    }
    if (!isPassing(response.status)) {
      throw target.explain(response, text) ?? streamCut(cause, exchange.said);
    }
    askedMs = Math.min(retryAfterMs(response.headers) ?? 0, MAX_ASKED_MS);
    return undefined;
  };

  for (let response: Response | undefined = first;;) {
    fruitlessTries++;
    if (response) await receive(response);
    if (exchange.isSettled) return;
    // A stream that broke may still bring the answer.
    if (exchange.isKept && cause === undefined) return;
    if (
      !context.resumes || lastEventId === undefined ||
      fruitlessTries >= MAX_FRUITLESS_TRIES
    ) {
      throw streamCut(cause, exchange.said);
    }
    const waitMs = reopenMs(retryMs, fruitlessTries);
    await delay(Math.max(waitMs, askedMs), exchange.signal);
    if (exchange.isSettled) return;
    // It was taken: what a resumption is told says nothing of that.
    exchange.answerHasBegun = true;
    response = await resume();
  }
}

/** 409: the target still holds the old stream. */
function isPassing(status: number): boolean {
  return status === 409 || status === 429 || status >= 500;
}

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
    spellingsOf(given).some(({ key }) => key === id.key);
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
