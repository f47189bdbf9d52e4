/**
 * What targets say that strict clients would not read, made so that they do.
 * It is spliced into the bytes; everything else stays as it was.
 *
 * @module
 */

import { partOf } from "./large_message.ts";
import { readMessage, type SingleMessage } from "./message.ts";
import { membersOf, removeMembers, whole } from "./splice.ts";

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** The text without the byte order mark that it may begin with. */
export function withoutByteOrderMark(text: Uint8Array): Uint8Array {
  const hasMark = text[0] === BYTE_ORDER_MARK[0] &&
    text[1] === BYTE_ORDER_MARK[1] && text[2] === BYTE_ORDER_MARK[2];
  return hasMark ? text.subarray(BYTE_ORDER_MARK.length) : text;
}

/** The frame of an answer without the `null` beside its result or its error. */
export function withoutNullMember(
  frame: Uint8Array,
  message: SingleMessage,
): Uint8Array {
  if (message.kind !== "response" || !message.nullMember) return frame;
  const { nullMember } = message;
  const object = whole(frame);
  if (object.isPartial) return frame;
  return removeMembers(frame, object, ({ name }) => name === nullMember);
}

/** The body of an HTTP error, as its only message if it has one. */
export function repairedErrorBody(body: Uint8Array): Uint8Array {
  let frame = withoutByteOrderMark(body);
  let message = readMessage(frame);
  if (message.kind === "batch" && message.messages.length === 1) {
    const [only] = membersOf(frame, whole(frame));
    frame = partOf(frame, only);
    [message] = message.messages;
  }
  if (message.kind === "invalid" || message.kind === "batch") return frame;
  return withoutNullMember(frame, message);
}
