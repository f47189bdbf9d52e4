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
 *
 * @module
 */

/** What an option says: a text, or the settings nested in it (`s3 =`). */
export type Value = string | ReadonlyMap<string, string>;

/** An option's value and where it stands. */
export interface Option {
  readonly value: Value;
  /** The line of its name, from 1. */
  readonly line: number;
  /** Nothing comes after it in the file: lines of it may have been cut. */
  readonly isLast: boolean;
  /** The file ends in it, without a line break: it may have been cut. */
  readonly isOpen: boolean;
}

/** A section: its options by their names in lower case. */
export interface Section {
  readonly options: ReadonlyMap<string, Option>;
  /** The line of its header, from 1. */
  readonly line: number;
}

/** A file that the AWS CLI refuses. */
export class ConfigSyntaxError extends Error {
  override name = "ConfigSyntaxError";
  /** The line at fault, from 1. */
  readonly line: number;

  /** The message repeats nothing of the file: it may hold secrets. */
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** What Python's `str.isspace` takes for white space. */
const SPACE = new RegExp(
  "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a" +
    "\\u2028\\u2029\\u202f\\u205f\\u3000]",
);
const HEADER = /^\[(.+)\]/s;
const DEFAULT_SECTION = "DEFAULT";

/** What Python's `str.splitlines` splits at. */
const NESTED_LINE = new RegExp(
  "\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]",
);

interface OpenOption {
  readonly lines: string[];
  readonly line: number;
  isLast: boolean;
  isOpen: boolean;
}
interface OpenSection {
  readonly options: Map<string, OpenOption>;
  readonly line: number;
}

/**
 * Reads a file's sections, in their order.
 *
 * @returns The sections by name, `[DEFAULT]` merged into each.
 * @throws {ConfigSyntaxError} The AWS CLI refuses the file.
 */
export function parseConfig(bytes: Uint8Array): Map<string, Section> {
  const sections = new Map<string, OpenSection>();
  const defaults: OpenSection = { options: new Map(), line: 0 };
  let section: OpenSection | undefined;
  let option: OpenOption | undefined;
  let indent = 0;
  const texts = decode(bytes).split(/\r\n|\r|\n/);
  for (const [index, text] of texts.entries()) {
    const line = index + 1;
    const isOpen = line === texts.length;
    const content = strip(text);
    if (content === "") option?.lines.push("");
    if (content === "" || /^[#;]/.test(content)) continue;
    const ownIndent = indentOf(text);
    if (option !== undefined && ownIndent > indent) {
      option.lines.push(content);
      option.isOpen = isOpen;
      continue;
    }
    indent = ownIndent;
    const name = HEADER.exec(content)?.[1];
    if (name !== undefined) {
      const twin = sections.get(name);
      if (twin !== undefined) {
        throw new ConfigSyntaxError(
          line,
          `the section is there already, on line ${twin.line}`,
        );
      }
      section = name === DEFAULT_SECTION
        ? defaults
        : { options: new Map(), line };
      if (section !== defaults) sections.set(name, section);
      option = undefined;
    } else if (section === undefined) {
      throw new ConfigSyntaxError(line, beforeSections(content));
    } else {
      option = openOption(section, content, line);
      option.isOpen = isOpen;
    }
  }
  if (option !== undefined) option.isLast = true;
  return new Map(
    [...sections].map(([name, { options, line }]) => {
      const all = new Map([...defaults.options, ...options]);
      return [name, { options: closeOptions(all), line }];
    }),
  );
}

function openOption(
  section: OpenSection,
  content: string,
  line: number,
): OpenOption {
  const at = content.search(/[=:]/);
  if (at < 1) {
    throw new ConfigSyntaxError(
      line,
      content.startsWith("[")
        ? "a section header is [NAME], with a ] at its end"
        : "neither [section], nor name = value, nor a comment",
    );
  }
  const name = strip(content.slice(0, at)).toLowerCase();
  const twin = section.options.get(name);
  if (twin !== undefined) {
    throw new ConfigSyntaxError(
      line,
      `the section has this setting already, on line ${twin.line}`,
    );
  }
  const lines = [strip(content.slice(at + 1))];
  const option = { lines, line, isLast: false, isOpen: false };
  section.options.set(name, option);
  return option;
}

function closeOptions(
  options: ReadonlyMap<string, OpenOption>,
): Map<string, Option> {
  return new Map(
    [...options].map(([name, { lines, line, isLast, isOpen }]) => {
      const text = stripEnd(lines.join("\n"));
      const value = text.startsWith("\n") ? parseNested(text, line) : text;
      return [name, { value, line, isLast, isOpen }];
    }),
  );
}

function parseNested(text: string, line: number): Map<string, string> {
  const settings = new Map<string, string>();
  for (const part of text.split(NESTED_LINE)) {
    const content = strip(part);
    if (content === "") continue;
    const at = content.indexOf("=");
    if (at < 0) {
      throw new ConfigSyntaxError(
        line,
        "what is indented under a name without a value must be name = value",
      );
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
function decode(bytes: Uint8Array): string {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return decoder.decode(bytes);
  } catch {
    let line = 1;
    let start = 0;
    for (let at = 0; at <= bytes.length; at++) {
      if (at < bytes.length && bytes[at] !== 0x0a) continue;
      try {
        decoder.decode(bytes.subarray(start, at));
      } catch {
        break;
      }
      start = at + 1;
      line++;
    }
    throw new ConfigSyntaxError(line, "is not UTF-8: save the file as UTF-8");
  }
}
