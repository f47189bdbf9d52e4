/** JSON with comments and trailing commas, as VS Code and its kin write it. */

import {
  applyEdits,
  type Edit,
  findNodeAtLocation,
  format,
  getNodeValue,
  modify,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { EditError, type FileLanguage, lineEnd, placeOf } from "./edit.ts";

export const JSONC: FileLanguage = {
  read(text) {
    const faults: ParseError[] = [];
    const root = parseTree(text, faults, {
      allowTrailingComma: true,
      allowEmptyContent: true,
    });
    const [fault] = faults;
    if (fault !== undefined) {
      const code = printParseErrorCode(fault.error);
      throw new EditError(
        `it is no JSON at ${placeOf(text, fault.offset)} (${code})`,
      );
    }
    // Its objects have no prototype, and would equal no other.
    return root && structuredClone(getNodeValue(root));
  },

  change(text, { path, value }) {
    const root = parseTree(text);
    const start = root === undefined ? withObject(text) : text;
    const object = root && findNodeAtLocation(root, path.slice(0, -1));
    if (value === undefined && object?.children?.length === 1) {
      // A comma behind its only member would stay.
      return JSONC.change(text, { path: path.slice(0, -1), value: {} });
    }
    const edits = modify(start, [...path], value, {}).flatMap((edit) =>
      behindComment(start, edit)
    );
    const edited = applyEdits(start, edits);
    const added = edits.at(-1);
    if (!added?.content) return edited;
    const growth = edited.length - start.length;
    const end = added.offset + added.length + growth;
    const offset = end - added.content.length - 1;
    // Nothing but what is new is formatted, and a brace beside it.
    const length = end - offset + (/[\r\n]/.test(edited[end]) ? 0 : 1);
    const range = { offset, length };
    return applyEdits(edited, format(edited, range, formatOf(start)));
  },
};

/** A text of comments at most, with an object for what is to come. */
function withObject(text: string): string {
  const eol = lineEnd(text);
  return `${text}${/[^\n]$/.test(text) ? eol : ""}{}${eol}`;
}

/** A comment at the end of the line before stays with what it is about. */
function behindComment(text: string, edit: Edit): Edit[] {
  const { offset, content } = edit;
  const comment = /[ \t]*(?:(,)[ \t]*)?\/\/.*/y;
  comment.lastIndex = offset;
  const [rest, comma = ""] = comment.exec(text) ?? [];
  if (rest === undefined || !content.startsWith(",")) return [edit];
  const member = {
    offset: offset + rest.length,
    length: 0,
    content: `${lineEnd(text)}${content.slice(1)}${comma}`,
  };
  return comma ? [member] : [{ ...edit, content: "," }, member];
}

/** How the file is indented; the formatter finds its line ends. */
function formatOf(text: string): Parameters<typeof format>[2] {
  const [, indent = "  "] = /^([ \t]+)"/m.exec(text) ?? [];
  return {
    insertSpaces: !indent.startsWith("\t"),
    tabSize: indent.startsWith("\t") ? 4 : indent.length,
  };
}
