/**
 * What targets say that strict clients would not read, made so that they do.
 * It is spliced into the bytes; everything else stays as it was.
 */

import { withoutByteOrderMark } from "./bytes.ts";
import { partOf, rootOf } from "./large_message.ts";
import {
  readMessage,
  type ResponseMessage,
  type SingleMessage,
} from "./message.ts";
import { insertMembers, memberAt, membersOf, removeMembers } from "./splice.ts";

/** The frame of a message, repaired if it is an answer that needs it. */
export function repairedAnswer(
  frame: Uint8Array,
  message: SingleMessage,
): Uint8Array {
  if (message.kind !== "response") return frame;
  const clear = withoutNullMember(frame, message);
  return message.error?.message === "" ? withErrorMessage(clear) : clear;
}

/** The frame of an error that has a message, if only an empty one. */
function withErrorMessage(frame: Uint8Array): Uint8Array {
  const error = memberAt(frame, ["error"]);
  if (!error || memberAt(frame, ["error", "message"])) return frame;
  return insertMembers(frame, error, '"message":""');
}

/** The frame of an answer without the `null` beside its result or its error. */
function withoutNullMember(
  frame: Uint8Array,
  message: ResponseMessage,
): Uint8Array {
  if (!message.nullMember) return frame;
  const { nullMember } = message;
  const object = rootOf(frame);
  if (object.isPartial) return frame;
  return removeMembers(frame, object, ({ name }) => name === nullMember);
}

/** The body of an HTTP error, as its only message if it has one. */
export function repairedErrorBody(body: Uint8Array): Uint8Array {
  let frame = withoutByteOrderMark(body);
  let message = readMessage(frame);
  if (message.kind === "batch" && message.messages.length === 1) {
    const [only] = membersOf(frame, rootOf(frame));
    frame = partOf(frame, only);
    [message] = message.messages;
  }
  if (message.kind === "invalid" || message.kind === "batch") return frame;
  return repairedAnswer(frame, message);
}
