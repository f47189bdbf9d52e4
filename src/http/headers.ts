/**
 * Which headers pass through the HTTP server.
 *
 * All do that are not named here: those of MCP, trace context, a server's own.
 */

import type { ProxySettings } from "../config/proxy_options.ts";
import { ProxyError } from "../errors.ts";
import { productOf, productsIn, userAgent } from "../net/user_agent.ts";

/** Headers by lower-case name; those that stand twice are joined. */
export type HeaderMap = ReadonlyMap<string, string>;

const SHOWN_LENGTH = 80;

/**
 * What belongs to one connection, or frames a message on it (RFC 9110, 7.6.1;
 * RFC 9112). Each side frames its messages itself, by what it counted: a length
 * that one peer says is not true of the bytes that another one gets.
 */
const HOP_BY_HOP: readonly string[] = [
  "connection",
  "content-length",
  "http2-settings",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

const REQUEST_NAMES: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  // The server's own token, and cookies of whatever else is at its host.
  "authorization",
  "cookie",
  "cookie2",
  // Who asks is the proxy, not whoever asks it.
  "forwarded",
  "via",
  "x-real-ip",
  // What the request that goes on has anew: its host, its date.
  "date",
  "expect",
  "host",
  // What the runtime decodes it asks for itself, and never in parts.
  "accept-encoding",
  "if-range",
  "range",
  // What browsers say of the page that asks; the guard has read it.
  "origin",
  "referer",
]);

// Of one connection; what browsers say of the page that asks; what belongs to a
// signature; what AWS's load balancers and others say of whoever asks.
const REQUEST_PREFIX =
  /^(?:proxy-|sec-|x-amz-|x-amzn-(?:lattice|mtls|oidc|tls)-|x-forwarded-)/;

const RESPONSE_NAMES: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  // One client's cookies are not another's, and none come back.
  "set-cookie",
  "set-cookie2",
  // What a client would answer with credentials that never arrive.
  "www-authenticate",
  "authentication-info",
  // What is about the target's host, not about the server's.
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

// No web page is let in, whatever the target thinks of them.
const RESPONSE_PREFIX = /^(?:proxy-|access-control-)/;

/** The codings that fetch takes off a body; their header it leaves. */
const DECODED: ReadonlySet<string> = new Set(["gzip", "br"]);

/**
 * What describes the bytes of a body, and is wrong when they are replaced.
 */
export const BODY_HEADERS: readonly string[] = [
  "content-digest",
  "content-encoding",
  "content-language",
  "content-md5",
  "content-type",
  "digest",
  "etag",
  "repr-digest",
];

/** What a client says of itself in its headers; empty if that is nothing. */
export function productsOf(received: HeaderMap): string {
  return productsIn(received.get("user-agent") ?? "");
}

/** The headers of a request that go on to the target. */
export function requestHeaders(
  received: HeaderMap,
  settings: Pick<ProxySettings, "headers" | "clientInfo">,
  info?: unknown,
): Map<string, string> {
  const headers = passing(received, REQUEST_NAMES, REQUEST_PREFIX);
  const client = settings.clientInfo
    ? productsOf(received) || productOf(info)
    : "";
  headers.set("user-agent", userAgent(client));
  for (const [name, value] of settings.headers) {
    headers.set(name.toLowerCase(), value);
  }
  return headers;
}

/**
 * The headers of an answer that go on to the client. None says how long the
 * body is: whoever counts its bytes adds that.
 *
 * @throws {ProxyError} `bad-answer`: nobody knows which coding the body is in.
 */
export function responseHeaders(received: HeaderMap): Map<string, string> {
  const headers = passing(received, RESPONSE_NAMES, RESPONSE_PREFIX);
  const coding = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  // Of two headers fetch takes off the first coding, and of one with a comma
  // none; here both look the same.
  if (coding.includes(",")) {
    const shown = coding.slice(0, SHOWN_LENGTH);
    throw new ProxyError(
      "bad-answer",
      `the target's answer has several content codings (${shown}), which cannot be told apart`,
    );
  }
  if (DECODED.has(coding)) headers.delete("content-encoding");
  return headers;
}

function passing(
  received: HeaderMap,
  names: ReadonlySet<string>,
  prefix: RegExp,
): Map<string, string> {
  const listed = new Set(
    (received.get("connection") ?? "").toLowerCase().split(",")
      .map((name) => name.trim()),
  );
  const headers = new Map<string, string>();
  for (const [name, value] of received) {
    if (names.has(name) || listed.has(name) || prefix.test(name)) continue;
    headers.set(name, value);
  }
  return headers;
}

/** Names of headers whose values open something: a session, above all. */
const SECRET_NAME = /api-?key|auth|credential|password|secret|session|token/;

/**
 * The values of headers that no log line and no error may show: a target may
 * echo them.
 */
export function secretsIn(headers: HeaderMap): string[] {
  return [...headers].filter(([name]) => SECRET_NAME.test(name))
    .map(([, value]) => value);
}
