/**
 * Which requests at the HTTP front may stand open for as long as they like.
 * Of a message only the message itself can say it: a header could say it of
 * any.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import type { HeaderMap } from "./headers.ts";
import { LONG_LIVED_METHODS } from "../mcp/stateless/listen.ts";
import { isUnclear } from "../mcp/tools/ambiguity.ts";
import type { Message } from "../mcp/wire/message.ts";
import { includesBytes } from "../mcp/wire/scan.ts";
import { whole } from "../mcp/wire/splice.ts";

/** Tells what the head of a request says, which is all there is at first. */
export function claimsStandaloneStream(
  { method }: IncomingMessage,
  headers: HeaderMap,
): boolean {
  return method === "GET" ||
    method === "POST" &&
      LONG_LIVED_METHODS.has(headers.get("mcp-method") ?? "");
}

/** How the methods end: whether the slash before that is escaped is no matter. */
const METHOD_ENDS = [...LONG_LIVED_METHODS].map((method) =>
  new TextEncoder().encode(method.slice(method.indexOf("/") + 1))
);

/** Tells whether a message may open such a stream, and should be read. */
export function mayOpenStandaloneStream(bytes: Uint8Array): boolean {
  return METHOD_ENDS.some((end) => includesBytes(bytes, end));
}

/** Tells whether a message opens such a stream, whoever reads it. */
export function opensStandaloneStream(
  bytes: Uint8Array,
  message: Message,
): boolean {
  return message.kind === "request" && LONG_LIVED_METHODS.has(message.method) &&
    !isUnclear("method", bytes, whole(bytes));
}
