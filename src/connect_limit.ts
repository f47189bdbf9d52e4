/**
 * A limit on connecting alone, which `fetch` does not have.
 *
 * @module
 */

import { ProxyError } from "./errors.ts";

/** What {@linkcode withConnectLimit} is handed. */
export interface ConnectLimit {
  /** How long the target may take to accept a connection, in milliseconds. */
  readonly limitMs: number;
  /** Connects to the target of a URL, and lets go of it again. */
  readonly connect: (url: URL, signal: AbortSignal) => Promise<void>;
}

/** How long a request is waited for before its target is asked. */
const PATIENCE_MS = 1_000;

/**
 * A `fetch` that gives up on a target which does not accept connections. When
 * a request has no response yet after a while, a connection of its own asks
 * whether the target accepts any; a target that answers at once is never asked.
 */
export function withConnectLimit(
  fetch: typeof globalThis.fetch,
  { limitMs, connect }: ConnectLimit,
): typeof globalThis.fetch {
  // A request may go over a connection that has been open for long.
  let mayBeConnected = false;

  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const abort = new AbortController();
    const probe = new AbortController();
    const patienceMs = Math.min(PATIENCE_MS, limitMs / 4);
    let timer = setTimeout(() => {
      const giveUp = () => {
        probe.abort();
        abort.abort(connectTimeout(url, limitMs, mayBeConnected));
      };
      timer = setTimeout(giveUp, limitMs - patienceMs);
      const connected = () => clearTimeout(timer);
      // A probe that fails says less than the fetch that will fail, too.
      connect(url, probe.signal).then(connected, connected);
    }, patienceMs);
    const given = init?.signal ??
      (input instanceof Request ? input.signal : undefined);
    const signals = given ? [given, abort.signal] : [abort.signal];
    try {
      const response = await fetch(input, {
        ...init,
        signal: AbortSignal.any(signals),
      });
      mayBeConnected = true;
      return response;
    } finally {
      clearTimeout(timer);
      probe.abort();
    }
  };
}

function connectTimeout(
  url: URL,
  limitMs: number,
  mayHaveRun: boolean,
): ProxyError {
  return new ProxyError(
    "unreachable",
    `${url.origin} did not accept a connection within ${limitMs} ms; --connect-timeout (MCP_CONNECT_TIMEOUT) sets this limit`,
    { data: { mayHaveRun, limitMs } },
  );
}

/** Opens a TCP connection to the host of a URL, and closes it. */
export async function tcpConnect(url: URL, signal: AbortSignal): Promise<void> {
  const connection = await Deno.connect({
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port) || (url.protocol === "https:" ? 443 : 80),
    signal,
  });
  connection.close();
}

/** The variables by which Deno's fetch finds a proxy. */
export const PROXY_VARIABLES: readonly string[] = [
  "HTTPS_PROXY",
  "HTTP_PROXY",
  "ALL_PROXY",
].flatMap((name) => [name, name.toLowerCase()]);

/**
 * Whether requests may go through a proxy, so that the target itself need not
 * be within reach. A variable that may not be read may be set.
 */
export function mayUseProxy(): boolean {
  return PROXY_VARIABLES.some((name) => {
    try {
      return Boolean(Deno.env.get(name));
    } catch {
      return true;
    }
  });
}
