/**
 * A limit on connecting alone, which `fetch` does not have.
 *
 * @module
 */

import { ProxyError } from "../errors.ts";
import { type HttpProxy, proxyName } from "./proxy_variables.ts";

/** What {@linkcode withConnectLimit} is handed. */
export interface ConnectLimit {
  /** How long a connection may take to be accepted, in milliseconds. */
  readonly limitMs: number;
  /** The HTTP proxy that requests go through, if they do. */
  readonly proxy?: HttpProxy;
  /** Connects to the host of a URL, and lets go of it again. */
  readonly connect?: (url: URL, signal: AbortSignal) => Promise<void>;
}

/** How long a request is waited for before its target is asked. */
const PATIENCE_MS = 1_000;

/**
 * A `fetch` that gives up on a target which does not accept connections; where
 * an HTTP proxy is in between, on one that does not.
 *
 * When a request has no response yet after a while, a connection of its own
 * asks whether any is accepted: one for all requests that wait. What was
 * accepted, or answered, counts for as long as the limit, so that a target that
 * takes long over its answers is not asked for each of them.
 */
export function withConnectLimit(
  fetch: typeof globalThis.fetch,
  { limitMs, proxy, connect = tcpConnect }: ConnectLimit,
): typeof globalThis.fetch {
  // A request may go over a connection that has been open for long.
  let mayBeConnected = false;
  let heardAt = -Infinity;
  let asking: Promise<"late" | undefined> | undefined;
  const patienceMs = Math.min(PATIENCE_MS, limitMs / 4);

  /** Asks once; whether nothing came in the time that is left. */
  async function ask(url: URL): Promise<"late" | undefined> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), limitMs - patienceMs);
    try {
      await connect(proxy?.url ?? url, limit.signal);
    } catch {
      if (limit.signal.aborted) return "late";
      // That it fails says less than the fetch that will fail, too.
    } finally {
      clearTimeout(timer);
    }
    heardAt = performance.now();
  }

  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const abort = new AbortController();
    const startedAt = performance.now();
    let isWaiting = true;
    const check = async () => {
      // It accepts connections, and so has accepted this one.
      if (heardAt > startedAt) return;
      const knownMs = heardAt + limitMs - performance.now();
      if (knownMs > 0) {
        timer = setTimeout(check, knownMs);
        return;
      }
      asking ??= ask(url).finally(() => asking = undefined);
      if (await asking === undefined || !isWaiting) return;
      abort.abort(connectTimeout(url, proxy, limitMs, mayBeConnected));
    };
    let timer = setTimeout(check, patienceMs);
    const given = init?.signal ??
      (input instanceof Request ? input.signal : undefined);
    const signals = given ? [given, abort.signal] : [abort.signal];
    try {
      const response = await fetch(input, {
        ...init,
        signal: AbortSignal.any(signals),
      });
      mayBeConnected = true;
      heardAt = performance.now();
      return response;
    } finally {
      isWaiting = false;
      clearTimeout(timer);
    }
  };
}

function connectTimeout(
  { origin }: URL,
  proxy: HttpProxy | undefined,
  limitMs: number,
  mayHaveRun: boolean,
): ProxyError {
  const what = proxy === undefined ? origin : proxyName(proxy);
  return new ProxyError(
    "unreachable",
    `${what} did not accept a connection within ${limitMs} ms; --connect-timeout (MCP_CONNECT_TIMEOUT) sets this limit`,
    { data: { mayHaveRun, limitMs } },
  );
}

/** Opens a TCP connection to the host of a URL, and closes it. */
async function tcpConnect(url: URL, signal: AbortSignal): Promise<void> {
  const connection = await Deno.connect({
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port) || (url.protocol === "https:" ? 443 : 80),
    signal,
  });
  connection.close();
}
