/**
 * What an HTTP response says by its status, headers and error body.
 *
 * @module
 */

import { excerpt } from "../wire/excerpt.ts";
import { ProxyError } from "../../errors.ts";
import type { Redact } from "../../redact/redact.ts";
import {
  type BodyBeginning,
  type BodyLimits,
  readBeginning,
} from "../wire/body.ts";
import { bodyWords } from "../wire/body_words.ts";
import {
  readMessage,
  type ResponseMessage,
  type RpcError,
} from "../wire/message.ts";

/** Says what an HTTP error means where the transport knows more than MCP. */
export type Explain = (
  response: Response,
  body: string,
) => ProxyError | undefined;

/** How much of an HTTP error's body is read, and for how long. */
const ERROR_BODY: BodyLimits = { maxBytes: 1024 * 1024, limitMs: 3_000 };

/**
 * Whether an HTTP response names another place. A 304 names none: it answers a
 * conditional request.
 */
export function isRedirect({ status }: Response): boolean {
  return status >= 300 && status < 400 && status !== 304;
}

/** The body of an HTTP error, as far as it can be had. */
export function readErrorBody(response: Response): Promise<BodyBeginning> {
  return readBeginning(response, ERROR_BODY);
}

/** A JSON-RPC error, and the ID that it has. */
export interface RpcErrorAnswer extends ResponseMessage {
  readonly error: RpcError;
}

/** The JSON-RPC error that a body is, if it is one. */
export function readRpcError(body: Uint8Array): RpcErrorAnswer | undefined {
  const message = readMessage(body);
  if (message.kind !== "response" || message.fault !== undefined) return;
  const { error } = message;
  if (error === undefined) return;
  return { ...message, error };
}

/**
 * The error for a 2xx answer of another content type than MCP has.
 *
 * @param words What it says, by {@linkcode said}.
 */
export function badContentType(
  status: number,
  type: string,
  words = "",
): ProxyError {
  const what = type === ""
    ? "no content type"
    : `content type ${excerpt(type)}`;
  const told = (what: string, words: string) =>
    `the target answered HTTP ${status} with ${what}, where MCP has application/json or text/event-stream; is the target URL that of an MCP endpoint?${words}`;
  return new ProxyError("bad-answer", told(what, words), {
    data: { status, contentType: type },
    summary: told("another type", ""),
  });
}

/** The error for what stands where a JSON-RPC message should. */
export function noMessage(
  detail: string,
  text: string,
  redact: Redact,
): ProxyError {
  const summary = `the target's answer is no JSON-RPC message: ${detail}`;
  return new ProxyError("bad-answer", summary + said(text, redact), {
    summary,
  });
}

/** What a body says, to stand at the end of an error's message. */
export function said(text: string, redact: Redact): string {
  const words = bodyWords(text, redact);
  return words && `; it says: ${words}`;
}
