/**
 * The grammar of the shared AWS files, as the AWS CLI reads it: Python's
 * `configparser.RawConfigParser` with its defaults, and botocore's
 * `configloader` over it.
 *
 * - A line that begins with `#` or `;`, indented or not, is a comment. Nothing
 *   begins one later in a line.
 * - A line that begins with `[` and has a `]` after at least one character is a
 *   section header. Its name goes up to the last `]`; what follows is dropped.
 * - A line that is indented more than the option before continues its value;
 *   so do blank lines between the two.
 * - Any other line is an option: a name, the first `=` or `:`, a value.
 * - The options of `[DEFAULT]` count in every section that lacks them.
 */

import { type Setting, Settings, UnclearFilesError } from "./settings.ts";

export interface Section {
  readonly settings: Settings;
  /** The line of its header, from 1. */
  readonly line: number;
}

/** What Python's `str.isspace` takes for white space. */
const SPACE = new RegExp(
  "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a" +
    "\\u2028\\u2029\\u202f\\u205f\\u3000]",
);
const HEADER = /^\[(.+)\]/s;

/** What Python's `str.splitlines` splits at. */
const NESTED_LINE = new RegExp("\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]");

/** A setting whose value may go on. */
interface Draft extends Omit<Setting, "value" | "isLast" | "isOpen"> {
  readonly lines: string[];
  isLast: boolean;
  isOpen: boolean;
}

interface DraftSection {
  readonly drafts: Map<string, Draft>;
  readonly line: number;
}

/** Makes the error of a line. It repeats nothing of the file, but for names. */
type Fail = (line: number, what: string) => UnclearFilesError;

/** Reads a file's sections, in their order, `[DEFAULT]` merged into each. */
export function parseConfig(
  bytes: Uint8Array,
  path: string,
): Map<string, Section> {
  const fail: Fail = (line, what) =>
    new UnclearFilesError("shared files", `${path} line ${line}: ${what}`);
  const sections = new Map<string, DraftSection>();
  const defaults: DraftSection = { drafts: new Map(), line: 0 };
  let section: DraftSection | undefined;
  let draft: Draft | undefined;
  let indent = 0;
  const texts = decode(bytes, fail).split(/\r\n|\r|\n/);
  for (const [index, text] of texts.entries()) {
    const line = index + 1;
    const isOpen = line === texts.length;
    const content = strip(text);
    if (content === "") draft?.lines.push("");
    if (content === "" || /^[#;]/.test(content)) continue;
    const ownIndent = indentOf(text);
    if (draft !== undefined && ownIndent > indent) {
      draft.lines.push(content);
      draft.isOpen = isOpen;
      continue;
    }
    indent = ownIndent;
    const title = HEADER.exec(content)?.[1];
    if (title !== undefined) {
      const earlier = sections.get(title);
      if (earlier !== undefined) {
        const what = "the section is there already, on line";
        throw fail(line, `${what} ${earlier.line}`);
      }
      const isDefault = title === "DEFAULT";
      section = isDefault ? defaults : { drafts: new Map(), line };
      if (!isDefault) sections.set(title, section);
      draft = undefined;
      continue;
    }
    if (section === undefined) throw fail(line, beforeSections(content));
    const at = content.search(/[=:]/);
    if (at < 1) {
      const what = content.startsWith("[")
        ? "a section header is [NAME], with a ] at its end"
        : "neither [section], nor name = value, nor a comment";
      throw fail(line, what);
    }
    const name = strip(content.slice(0, at)).toLowerCase();
    const earlier = section.drafts.get(name);
    if (earlier !== undefined) {
      const what = "the section has this setting already, on line";
      throw fail(line, `${what} ${earlier.line}`);
    }
    const lines = [strip(content.slice(at + 1))];
    draft = { lines, path, line, isLast: false, isOpen };
    section.drafts.set(name, draft);
  }
  if (draft !== undefined) draft.isLast = true;
  return new Map(
    [...sections].map(([title, { drafts, line }]) => {
      const all = new Map([...defaults.drafts, ...drafts]);
      return [title, { settings: settingsOf(all, fail), line }];
    }),
  );
}

function settingsOf(drafts: ReadonlyMap<string, Draft>, fail: Fail): Settings {
  return new Settings(
    [...drafts].map(([name, { lines, ...place }]) => {
      const text = stripEnd(lines.join("\n"));
      const value = text.startsWith("\n")
        ? parseNested(text, place.line, fail)
        : text;
      return [name, { ...place, value }];
    }),
  );
}

function parseNested(
  text: string,
  line: number,
  fail: Fail,
): Map<string, string> {
  const settings = new Map<string, string>();
  for (const part of text.split(NESTED_LINE)) {
    const content = strip(part);
    if (content === "") continue;
    const at = content.indexOf("=");
    if (at < 0) {
      const what = "what is indented under a name without a value must be name";
      throw fail(line, `${what} = value`);
    }
    settings.set(strip(content.slice(0, at)), strip(content.slice(at + 1)));
  }
  return settings;
}

function strip(text: string): string {
  return stripEnd(text.slice(indentOf(text)));
}

function indentOf(text: string): number {
  let at = 0;
  while (at < text.length && SPACE.test(text[at])) at++;
  return at;
}

function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && SPACE.test(text[end - 1])) end--;
  return text.slice(0, end);
}

function beforeSections(content: string): string {
  return content.startsWith("\ufeff")
    ? "begins with a byte order mark, which the AWS CLI does not take: save " +
      "the file as UTF-8 without one"
    : "stands before the first [section]";
}

/** UTF-8 alone, and nothing left out of it. */
function decode(bytes: Uint8Array, fail: Fail): string {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return decoder.decode(bytes);
  } catch {
    // What is no UTF-8 comes back as other bytes.
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    const back = new TextEncoder().encode(text);
    const at = bytes.findIndex((byte, index) => byte !== back[index]);
    const before = bytes.subarray(0, at).filter((byte) => byte === 0x0a);
    throw fail(before.length + 1, "is not UTF-8: save the file as UTF-8");
  }
}
