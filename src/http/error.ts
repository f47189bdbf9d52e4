/**
 * What the HTTP front says when it cannot carry a request: an HTTP status, and
 * a JSON-RPC error that names the cause.
 *
 * @module
 */

import { type ErrorReason, ProxyError } from "../errors.ts";
import type { Message, RequestId, SingleMessage } from "../mcp/wire/message.ts";

/** A request ends with this status and this error. */
export class HttpError extends Error {
  override name = "HttpError";

  /**
   * @param status The HTTP status.
   * @param error What the client is told.
   * @param headers What else the answer has.
   * @param answers What the client is told of each request, if it was a batch.
   */
  constructor(
    readonly status: number,
    readonly error: ProxyError,
    readonly headers: Readonly<Record<string, string>> = {},
    readonly answers?: readonly { id: RequestId; error: ProxyError }[],
  ) {
    super(error.message, { cause: error });
  }
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

/** The target did not do what the proxy asked of it itself. */
export class TargetRefusal extends Error {
  override name = "TargetRefusal";

  /** @param answer What the target said: an HTTP error or a redirect. */
  constructor(readonly answer: Response) {
    super(`the target answered HTTP ${answer.status}`);
  }
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
  if (cause instanceof ProxyError) {
    if (cause.reason === "shutting-down") return stopped(cause);
    return new HttpError(STATUSES[cause.reason] ?? 502, cause);
  }
  const text = cause instanceof Error ? cause.message : String(cause);
  return new HttpError(
    500,
    new ProxyError("unreachable", `the request could not be carried: ${text}`, {
      cause,
    }),
  );
}

/**
 * Load balancers and clients send again what got 503, so that one must not say
 * it that may have run.
 */
function stopped(error: ProxyError): HttpError {
  const status = error.data.mayHaveRun === true ? 504 : 503;
  // Of a proxy that stops, a kept connection would be of no use.
  return new HttpError(status, error, { connection: "close" });
}
