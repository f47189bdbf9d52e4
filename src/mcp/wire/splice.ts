/** Changes one member of a JSON text and leaves every other byte as it was. */

import { ProxyError } from "../../errors.ts";
import { joinBytes } from "./bytes.ts";
import {
  partOf,
  readWhole,
  scanInTurns,
  scannedRoot,
  SMALL_BYTES,
} from "./large_message.ts";
import {
  isObject,
  type ResponseMessage,
  type SingleMessage,
} from "./message.ts";
import { type Member, scanMembers } from "./scan.ts";
import { Turn } from "../../time.ts";

/** A part of a text, in bytes from its start. */
export interface Range {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** What is inside, where that was found already. */
  readonly members?: readonly Member[];
  /** Whether there is more inside. */
  readonly isPartial?: boolean;
  /** How many values it is made of, where that is known. */
  readonly values?: number;
}

const COMMA = 0x2c;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The whole of a text. */
export function whole(text: Uint8Array): Range {
  return scannedRoot(text) ?? { start: 0, end: text.length };
}

/**
 * The members of an object or array in a text, by their place in the text.
 *
 * @throws {ProxyError} `invalid-request`: there are more than are kept.
 */
export function membersOf(text: Uint8Array, range: Range): readonly Member[] {
  if (range.isPartial) {
    throw new ProxyError("invalid-request", TOO_MANY_MEMBERS);
  }
  return knownMembersOf(text, range);
}

/** What is said of an object or array that has more members than are kept. */
export const TOO_MANY_MEMBERS =
  "the message has too many members to be looked through";

/** The members that are kept, those of known names among them. */
function knownMembersOf(text: Uint8Array, range: Range): readonly Member[] {
  if (range.members) return range.members;
  return scanMembers(text.subarray(range.start, range.end)).map((member) => ({
    ...member,
    start: range.start + member.start,
    end: range.start + member.end,
  }));
}

/** A member of an object in a text; of several the last, as in `JSON.parse`. */
export function memberNamed(
  name: string,
  text: Uint8Array,
  range: Range,
): Member | undefined {
  return knownMembersOf(text, range)
    .findLast((member) => member.name === name);
}

/** All members of that name, in order. */
export function membersNamed(
  name: string,
  text: Uint8Array,
  range: Range,
): readonly Member[] {
  return knownMembersOf(text, range).filter((member) => member.name === name);
}

/** The member that a path of names leads to. */
export function memberAt(
  text: Uint8Array,
  path: readonly string[],
): Member | undefined {
  let member: Member | undefined;
  for (const name of path) {
    member = memberNamed(name, text, member ?? whole(text));
    if (!member) return undefined;
  }
  return member;
}

/** The elements of an array one by one, while others have their turn. */
export async function* elementsInTurns(
  text: Uint8Array,
  array: Range,
): AsyncGenerator<Uint8Array> {
  const turn = new Turn();
  for (const member of membersOf(text, array)) {
    const element = partOf(text, member);
    await scanInTurns(element);
    yield element;
    if (turn.isOver) await turn.next();
  }
}

/** A part of a text as it is written there. */
export function sourceOf(text: Uint8Array, { start, end }: Range): string {
  return decoder.decode(text.subarray(start, end));
}

/**
 * What a path of names leads to in an answer's result, parsed; a large result
 * is not parsed for it.
 */
export function valueInResult(
  answer: ResponseMessage,
  frame: Uint8Array,
  path: readonly string[],
): unknown {
  if (frame.length > SMALL_BYTES) {
    const place = memberAt(frame, ["result", ...path]);
    return place && readWhole(frame, place);
  }
  return path.reduce<unknown>(
    (value, name) => isObject(value) ? value[name] : undefined,
    answer.result,
  );
}

/**
 * The task that an answer tells of: in 2025-11-25 an answer to a call has it in
 * `task`; later, and in answers about a task, the result is the task.
 */
export function taskIdIn(
  answer: ResponseMessage,
  frame: Uint8Array,
): string | undefined {
  const taskId = valueInResult(answer, frame, ["task", "taskId"]) ??
    valueInResult(answer, frame, ["taskId"]);
  return typeof taskId === "string" ? taskId : undefined;
}

/** The task that a request is about, such as `tasks/get`. */
export function taskIdAskedFor(message: SingleMessage): string | undefined {
  if (message.kind !== "request") return undefined;
  const { method, params } = message;
  if (!method.startsWith("tasks/") || !isObject(params)) return undefined;
  return typeof params.taskId === "string" ? params.taskId : undefined;
}

/** The text with a part of it replaced. */
export function replaceRange(
  text: Uint8Array,
  { start, end }: Range,
  replacement: string,
): Uint8Array {
  return joinBytes([
    text.subarray(0, start),
    encoder.encode(replacement),
    text.subarray(end),
  ]);
}

/** The text with each element of an array changed; what is between stays. */
export function mapElements(
  text: Uint8Array,
  array: Range,
  change: (element: Uint8Array, index: number) => Uint8Array,
): Uint8Array {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const [index, member] of membersOf(text, array).entries()) {
    const { start, end } = member;
    pieces.push(text.subarray(at, start));
    pieces.push(change(partOf(text, member), index));
    at = end;
  }
  return joinBytes([...pieces, text.subarray(at)]);
}

/** The text with members put first into an object: `"a":1,"b":2`. */
export function insertMembers(
  text: Uint8Array,
  object: Range,
  members: string,
): Uint8Array {
  const at = text.indexOf(0x7b, object.start) + 1;
  const isEmpty = !object.isPartial && membersOf(text, object).length === 0;
  const comma = isEmpty ? "" : ",";
  return replaceRange(text, { start: at, end: at }, members + comma);
}

/** The text without some elements of an array, or members of an object. */
export function removeMembers(
  text: Uint8Array,
  container: Range,
  removed: (member: Member, index: number) => boolean,
): Uint8Array {
  const members = membersOf(text, container);
  if (!members.some(removed)) return text;
  let open = container.start;
  while (text[open] !== 0x7b && text[open] !== 0x5b) open++;
  // Each part is a member with its name, between the commas around it.
  const parts = members.map((member, index) => ({
    start: index === 0
      ? open + 1
      : text.indexOf(COMMA, members[index - 1].end) + 1,
    end: member.end,
    isRemoved: removed(member, index),
  }));
  const pieces: Uint8Array[] = [text.subarray(0, open + 1)];
  const comma = Uint8Array.of(COMMA);
  for (const { start, end, isRemoved } of parts) {
    if (isRemoved) continue;
    if (pieces.length > 1) pieces.push(comma);
    pieces.push(text.subarray(start, end));
  }
  pieces.push(text.subarray(parts[parts.length - 1].end));
  return joinBytes(pieces);
}
