/**
 * A `fetch` that keeps cookies: a load balancer tells by them which server has
 * the session.
 *
 * @module
 */

import type { CookieJar } from "tough-cookie";
import type { Redactor } from "./redact.ts";

/** How many cookies are kept for the one target. */
const MAX_COOKIES = 50;

/**
 * A `fetch` that sends the cookies which its target set back to the origin
 * that set them, and to no other. They live in memory. A request that has a
 * `cookie` header of its own keeps it.
 */
export function withCookies(
  fetch: typeof globalThis.fetch,
  redactor: Redactor,
): typeof globalThis.fetch {
  const jars = new Map<string, CookieJar>();
  const secrets: string[] = [];

  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const jar = jars.get(url.origin);
    if (jar) {
      const headers = new Headers(
        init?.headers ?? (input instanceof Request ? input.headers : undefined),
      );
      const cookies = await jar.getCookieString(url.href);
      if (cookies !== "" && !headers.has("cookie")) {
        headers.set("cookie", cookies);
        init = { ...init, headers };
      }
    }
    const response = await fetch(input, init);
    const given = response.headers.getSetCookie();
    if (given.length > 0) await keep(given, url);
    return response;
  };

  /** Some balancers give a new cookie with each answer. */
  function hide(value: string): void {
    redactor.add(value);
    secrets.push(value);
    if (secrets.length > MAX_COOKIES) redactor.remove(secrets.shift() ?? "");
  }

  async function keep(given: string[], url: URL): Promise<void> {
    const { Cookie, CookieJar } = await import("tough-cookie");
    const jar = jars.get(url.origin) ??
      new CookieJar(undefined, { rejectPublicSuffixes: false });
    jars.set(url.origin, jar);
    for (const text of given.slice(0, MAX_COOKIES)) {
      const cookie = Cookie.parse(text);
      if (!cookie) continue;
      hide(cookie.value);
      // Without a domain it is the host's alone.
      cookie.domain = null;
      await jar.setCookie(cookie, url.href, { ignoreError: true });
    }
  }
}
