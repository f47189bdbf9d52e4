/**
 * Lists of tools without those that a policy forbids.
 *
 * @module
 */

import { ProxyError } from "../../errors.ts";
import { isUnclear } from "./ambiguity.ts";
import { UNREAD } from "../wire/large_message.ts";
import {
  isObject,
  type ResponseMessage,
  type SingleMessage,
} from "../wire/message.ts";
import {
  memberNamed,
  membersOf,
  type Range,
  removeMembers,
  whole,
} from "../wire/splice.ts";
import type { ToolPolicy } from "./policy.ts";

/**
 * The answer to a `tools/list` without what may not be seen, and otherwise as
 * it was. A tool that two readers could take for two is left out.
 *
 * @param bytes The answer.
 * @param answer The same, read.
 * @param policy What is forbidden; it learns the tools.
 * @param isCurrent Whether it does: a list that was asked for before the tools
 * changed, or in another session, says nothing of the tools that there are now.
 * @returns The answer as it goes on.
 * @throws {ProxyError} `bad-answer`: two readers could find two lists in it.
 */
export function withoutForbidden(
  bytes: Uint8Array,
  { result }: ResponseMessage,
  policy: ToolPolicy,
  isCurrent: boolean,
): Uint8Array {
  checkClear("result", bytes, whole(bytes));
  const place = memberNamed("result", bytes, whole(bytes));
  if (result === UNREAD) throw badList("it has too many values");
  if (!isObject(result) || place === undefined) return bytes;
  checkClear("tools", bytes, place);
  const list = memberNamed("tools", bytes, place);
  if (list === undefined) return bytes;
  const { tools } = result;
  if (!Array.isArray(tools)) throw badList('"tools" is not an array');
  const places = membersOf(bytes, list);
  const isShown = tools.map((tool, index) =>
    mayBeSeen(
      tool,
      bytes,
      places[index],
      (tool) => isCurrent ? policy.learn(tool) : policy.judge(tool),
    )
  );
  if (isShown.every(Boolean)) return bytes;
  return removeMembers(bytes, list, (_member, index) => !isShown[index]);
}

/** Whether the target says that its tools are not what they were. */
export function isListChange(message: SingleMessage): boolean {
  return message.kind === "notification" &&
    message.method === "notifications/tools/list_changed";
}

/**
 * Refuses a message in which readers may differ on the member of a name.
 *
 * @throws {ProxyError} `bad-answer`.
 */
export function checkClear(
  name: string,
  bytes: Uint8Array,
  object: Range,
): void {
  if (!isUnclear(name, bytes, object)) return;
  throw badList(`"${name}" stands twice in it, or in another case`);
}

/** The error for an answer in which a list could hide. */
export function badList(fault: string): ProxyError {
  return new ProxyError(
    "bad-answer",
    `the target's answer cannot be looked through for forbidden tools: ${fault}`,
  );
}

/** Whether a tool is allowed, under every name that a reader may find. */
function mayBeSeen(
  tool: unknown,
  bytes: Uint8Array,
  place: Range,
  isAllowed: (tool: Record<string, unknown>) => boolean,
): boolean {
  if (!isObject(tool) || typeof tool.name !== "string") return false;
  if (isUnclear("name", bytes, place)) return false;
  const { name } = tool;
  return isAllowed(hasClearHint(bytes, place) ? tool : { name });
}

/** Whether all readers find the same in what a tool says of itself. */
function hasClearHint(bytes: Uint8Array, tool: Range): boolean {
  if (isUnclear("annotations", bytes, tool)) return false;
  const annotations = memberNamed("annotations", bytes, tool);
  return !annotations || !isUnclear("readOnlyHint", bytes, annotations);
}
