/**
 * Who asks, as `User-Agent` says it (RFC 9110, 10.1.5): the proxy, and its
 * client. Operators tell proxies apart by it, in CloudTrail and in access logs.
 */

import type { Fetching } from "./fetching.ts";
import { VERSION } from "../version.ts";

const OWN_PRODUCT = `sigv4-proxy/${VERSION}`;

/** How long a client's name, its version and all that it says may be. */
const MAX_NAME = 64;
const MAX_VERSION = 32;
const MAX_CLIENT = 256;

/** How much of a text is looked at for that. */
const MAX_READ = 1024;

/** A product, and a comment in which no other one stands. */
const PRODUCT = /^[\w!#$%&'*+.^`|~-]+(?:\/[\w!#$%&'*+.^`|~-]+)?$/;
const PARTS = /\([^()\\]*\)|[^\s()]+/g;

/**
 * A client's own name for itself, as a product; empty if nothing of it can
 * stand in one.
 *
 * @param info The `clientInfo` of MCP: whatever the client says.
 */
export function productOf(info: unknown): string {
  if (typeof info !== "object" || info === null) return "";
  const name = "name" in info ? tokenOf(info.name, MAX_NAME) : "";
  const version = "version" in info ? tokenOf(info.version, MAX_VERSION) : "";
  return name === "" || version === "" ? name : `${name}/${version}`;
}

/** A text with a hyphen for what no token has; none at its ends. */
function tokenOf(text: unknown, maxLength: number): string {
  if (typeof text !== "string") return "";
  return text.slice(0, MAX_READ).replace(/[^\w!#$%&'*+.^`|~-]+/g, "-")
    .replace(/^-+/, "").slice(0, maxLength).replace(/(?<!-)-+$/, "");
}

/**
 * What a client's own `User-Agent` says, as far as it is products and comments
 * of ASCII.
 */
export function productsIn(header: string): string {
  const found = header.slice(0, MAX_READ).match(PARTS) ?? [];
  const parts: string[] = [];
  let length = 0;
  for (const part of found) {
    const isComment = part.startsWith("(") && /^[\x20-\x7e]+$/.test(part);
    if (!isComment && !PRODUCT.test(part)) continue;
    length += part.length + 1;
    if (length > MAX_CLIENT) break;
    parts.push(part);
  }
  return parts.join(" ");
}

/** The value of the header, with what its client says of itself, if anything. */
export function userAgent(client: string = ""): string {
  return client === "" ? OWN_PRODUCT : `${OWN_PRODUCT} ${client}`;
}

/** A `fetch` that says who asks, anew for each request. */
export function withUserAgent<Init extends RequestInit | undefined>(
  fetch: Fetching<Init>,
  client: () => string,
): Fetching<Init> {
  return (input, init) => {
    const own = { "user-agent": userAgent(client()) };
    const { headers = {} } = init ?? {};
    return fetch(input, {
      ...init,
      headers: headers instanceof Headers || Symbol.iterator in headers
        ? { ...Object.fromEntries(new Headers(headers)), ...own }
        : { ...headers, ...own },
    });
  };
}
