/**
 * Answers that the HTTP front makes itself.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { BatchRefusal, type HttpError } from "./http_error.ts";
import { errorFrame } from "./mcp/failure.ts";
import type { RequestId } from "./mcp/message.ts";
import type { Redact } from "./redact.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** How long the rest of a request may come in that was answered already. */
const LINGER_MS = 5_000;

/**
 * Answers with an error: a JSON-RPC one, with its HTTP status.
 *
 * @param request The request.
 * @param response Its answer, of which nothing is written yet.
 * @param failure What is wrong.
 * @param id The ID of the JSON-RPC request, if there is one.
 * @param redact Takes out what the target may have echoed.
 * @returns How many bytes the error has.
 */
export function answerError(
  request: IncomingMessage,
  response: ServerResponse,
  failure: HttpError,
  id?: RequestId,
  redact?: Redact,
): number {
  const { status, headers } = failure;
  const body = bodyOf(failure, id, redact);
  response.writeHead(status, {
    ...headers,
    "content-type": "application/json",
    "content-length": body.length,
    "cache-control": "no-store",
  });
  response.end(body);
  linger(request);
  return body.length;
}

/** One error, or for a batch an array of them. */
function bodyOf(
  failure: HttpError,
  id: RequestId | undefined,
  redact: Redact | undefined,
): Uint8Array {
  if (!(failure instanceof BatchRefusal) || failure.answers.length === 0) {
    return errorFrame(failure.error, id, redact);
  }
  const frames = failure.answers.map(({ id, error }) =>
    decoder.decode(errorFrame(error, id, redact))
  );
  return encoder.encode(`[${frames.join(",")}]`);
}

/**
 * Answers with a word of plain text.
 *
 * @param request The request.
 * @param response Its answer, of which nothing is written yet.
 * @param status The HTTP status.
 * @param word The text.
 */
export function answerWord(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  word: string,
): void {
  const body = `${word}\n`;
  response.writeHead(status, {
    "content-type": "text/plain",
    "content-length": body.length,
    "cache-control": "no-store",
  });
  response.end(body);
  linger(request);
}

/**
 * Lets the rest of a request come in for a while: a connection that is closed
 * on unread bytes is reset, and the client may never see the answer.
 *
 * @param request A request that was answered.
 */
export function linger(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  const timer = setTimeout(() => request.destroy(), LINGER_MS);
  const done = (): void => clearTimeout(timer);
  request.once("end", done).once("close", done);
  request.resume();
}
