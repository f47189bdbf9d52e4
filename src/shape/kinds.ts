/** The options of mod.ts: their kinds, and how an error says those. */

import { isObject } from "../json.ts";
import { Redactor } from "../redact/redact.ts";

/**
 * Each function's options: a kind, and those that are of it. Behind one that is
 * required stands `!`, before one that is an object of its own `@`.
 */
export const SHAPES: Readonly<Record<string, string>> = {
  signer: `service:service! region:region! v4|v4a:signatureVersion
    credentials:credentials function:now once|twice:pathEncoding
    boolean:unsignedPayload,normalizePath,contentHashHeader,signSessionToken`,
  fetch: `origin:origin! function:fetch,onResponse log:log redactor:redactor
    host:signHost boolean:skipAuth`,
  source: `profile:profile function:env,now,onFound,fetch log:log text:region
    redactor:redactor source:base @role:assumeRole @session:session`,
  role: `role:roleArn! text:sessionName,externalId,region
    seconds:durationSeconds`,
  session: `texts:policyArns text:policy,sourceIdentity pairs:tags`,
  link: `expiry:expiresInSeconds!`,
  proxy: `function:fetch! headers:headers count:maxAnswerBytes pairs:metadata
    ms:timeoutMs,idleTimeoutMs,connectTimeoutMs log:log redactor:redactor
    boolean:timeoutResetOnProgress,clientInfo @tools:tools`,
  tools: `boolean:readOnly texts:allow,deny`,
  stdio: `url:url! readable:readable! writable:writable! signal:signal
    boolean:writableTakesChunks,standaloneStream,recover,cookies,bridge
    count:maxFrameBytes,maxConcurrency natural:retries ms:keepAliveMs
    auto|streamable-http|sse:transport header:sessionHeader
    functions:profiles pairsByName:profileMetadata`,
  http: `url:target! listen:listen! signal:signal!,force function:onListen
    token:token text:tokenDirectory texts:hosts natural:maxStreams
    ms:bodyIdleTimeoutMs,bodyTimeoutMs msOrNone:drainMs
    count:headTimeoutMs,maxHeadBytes,maxBodyBytes,maxRequests`,
};

type Fits = (value: unknown) => boolean;

/** No Map and no Date, whose members are not what they hold. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  Object.prototype.toString.call(value) === "[object Object]";
const isFunction: Fits = (value) => typeof value === "function";
const matches = (form: RegExp): Fits => (value) =>
  typeof value === "string" && form.test(value);
const has = (...names: readonly string[]): Fits => (value) =>
  isObject(value) && names.every((name) => isFunction(value[name]));
const isNumber = (least: number, most = Infinity): Fits => (value) =>
  typeof value === "number" && value >= least && value <= most;
const isWhole = (least: number, most?: number): Fits => (value) =>
  (Number.isSafeInteger(value) || value === Infinity) &&
  isNumber(least, most)(value);
const listOf = (fits: Fits): Fits => (value) =>
  Array.isArray(value) && [...value].every(fits);
const pairsOf = (name: Fits, text: Fits): Fits =>
  listOf((it) =>
    Array.isArray(it) && it.length === 2 && name(it[0]) && text(it[1])
  );
const mapOf = (fits: Fits): Fits => (value) =>
  value instanceof Map && value.keys().every(isText) &&
  value.values().every(fits);

const isText = matches(/[^]/);
const isRole = matches(/^arn:[\w-]+:iam::\d{12}:role\/\S+$/);
const isHost = matches(/^(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i);
const isPort = isWhole(0, 65_535);
// RFC 6750, 2.1, and RFC 9110, 5.6.2 and 5.5.
const isToken = matches(/^[A-Za-z0-9\-._~+/]+=*$/);
const isHeaderName = matches(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
const isHeaderText = matches(/^[\t\x20-\x7e\x80-\xff]*$/);
const areHeaders = pairsOf(isHeaderName, isHeaderText);
const arePairs = pairsOf(isText, (value) => typeof value === "string");
const isUrl: Fits = (value) =>
  value instanceof URL && /^https?:$/.test(value.protocol);
const isOrigin: Fits = (value) => isUrl(URL.parse(String(value)));
const areOrigins: Fits = (value) =>
  [value].flat().length > 0 && [value].flat().every(isOrigin);
const isListen: Fits = (value) =>
  isRecord(value) &&
  (isText(value.path) || isText(value.hostname) && isPort(value.port));
const isLog = has("debug", "info", "warn", "error");
const isSource: Fits = (value) => isRecord(value) && isFunction(value.get);

const TEXT = "a string that is not empty";

export const KINDS: {
  readonly [kind in string]?: readonly [expected: string, Fits];
} = {
  boolean: ["true or false", (value) => typeof value === "boolean"],
  text: [TEXT, isText],
  profile: [TEXT, (value) => value === null || isText(value)],
  texts: ["an array of strings that are not empty", listOf(isText)],
  pairs: ["an array of pairs of a name and a string", arePairs],
  pairsByName: ["a Map of arrays of pairs by name", mapOf(arePairs)],
  function: ["a function", isFunction],
  functions: ["a Map of functions by name", mapOf(isFunction)],
  ms: ["a number of milliseconds above 0", isNumber(Number.MIN_VALUE)],
  msOrNone: ["a number of milliseconds, 0 or above", isNumber(0)],
  count: ["a whole number above 0", isWhole(1)],
  natural: ["a whole number, 0 or above", isWhole(0)],
  seconds: ["a whole number of seconds from 900 to 43200", isWhole(900, 43200)],
  expiry: ["a number of seconds from 1 to 604800", isNumber(1, 604_800)],
  url: ["an http or https URL", isUrl],
  origin: ["an http or https URL, or an array of such", areOrigins],
  service: ["a name such as execute-api", matches(/^[\w.-]+$/)],
  region: ["a name such as us-east-1", matches(/^[\w*-]+(?:, ?[\w*-]+)*$/)],
  role: ["a role's ARN such as arn:aws:iam::123456789012:role/name", isRole],
  host: ["a host name", isHost],
  header: ["a header's name", isHeaderName],
  headers: ["an array of pairs of a header's name and its value", areHeaders],
  token: [
    "letters, digits and -._~+/ with = at its end alone, or false",
    (value) => value === false || isToken(value),
  ],
  listen: ["an object of hostname and port, or of path", isListen],
  log: ["an object of debug, info, warn and error", isLog],
  redactor: ["a Redactor", (value) => value instanceof Redactor],
  credentials: [
    "an object of keys, a source of them or a function",
    (value) => isFunction(value) || isObject(value),
  ],
  source: ["an object with get", isSource],
  signal: ["an AbortSignal", has("throwIfAborted")],
  readable: ["a ReadableStream", has("getReader")],
  writable: ["a WritableStream", has("getWriter")],
};
