/**
 * What the HTTP server says itself: words of plain text, and for a request that
 * cannot be passed on an HTTP status with a JSON-RPC error that names the cause.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type ErrorData,
  type ErrorReason,
  messageOf,
  ProxyError,
} from "../errors.ts";
import { errorFrame } from "../mcp/transport/failure.ts";
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
  return new HttpError(
    status,
    new ProxyError(reason, message, { data }),
    headers,
  );
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
    return new HttpError(
      500,
      new ProxyError("unreachable", message, { cause }),
    );
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

/** A request, where its answer goes, and what is done with an unread body. */
export interface Answered {
  readonly request: IncomingMessage;
  /** Nothing is written of it yet. */
  readonly response: ServerResponse;
  readonly discard: BodyDiscard;
}

/** A batch of more is answered with one error: it would be many times as long. */
const MAX_BATCH_ANSWERS = 1000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Answers with an error: a JSON-RPC one, with its HTTP status.
 *
 * @param redact Takes out what the target may have echoed.
 */
export function answerError(
  answered: Answered,
  failure: HttpError,
  id?: RequestId,
  redact?: Redact,
): Uint8Array {
  const { status, error, headers, answers = [] } = failure;
  const isBatch = answers.length > 0 && answers.length <= MAX_BATCH_ANSWERS;
  const frames = (isBatch ? answers : []).map(({ id, error }) =>
    decoder.decode(errorFrame(error, id, redact))
  );
  const body = isBatch
    ? encoder.encode(`[${frames.join(",")}]`)
    : errorFrame(error, id, redact);
  const type = { "content-type": "application/json" };
  answer(answered, status, body, { ...headers, ...type });
  return body;
}

/** Answers with a word of plain text. */
export function answerWord(
  answered: Answered,
  status: number,
  word: string,
): void {
  const body = encoder.encode(`${word}\n`);
  answer(answered, status, body, { "content-type": "text/plain" });
}

function answer(
  { request, response, discard }: Answered,
  status: number,
  body: Uint8Array,
  headers: HeaderRecord,
): void {
  const closes = isUnread(request);
  response.writeHead(status, {
    ...headers,
    ...closes && { "connection": "close" },
    "content-length": body.length,
    "cache-control": "no-store",
  });
  response.end(body);
  if (closes) discard.closeAfter(request, response);
}
