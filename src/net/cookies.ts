/**
 * A `fetch` that keeps cookies: a load balancer tells by them which server has
 * the session.
 */

import type { Cookie, CookieJar } from "tough-cookie";
import type { Fetching } from "./fetching.ts";
import type { Redactor } from "../redact/redact.ts";

// RFC 6265, section 6.1: what a user agent should provide at least.
/** How many cookies are kept for an origin; the oldest goes first. */
const MAX_COOKIES = 50;
/** A longer cookie, with its attributes, is not kept. */
const MAX_COOKIE_CHARACTERS = 4096;

/**
 * A `fetch` that sends the cookies which its target set back to the origin
 * that set them, and to no other. They live in memory. A request that has a
 * `cookie` header of its own keeps it.
 */
export function withCookies<Init extends RequestInit | undefined>(
  fetch: Fetching<Init>,
  redactor: Redactor,
): Fetching<Init> {
  const jars = new Map<string, OriginCookies>();

  return (url, init) =>
    fetch(url, jars.size === 0 ? init : withStored(url, init))
      .then((response) => {
        // Most targets set none, and cost nothing more.
        if (!response.headers.has("set-cookie")) return response;
        return keep(response.headers.getSetCookie(), url)
          .then(() => response);
      });

  /** The request's `init` with the cookies of its origin. */
  function withStored(url: URL, init: Init): Init {
    const jar = jars.get(url.origin)?.jar;
    const cookies = jar?.getCookieStringSync(url.href) ?? "";
    const headers = new Headers(init?.headers);
    if (cookies === "" || headers.has("cookie")) return init;
    headers.set("cookie", cookies);
    return { ...init, headers: Object.fromEntries(headers) };
  }

  async function keep(given: string[], url: URL): Promise<void> {
    const { Cookie, CookieJar } = await import("tough-cookie");
    const cookies = jars.getOrInsertComputed(url.origin, () => {
      const jar = new CookieJar(undefined, { rejectPublicSuffixes: false });
      return new OriginCookies(jar, redactor);
    });
    for (const text of given) {
      if (text.length > MAX_COOKIE_CHARACTERS) continue;
      const cookie = Cookie.parse(text);
      if (cookie) cookies.set(cookie, url);
    }
  }
}

/**
 * The cookies of one origin, in the order in which they were last set. Some
 * balancers give a new one with each answer: only those that are still sent are
 * kept for hiding them.
 */
class OriginCookies {
  readonly #cookies = new Map<string, Cookie>();

  constructor(readonly jar: CookieJar, readonly redactor: Redactor) {}

  set(cookie: Cookie, url: URL): void {
    // Without a domain it is the host's alone.
    cookie.domain = null;
    const options = { ignoreError: true };
    const kept = this.jar.setCookieSync(cookie, url.href, options);
    if (!kept) return;
    this.redactor.add(kept.value);
    const name = JSON.stringify([kept.path, kept.key]);
    this.#forget(name);
    this.#cookies.set(name, kept);
    for (const [name, cookie] of this.#cookies) {
      const isOver = (cookie.expiryTime() ?? Infinity) <= Date.now();
      if (!isOver && this.#cookies.size <= MAX_COOKIES) continue;
      this.#forget(name);
      const { domain, path, key } = cookie;
      void this.jar.store.removeCookie(domain, path, key);
    }
  }

  #forget(name: string): void {
    const cookie = this.#cookies.get(name);
    if (cookie) this.redactor.remove(cookie.value);
    this.#cookies.delete(name);
  }
}
