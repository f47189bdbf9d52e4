/**
 * Headers that the user adds to every request. Their values may be secrets:
 * no fault shows one.
 *
 * @module
 */

import { expandVariables } from "./expand_variables.ts";

/** A header as it stands in a file. */
export interface HeaderLine {
  /** `Name: value`. */
  readonly text: string;
  /** Where it stands, such as `line 3 of 'headers'`. */
  readonly place: string;
}

/** What was given, each with the flag or variable it is from. */
export interface HeaderTexts {
  /** `name=value,name2=value2`. */
  readonly pairs?: { readonly text: string; readonly source: string };
  /** `Name: value`, each. */
  readonly lines: readonly string[];
  /** The lines of a file. */
  readonly file?: {
    readonly lines: readonly HeaderLine[];
    readonly source: string;
  };
  /** Looks up the variables that values name. */
  readonly env: (name: string) => string | undefined;
}

/** The headers, read. */
export interface HeaderReading {
  /** Those that can be sent, in the order in which they were given. */
  readonly headers: readonly [string, string][];
  /** The variables that values name. */
  readonly variables: readonly string[];
  /** What is from variables or from a file, and not to be shown. */
  readonly secrets: readonly string[];
  /** What is wrong with the others, a sentence each. */
  readonly faults: readonly string[];
}

/** Headers that the transport, the signature or HTTP itself owns. */
const OWNED: ReadonlySet<string> = new Set([
  // AWS Signature Version 4: what is signed, and what carries the signature.
  "authorization",
  "date",
  "host",
  // MCP, Streamable HTTP: what says how a message is to be read.
  "accept",
  "content-type",
  "last-event-id",
  "mcp-method",
  "mcp-name",
  "mcp-protocol-version",
  "mcp-session-id",
  // RFC 9110, 7.6.1, and RFC 9112: what belongs to one connection or body.
  "connection",
  "content-encoding",
  "content-length",
  "expect",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const OWNED_PREFIXES: readonly string[] = ["x-amz-", "mcp-param-"];

/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Spaces and tabs around a value are not part of it (RFC 9110, 5.5). */
const AROUND = /^[ \t]+|(?<![ \t])[ \t]+$/g;

/**
 * Reads the headers that the user adds. A header from a flag takes the place
 * of the one of that name from a variable.
 *
 * @param texts What was given.
 * @returns The headers, and every fault.
 */
export function readExtraHeaders(texts: HeaderTexts): HeaderReading {
  const faults: string[] = [];
  const headers = new Map<string, Expanded>();
  const given = entriesOf(texts);
  // Those from variables first, so that flags come over them.
  const entries = [
    ...given.filter((entry) => !isFromFlag(entry)),
    ...given.filter(isFromFlag),
  ];
  for (const entry of entries) {
    const expanded = expand(entry, texts.env);
    if ("fault" in expanded) {
      faults.push(expanded.fault);
      continue;
    }
    const key = entry.name.toLowerCase();
    const earlier = headers.get(key);
    if (earlier !== undefined && isFromFlag(earlier) === isFromFlag(entry)) {
      faults.push(`${title(entry)} is given twice ${remedy(entry)}`);
    }
    headers.set(key, expanded);
  }
  const sent = [...headers.values()];
  return {
    headers: sent.map(({ name, value }) => [name, value]),
    variables: unique(sent.flatMap(({ variables }) => variables)),
    secrets: unique(sent.flatMap(({ secrets }) => secrets)),
    faults,
  };
}

interface Entry {
  /** Which one it is, for a fault that cannot name the header. */
  readonly place: string;
  /** The flag or variable that it is from. */
  readonly source: string;
  /** How it should have been written. */
  readonly form: string;
  readonly isInFile: boolean;
  /** Empty when it is not written so. */
  readonly name: string;
  readonly value: string;
}

/** A header that can be sent. */
interface Expanded extends Entry {
  readonly variables: readonly string[];
  readonly secrets: readonly string[];
}

const LINE = { form: '"Name: value"', isInFile: false } as const;

/** All that is given, in the order in which one is named before the other. */
function entriesOf({ pairs, file, lines }: HeaderTexts): Entry[] {
  return [
    ...(pairs?.text.split(",") ?? []).map((pair, index) => ({
      place: `entry ${index + 1} of ${pairs?.source}`,
      source: pairs?.source ?? "",
      form: 'name=value, or a --header "Name: value" if a value has a comma',
      isInFile: false,
      ...cut(pair, "="),
    })),
    ...(file?.lines ?? []).map(({ text, place }) => ({
      ...LINE,
      place,
      source: file?.source ?? "",
      isInFile: true,
      ...cut(text, ":"),
    })),
    ...lines.map((line, index) => ({
      ...LINE,
      place: lines.length > 1 ? `--header number ${index + 1}` : "--header",
      source: "--header",
      ...cut(line, ":"),
    })),
  ];
}

function cut(text: string, separator: string): { name: string; value: string } {
  const end = text.indexOf(separator);
  if (end < 0) return { name: "", value: "" };
  return {
    name: text.slice(0, end).replace(AROUND, ""),
    value: text.slice(end + 1).replace(AROUND, ""),
  };
}

/** The entry with its variables replaced, if it can be sent then. */
function expand(
  entry: Entry,
  env: HeaderTexts["env"],
): Expanded | { readonly fault: string } {
  const { name, place, isInFile } = entry;
  const nameFault = nameFaultOf(entry);
  if (nameFault !== undefined) return { fault: nameFault };
  const expansion = expandVariables(entry.value, env);
  if ("fault" in expansion) {
    return { fault: `header ${name} (${place}) ${expansion.fault}` };
  }
  const value = expansion.text.replace(AROUND, "");
  const fault = valueFaultOf(entry, value);
  if (fault !== undefined) return { fault };
  const { names: variables, secrets } = expansion;
  return {
    ...entry,
    value,
    variables,
    secrets: isInFile ? [value, ...secrets] : secrets,
  };
}

function nameFaultOf(entry: Entry): string | undefined {
  const { place, form, name } = entry;
  const mend = remedy(entry);
  if (name === "") return `${place} must be ${form} ${mend}`;
  if (!TOKEN.test(name)) {
    return `${place} has a name that no header can have ${mend}`;
  }
  if (!isOwned(name.toLowerCase())) return undefined;
  return `${title(entry)} belongs to the protocol or the signature ${mend}`;
}

function valueFaultOf(entry: Entry, value: string): string | undefined {
  const about = `the value of ${title(entry)}`;
  // deno-lint-ignore no-control-regex
  if (/[\0-\x1f\x7f]/.test(value)) {
    return `${about} has a control character ${remedy(entry)}`;
  }
  if (/[^\x20-\x7e]/.test(value)) {
    return `${about} has a character beyond ASCII ${remedy(entry)}`;
  }
  return undefined;
}

/** A file may be long: its faults name the line. */
function title({ name, place, isInFile }: Entry): string {
  return isInFile ? `header ${name} (${place})` : `header ${name}`;
}

function remedy({ isInFile }: Entry): string {
  return isInFile
    ? "(set --header-file or MCP_HEADER_FILE)"
    : "(set --header, --headers or MCP_HEADERS)";
}

function isOwned(name: string): boolean {
  return OWNED.has(name) ||
    OWNED_PREFIXES.some((prefix) => name.startsWith(prefix));
}

function isFromFlag({ source }: Entry): boolean {
  return source.startsWith("--");
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
