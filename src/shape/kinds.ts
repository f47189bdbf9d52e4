/** What kinds of values options take, and how an error says so. */

import { isObject } from "../json.ts";
import { Redactor } from "../redact/redact.ts";

type Fits = (value: unknown) => boolean;

const isText: Fits = (value) => typeof value === "string" && value !== "";
/** No Map and no Date, whose members are not what they hold. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  Object.prototype.toString.call(value) === "[object Object]";
const isFunction: Fits = (value) => typeof value === "function";
const isUrl: Fits = (value) =>
  value instanceof URL && /^https?:$/.test(value.protocol);

function has(...names: readonly string[]): Fits {
  return (value) =>
    isObject(value) && names.every((name) => isFunction(value[name]));
}

function matches(form: RegExp): Fits {
  return (value) => typeof value === "string" && form.test(value);
}

function wholeFrom(least: number, most = Number.MAX_SAFE_INTEGER): Fits {
  return (value) =>
    Number.isSafeInteger(value) && Number(value) >= least &&
    Number(value) <= most;
}

function listOf(fits: Fits): Fits {
  return (value) => Array.isArray(value) && value.every(fits);
}

function pairsOf(name: Fits, text: Fits): Fits {
  return listOf((pair) =>
    Array.isArray(pair) && pair.length === 2 && name(pair[0]) && text(pair[1])
  );
}

function mapOf(fits: Fits): Fits {
  return (value) =>
    value instanceof Map && value.entries()
      .every(([name, one]) => isText(name) && fits(one));
}

/** RFC 9110, 5.6.2 and 5.5. */
const isHeaderName = matches(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
const isHeaderText = matches(/^[\t\x20-\x7e\x80-\xff]*$/);
const arePairs = pairsOf(isText, matches(/(?:)/));

export const KINDS: Readonly<
  Record<string, readonly [expected: string, Fits]>
> = {
  boolean: ["true or false", (value) => typeof value === "boolean"],
  text: ["a string that is not empty", isText],
  profile: [
    "a string that is not empty",
    (value) => value === null || isText(value),
  ],
  texts: ["an array of strings that are not empty", listOf(isText)],
  pairs: ["an array of pairs of a name and a string", arePairs],
  function: ["a function", isFunction],
  ms: [
    "a number of milliseconds above 0",
    (value) => typeof value === "number" && value > 0,
  ],
  count: ["a whole number above 0", wholeFrom(1)],
  natural: ["a whole number, 0 or above", wholeFrom(0)],
  seconds: [
    "a whole number of seconds from 900 to 43200",
    wholeFrom(900, 43200),
  ],
  url: ["an http or https URL", isUrl],
  origin: [
    "an http or https URL, or an array of such",
    (value) =>
      [value].flat().every((one) =>
        isUrl(one) || isUrl(URL.parse(String(one)))
      ),
  ],
  service: ["a name such as execute-api", matches(/^[\w.-]+$/)],
  region: ["a name such as us-east-1", matches(/^[\w*-]+(?:, ?[\w*-]+)*$/)],
  role: [
    "a role's ARN such as arn:aws:iam::123456789012:role/name",
    matches(/^arn:[\w-]+:iam::\d{12}:role\/\S+$/),
  ],
  host: [
    "a host name",
    matches(/^(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i),
  ],
  header: ["a header's name", isHeaderName],
  headers: [
    "an array of pairs of a header's name and its value",
    pairsOf(isHeaderName, isHeaderText),
  ],
  token: [
    "letters, digits and -._~+/ with = at its end alone, or false",
    (value) => value === false || matches(/^[A-Za-z0-9\-._~+/]+=*$/)(value),
  ],
  listen: [
    "an object of hostname and port, or of path",
    (value) =>
      isObject(value) &&
      ("path" in value
        ? isText(value.path)
        : isText(value.hostname) && wholeFrom(0, 65_535)(value.port)),
  ],
  log: [
    "an object of debug, info, warn and error",
    has("debug", "info", "warn", "error"),
  ],
  redactor: ["a Redactor", (value) => value instanceof Redactor],
  credentials: [
    "an object of keys, a source of them or a function",
    (value) => isFunction(value) || isObject(value),
  ],
  source: [
    "an object with get",
    (value) => isRecord(value) && isFunction(value.get),
  ],
  signal: ["an AbortSignal", has("throwIfAborted")],
  readable: ["a ReadableStream", has("getReader")],
  writable: ["a WritableStream", has("getWriter")],
  functions: ["a Map of functions by name", mapOf(isFunction)],
  pairsByName: ["a Map of arrays of pairs by name", mapOf(arePairs)],
};
