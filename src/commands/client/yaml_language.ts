/**
 * YAML, in the little that settings need of it.
 *
 * @module
 */

import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  Scalar,
  stringify,
  type YAMLMap,
} from "yaml";
import {
  EditError,
  type FileLanguage,
  lineEnd,
  type MemberPath,
  nested,
  placeOf,
} from "./edit.ts";
import { cutLines, cutMember } from "./text_cut.ts";

const INDENT = 2;

/** YAML of one document. */
export const YAML: FileLanguage = {
  read(text) {
    const value: unknown = resolved(parse(text));
    return value === null ? undefined : value;
  },

  set(text, path, value) {
    const root = parse(text).contents;
    if (root === null || (isScalar(root) && root.value === null)) {
      return append(text, text.length, 0, nested(path, value));
    }
    return setIn(text, root, path, value);
  },

  remove(text, path) {
    let node: unknown = parse(text).contents;
    let owner: Member | undefined;
    let member: Member | undefined;
    for (const name of path) {
      owner = member;
      member = isMap(node) ? memberNamed(node, name) : undefined;
      node = member?.value;
    }
    return member && owner ? removeMember(text, owner, member) : text;
  },
};

type Member = Pair<unknown, unknown>;

const COMMENT = /#[^\n]*/;

function parse(text: string): Document.Parsed {
  const document = parseDocument(text);
  const [fault] = document.errors;
  if (fault === undefined) return document;
  throw new EditError(
    `it is no YAML at ${placeOf(text, fault.pos[0])} (${fault.code})`,
  );
}

/** What a document says. Aliases may lead nowhere, or to far too much. */
function resolved(document: Document.Parsed): unknown {
  try {
    return document.toJS();
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw new EditError("it has an alias that cannot be followed");
  }
}

function setIn(
  text: string,
  root: Node,
  path: MemberPath,
  value: unknown,
): string {
  let node: Node = root;
  for (const [depth, name] of path.entries()) {
    if (!isMap(node)) {
      const where = path.slice(0, depth).join(".");
      throw new EditError(`"${where}" in it is no mapping of its own`);
    }
    const rest = nested(path.slice(depth + 1), value);
    const pair = memberNamed(node, name);
    if (pair === undefined) return insert(text, node, name, rest);
    const inner = pair.value;
    const isLast = depth === path.length - 1;
    const isEmpty = isScalar(inner) && inner.value === null ||
      isMap(inner) && inner.items.length === 0;
    if (isLast || isEmpty) {
      return replace(text, pair, rest, isLast || node.flow === true);
    }
    if (!isNode(inner) || isAlias(inner)) {
      throw new EditError(`"${name}" in it is no mapping of its own`);
    }
    node = inner;
  }
  return text;
}

function memberNamed(map: YAMLMap, name: string): Member | undefined {
  return map.items.find(({ key }) => isScalar(key) && key.value === name);
}

/** Takes a member out of the mapping that another one holds. */
function removeMember(text: string, owner: Member, member: Member): string {
  const map = owner.value;
  if (!isMap(map) || !isNode(member.key) || !isNode(owner.key)) return text;
  const start = rangeOf(member.key)[0];
  const end = endOf(text, member);
  if (!map.flow) {
    const rest = cutLines(text, start, end);
    if (map.items.length > 1) return rest;
    // With nothing below it, it would be no mapping any more.
    const colon = text.indexOf(":", rangeOf(owner.key)[1]) + 1;
    return `${rest.slice(0, colon)} {}${rest.slice(colon)}`;
  }
  const [open, close] = rangeOf(map);
  const previous = map.items[map.items.indexOf(member) - 1];
  return cutMember(text, {
    open: open + 1,
    close: close - 1,
    start,
    end,
    previousEnd: previous && endOf(text, previous),
  }, COMMENT);
}

/** Puts a member after the last one of a mapping that has some. */
function insert(
  text: string,
  map: YAMLMap,
  name: string,
  value: unknown,
): string {
  const member = { [name]: value };
  const last = map.items.at(-1);
  if (map.flow || last === undefined) {
    const close = rangeOf(map)[1] - 1;
    const json = JSON.stringify(member).slice(1, -1);
    const comma = last === undefined ? "" : ", ";
    return text.slice(0, close).trimEnd() + comma + json + text.slice(close);
  }
  const first = map.items[0]?.key;
  const start = isNode(first) ? rangeOf(first)[0] : 0;
  const column = columnOf(text, start);
  const end = pastRemarks(text, endOf(text, last), column);
  return append(text, end, column, member);
}

