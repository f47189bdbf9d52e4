/**
 * A `fetch` that keeps cookies: a load balancer tells by them which server has
 * the session.
 *
 * @module
 */

import type { Cookie, CookieJar } from "tough-cookie";
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
export function withCookies(
  fetch: typeof globalThis.fetch,
  redactor: Redactor,
): typeof globalThis.fetch {
  const jars = new Map<string, OriginCookies>();
  const hidden = new Set<string>();

  return (input, init) =>
    fetch(input, jars.size === 0 ? init : withStored(input, init))
      .then((response) => {
        // Most targets set none, and cost nothing more.
        if (!response.headers.has("set-cookie")) return response;
        return keep(response.headers.getSetCookie(), urlOf(input))
          .then(() => response);
      });

  /** The request's `init` with the cookies of its origin. */
  function withStored(
    input: RequestInfo | URL,
    init: RequestInit | undefined,
  ): RequestInit | undefined {
    const url = urlOf(input);
    const cookies = jars.get(url.origin)?.headerFor(url) ?? "";
    const headers = new Headers(
      init?.headers ?? (input instanceof Request ? input.headers : undefined),
    );
    if (cookies === "" || headers.has("cookie")) return init;
    headers.set("cookie", cookies);
    return { ...init, headers: Object.fromEntries(headers) };
  }

  async function keep(given: string[], url: URL): Promise<void> {
    const { Cookie, CookieJar } = await import("tough-cookie");
    const jar = jars.get(url.origin) ??
      new OriginCookies(
        new CookieJar(undefined, { rejectPublicSuffixes: false }),
      );
    jars.set(url.origin, jar);
    for (const text of given) {
      if (text.length > MAX_COOKIE_CHARACTERS) continue;
      const cookie = Cookie.parse(text);
      if (cookie) jar.set(cookie, url);
    }
    hideAll();
  }

  // Some balancers give a new cookie with each answer: what is not sent any
  // more is not kept for hiding it.
  function hideAll(): void {
    const held = new Set([...jars.values()].flatMap((jar) => jar.values()));
    for (const value of held) {
      if (!hidden.has(value)) redactor.add(value);
      hidden.add(value);
    }
    for (const value of hidden) {
      if (held.has(value)) continue;
      hidden.delete(value);
      redactor.remove(value);
    }
  }
}

function urlOf(input: RequestInfo | URL): URL {
  return new URL(input instanceof Request ? input.url : input);
}

/** The cookies of one origin, in the order in which they were last set. */
class OriginCookies {
  readonly #jar: CookieJar;
  readonly #cookies = new Map<string, Cookie>();

  constructor(jar: CookieJar) {
    this.#jar = jar;
  }

  headerFor(url: URL): string {
    return this.#jar.getCookieStringSync(url.href);
  }

  values(): string[] {
    return [...this.#cookies.values()].map(({ value }) => value);
  }

  set(cookie: Cookie, url: URL): void {
    // Without a domain it is the host's alone.
    cookie.domain = null;
    const kept = this.#jar.setCookieSync(cookie, url.href, {
      ignoreError: true,
    });
    if (!kept) return;
    const name = JSON.stringify([kept.path, kept.key]);
    this.#cookies.delete(name);
    this.#cookies.set(name, kept);
    for (const [name, cookie] of this.#cookies) {
      const isOver = (cookie.expiryTime() ?? Infinity) <= Date.now();
      if (isOver || this.#cookies.size > MAX_COOKIES) this.#drop(name, cookie);
    }
  }

  #drop(name: string, { domain, path, key }: Cookie): void {
    this.#cookies.delete(name);
    void this.#jar.store.removeCookie(domain, path, key);
  }
}
