/** Lists of tools without those that a policy forbids. */

import { ProxyError } from "../../errors.ts";
import { OPEN_BRACE, OPEN_BRACKET } from "../wire/bytes.ts";
import { isUnclear } from "./ambiguity.ts";
import { rootOf, scanInTurns } from "../wire/large_message.ts";
import type { SingleMessage } from "../wire/message.ts";
import { repairedAnswer } from "../wire/answers.ts";
import type { Member } from "../wire/scan.ts";
import {
  elementsInTurns,
  memberNamed,
  removeMembers,
  sourceOf,
} from "../wire/splice.ts";
import type { ToolPolicy } from "./policy.ts";

const QUOTE = 0x22;

const TOO_MANY = "it has too many members";

/**
 * A message of the target's without the tools that may not be seen, and
 * otherwise as it was. A tool that two readers could take for two is left out.
 * Others have their turn while a list is looked through.
 *
 * @param policy What is forbidden; it records the tools.
 * @param changes How often the tools had changed when it was asked for. A list
 * from before they changed, or of another session, says nothing of the tools
 * that there are now, and is not recorded.
 * @throws {ProxyError} `bad-answer`: two readers could find two lists in it,
 * or it has too many members.
 */
export async function withoutForbidden(
  given: Uint8Array,
  message: SingleMessage,
  policy: ToolPolicy,
  changes: number,
): Promise<Uint8Array> {
  if (message.kind !== "response") return given;
  const bytes = repairedAnswer(given, message);
  await scanInTurns(bytes);
  const root = rootOf(bytes);
  checkClear("result", bytes, root);
  const result = memberNamed("result", bytes, root);
  if (result === undefined || bytes[result.start] !== OPEN_BRACE) return bytes;
  checkClear("tools", bytes, result);
  const list = memberNamed("tools", bytes, result);
  if (list === undefined) return bytes;
  if (bytes[list.start] !== OPEN_BRACKET) {
    throw badList('"tools" is not an array');
  }
  if (list.isPartial) throw badList(TOO_MANY);
  const isCurrent = policy.changes === changes;
  const tools = await Array.fromAsync(elementsInTurns(bytes, list), toolIn);
  // Of two tools of one name nobody knows which is called.
  const writers = new Set(
    tools.flatMap((tool) => tool && !tool.isReadOnly ? [tool.name] : []),
  );
  const isShown = tools.map((tool) =>
    tool && policy.judge(tool.name, !writers.has(tool.name), isCurrent)
  );
  return removeMembers(bytes, list, (_member, index) => !isShown[index]);
}

export function isListChange(message: SingleMessage): boolean {
  return message.kind === "notification" &&
    message.method === "notifications/tools/list_changed";
}

/** @throws {ProxyError} Readers may differ on the member of that name. */
export function checkClear(
  name: string,
  bytes: Uint8Array,
  object: Member,
): void {
  if (object.isPartial) throw badList(TOO_MANY);
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

/** What a tool says of itself to all readers; nothing if they may differ. */
function toolIn(tool: Uint8Array) {
  const root = rootOf(tool);
  if (tool[0] !== OPEN_BRACE || isUnclear("name", tool, root)) return;
  const place = memberNamed("name", tool, root);
  if (place === undefined || tool[place.start] !== QUOTE) return;
  const name = String(JSON.parse(sourceOf(tool, place)));
  return { name, isReadOnly: saysReadOnly(tool, root) };
}

/** Whether a tool says that it changes nothing, to all readers. */
function saysReadOnly(tool: Uint8Array, root: Member): boolean {
  if (isUnclear("annotations", tool, root)) return false;
  const annotations = memberNamed("annotations", tool, root);
  if (!annotations || tool[annotations.start] !== OPEN_BRACE) return false;
  if (isUnclear("readOnlyHint", tool, annotations)) return false;
  return memberNamed("readOnlyHint", tool, annotations)?.source === "true";
}
