/**
 * The canonical request of Signature Version 4, read off the URL that goes on
 * the wire. After AWS's documentation, "Create a signed AWS API request".
 *
 * The path and the query are taken from the text of the URL, never from a
 * parsed form: repeated names, empty values, `%2F` and bytes that are no UTF-8
 * stay what the target will see.
 */

/** How a service turns the path that it received into the canonical one. */
export interface PathRules {
  /** Escape the path as received once more (`twice`), or not (`once`: S3). */
  readonly encoding: "once" | "twice";
  /** Leave out empty and dot segments: everywhere but S3. */
  readonly normalize: boolean;
}

/** The services that take the path of an object's name as it is. */
const S3_SERVICES: ReadonlySet<string> = new Set([
  "s3",
  "s3-object-lambda",
  "s3-outposts",
  "s3express",
]);

export function isS3(service: string): boolean {
  return S3_SERVICES.has(service);
}

/**
 * The URL to send: the caller's, with nothing in its query that services read
 * in two ways. A `+` is a space to some and a plus sign to others when they
 * verify, so it goes as `%20`, its meaning in a form and in `URLSearchParams`;
 * a `%` that starts no escape goes as `%25`.
 */
export function wireUrl(text: string): URL {
  const url = new URL(text);
  // To set it costs as much as to parse the URL.
  if (!/[+%]/.test(url.search)) return url;
  url.search = url.search
    .replaceAll("+", "%20")
    .replace(/%(?![0-9a-f]{2})/gi, "%25");
  return url;
}

function canonicalPath(pathname: string, rules: PathRules): string {
  // URLs hold no dot segments: the URL parser has resolved them.
  const path = rules.normalize ? pathname.replace(/\/{2,}/g, "/") : pathname;
  if (rules.encoding === "twice") {
    return path.replace(/[^A-Za-z0-9\-._~/]/g, percentEncode);
  }
  // S3 reads a + in a path as a space, and %2F as a part of the object's name.
  return path.replaceAll("+", "%20").split("/").map(canonicalEscape).join("/")
    .replaceAll("%2F", "/");
}

/** Each name and value escaped alike, sorted by name, then value. */
function canonicalQuery(search: string): string {
  return search.slice(1).split("&").filter(Boolean).map((piece) => {
    const at = `${piece}=`.indexOf("=");
    const [name, value] = [piece.slice(0, at), piece.slice(at + 1)];
    return [canonicalEscape(name), canonicalEscape(value)];
  }).sort(byNameThenValue).map((pair) => pair.join("=")).join("&");
}

/** A text, every byte of its UTF-8 escaped but RFC 3986's unreserved ones. */
export function escapeText(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, percentEncode);
}

export interface CanonicalPieces {
  readonly method: string;
  readonly url: URL;
  readonly pathRules: PathRules;
  /** By lower-case name; values trimmed, runs of spaces made one. */
  readonly headers: { readonly [name: string]: string };
  readonly payloadHash: string;
}

export function canonicalRequest(pieces: CanonicalPieces): string {
  const { method, url, pathRules, headers, payloadHash } = pieces;
  const names = Object.keys(headers).sort();
  return [
    method,
    canonicalPath(url.pathname, pathRules),
    canonicalQuery(url.search),
    names.map((name) => `${name}:${headers[name]}\n`).join(""),
    names.join(";"),
    payloadHash,
  ].join("\n");
}

/** Escaped text in one form: what need not be escaped is not, hex is upper case. */
function canonicalEscape(text: string): string {
  return text.replace(/%[0-9a-f]{2}|[^A-Za-z0-9\-._~]/gi, (found) => {
    if (found.length !== 3) return percentEncode(found);
    const character = String.fromCharCode(parseInt(found.slice(1), 16));
    return /[A-Za-z0-9\-._~]/.test(character) ? character : found.toUpperCase();
  });
}

/** A URL holds ASCII only: one character is one byte. */
function percentEncode(character: string): string {
  const hex = character.charCodeAt(0).toString(16).toUpperCase();
  return `%${hex.padStart(2, "0")}`;
}

function byNameThenValue(a: string[], b: string[]): number {
  const at = a[0] === b[0] ? 1 : 0;
  return a[at] < b[at] ? -1 : a[at] > b[at] ? 1 : 0;
}
