/**
 * Putting an entry into the text of a client's file, and nothing else: what
 * stands there stays, byte for byte.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import type { Entry } from "./clients.ts";
import { isObject } from "../../mcp/wire/message.ts";

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
   * The text with one member set to a value that JSON has; the objects on the
   * way to it are made if they are missing.
   *
   * @throws {EditError} Something else stands there.
   */
  set(text: string, path: MemberPath, value: unknown): string;
  /**
   * The text without one member, which it has.
   *
   * @throws {EditError} It stands there more than once.
   */
  remove(text: string, path: MemberPath): string;
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
  /** What the entry has to say. */
  readonly entry: Entry;
  /** What else it says if it is new. */
  readonly defaults?: Entry;
  /** Members that must not stay, such as a variable among others. */
  readonly gone?: readonly MemberPath[];
  /**
   * Asked before an entry that is there under the name is changed.
   *
   * @throws {EditError} It is to be left alone.
   */
  readonly approve: (existing: unknown) => void;
}

/** What became of it. */
export interface Edited {
  readonly kind: "added" | "updated" | "unchanged";
  readonly text: string;
}

/**
 * Adds an entry, or brings one up to date; members that others have put into it
 * stay.
 *
 * @param language The file's language.
 * @param request What is to be put where.
 * @returns The new text.
 * @throws {EditError} The text cannot be understood, the entry that is there is
 * to be left alone, or the result would not be what it should.
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

function put(language: FileLanguage, request: EditRequest): Edited {
  const { text, container, name, entry, defaults, approve } = request;
  const before = language.read(text);
  if (before !== undefined && !isObject(before)) {
    throw new EditError("it holds something else than named settings");
  }
  const held = before?.[container];
  const entries = isObject(held) ? held : {};
  const existing = Object.hasOwn(entries, name) ? entries[name] : undefined;
  const wanted = isObject(existing)
    ? merged(existing, request)
    // Once more, so that what it starts comes first.
    : { ...entry, ...defaults, ...entry };
  if (isDeepStrictEqual(existing, wanted)) return { kind: "unchanged", text };
  if (existing !== undefined) approve(existing);

  let after = text;
  if (!isObject(existing)) {
    after = language.set(text, [container, name], wanted);
  } else {
    // What is added before anything goes finds the manner of the others.
    const all = changes(existing, wanted)
      .toSorted((one, other) => Number(isGone(one)) - Number(isGone(other)));
    for (const change of all) {
      const member = [container, name, ...change.path];
      after = isGone(change)
        ? language.remove(after, member)
        : language.set(after, member, change.value);
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

/** A member that is not as it should be. */
interface Change {
  readonly path: MemberPath;
  /** What it should be; `undefined` if it should not be there. */
  readonly value: unknown;
}

function isGone({ value }: Change): boolean {
  return value === undefined;
}

function changes(
  existing: Record<string, unknown>,
  wanted: Record<string, unknown>,
  path: MemberPath = [],
): Change[] {
  const names = new Set([...Object.keys(existing), ...Object.keys(wanted)]);
  return [...names].flatMap((name) => {
    const [old, value] = [existing, wanted].map((object) =>
      Object.hasOwn(object, name) ? object[name] : undefined
    );
    if (isDeepStrictEqual(old, value)) return [];
    // Inside, so that what is said beside the others stays.
    return isObject(old) && isObject(value)
      ? changes(old, value, [...path, name])
      : [{ path: [...path, name], value }];
  });
}

function merged(
  existing: Record<string, unknown>,
  { entry, gone = [] }: EditRequest,
): Record<string, unknown> {
  const all: Record<string, unknown> = { ...existing };
  for (const [name, value] of Object.entries(entry)) {
    const old = existing[name];
    all[name] = isObject(old) && isObject(value) ? { ...old, ...value } : value;
  }
  for (const [name, inner] of gone) {
    const old = all[name];
    if (isObject(old)) all[name] = without(old, inner);
  }
  return all;
}

function without(
  object: Record<string, unknown>,
  member: string,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object).filter(([name]) => name !== member),
  );
}

/** `{ c: value }` for the path `["a", "b", "c"]` below `["a", "b"]`. */
export function nested(path: MemberPath, value: unknown): unknown {
  return path.reduceRight<unknown>(
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
