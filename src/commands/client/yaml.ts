/** YAML of one document. */

import {
  type Document,
  isMap,
  isNode,
  isScalar,
  type Node,
  parseDocument,
  stringify,
  visit,
} from "yaml";
import { EditError, type FileLanguage, lineEnd, placeOf } from "./edit.ts";

export const YAML: FileLanguage = {
  read(text) {
    try {
      return parse(text).toJS() ?? undefined;
    } catch (error) {
      // Aliases may lead nowhere, or to far too much.
      if (!(error instanceof ReferenceError)) throw error;
      throw new EditError("it has an alias that cannot be followed");
    }
  },

  change(text, { path, value }) {
    const document = parse(text, AS_WRITTEN);
    if (isScalar(document.contents)) document.contents = null;
    for (const depth of path.keys()) {
      const node = document.getIn(path.slice(0, depth), true);
      if (node !== undefined && node !== null && !isMap(node)) {
        throw new EditError(
          `"${path[depth - 1]}" in it is no mapping of its own`,
        );
      }
      // Braces with nothing between them are no manner to keep.
      if (isMap(node) && node.items.length === 0) node.flow = false;
    }
    if (value === undefined) document.deleteIn(path);
    else {
      const node = nodeOf(value, document.getIn(path, true));
      document.setIn(path.map((name) => nodeOf(name)), node);
    }
    visit(document, {
      Alias(_key, alias) {
        if (alias.resolve(document)) return;
        throw new EditError("an alias in it is of what would be replaced");
      },
    });
    return print(document, text);
  },
};

/** Numbers and words stay the texts that they are: `0755`, `1e3`, `Null`. */
const AS_WRITTEN = { schema: "failsafe" } as const;

function parse(text: string, options = {}): Document.Parsed {
  // A comment would keep its CR, and have two when it is printed.
  const lines = text.replaceAll("\r\n", "\n");
  const document = parseDocument(lines, options);
  const [fault] = document.errors;
  if (fault === undefined) return document;
  throw new EditError(
    `it is no YAML at ${placeOf(lines, fault.pos[0])} (${fault.code})`,
  );
}

/** A value as a node, with the comments on the one before it. */
function nodeOf(value: unknown, before?: unknown): Node | null {
  // Readers of YAML 1.1 take `yes` for true: its rules quote such words.
  const text = stringify(value, { version: "1.1" });
  const node = parseDocument(text, AS_WRITTEN).contents;
  if (node !== null && isNode(before)) {
    node.comment = before.comment;
    node.commentBefore = before.commentBefore;
  }
  return node;
}

/** The text of a document, in the manner of the one that it was parsed from. */
function print(document: Document.Parsed, text: string): string {
  const [, indent = "  "] = /^[^\s#].*(?:\r?\n)+( +)[^\s#-]/m.exec(text) ?? [];
  const printed = document.toString({
    indent: indent.length,
    indentSeq: !/^( *)[^\s#-].*:(?: .*)?\r?\n\1- /m.test(text),
    flowCollectionPadding: !/[[{][^\s[{\]}]/.test(text),
    lineWidth: 0,
  });
  return printed.replaceAll("\n", lineEnd(text));
}
