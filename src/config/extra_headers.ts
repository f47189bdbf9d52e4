/**
 * Headers that the user adds to every request. Their values may be secrets:
 * no fault shows one.
 */

import { expandVariables } from "./expand_variables.ts";
import { addFault, type Reading, sourceName } from "./settings.ts";

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

const OWNED_PREFIX = /^(?:x-amz-|mcp-param-)/;

/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Spaces and tabs around a value are not part of it (RFC 9110, 5.5). */
const AROUND = /^[ \t]+|(?<![ \t])[ \t]+$/g;

/** A header as it was given. */
interface Entry {
  /** Which one it is, for a fault that cannot name the header. */
  readonly place: string;
  readonly isFlag: boolean;
  readonly isInFile: boolean;
  /** How it should have been written. */
  readonly form: string;
  /** Empty when it is not written so. */
  readonly name: string;
  readonly value: string;
}

/** An entry that can be sent, its variables replaced. */
type Header = Entry & Pick<Reading, "variables" | "secrets">;

/**
 * Reads the headers that the user adds. A header from a flag takes the place
 * of the one of that name from a variable.
 */
export async function readExtraHeaders(
  reading: Reading,
): Promise<readonly [string, string][]> {
  const entries = await givenEntries(reading);
  // Those from variables first, so that flags come over them.
  entries.sort((one, other) => Number(one.isFlag) - Number(other.isFlag));
  const headers = new Map<string, Header>();
  for (const entry of entries) {
    const header = headerOf(entry, reading);
    if (header === undefined) continue;
    const key = entry.name.toLowerCase();
    if (headers.get(key)?.isFlag === entry.isFlag) {
      reading.faults.push(`${title(entry)} is given twice ${fix(entry)}`);
    }
    headers.set(key, header);
  }
  return [...headers.values()].map(({ name, value, variables, secrets }) => {
    for (const variable of variables) reading.variables.add(variable);
    for (const secret of secrets) reading.secrets.add(secret);
    return [name, value];
  });
}

/** All that is given, in the order in which one is named before the other. */
async function givenEntries(reading: Reading): Promise<Entry[]> {
  const { headers: pairs, header: lines, headerFile } = reading.settings;
  const source = sourceName("headers", reading);
  const line = { form: '"Name: value"', isFlag: true, isInFile: false };
  return [
    ...(pairs?.split(",") ?? []).map((pair, index) => ({
      place: `entry ${index + 1} of ${source}`,
      isFlag: source.startsWith("--"),
      isInFile: false,
      form: 'name=value, or a --header "Name: value" if a value has a comma',
      ...cut(pair, "="),
    })),
    ...headerFile === undefined ? [] : await fileEntries(headerFile, reading),
    ...lines.map((text, index) => ({
      ...line,
      place: lines.length > 1 ? `--header number ${index + 1}` : "--header",
      ...cut(text, ":"),
    })),
  ];
}

async function fileEntries(path: string, reading: Reading): Promise<Entry[]> {
  const { quotePath, readTextFile } = await import("./text_file.ts");
  const file = await readTextFile(path);
  if ("fault" in file) {
    addFault(reading, "headerFile", `header file ${file.fault}`);
    return [];
  }
  return file.text.split(/\r?\n/).flatMap((line, index) => {
    const text = line.trim();
    return text === "" || text.startsWith("#") ? [] : [{
      place: `line ${index + 1} of ${quotePath(path)}`,
      isFlag: sourceName("headerFile", reading).startsWith("--"),
      isInFile: true,
      form: '"Name: value"',
      ...cut(text, ":"),
    }];
  });
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
function headerOf(
  entry: Entry,
  { env, faults }: Reading,
): Header | undefined {
  const { name, place, isInFile } = entry;
  const fault = (words: string): undefined => {
    faults.push(`${words} ${fix(entry)}`);
  };
  const wrongName = nameFault(entry);
  if (wrongName !== undefined) return fault(wrongName);
  const found = { variables: new Set<string>(), secrets: new Set<string>() };
  const about = `header ${name} (${place})`;
  const value = expandVariables(entry.value, about, { env, faults, ...found })
    ?.replace(AROUND, "");
  if (value === undefined) return undefined;
  if (/[^\x20-\x7e]/.test(value)) {
    const what = /\p{Cc}/u.test(value)
      ? "a control character"
      : "a character beyond ASCII";
    return fault(`the value of ${title(entry)} has ${what}`);
  }
  if (isInFile) found.secrets.add(value);
  return { ...entry, value, ...found };
}

function nameFault(entry: Entry): string | undefined {
  const { place, form, name } = entry;
  if (name === "") return `${place} must be ${form}`;
  if (!TOKEN.test(name)) return `${place} has a name that no header can have`;
  const lower = name.toLowerCase();
  if (!OWNED.has(lower) && !OWNED_PREFIX.test(lower)) return undefined;
  return `${title(entry)} belongs to the protocol or the signature`;
}

/** A file may be long: its faults name the line. */
function title({ name, place, isInFile }: Entry): string {
  return isInFile ? `header ${name} (${place})` : `header ${name}`;
}

function fix({ isInFile }: Entry): string {
  return isInFile
    ? "(set --header-file or MCP_HEADER_FILE)"
    : "(set --header, --headers or MCP_HEADERS)";
}
