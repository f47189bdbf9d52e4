/**
 * Which headers pass through the HTTP front.
 *
 * All do that are not named here: those of MCP, trace context, a server's own.
 *
 * @module
 */

/** What belongs to one connection (RFC 9110, 7.6.1; RFC 9112). */
const HOP_BY_HOP: readonly string[] = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

const REQUEST_NAMES: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  // The front's own token, and cookies of whatever else is at its host.
  "authorization",
  "cookie",
  "cookie2",
  // Who asks is the proxy, not whoever asks it.
  "forwarded",
  "via",
  "x-real-ip",
  // What the request that goes on has anew: its host, its length, its date.
  "content-length",
  "date",
  "expect",
  "host",
  // What the runtime decodes it asks for itself.
  "accept-encoding",
  // What browsers say of the page that asks; the guard has read it.
  "origin",
  "referer",
]);

const REQUEST_PREFIXES: readonly string[] = [
  "sec-",
  "x-amz-",
  "x-amzn-",
  "x-forwarded-",
];

const RESPONSE_NAMES: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  // One client's cookies are not another's, and none come back.
  "set-cookie",
  "set-cookie2",
  // What a client would answer with credentials that never arrive.
  "www-authenticate",
  "authentication-info",
  // What is about the target's host, not about the front's.
  "alt-svc",
  "clear-site-data",
  "location",
  "nel",
  "refresh",
  "report-to",
  "reporting-endpoints",
  "strict-transport-security",
  "via",
]);

const RESPONSE_PREFIXES: readonly string[] = [
  // No web page is let in, whatever the target thinks of them.
  "access-control-",
];

/** The codings that fetch takes off a body; their headers it leaves. */
const DECODED: ReadonlySet<string> = new Set(["gzip", "br"]);

/**
 * The headers of a request that go on to the target.
 *
 * @param received The headers of the client's request.
 * @param custom Headers to add; they take the place of the client's.
 * @returns The headers, to be signed.
 */
export function requestHeaders(
  received: Headers,
  custom: readonly (readonly [name: string, value: string])[],
): Headers {
  const headers = passing(received, REQUEST_NAMES, REQUEST_PREFIXES);
  for (const [name, value] of custom) headers.set(name, value);
  return headers;
}

/**
 * The headers of an answer that go on to the client.
 *
 * @param received The headers of the target's answer.
 * @returns The headers. With a `content-length` that is right, or none.
 */
export function responseHeaders(received: Headers): Headers {
  const headers = passing(received, RESPONSE_NAMES, RESPONSE_PREFIXES);
  if (DECODED.has(headers.get("content-encoding") ?? "")) {
    headers.delete("content-encoding");
    headers.delete("content-length");
  }
  return headers;
}

function passing(
  received: Headers,
  names: ReadonlySet<string>,
  prefixes: readonly string[],
): Headers {
  const listed = new Set(
    (received.get("connection") ?? "").toLowerCase().split(",")
      .map((name) => name.trim()),
  );
  const headers = new Headers();
  for (const [name, value] of received) {
    if (names.has(name) || listed.has(name)) continue;
    if (prefixes.some((prefix) => name.startsWith(prefix))) continue;
    headers.append(name, value);
  }
  return headers;
}
