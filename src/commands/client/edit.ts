/** Putting an entry into the text of a client's file. */

import { isDeepStrictEqual } from "node:util";
import { asObject, isObject } from "../../json.ts";
import type { Entry } from "./clients.ts";

export interface Change {
  /** The names of members that lead to it, outermost first. */
  readonly path: readonly string[];
  /** Plain JSON; `undefined` takes the member away. */
  readonly value: unknown;
}

export interface FileLanguage {
  /** What a text says, `undefined` if nothing; or it throws an `EditError`. */
  read(text: string): unknown;
  /** The text after one change; comments and other members stay. */
  change(text: string, change: Change): string;
}

/** A file that is better left as it is. */
export class EditError extends Error {
  override name = "EditError";
}

export interface EditRequest {
  readonly text: string;
  /** The member that holds all entries. */
  readonly container: string;
  readonly name: string;
  readonly entry: Entry;
  /** What else it says if it is new. */
  readonly defaults?: Entry;
  /** Variables that must not stay in it from before. */
  readonly staleVariables?: readonly string[];
}

export interface Edited {
  readonly kind: "added" | "updated" | "unchanged";
  readonly text: string;
  /** The entry of this name that was there. */
  readonly before: unknown;
  /** What only that one has, by name. */
  readonly lost: readonly string[];
}

/**
 * Adds an entry, or replaces the one of its name. Members that only the client
 * or its user sets, such as a time limit, stay in an entry that starts a
 * program.
 *
 * @throws {EditError} The text cannot be parsed or edited.
 */
export function putEntry(
  language: FileLanguage,
  request: EditRequest,
): Edited {
  try {
    return put(language, request);
  } catch (error) {
    // The parsers recurse into nested text until their stack is full.
    if (!(error instanceof RangeError)) throw error;
    throw new EditError("it is nested too deeply to be read");
  }
}

function put(language: FileLanguage, request: EditRequest): Edited {
  const { text, container, name } = request;
  const root = language.read(text);
  if (root !== undefined && !isObject(root)) {
    throw new EditError("it holds something else than named settings");
  }
  const held = root?.[container] ?? undefined;
  if (held !== undefined && !isObject(held)) {
    throw new EditError(`"${container}" in it is no object`);
  }
  const before = own(held, name);
  const changes = changesOf(before, request);
  if (changes.length === 0) {
    return { kind: "unchanged", text, before, lost: [] };
  }
  const entry = changes.reduce(changed, before);
  const after = held === undefined
    ? language.change(text, { path: [container], value: { [name]: entry } })
    : changes.reduce((text, { path, value }) => {
      const member = [container, name, ...path];
      return language.change(text, { path: member, value });
    }, text);
  const expected = { ...root, [container]: { ...held, [name]: entry } };
  // Not so with a member that stands there twice, or one with an alias.
  if (!isDeepStrictEqual(language.read(after), expected)) {
    throw new EditError(
      "it is written in a way that cannot be added to safely",
    );
  }
  const kind = before === undefined ? "added" : "updated";
  return { kind, text: after, before, lost: lossesOf(before, entry) };
}

/** What has to change in an entry; its own path is the empty one. */
function changesOf(existing: unknown, request: EditRequest): Change[] {
  const { entry, defaults, staleVariables = [] } = request;
  if (!startsProgram(existing)) {
    // Spread twice: its members come first, and win over the defaults.
    return [{ path: [], value: { ...entry, ...defaults, ...entry } }];
  }
  const wanted = Object.entries(entry).flatMap(([member, value]) => {
    const old = existing[member];
    return isObject(old) && isObject(value)
      ? Object.entries(value)
        .map(([name, text]) => ({ path: [member, name], value: text }))
      : [{ path: [member], value }];
  });
  const stale = ["env", "envs"].flatMap((member) =>
    staleVariables.filter((name) => own(entry[member], name) === undefined)
      .map((name) => ({ path: [member, name], value: undefined }))
  );
  return [...wanted, ...stale].filter(({ path, value }) =>
    !isDeepStrictEqual(path.reduce(own, existing), value)
  );
}

/** An entry of a remote server, say, has nothing that could stay. */
function startsProgram(entry: unknown): entry is Record<string, unknown> {
  return isObject(entry) &&
    typeof (entry.command ?? entry.cmd) === "string";
}

function own(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name)
    ? value[name]
    : undefined;
}

function changed(value: unknown, { path, value: wanted }: Change): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return wanted;
  const { [name]: old, ...others } = asObject(value);
  const inner = changed(old, { path: rest, value: wanted });
  return inner === undefined ? others : { ...others, [name]: inner };
}

/** Permissions, which are found anew, and what goes with them. */
const FOUND_ANEW =
  /^(?:--allow-[a-z]+|-[A-Z]+|--no-prompt|--no-config|--lock|-y)(?:=|$)/;

/**
 * What an entry has that the one in its place has not, by name: flags,
 * variables and other members, whose values may be secrets.
 */
function lossesOf(before: unknown, after: unknown): readonly string[] {
  const lost = Object.entries(asObject(before)).flatMap(([member, old]) => {
    const now = asObject(after)[member];
    if (isDeepStrictEqual(old, now)) return [];
    if (member === "command" || member === "cmd") return ["another command"];
    if (member === "args") return lostArguments(old, now);
    if (!isObject(old)) return [member];
    return Object.keys(old).filter((name) =>
      !isObject(now) || !isDeepStrictEqual(old[name], now[name])
    );
  });
  return [...new Set(lost)];
}

function lostArguments(before: unknown, after: unknown): string[] {
  const words = wordsIn(before);
  const kept = new Set(wordsIn(after));
  return words.flatMap((word, at) => {
    if (kept.has(word)) return [];
    if (/^https?:/i.test(word)) return ["another URL"];
    const [flag] = /^(?:--[\w-]+|-\w)(?==|$)/.exec(word) ??
      /^(?:--[\w-]+|-\w)$/.exec(words[at - 1] ?? "") ?? ["other arguments"];
    return [flag];
  });
}

function wordsIn(args: unknown): string[] {
  return (Array.isArray(args) ? args : [args]).map(String)
    .filter((word) => !FOUND_ANEW.test(word));
}

export function lineEnd(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

/** Line and column of an offset, for people. */
export function placeOf(text: string, offset: number): string {
  const lines = text.slice(0, offset).split("\n");
  return `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
}
