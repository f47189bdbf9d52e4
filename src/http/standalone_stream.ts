/**
 * Which requests at the HTTP front may stand open for as long as they like.
 * Of a message only the message itself can say it: a header could say it of
 * any.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import type { SmallMessage } from "./body.ts";
import { isUnclear } from "../mcp/tools/ambiguity.ts";
import { STANDING_METHODS } from "../mcp/stateless/listen.ts";
import { whole } from "../mcp/wire/splice.ts";

/** Tells what the head of a request says, which is all there is at first. */
export function claimsToStand(
  { method }: IncomingMessage,
  headers: Headers,
): boolean {
  return method === "GET" ||
    method === "POST" &&
      STANDING_METHODS.has(headers.get("mcp-method") ?? "");
}

/** Tells whether a message opens such a stream, whoever reads it. */
export function isListen({ bytes, message }: SmallMessage): boolean {
  return message.kind === "request" && STANDING_METHODS.has(message.method) &&
    !isUnclear("method", bytes, whole(bytes));
}
