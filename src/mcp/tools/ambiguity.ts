/**
 * Messages that two readers may read in two ways.
 *
 * @module
 */

import { ProxyError } from "../../errors.ts";
import { excerpt } from "../wire/excerpt.ts";
import { isTooMuch } from "../wire/large_message.ts";
import {
  type BatchMessage,
  type SingleMessage,
  singlesOf,
} from "../wire/message.ts";
import { memberAt, membersOf, type Range, whole } from "../wire/splice.ts";

/** What a message is made of, and what says which tool a call is for. */
const MESSAGE_NAMES: ReadonlySet<string> = new Set([
  "jsonrpc",
  "id",
  "method",
  "params",
  "result",
  "error",
]);
const CALL_NAMES: ReadonlySet<string> = new Set(["name", "arguments"]);

const OPEN_BRACKET = 0x5b;

/**
 * Refuses what the target might read otherwise than a tool policy does. Some
 * readers take the first of two members of a name, some the last; some make no
 * difference between `name` and `Name`; and to some a result that is null is
 * none at all, so that what looks like an answer is a call to them.
 *
 * @param bytes The message, or a batch of them.
 * @param message The same, read.
 * @throws {ProxyError} `invalid-request`: it can be read in two ways.
 */
export function checkUnambiguous(
  bytes: Uint8Array,
  message: SingleMessage | BatchMessage,
): void {
  const messages = singlesOf(message);
  const parts = message.kind === "batch"
    ? membersOf(bytes, whole(bytes))
    : [whole(bytes)];
  parts.forEach(({ start, end }, index) => {
    checkNames(bytes.subarray(start, end), messages[index]);
  });
}

function checkNames(text: Uint8Array, { kind }: SingleMessage): void {
  const names = namesIn(text, whole(text));
  const params = memberAt(text, ["params"]);
  const paramNames = params ? namesIn(text, params) : [];
  const meta = memberAt(text, ["params", "_meta"]);
  const metaNames = meta ? namesIn(text, meta) : [];
  for (const all of [names, paramNames, metaNames]) {
    const name = repeatedIn(all);
    if (name !== undefined) throw refused(`${quoted(name)} stands twice`);
  }
  const other = misspelt(names, MESSAGE_NAMES) ??
    misspelt(paramNames, CALL_NAMES);
  if (other !== undefined) {
    throw refused(`${quoted(other)} stands in another case`);
  }
  if (kind !== "response") return;
  const extra = names.find((name) => name === "method" || name === "params");
  if (extra !== undefined) {
    throw refused(`${quoted(extra)} stands beside an answer`);
  }
}

/** The names of an object's members; an array's elements have none. */
function namesIn(text: Uint8Array, range: Range): string[] {
  if (text[range.start] === OPEN_BRACKET) return [];
  if (isTooMuch(range)) {
    throw refused("there are too many members to be checked");
  }
  return membersOf(text, range).map(({ name }) => name);
}

function repeatedIn(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  for (const name of names) {
    const folded = fold(name);
    if (seen.has(folded)) return name;
    seen.add(folded);
  }
  return undefined;
}

/** A name that is one of some to readers that make no difference of case. */
function misspelt(
  names: readonly string[],
  known: ReadonlySet<string>,
): string | undefined {
  return names.find((name) => !known.has(name) && known.has(fold(name)));
}

function quoted(name: string): string {
  return JSON.stringify(excerpt(name));
}

function refused(what: string): ProxyError {
  return new ProxyError(
    "invalid-request",
    `${what} in the message, which with a tool policy is refused`,
  );
}

/**
 * Whether readers may differ on the member of a name: it stands twice in the
 * object, or in another case.
 */
export function isUnclear(
  name: string,
  text: Uint8Array,
  object: Range,
): boolean {
  if (isTooMuch(object)) return true;
  const names = membersOf(text, object).map((member) => member.name)
    .filter((other) => fold(other) === fold(name));
  return names.length > 1 || names.some((other) => other !== name);
}

/** The name as readers see it that make no difference of case. */
function fold(name: string): string {
  // Their folding takes the long s and the Kelvin sign for letters, too.
  return name.toLowerCase().replaceAll("\u017f", "s");
}
