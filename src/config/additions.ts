/**
 * Headers and metadata that the user adds to every request, and the variables
 * that their values name. The values may be secrets: no fault shows one.
 */

import { quotePath, readTextFile } from "./files.ts";
import type { Env } from "./option.ts";
import { type ParsedOptions, quote } from "./settings.ts";

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
  readonly key: "headers" | "headerFile" | "header";
  /** Which one it is, for a fault that cannot name the header. */
  readonly place: string;
  /** Empty when it is not written as it should be. */
  readonly name: string;
  readonly value: string;
}

/**
 * Reads the headers that the user adds. A header from a flag takes the place
 * of the one of that name from a variable.
 */
export async function parseExtraHeaders(
  parsed: ParsedOptions,
): Promise<readonly [string, string][]> {
  const isFlag = ({ key }: Entry) => parsed.sources.get(key)?.kind === "flag";
  const entries = await givenEntries(parsed);
  // Those from variables first, so that flags come over them.
  entries.sort((one, other) => Number(isFlag(one)) - Number(isFlag(other)));
  const headers = new Map<string, Entry>();
  for (const entry of entries) {
    const key = entry.name.toLowerCase();
    const before = headers.get(key);
    const nameFault = nameFaultOf(entry);
    if (nameFault !== undefined) fault(entry, nameFault, parsed);
    else {
      if (before !== undefined && isFlag(before) === isFlag(entry)) {
        fault(entry, `${title(entry)} is given twice`, parsed);
      }
      headers.set(key, entry);
    }
  }
  return [...headers.values()].flatMap((entry) => {
    const value = valueOf(entry, parsed);
    return value === undefined ? [] : [[entry.name, value]];
  });
}

/** All that is given, in the order in which one is named before the other. */
async function givenEntries(parsed: ParsedOptions): Promise<Entry[]> {
  const { headers, header: lines, headerFile } = parsed.settings;
  const source = parsed.nameOf("headers");
  return [
    ...headers?.split(",").map((pair, index) =>
      entryOf("headers", `entry ${index + 1} of ${source}`, pair)
    ) ?? [],
    ...headerFile === undefined ? [] : await fileEntries(headerFile, parsed),
    ...lines.map((line, index) => {
      const number = lines.length > 1 ? ` number ${index + 1}` : "";
      return entryOf("header", `--header${number}`, line);
    }),
  ];
}

async function fileEntries(
  path: string,
  parsed: ParsedOptions,
): Promise<Entry[]> {
  const file = await readTextFile(path);
  if ("fault" in file) {
    parsed.fault("headerFile", `header file ${file.fault}`);
    return [];
  }
  return file.text.split(/\r?\n/).flatMap((line, index) => {
    const text = line.trim();
    const place = `line ${index + 1} of ${quotePath(path)}`;
    const isEntry = text !== "" && !text.startsWith("#");
    return isEntry ? entryOf("headerFile", place, text) : [];
  });
}

function entryOf(key: Entry["key"], place: string, text: string): Entry {
  const end = text.indexOf(key === "headers" ? "=" : ":");
  const name = text.slice(0, Math.max(end, 0)).replace(AROUND, "");
  return { key, place, name, value: text.slice(end + 1).replace(AROUND, "") };
}

/** The value with its variables replaced, if it can be sent then. */
function valueOf(entry: Entry, parsed: ParsedOptions): string | undefined {
  const about = `header ${entry.name} (${entry.place})`;
  const value = expandVariables(entry.value, about, parsed)
    ?.replace(AROUND, "");
  if (value === undefined) return undefined;
  if (/[^\x20-\x7e]/.test(value)) {
    const what = /\p{Cc}/u.test(value)
      ? "a control character"
      : "a character beyond ASCII";
    const words = `the value of ${title(entry)} has ${what}`;
    return fault(entry, words, parsed);
  }
  if (entry.key === "headerFile") parsed.secrets.add(value);
  return value;
}

function nameFaultOf(entry: Entry): string | undefined {
  const { key, place, name } = entry;
  if (name === "") {
    const form = key === "headers"
      ? 'name=value, or a --header "Name: value" if a value has a comma'
      : '"Name: value"';
    return `${place} must be ${form}`;
  }
  if (!TOKEN.test(name)) return `${place} has a name that no header can have`;
  const lower = name.toLowerCase();
  if (!OWNED.has(lower) && !OWNED_PREFIX.test(lower)) return undefined;
  return `${title(entry)} belongs to the protocol or the signature`;
}

/** A file may be long: its faults name the line. */
function title({ key, name, place }: Entry): string {
  return key === "headerFile" ? `header ${name} (${place})` : `header ${name}`;
}

