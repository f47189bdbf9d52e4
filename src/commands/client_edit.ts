/**
 * Putting an entry into the text of a client's file, and nothing else: what
 * stands there stays, byte for byte.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import type { Entry, EntryValue } from "./clients.ts";
import { isObject } from "./json_value.ts";

/** A value on its way into a file. */
export type NewValue = EntryValue | { readonly [name: string]: NewValue };

/** A way into a file: the names of members, outermost first. */
export type MemberPath = readonly string[];

/** A language in which files are written. */
export interface FileLanguage {
  /**
   * What a text says.
   *
   * @throws {EditError} It says nothing that can be understood.
   */
  read(text: string): unknown;
  /**
   * The text with one member set; the objects on the way to it are made if
   * they are missing.
   *
   * @throws {EditError} Something else stands there.
   */
  set(text: string, path: MemberPath, value: NewValue): string;
}

/** A file cannot be changed without risk. */
export class EditError extends Error {
  override name = "EditError";
}

/** What is to be put where. */
export interface EditRequest {
  readonly text: string;
  readonly container: string;
  readonly name: string;
  readonly entry: Entry;
  /** Whether an entry that is there under the name is this program's own. */
  readonly isOwn: (existing: unknown) => boolean;
}

/** What became of it. */
export interface Edited {
  readonly kind: "added" | "updated" | "unchanged";
  readonly text: string;
}

/**
 * Adds an entry, or brings an own one up to date; members that others have put
 * into it stay.
 *
 * @param language The file's language.
 * @param request What is to be put where.
 * @returns The new text.
 * @throws {EditError} The text cannot be understood, the name is somebody
 * else's, or the result would not be what it should.
 */
export function putEntry(
  language: FileLanguage,
  request: EditRequest,
): Edited {
  try {
    return put(language, request);
  } catch (error) {
    // Every reader of nested text goes into itself, and has a stack to fill.
    if (!(error instanceof RangeError)) throw error;
    throw new EditError("it is nested too deeply to be read");
  }
}

function put(
  language: FileLanguage,
  { text, container, name, entry, isOwn }: EditRequest,
): Edited {
  const before = language.read(text);
  if (before !== undefined && !isObject(before)) {
    throw new EditError("it holds something else than named settings");
  }
  const held = before?.[container];
  const entries = isObject(held) ? held : {};
  const existing = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (existing !== undefined && !isOwn(existing)) {
    throw new EditError(
      `there is another "${name}" in it, which is left alone: name this one ` +
        "otherwise (--name)",
    );
  }
  const wanted = isObject(existing) ? merged(existing, entry) : entry;
  if (isDeepStrictEqual(existing, wanted)) return { kind: "unchanged", text };

  let after = text;
  if (!isObject(existing)) {
    after = language.set(text, [container, name], entry);
  } else {
    for (const [member, value] of changes(existing, entry)) {
      after = language.set(after, [container, name, ...member], value);
    }
  }
  const expected = {
    ...before,
    [container]: { ...entries, [name]: wanted },
  };
  if (!says(language, after, expected)) {
    throw new EditError(
      "it is written in a way that cannot be added to safely",
    );
  }
  return { kind: existing === undefined ? "added" : "updated", text: after };
}

function says(
  language: FileLanguage,
  text: string,
  expected: unknown,
): boolean {
  try {
    return isDeepStrictEqual(language.read(text), expected);
  } catch (error) {
    if (error instanceof EditError) return false;
    throw error;
  }
}

/** The members of an own entry that are not as they should be. */
function changes(
  existing: Record<string, unknown>,
  entry: Entry,
): [MemberPath, NewValue][] {
  return Object.entries(entry).flatMap(([name, value]) => {
    const old = existing[name];
    if (isObject(old) && isObject(value)) {
      return Object.entries(value)
        .filter(([inner, text]) => old[inner] !== text)
        .map(([inner, text]): [MemberPath, NewValue] => [[name, inner], text]);
    }
    const change: [MemberPath, NewValue] = [[name], value];
    return isDeepStrictEqual(old, value) ? [] : [change];
  });
}

function merged(
  existing: Record<string, unknown>,
  entry: Entry,
): Record<string, unknown> {
  const all: Record<string, unknown> = { ...existing };
  for (const [name, value] of Object.entries(entry)) {
    const old = existing[name];
    all[name] = isObject(old) && isObject(value) ? { ...old, ...value } : value;
  }
  return all;
}

/** `{ c: value }` for the path `["a", "b", "c"]` below `["a", "b"]`. */
export function nested(path: MemberPath, value: NewValue): NewValue {
  return path.reduceRight<NewValue>(
    (inner, name) => ({ [name]: inner }),
    value,
  );
}

/** The white space at the beginning of the line that an offset is on. */
export function indentAt(text: string, offset: number): string {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start, offset))?.[0] ?? "";
}

/** A text's line end. */
export function lineEnd(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

/** Line and column of an offset, for people. */
export function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split("\n");
  const column = (before.at(-1)?.length ?? 0) + 1;
  return `line ${before.length}, column ${column}`;
}
