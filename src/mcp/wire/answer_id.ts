/**
 * The ID of an answer, as the client wrote that of its request. To the official
 * SDK's client 3, "3" and 3.0 are one; others look for what they sent.
 *
 * @module
 */

import { type RequestId, requestId, withId } from "./message.ts";
import { outerMembers } from "./large_message.ts";

/** A number in JSON. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/i;

/** The other ID that a peer may take for this one: "3" for 3, 3 for "3". */
export function respelt({ source, key }: RequestId): RequestId | undefined {
  if (key.startsWith("n:")) return requestId(key.slice("n:".length));
  const text = key.slice("s:".length);
  if (!NUMBER.test(text)) return undefined;
  const id = requestId(Number(text));
  return id && { ...id, source };
}

/** The ID of a message to the letter: 3.0 is no 3. */
export function idAsWritten(id: RequestId, message: Uint8Array): RequestId {
  if (id.key.startsWith("s:") || hasIdSource(message, id.source)) return id;
  const source = idSourceIn(message);
  return source === undefined ? id : { ...id, source };
}

/** An answer under the ID of the request, as that was written. */
export function withIdOf(
  request: RequestId,
  answer: Uint8Array,
  id: RequestId | undefined,
): Uint8Array {
  const isRight = id?.key === request.key &&
    (id.key.startsWith("s:") || hasIdSource(answer, request.source) ||
      idSourceIn(answer) === request.source);
  return isRight ? answer : withId(answer, request);
}

function idSourceIn(message: Uint8Array): string | undefined {
  return outerMembers(message).findLast(({ name }) => name === "id")?.source;
}

const encoder = new TextEncoder();

/** How messages begin and end that need no look at all of them. */
const BEGINNINGS = ['{"jsonrpc":"2.0","id":', '{"jsonrpc": "2.0", "id": ']
  .map((text) => encoder.encode(text));
const END = encoder.encode('"jsonrpc":"2.0","id":');
const COMMA = 0x2c;
const CLOSE_BRACE = 0x7d;

/** Whether the ID stands to the letter where most peers have it. */
function hasIdSource(message: Uint8Array, source: string): boolean {
  for (const beginning of BEGINNINGS) {
    const at = beginning.length;
    if (!isAt(message, 0, beginning)) continue;
    if (isTextAt(message, at, source)) {
      return message[at + source.length] === COMMA;
    }
  }
  const at = message.length - 1 - source.length;
  return message[message.length - 1] === CLOSE_BRACE &&
    isTextAt(message, at, source) && isAt(message, at - END.length, END);
}

function isAt(text: Uint8Array, at: number, bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    if (text[at + i] !== bytes[i]) return false;
  }
  return true;
}

/** The same for the source of a number, which is ASCII. */
function isTextAt(text: Uint8Array, at: number, source: string): boolean {
  for (let i = 0; i < source.length; i++) {
    if (text[at + i] !== source.charCodeAt(i)) return false;
  }
  return true;
}
