/** Messages that two readers may read in two ways. */

import { ProxyError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { rootOf } from "../wire/large_message.ts";
import {
  type SingleMessage,
  singlesOf,
  type ValidMessage,
} from "../wire/message.ts";
import { OPEN_BRACE } from "../wire/bytes.ts";
import { type Member, MESSAGE_MEMBERS } from "../wire/scan.ts";
import { memberNamed, membersOf } from "../wire/splice.ts";

/** What says which tool a call is for. */
const CALL_NAMES: ReadonlySet<string> = new Set(["name", "arguments"]);

const TOOL_METHODS: readonly string[] = ["tools/call", "tools/list"];

/**
 * What the target might read otherwise than a tool policy does. Some
 * readers take the first of two members of a name, some the last; some make no
 * difference between `name` and `Name`, or `tools/call` and `Tools/Call`; and to
 * some a result that is null is none at all, so that what looks like an answer
 * is a call to them.
 *
 * @returns Of each message that can be read in two ways, `invalid-request`.
 */
export function ambiguitiesIn(
  bytes: Uint8Array,
  message: ValidMessage,
): ReadonlyMap<SingleMessage, ProxyError> {
  const root = rootOf(bytes);
  const messages = message.kind === "batch" ? membersOf(bytes, root) : [root];
  const found = new Map<SingleMessage, ProxyError>();
  singlesOf(message).forEach((single, index) => {
    try {
      checkMethod(single);
      checkNames(bytes, messages[index], single);
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      found.set(single, error);
    }
  });
  return found;
}

/** Refuses a method that is a known one to readers that are not strict. */
function checkMethod(message: SingleMessage): void {
  if (message.kind === "response") return;
  const { method } = message;
  if (TOOL_METHODS.includes(method)) return;
  // To some readers its letters are all there is.
  const letters = fold(method.normalize("NFKC")).replace(/[^a-z]/g, "");
  if (!["toolscall", "toolslist"].includes(letters)) return;
  throw refused(`the method ${quoted(method)} is misspelt`);
}

function checkNames(
  text: Uint8Array,
  message: Member,
  { kind }: SingleMessage,
): void {
  const params = memberNamed("params", text, message);
  const meta = params && memberNamed("_meta", text, params);
  const names = namesIn(text, message);
  const paramNames = namesIn(text, params);
  for (const all of [names, paramNames, namesIn(text, meta)]) {
    const seen = new Set<string>();
    for (const name of all) {
      if (seen.has(fold(name))) throw refused(`${quoted(name)} stands twice`);
      seen.add(fold(name));
    }
  }
  const other = misspelt(names, MESSAGE_MEMBERS) ??
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

/** The names of an object's members; of anything else, none. */
function namesIn(text: Uint8Array, range: Member | undefined): string[] {
  if (!range || text[range.start] !== OPEN_BRACE) return [];
  return membersOf(text, range).map(({ name }) => name);
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
  object: Member,
): boolean {
  if (object.isPartial) return true;
  const names = membersOf(text, object).map((member) => member.name)
    .filter((other) => fold(other) === fold(name));
  return names.length > 1 || names.some((other) => other !== name);
}

/** The name as readers see it that make no difference of case. */
function fold(name: string): string {
  // Their folding takes the long s and the Kelvin sign for letters, too.
  return name.toLowerCase().replaceAll("\u017f", "s");
}
