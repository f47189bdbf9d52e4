/**
 * The canonical request of Signature Version 4, from the bytes of a request as
 * they came on the wire.
 *
 * After AWS's documentation, "Create a signed AWS API request", step 1.
 */

/** A request as it came on the wire. In strings one character is one byte. */
export interface RawRequest {
  /** The method, as it was sent. */
  readonly method: string;
  /** The request target between method and version, untouched. */
  readonly target: string;
  /** Header fields in their order, repeated ones included. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The body, after any transfer coding. */
  readonly body: Uint8Array;
}

/** How a service reads the path and the query. */
export interface CanonicalRules {
  /** Dot segments and repeated slashes are resolved (everywhere but S3). */
  readonly normalizePath: boolean;
  /** The path is encoded once more than it was sent (everywhere but S3). */
  readonly doubleEncodePath: boolean;
  /** What a bare `+` in the query stands for. */
  readonly plusInQuery: "plus" | "space";
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes that a string of wire characters stands for. */
export function wireBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) return encoder.encode(text);
    bytes[i] = code;
  }
  return bytes;
}

/** Wire characters as a person reads them: their bytes taken as UTF-8. */
export function readable(text: string): string {
  return decoder.decode(wireBytes(text));
}

/** All values of a header, each trimmed, runs of spaces made one. */
export function headerValues(request: RawRequest, name: string): string[] {
  return request.headers
    .filter(([field]) => field.toLowerCase() === name)
    .map(([, value]) => value.trim().replace(/\s+/g, " "));
}

/** Every byte but `A-Z a-z 0-9 - . _ ~` as `%XY`. */
export function uriEncode(text: string): string {
  let encoded = "";
  for (const byte of wireBytes(text)) {
    const character = String.fromCharCode(byte);
    encoded += /[A-Za-z0-9\-._~]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** Each `%XY` as its byte; a `%` that starts no escape stays. */
export function uriDecode(text: string): string {
  return text.replace(
    /%([0-9A-Fa-f]{2})/g,
    (_escape, hex) => String.fromCharCode(parseInt(hex, 16)),
  );
}

/** Path and query of a request target. */
export function splitTarget(target: string): [path: string, query: string] {
  const mark = target.indexOf("?");
  if (mark === -1) return [target, ""];
  return [target.slice(0, mark), target.slice(mark + 1)];
}

/** Names and values of a query, decoded, in their order. */
export function queryPairs(
  query: string,
  rules: CanonicalRules,
): [name: string, value: string][] {
  const decode = (text: string): string =>
    uriDecode(
      rules.plusInQuery === "space" ? text.replaceAll("+", "%20") : text,
    );
  return query.split("&").filter((part) => part !== "").map((part) => {
    const mark = part.indexOf("=");
    return mark === -1
      ? [decode(part), ""]
      : [decode(part.slice(0, mark)), decode(part.slice(mark + 1))];
  });
}

/**
 * The canonical request, in wire characters.
 *
 * @param request The request as it came.
 * @param signedHeaders Lower-case names of the headers that are signed.
 * @param payloadHash The last line: a hash in hex or a word in its place.
 * @param rules How the service reads path and query.
 * @param leftOut Query parameters that are not signed: the signature itself.
 * @returns The text whose hash goes into the string to sign.
 */
export function canonicalRequest(
  request: RawRequest,
  signedHeaders: readonly string[],
  payloadHash: string,
  rules: CanonicalRules,
  leftOut: readonly string[] = [],
): string {
  const [path, query] = splitTarget(request.target);
  const names = [...signedHeaders].sort(byCodePoint);
  return [
    request.method,
    canonicalPath(path, rules),
    canonicalQuery(query, rules, leftOut),
    ...names.map((name) => `${name}:${headerValues(request, name).join(",")}`),
    "",
    names.join(";"),
    payloadHash,
  ].join("\n");
}

function canonicalPath(path: string, rules: CanonicalRules): string {
  const normal = rules.normalizePath ? withoutDots(path) : path;
  const decoded = rules.doubleEncodePath ? normal : uriDecode(normal);
  const encoded = decoded.split("/").map(uriEncode).join("/");
  return encoded === "" ? "/" : encoded;
}

/** RFC 3986, section 5.2.4, and repeated slashes as one. */
function withoutDots(path: string): string {
  const kept: string[] = [];
  const segments = path.split("/").slice(1);
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  const last = segments.at(-1);
  const isFolder = last === "" || last === "." || last === "..";
  return `/${kept.join("/")}${isFolder && kept.length > 0 ? "/" : ""}`;
}

function canonicalQuery(
  query: string,
  rules: CanonicalRules,
  leftOut: readonly string[],
): string {
  return queryPairs(query, rules)
    .filter(([name]) => !leftOut.includes(name))
    .map(([name, value]) => [uriEncode(name), uriEncode(value)])
    .sort(([nameA, valueA], [nameB, valueB]) =>
      byCodePoint(nameA, nameB) || byCodePoint(valueA, valueB)
    )
    .map((pair) => pair.join("="))
    .join("&");
}

function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
