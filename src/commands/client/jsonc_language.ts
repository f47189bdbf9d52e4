/**
 * JSON with comments, as VS Code and its kin write their settings.
 *
 * @module
 */

import {
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import {
  EditError,
  type FileLanguage,
  indentAt,
  lineEnd,
  type MemberPath,
  nested,
  placeOf,
} from "./edit.ts";
import { cutMember } from "./text_cut.ts";

const COMMENT = /\/\*[^]*?(?:\*\/|$)|\/\/[^\n]*/;

/** JSON with comments and trailing commas. */
export const JSONC: FileLanguage = {
  read(text) {
    const root = parse(text);
    // Its objects have no prototype, and would equal no other.
    return root && JSON.parse(JSON.stringify(getNodeValue(root)));
  },

  set(text, path, value) {
    const root = parse(text);
    if (root === undefined) {
      const eol = lineEnd(text);
      const start = text.trim() === "" ? "" : text.trimEnd() + eol;
      const json = JSON.stringify(nested(path, value), undefined, 2);
      return start + json.replaceAll("\n", eol) + eol;
    }
    return setIn(text, root, path, value);
  },

  remove(text, path) {
    let node = parse(text);
    let member: Node | undefined;
    for (const name of path) {
      member = node && memberNamed(node, name);
      node = member?.children?.[1];
    }
    return member === undefined ? text : removeMember(text, member);
  },
};

function parse(text: string): Node | undefined {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, {
    allowTrailingComma: true,
    allowEmptyContent: true,
  });
  const [fault] = errors;
  if (fault === undefined) return root;
  throw new EditError(
    `it is no JSON at ${placeOf(text, fault.offset)} (${
      printParseErrorCode(fault.error)
    })`,
  );
}

function setIn(
  text: string,
  root: Node,
  path: MemberPath,
  value: unknown,
): string {
  let node = root;
  for (const [depth, name] of path.entries()) {
    if (node.type !== "object") {
      const where = path.slice(0, depth).join(".");
      throw new EditError(`"${where}" in it is no object`);
    }
    const inner = memberNamed(node, name)?.children?.[1];
    if (inner === undefined) {
      return insert(text, node, name, nested(path.slice(depth + 1), value));
    }
    node = inner;
  }
  const { offset, length } = node;
  const isOneLine = node.type === "array" && length > 2 &&
    !text.slice(offset, offset + length).includes("\n");
  const json = isOneLine && Array.isArray(value)
    ? inLine(value)
    : format(text, value, indentAt(text, offset), indentUnit(text, root));
  return text.slice(0, offset) + json + text.slice(offset + length);
}

/** Puts a member after the last one, and after what is said of that one. */
function insert(
  text: string,
  object: Node,
  name: string,
  value: unknown,
): string {
  const close = object.offset + object.length - 1;
  const last = members(object).at(-1);
  const isOneLine = last !== undefined &&
    !text.slice(object.offset, close).includes("\n");
  if (isOneLine) return insertInLine(text, last, name, value);

  const base = indentAt(text, object.offset);
  const unit = indentUnit(text, object);
  const indent = last === undefined ? base + unit : indentAt(text, last.offset);
  const eol = lineEnd(text);
  const member = `${JSON.stringify(name)}: ${
    format(text, value, indent, unit)
  }`;
  const head = text.slice(0, close).trimEnd();
  const gap = text.slice(head.length, close);
  const tail = (gap.includes("\n") ? gap : eol + base) + text.slice(close);
  if (last === undefined) return `${head}${eol}${indent}${member}${tail}`;
  const end = last.offset + last.length;
  const rest = text.slice(end, head.length);
  const hasComma = hasTrailingComma(rest);
  return text.slice(0, end) + (hasComma ? "" : ",") + rest +
    `${eol}${indent}${member}${hasComma ? "," : ""}${tail}`;
}

function insertInLine(
  text: string,
  last: Node,
  name: string,
  value: unknown,
): string {
  const end = last.offset + last.length;
  const member = `${JSON.stringify(name)}: ${JSON.stringify(value)}`;
  return `${text.slice(0, end)}, ${member}${text.slice(end)}`;
}

function removeMember(text: string, member: Node): string {
  const { parent, offset, length } = member;
  if (parent === undefined) return text;
  const all = members(parent);
  const previous = all[all.indexOf(member) - 1];
  return cutMember(text, {
    open: parent.offset + 1,
    close: parent.offset + parent.length - 1,
    start: offset,
    end: offset + length,
    previousEnd: previous && previous.offset + previous.length,
  }, COMMENT);
}

/** Whether what follows the last member is a comma, comments aside. */
function hasTrailingComma(rest: string): boolean {
  return rest.replace(new RegExp(COMMENT, "g"), "").includes(",");
}

function inLine(values: readonly unknown[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(", ")}]`;
}

function format(
  text: string,
  value: unknown,
  indent: string,
  unit: string,
): string {
  const eol = lineEnd(text);
  return JSON.stringify(value, undefined, unit)
    .replaceAll("\n", eol + indent);
}

/** What one level of an object is indented by; two spaces if it does not say. */
function indentUnit(text: string, object: Node): string {
  for (const member of members(object)) {
    const outer = indentAt(text, object.offset);
    const inner = indentAt(text, member.offset);
    const isFirstOnLine = /\n[ \t]*$/.test(text.slice(0, member.offset));
    if (isFirstOnLine && inner.length > outer.length) {
      return inner.slice(outer.length);
    }
  }
  const { parent } = object;
  const isMember = parent?.type === "property" && parent.parent !== undefined;
  return isMember && parent.parent ? indentUnit(text, parent.parent) : "  ";
}

function members(object: Node): readonly Node[] {
  return object.children ?? [];
}

function memberNamed(object: Node, name: string): Node | undefined {
  const found = members(object).filter((member) => nameOf(member) === name);
  if (found.length <= 1) return found[0];
  throw new EditError(`"${name}" stands in it ${found.length} times`);
}

function nameOf(member: Node): unknown {
  return member.children?.[0]?.value;
}
