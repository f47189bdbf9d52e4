/**
 * Which requests at the HTTP front may stand open for as long as they like.
 * Of a message only the message itself can say it: a header could say it of
 * any.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { isUnclear } from "./mcp/ambiguity.ts";
import { LISTEN } from "./mcp/listen.ts";
import { readMessage } from "./mcp/message.ts";
import { whole } from "./mcp/splice.ts";

/** A larger message is not read for this, and is taken for any other. */
const MAX_LISTEN_BYTES = 1024 * 1024;

/** Tells what the head of a request says, which is all there is at first. */
export function claimsToStand(
  { method }: IncomingMessage,
  headers: Headers,
): boolean {
  return method === "GET" ||
    method === "POST" && headers.get("mcp-method") === LISTEN;
}

/** Tells whether a message is a `subscriptions/listen`, whoever reads it. */
export async function isListen(body: Blob): Promise<boolean> {
  if (body.size > MAX_LISTEN_BYTES) return false;
  const bytes = await body.bytes();
  const message = readMessage(bytes);
  return message.kind === "request" && message.method === LISTEN &&
    !isUnclear("method", bytes, whole(bytes));
}