function fault(
  { key }: Entry,
  words: string,
  { faults }: ParsedOptions,
): undefined {
  const ways = key === "headerFile"
    ? "--header-file or MCP_HEADER_FILE"
    : "--header, --headers or MCP_HEADERS";
  faults.push(`${words} (set ${ways})`);
}

// MCP 2025-11-25 and 2026-07-28, "_meta": an optional prefix of labels and
// dots that ends with a slash, then a name.
const LABEL = "[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
const KEY = new RegExp(
  `^(?:${LABEL}(?:\\.${LABEL})*/)?[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$`,
);

/** Names of no prefix that the protocol itself uses. */
const PROTOCOL_NAMES = new Set([
  "progressToken",
  "traceparent",
  "tracestate",
  "baggage",
]);

/** Keys and values for the `_meta` of requests. */
export type Metadata = readonly (readonly [key: string, value: string])[];

/** Reads keys and their values. No fault shows a value. */
export function parseMetadata(parsed: ParsedOptions): Metadata {
  const pairs = new Map<string, string>();
  const fault = (words: string) => parsed.fault("metadata", words);
  for (const text of parsed.settings.metadata) {
    const [pair, given = "", rest = ""] = /^([^=]*)=([^]*)$/.exec(text) ?? [];
    const key = given.trim();
    const shown = quote(key);
    if (!KEY.test(key)) {
      const what = pair === undefined ? "" : `, got the key ${shown}`;
      fault(`metadata must be key=value${what}`);
    } else if (isReserved(key)) {
      fault(`metadata key ${shown} is the protocol's own`);
    } else if (pairs.has(key)) {
      fault(`metadata key ${shown} is given twice`);
    } else {
      const value = expandVariables(rest, `metadata ${shown}`, parsed);
      if (value !== undefined) pairs.set(key, value);
    }
  }
  return [...pairs];
}

/** Reserved: prefixes whose second label is `modelcontextprotocol` or `mcp`. */
function isReserved(key: string): boolean {
  const slash = key.indexOf("/");
  if (slash < 0) return PROTOCOL_NAMES.has(key);
  return key.slice(0, slash).toLowerCase().split(".").slice(0, 2)
    .some((label) => label === "modelcontextprotocol" || label === "mcp");
}

// `$${` is a plain `${`; a `${` that begins no name is not passed over.
const REFERENCE = /\$\$\{|\$\{(?:([A-Za-z_]\w*)\})?/g;

/**
 * Replaces each `${NAME}` in a value. `$${` stands for a plain `${`, and what a
 * variable holds is not looked at again.
 *
 * @param about What a fault calls it; it shows nothing else but variables' names.
 */
export function expandVariables(
  text: string,
  about: string,
  { env, faults, variables, secrets }: Pick<
    ParsedOptions,
    "env" | "faults" | "variables" | "secrets"
  >,
): string | undefined {
  const found: [name: string, value: string][] = [];
  let fault: string | undefined;
  const expanded = text.replace(REFERENCE, (match, name?: string) => {
    if (match === "$${") return "${";
    const value = name && env(name);
    if (name === undefined) {
      fault ??= "has a ${ without a variable's name and } " +
        "(write ${NAME}, or $${ for a plain ${)";
    } else if (isAwsSecret(name, value, env)) {
      fault ??=
        `names ${name}, a secret of AWS's that goes nowhere (name another)`;
    } else if (value?.trim()) {
      // Without the blanks around it, which a header does without, too.
      found.push([name, value.trim()]);
      return value;
    } else {
      fault ??= `names ${name}, which is not set or may not be read ` +
        `(set ${name}, with --allow-env=${name}, or write $\${ for a plain \${)`;
    }
    return "";
  });
  if (fault !== undefined) {
    faults.push(`${about} ${fault}`);
    return undefined;
  }
  for (const [name, value] of found) {
    variables.add(name);
    secrets.add(value);
  }
  return expanded;
}

/**
 * The secrets of AWS's in the environment: keys and tokens of the AWS CLI, the
 * SDKs, containers and Bedrock, those to come included. What ends with `_FILE`
 * holds the path of one.
 */
const AWS_SECRET = /^(?:AWS|AMAZON)_(?:\w*_)?(?:SECRET|TOKEN|PASSWORD)(?:_|$)/i;

/** Those that any user of its tools may have in the environment. */
const AWS_SECRETS = [
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_BEARER_TOKEN_BEDROCK",
] as const;

/**
 * Whether a variable holds one, under its own name or another. Windows takes the
 * name of a variable in any case.
 */
function isAwsSecret(
  name: string,
  value: string | undefined,
  env: Env,
): boolean {
  if (AWS_SECRET.test(name) && !/_FILE$/i.test(name)) return true;
  const text = value?.trim() ?? "";
  return text !== "" && AWS_SECRETS.some((name) => env(name)?.trim() === text);
}
