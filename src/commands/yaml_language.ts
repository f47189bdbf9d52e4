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
  type Node,
  type Pair,
  parseDocument,
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
} from "./client_edit.ts";

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
};

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
    const pair = node.items.find(({ key }) =>
      isScalar(key) && key.value === name
    );
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
  const column = start - (text.lastIndexOf("\n", start - 1) + 1);
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
  const comment = text.slice(end).startsWith("#") ? " " : "";
  if (isInline) {
    const json = JSON.stringify(value);
    return `${text.slice(0, keyEnd)}: ${json}${comment}${text.slice(end)}`;
  }
  const column = keyStart - (text.lastIndexOf("\n", keyStart - 1) + 1);
  const head = `${text.slice(0, keyEnd)}:`;
  return append(head + text.slice(end), head.length, column + INDENT, value);
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
  // Readers of YAML 1.1 take `yes` for true: its rules quote such words.
  const block = stringify(value, {
    version: "1.1",
    lineWidth: 0,
    indent: INDENT,
  })
    .trimEnd().split("\n").map((line) => indent + line).join(eol);
  const before = head.trim() === "" || head.endsWith("\n") ? head : head + eol;
  return `${before}${block}${eol}${text.slice(end).replace(/^\r?\n/, "")}`;
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
