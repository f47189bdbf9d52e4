/**
 * Headers that the user adds to every request. Their values may be secrets:
 * no fault shows one.
 *
 * @module
 */

/** What was given, each with the flag or variable it is from. */
export interface HeaderTexts {
  /** `name=value,name2=value2`. */
  readonly pairs?: { readonly text: string; readonly source: string };
  /** `Name: value`, each. */
  readonly lines: readonly string[];
}

/** The headers, read. */
export interface HeaderReading {
  /** Those that can be sent, in the order in which they were given. */
  readonly headers: readonly [string, string][];
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
const AROUND = /^[ \t]+|[ \t]+$/g;

const REMEDY = "(set --header, --headers or MCP_HEADERS)";

/**
 * Reads the headers that the user adds. A header given as a line takes the
 * place of the one of that name in a variable.
 *
 * @param texts What was given.
 * @returns The headers, and every fault.
 */
export function readExtraHeaders({ pairs, lines }: HeaderTexts): HeaderReading {
  const faults: string[] = [];
  const headers = new Map<string, Entry>();
  const entries = [
    ...pairs === undefined ? [] : pairEntries(pairs),
    ...lineEntries(lines),
  ];
  for (const entry of entries) {
    const fault = faultOf(entry);
    if (fault !== undefined) {
      faults.push(`${fault} ${REMEDY}`);
      continue;
    }
    const key = entry.name.toLowerCase();
    const earlier = headers.get(key);
    if (earlier !== undefined && !overrides(entry, earlier)) {
      faults.push(`header ${entry.name} is given twice ${REMEDY}`);
    }
    headers.set(key, entry);
  }
  return {
    headers: Array.from(headers.values(), ({ name, value }) => [name, value]),
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
  /** Empty when it is not written so. */
  readonly name: string;
  readonly value: string;
}

function pairEntries(
  { text, source }: { text: string; source: string },
): Entry[] {
  return text.split(",").map((pair, index) => ({
    place: `entry ${index + 1} of ${source}`,
    source,
    form: 'name=value, or a --header "Name: value" if a value has a comma',
    ...cut(pair, "="),
  }));
}

function lineEntries(lines: readonly string[]): Entry[] {
  return lines.map((line, index) => ({
    place: lines.length > 1 ? `--header number ${index + 1}` : "--header",
    source: "--header",
    form: '"Name: value"',
    ...cut(line, ":"),
  }));
}

function cut(text: string, separator: string): { name: string; value: string } {
  const end = text.indexOf(separator);
  if (end < 0) return { name: "", value: "" };
  return {
    name: text.slice(0, end).replace(AROUND, ""),
    value: text.slice(end + 1).replace(AROUND, ""),
  };
}

function faultOf({ place, form, name, value }: Entry): string | undefined {
  if (name === "") return `${place} must be ${form}`;
  if (!TOKEN.test(name)) return `${place} has a name that no header can have`;
  if (isOwned(name.toLowerCase())) {
    return `header ${name} belongs to the protocol or the signature`;
  }
  // deno-lint-ignore no-control-regex
  if (/[\0-\x1f\x7f]/.test(value)) {
    return `the value of header ${name} has a control character`;
  }
  if (/[^\x20-\x7e]/.test(value)) {
    return `the value of header ${name} has a character beyond ASCII`;
  }
  return undefined;
}

function isOwned(name: string): boolean {
  return OWNED.has(name) ||
    OWNED_PREFIXES.some((prefix) => name.startsWith(prefix));
}

function overrides(entry: Entry, earlier: Entry): boolean {
  return entry.source.startsWith("--") && !earlier.source.startsWith("--");
}
