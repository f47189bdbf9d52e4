/**
 * What the HTTP server says itself: words of plain text, and for a request that
 * cannot be passed on an HTTP status with a JSON-RPC error that names the cause.
 */

import type { ServerResponse } from "node:http";
import {
  type ErrorData,
  type ErrorReason,
  messageOf,
  ProxyError,
} from "../errors.ts";
import { errorFrame } from "../mcp/transport/own_error.ts";
import type { Observer } from "../mcp/transport/observer.ts";
import type { Message, RequestId, SingleMessage } from "../mcp/wire/message.ts";
import type { Redact } from "../redact/redact.ts";
import { type BodyDiscard, isUnread } from "./discard.ts";

type HeaderRecord = Readonly<Record<string, string>>;

/** A request ends with this status and this error. */
export class HttpError extends Error {
  override name = "HttpError";

  /**
   * @param headers What else the answer has.
   * @param answers What the client is told of each request, if it was a batch.
   */
  constructor(
    readonly status: number,
    readonly error: ProxyError,
    readonly headers: HeaderRecord = {},
    readonly answers?: readonly { id: RequestId; error: ProxyError }[],
  ) {
    super(error.message, { cause: error });
  }
}

/** The end of a request that the server itself refuses. */
export function refused(
  status: number,
  reason: ErrorReason,
  message: string,
  { data, headers }: { data?: ErrorData; headers?: HeaderRecord } = {},
): HttpError {
  const error = new ProxyError(reason, message, { data });
  return new HttpError(status, error, headers);
}

/** The end of a request that the server does not take, whoever asks. */
export function invalid(
  status: number,
  message: string,
  headers?: HeaderRecord,
): HttpError {
  return refused(status, "invalid-request", message, { headers });
}

/** The end of a request that comes too much; it may pass a moment later. */
export function overloaded(message: string): HttpError {
  return refused(503, "overloaded", message, {
    data: { mayHaveRun: false },
    headers: { "retry-after": "1" },
  });
}

/**
 * A failure as each request of a batch is told it; of any other message as it
 * is.
 *
 * @param errorOf What a request of it is told.
 */
export function forBatch(
  failure: HttpError,
  message: Message,
  errorOf: (request: SingleMessage) => ProxyError = () => failure.error,
): HttpError {
  if (message.kind !== "batch" || failure.answers !== undefined) return failure;
  const answers = message.messages.flatMap((single) =>
    single.kind === "request" ? [{ id: single.id, error: errorOf(single) }] : []
  );
  const { status, error, headers } = failure;
  return new HttpError(status, error, headers, answers);
}

/** The status for an error of the proxy's own; 502 for all others. */
const STATUSES: { readonly [Reason in ErrorReason]?: number } = {
  "parse": 400,
  "invalid-request": 400,
  "blocked": 403,
  "timeout": 504,
};

/** An error of any kind as the end of a request. */
export function toHttpError(cause: unknown): HttpError {
  if (cause instanceof HttpError) return cause;
  if (!(cause instanceof ProxyError)) {
    const message = `the request could not be carried: ${messageOf(cause)}`;
    const error = new ProxyError("unreachable", message, { cause });
    return new HttpError(500, error);
  }
  if (cause.reason !== "shutting-down") {
    return new HttpError(STATUSES[cause.reason] ?? 502, cause);
  }
  // Load balancers and clients send again what got 503, so that one must not
  // say it that may have run.
  const status = cause.data.mayHaveRun === true ? 504 : 503;
  // Of a proxy that stops, a kept connection would be of no use.
  return new HttpError(status, cause, { connection: "close" });
}

/** What answers of the server's own are given with. */
export interface OwnAnswers {
  /** Takes what still comes of a body when its request is answered. */
  readonly discard: BodyDiscard;
  readonly observer: Observer | undefined;
}

/** A batch of more is answered with one error: it would be many times as long. */
const MAX_BATCH_ANSWERS = 1000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Answers with a JSON-RPC error and its HTTP status; nothing is written yet.
 *
 * @param redact Takes out what the target may have echoed.
 */
export function answerError(
  response: ServerResponse,
  { discard, observer }: OwnAnswers,
  { status, error, headers, answers = [] }: HttpError,
  id?: RequestId,
  redact?: Redact,
): void {
  const isBatch = answers.length > 0 && answers.length <= MAX_BATCH_ANSWERS;
  const frames = (isBatch ? answers : []).map(({ id, error }) =>
    decoder.decode(errorFrame(error, id, redact))
  );
  const body = isBatch
    ? encoder.encode(`[${frames.join(",")}]`)
    : errorFrame(error, id, redact);
  const type = { "content-type": "application/json" };
  answer(response, discard, status, body, { ...headers, ...type });
  observer?.delivered(body, response);
}

/** Answers with a word of plain text. */
export function answerWord(
  response: ServerResponse,
  { discard }: OwnAnswers,
  status: number,
  word: string,
): void {
  const body = encoder.encode(`${word}\n`);
  answer(response, discard, status, body, { "content-type": "text/plain" });
}

function answer(
  response: ServerResponse,
  discard: BodyDiscard,
  status: number,
  body: Uint8Array,
  headers: HeaderRecord,
): void {
  const closes = isUnread(response.req);
  response.writeHead(status, {
    ...headers,
    ...closes && { "connection": "close" },
    "content-length": body.length,
    "cache-control": "no-store",
  });
  response.end(body);
  if (closes) discard.closeAfter(response);
}
