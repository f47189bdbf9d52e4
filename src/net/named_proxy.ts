/**
 * Failures of the HTTP proxy on the way, told as such: without its name they
 * read as if the target were at fault.
 *
 * @module
 */

import { ProxyError } from "../errors.ts";
import { type HttpProxy, proxyName } from "./proxy_variables.ts";

/** The phase that Deno's `fetch` names when there is no connection. */
const CONNECT = /client error \(Connect\): /;

/** RFC 9110, 15.5.8: the proxy wants to know who asks. */
const PROXY_AUTHENTICATION_REQUIRED = 407;

/**
 * A `fetch` whose failures to connect name the proxy that it goes through.
 *
 * @param fetch The `fetch`.
 * @param proxy The proxy that the environment names for the target.
 * @returns The `fetch`.
 */
export function withProxyNamed(
  fetch: typeof globalThis.fetch,
  proxy: HttpProxy,
): typeof globalThis.fetch {
  const name = proxyName(proxy);
  const remedy = `put user:password@ before the host in ${proxy.variable}`;
  return async (input, init) => {
    let response: Response;
    try {
      response = await fetch(input, init);
    } catch (cause) {
      throw named(cause, name, remedy);
    }
    if (response.status !== PROXY_AUTHENTICATION_REQUIRED) return response;
    await response.body?.cancel();
    const { status } = response;
    throw new ProxyError(
      "http-status",
      `${name} wants to know who asks (HTTP ${status}): ${remedy}`,
      { data: { status, mayHaveRun: false } },
    );
  };
}

function named(cause: unknown, name: string, remedy: string): unknown {
  if (!(cause instanceof Error)) return cause;
  const inner = cause.cause instanceof Error ? cause.cause : cause;
  const [phase] = CONNECT.exec(inner.message) ?? [];
  if (phase === undefined) return cause;
  const [before, detail] = inner.message.split(phase);
  const isUnknown = /authoriz|authentic/i.test(detail);
  const advice = isUnknown ? `; ${remedy}` : "";
  return new TypeError(
    `${before}${phase}through ${name}: ${detail}${advice}`,
  );
}
