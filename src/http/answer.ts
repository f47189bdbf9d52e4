/**
 * Answers that the HTTP front makes itself.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { type BodyDiscard, isUnread } from "./discard.ts";
import type { HttpError } from "./error.ts";
import { errorFrame } from "../mcp/transport/failure.ts";
import type { RequestId } from "../mcp/wire/message.ts";
import type { Redact } from "../redact/redact.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A request, where its answer goes, and what is done with an unread body. */
export interface Answered {
  readonly request: IncomingMessage;
  /** Nothing is written of it yet. */
  readonly response: ServerResponse;
  readonly discard: BodyDiscard;
}

/**
 * Answers with an error: a JSON-RPC one, with its HTTP status.
 *
 * @param answered The request, and where the answer goes.
 * @param failure What is wrong.
 * @param id The ID of the JSON-RPC request, if there is one.
 * @param redact Takes out what the target may have echoed.
 * @returns How many bytes the error has.
 */
export function answerError(
  answered: Answered,
  failure: HttpError,
  id?: RequestId,
  redact?: Redact,
): number {
  const { status, headers } = failure;
  const body = bodyOf(failure, id, redact);
  answer(answered, status, body, {
    ...headers,
    "content-type": "application/json",
  });
  return body.length;
}

/** A batch of more is answered with one error: it would be many times as long. */
const MAX_BATCH_ANSWERS = 1000;

/** One error, or for a batch an array of them. */
function bodyOf(
  failure: HttpError,
  id: RequestId | undefined,
  redact: Redact | undefined,
): Uint8Array {
  const { error, answers = [] } = failure;
  if (answers.length === 0 || answers.length > MAX_BATCH_ANSWERS) {
    return errorFrame(error, id, redact);
  }
  const frames = answers.map(({ id, error }) =>
    decoder.decode(errorFrame(error, id, redact))
  );
  return encoder.encode(`[${frames.join(",")}]`);
}

/**
 * Answers with a word of plain text.
 *
 * @param answered The request, and where the answer goes.
 * @param status The HTTP status.
 * @param word The text.
 */
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
  headers: Readonly<Record<string, string>>,
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
