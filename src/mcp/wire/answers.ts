/**
 * Answers made so that strict clients read them: under the ID that the client
 * wrote, and in the shape of JSON-RPC. To the official SDK's client 3, "3" and
 * 3.0 are one; others look for what they sent. What is changed is spliced into
 * the bytes; everything else stays as it was.
 */

import { rootOf } from "./large_message.ts";
import {
  type RequestId,
  requestId,
  type ResponseMessage,
  type SingleMessage,
  sourceIn,
  stringId,
} from "./message.ts";
import type { Member } from "./scan.ts";
import {
  insertMembers,
  memberAt,
  removeMembers,
  replaceRange,
} from "./splice.ts";

/** A number in JSON. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/i;

/** An ID, and the other one that a peer may take for it: "3" for 3, 3 for "3". */
export function spellingsOf(id: RequestId): readonly RequestId[] {
  const { key } = id;
  const value = valueIn(id);
  if (key.startsWith("n:")) return [id, stringId(value)];
  const number = NUMBER.test(value) && requestId(Number(value), value);
  return number ? [id, number] : [id];
}

function valueIn({ key }: RequestId): string {
  return key.slice("n:".length);
}

/**
 * The request that a peer means by an ID: in whatever spelling, or as it is
 * beyond 2^53 to a reader that keeps no more digits, if it can mean no other.
 */
export function requestAlike<T extends RequestId>(
  id: RequestId,
  requests: ReadonlyMap<string, T>,
): T | undefined {
  const spelt = spellingsOf(id).map(({ key }) => requests.get(key));
  const request = spelt.find((one) => one !== undefined);
  const rounded = Number(valueIn(id));
  const isRounded = !Number.isSafeInteger(rounded) &&
    String(rounded) === valueIn(id);
  if (request || !isRounded) return request;
  const [only, ...others] = requests.values().filter((one) =>
    one.key.startsWith("n:") && Number(valueIn(one)) === rounded
  );
  return others.length === 0 ? only : undefined;
}

/** The ID of a message to the letter: 3.0 is no 3. */
export function idAsWritten(id: RequestId, message: Uint8Array): RequestId {
  const source = sourceOfId(id, message) ?? id.source;
  return source === id.source ? id : { ...id, source };
}

/** An answer under the ID of the request, as that was written. */
export function withIdOf(
  request: RequestId,
  answer: Uint8Array,
  id: RequestId | undefined,
): Uint8Array {
  const isRight = id?.key === request.key &&
    sourceOfId(request, answer) === request.source;
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

/** How messages begin and end that need no look at all of them. */
const BEGINNINGS = ['{"jsonrpc":"2.0","id":', '{"jsonrpc": "2.0", "id": '];
const END = '"jsonrpc":"2.0","id":';

const decoder = new TextDecoder();

/** How an ID of this value is written in a message; a string's own way counts. */
function sourceOfId(
  { key, source }: RequestId,
  message: Uint8Array,
): string | undefined {
  if (key.startsWith("s:")) return source;
  // A character of several bytes, of which this may have a part, is in none.
  const part = END.length + source.length + 8;
  const beginning = decoder.decode(message.subarray(0, part));
  const isThere =
    BEGINNINGS.some((text) => beginning.startsWith(text + source + ",")) ||
    decoder.decode(message.subarray(-part)).endsWith(END + source + "}");
  return isThere ? source : sourceIn(rootOf(message).members);
}

/** The frame of a message, repaired if it is an answer that needs it. */
export function repairedAnswer(
  frame: Uint8Array,
  message: SingleMessage,
): Uint8Array {
  if (message.kind !== "response") return frame;
  const { nullMember, error } = message;
  if (nullMember && !rootOf(frame).isPartial) {
    const isNull = ({ name }: Member) => name === nullMember;
    frame = removeMembers(frame, rootOf(frame), isNull);
  }
  if (error?.message !== "" || memberAt(frame, ["error", "message"])) {
    return frame;
  }
  const place = memberAt(frame, ["error"]);
  return place ? insertMembers(frame, place, '"message":""') : frame;
}
