/** Changes one member of a JSON text and leaves every other byte as it was. */

import { ProxyError } from "../../errors.ts";
import { asObject, isObject, textIn } from "../../json.ts";
import { Turn } from "../../time.ts";
import { joinBytes } from "./bytes.ts";
import {
  moved,
  parseMember,
  partOf,
  rootOf,
  scanInTurns,
  SMALL_BYTES,
} from "./large_message.ts";
import type { ResponseMessage, SingleMessage } from "./message.ts";
import type { Member } from "./scan.ts";

const COMMA = Uint8Array.of(0x2c);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The members of an object or array in a text, by their place in the text.
 *
 * @throws {ProxyError} `invalid-request`: there are more than are kept.
 */
export function membersOf(text: Uint8Array, of: Member): readonly Member[] {
  if (!of.isPartial) return keptMembersOf(text, of);
  throw new ProxyError(
    "invalid-request",
    "the message has too many members to be looked through",
  );
}

/** Those that are kept; of what lies too deep they are looked for now. */
function keptMembersOf(text: Uint8Array, of: Member): readonly Member[] {
  const { start, end, members } = of;
  return members ?? moved(rootOf(text.subarray(start, end)), start).members ??
    [];
}

/** All members of a name, in order. */
export function membersNamed(
  name: string,
  text: Uint8Array,
  of: Member,
): readonly Member[] {
  return keptMembersOf(text, of).filter((member) => member.name === name);
}

/** A member of an object in a text; of several the last, as in `JSON.parse`. */
export function memberNamed(
  name: string,
  text: Uint8Array,
  of: Member,
): Member | undefined {
  return keptMembersOf(text, of).findLast((member) => member.name === name);
}

/** The member that a path of names leads to. */
export function memberAt(
  text: Uint8Array,
  path: readonly string[],
): Member | undefined {
  return path.reduce<Member | undefined>(
    (member, name) => member && memberNamed(name, text, member),
    rootOf(text),
  );
}

/** The elements of an array one by one, while others have their turn. */
export async function* elementsInTurns(
  text: Uint8Array,
  array: Member,
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
export function sourceOf(text: Uint8Array, { start, end }: Place): string {
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
    return place && parseMember(frame, place);
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
  const isOne = message.kind === "request" &&
    message.method.startsWith("tasks/");
  return isOne ? textIn(asObject(message.params), "taskId") : undefined;
}

/** A part of a text, in bytes from its start; its end is exclusive. */
type Place = Pick<Member, "start" | "end">;

/** The text with a part of it replaced. */
export function replaceRange(
  text: Uint8Array,
  { start, end }: Place,
  by: string | Uint8Array,
): Uint8Array {
  return joinBytes([
    text.subarray(0, start),
    typeof by === "string" ? encoder.encode(by) : by,
    text.subarray(end),
  ]);
}

/** The text with each element of an array changed; what is between stays. */
export function mapElements(
  text: Uint8Array,
  array: Member,
  change: (element: Uint8Array, index: number) => Uint8Array,
): Uint8Array {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const [index, member] of membersOf(text, array).entries()) {
    pieces.push(text.subarray(at, member.start));
    pieces.push(change(partOf(text, member), index));
    at = member.end;
  }
  return joinBytes([...pieces, text.subarray(at)]);
}

/** The text with members put first into an object: `"a":1,"b":2`. */
export function insertMembers(
  text: Uint8Array,
  object: Member,
  members: string,
): Uint8Array {
  const at = object.start + 1;
  const isEmpty = !object.isPartial && membersOf(text, object).length === 0;
  const comma = isEmpty ? "" : ",";
  return replaceRange(text, { start: at, end: at }, members + comma);
}

/** The text without some elements of an array, or members of an object. */
export function removeMembers(
  text: Uint8Array,
  container: Member,
  removed: (member: Member, index: number) => boolean,
): Uint8Array {
  const members = membersOf(text, container);
  const inside = container.start + 1;
  // Each kept one with its name and its comma; the first comma is not needed.
  const kept = members.flatMap((member, index) => {
    if (removed(member, index)) return [];
    const start = index === 0
      ? inside
      : text.indexOf(COMMA[0], members[index - 1].end) + 1;
    return [COMMA, text.subarray(start, member.end)];
  });
  const last = members.at(-1);
  if (!last || kept.length === 2 * members.length) return text;
  return joinBytes([
    text.subarray(0, inside),
    ...kept.slice(1),
    text.subarray(last.end),
  ]);
}
