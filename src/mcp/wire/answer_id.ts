/**
 * The ID of an answer, as the client wrote that of its request. To the official
 * SDK's client 3, "3" and 3.0 are one; others look for what they sent.
 */

import { rootOf } from "./large_message.ts";
import {
  idSourceOf,
  type RequestId,
  requestId,
  type ResponseMessage,
  stringId,
} from "./message.ts";
import { insertMembers, memberAt, replaceRange } from "./splice.ts";

/** A number in JSON. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/i;

/** An ID, and the other one that a peer may take for it: "3" for 3, 3 for "3". */
export function spellingsOf(id: RequestId): readonly RequestId[] {
  const { source, key } = id;
  const value = key.slice("n:".length);
  if (key.startsWith("n:")) return [id, stringId(value)];
  const number = NUMBER.test(value) && requestId(Number(value), source);
  return number ? [id, number] : [id];
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

/** The same answer under another ID; its result is not parsed for that. */
export function answerTo(
  id: RequestId,
  answer: ResponseMessage,
): ResponseMessage {
  const { kind, error, nullMember } = answer;
  return {
    kind,
    id,
    error,
    nullMember,
    get result() {
      return answer.result;
    },
  };
}

/** The message with its `id` set, every other byte as it was. */
export function withId(bytes: Uint8Array, id: RequestId): Uint8Array {
  const place = memberAt(bytes, ["id"]);
  return place
    ? replaceRange(bytes, place, id.source)
    : insertMembers(bytes, rootOf(bytes), `"id":${id.source}`);
}

function idSourceIn(message: Uint8Array): string | undefined {
  return idSourceOf(rootOf(message).members);
}

/** How messages begin and end that need no look at all of them. */
const BEGINNINGS = ['{"jsonrpc":"2.0","id":', '{"jsonrpc": "2.0", "id": '];
const END = '"jsonrpc":"2.0","id":';

const decoder = new TextDecoder();

/** Whether the ID stands to the letter where most peers have it. */
function hasIdSource(message: Uint8Array, source: string): boolean {
  // A character of several bytes, of which this may have a part, is in none.
  const part = END.length + source.length + 8;
  const beginning = decoder.decode(message.subarray(0, part));
  return BEGINNINGS.some((text) => beginning.startsWith(text + source + ",")) ||
    decoder.decode(message.subarray(-part)).endsWith(END + source + "}");
}