/** Gives a member another value, on its line or below. */
function replace(
  text: string,
  pair: Pair<unknown, unknown>,
  value: unknown,
  isInline: boolean,
): string {
  if (!isNode(pair.key)) throw new EditError("a key in it has no place");
  const [keyStart, keyEnd] = rangeOf(pair.key);
  const end = endOf(text, pair);
  const written = inManner(text, pair.value, value);
  if (written !== undefined) {
    const [start] = isNode(pair.value) ? rangeOf(pair.value) : [end];
    return text.slice(0, start) + written + text.slice(end);
  }
  const comment = text.slice(end).startsWith("#") ? " " : "";
  if (isInline) {
    const json = JSON.stringify(value);
    return `${text.slice(0, keyEnd)}: ${json}${comment}${text.slice(end)}`;
  }
  const column = columnOf(text, keyStart);
  const head = `${text.slice(0, keyEnd)}:`;
  return append(head + text.slice(end), head.length, column + INDENT, value);
}

/** A value written as the one before is, if it is of the same kind. */
function inManner(
  text: string,
  before: unknown,
  value: unknown,
): string | undefined {
  if (isSeq(before) && Array.isArray(value) && !before.flow) {
    const indent = " ".repeat(columnOf(text, rangeOf(before)[0]));
    return block(value).join(lineEnd(text) + indent);
  }
  if (!isScalar(before) || typeof value !== "string") return undefined;
  if (/[\r\n]/.test(value) || before.value === null) return undefined;
  if (before.type === Scalar.QUOTE_SINGLE) {
    return `'${value.replaceAll("'", "''")}'`;
  }
  if (before.type !== Scalar.PLAIN) return undefined;
  // Within braces, more has to be quoted than the rules for lines know.
  return /[,[\]{}]/.test(value) ? undefined : block(value).join("");
}

/** Puts lines below the line that an offset is on. */
function append(
  text: string,
  offset: number,
  column: number,
  value: unknown,
): string {
  const eol = lineEnd(text);
  const newline = text.indexOf("\n", offset);
  const end = newline < 0 ? text.length : newline;
  const head = text.slice(0, end).replace(/\r$/, "");
  const indent = " ".repeat(column);
  const lines = block(value).map((line) => indent + line).join(eol);
  const before = head.trim() === "" || head.endsWith("\n") ? head : head + eol;
  return `${before}${lines}${eol}${text.slice(end).replace(/^\r?\n/, "")}`;
}

/** The lines of a value, without an indentation. */
function block(value: unknown): string[] {
  // Readers of YAML 1.1 take `yes` for true: its rules quote such words.
  return stringify(value, { version: "1.1", lineWidth: 0, indent: INDENT })
    .trimEnd().split("\n");
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf("\n", offset - 1) + 1);
}

/** Where the last line of a member with something on it ends, comments aside. */
function endOf(text: string, { key, value }: Pair<unknown, unknown>): number {
  const [, keyEnd] = isNode(key) ? rangeOf(key) : [0, 0];
  const [, end] = isNode(value) ? rangeOf(value) : [0, keyEnd];
  const colon = text.indexOf(":", keyEnd) + 1;
  return Math.max(text.slice(0, end).trimEnd().length, colon);
}

/** Passes the comments below a member that are further in, and so of it. */
function pastRemarks(text: string, offset: number, column: number): number {
  const further = ` {${column + 1},}#[^\\n]*`;
  const remarks = new RegExp(
    `[^\\n]*(?:(?:\\n[ \\t\\r]*)*?\\n${further})*`,
    "y",
  );
  remarks.lastIndex = offset;
  return offset + (remarks.exec(text)?.[0].length ?? 0);
}

function rangeOf(node: Node): readonly [start: number, end: number] {
  if (!node.range) throw new EditError("a part of it has no place");
  return [node.range[0], node.range[1]];
}
