/** A limit on connecting alone, which `fetch` does not have. */

import { ProxyError } from "../errors.ts";
import type { Fetching } from "./fetching.ts";
import type { Naming } from "../naming.ts";
import { portOf } from "../permissions.ts";
import { controllerOf, whenOver } from "../time.ts";
import { type HttpProxy, proxyName } from "./proxy_variables.ts";

/** What {@linkcode withConnectLimit} is handed. */
export interface ConnectLimit extends Naming {
  /** How long a connection may take to be accepted, in milliseconds. */
  readonly limitMs: number;
  /** The HTTP proxy that requests go through, if they do. */
  readonly proxy?: HttpProxy;
  /** Connects to the host of a URL, and lets go of it again. */
  readonly connect?: (url: URL, signal: AbortSignal) => Promise<void>;
}

/** How long a request is waited for before its target is asked. */
const PROBE_AFTER_MS = 1_000;

const MIN_LOOK_MS = 10;

/**
 * A `fetch` that gives up on a target which does not accept connections; where
 * an HTTP proxy is in between, on one that does not.
 *
 * When a request has no response yet after a while, a connection of its own
 * asks whether any is accepted: one for all requests that wait. What was
 * accepted, or answered, counts for as long as the limit, so that a target that
 * takes long over its answers is not asked for each of them. Disposed of, it
 * holds no timer.
 */
export function withConnectLimit<
  Init extends RequestInit | undefined,
  Input extends RequestInfo | URL,
>(
  fetch: Fetching<Init, Input>,
  options: ConnectLimit,
): Fetching<Init, Input> & Disposable {
  const watch = new ConnectWatch(options);
  const limited: typeof fetch = (input, init) => {
    const given = init?.signal;
    const shared = given && controllerOf(given);
    const abort = shared ?? new AbortController();
    const signal = shared || !given
      ? abort.signal
      : AbortSignal.any([given, abort.signal]);
    const waiting = watch.begin(input, abort);
    return fetch(input, { ...init, signal }).then((response) => {
      watch.heard();
      watch.end(waiting);
      return response;
    }, (error) => {
      watch.end(waiting);
      throw error;
    });
  };
  return Object.assign(limited, { [Symbol.dispose]: () => watch.stop() });
}

/** A request without a response yet. */
interface Waiting {
  readonly input: RequestInfo | URL;
  readonly abort: AbortController;
  readonly startedAt: number;
}

/** Requests that wait for a response, the oldest first, on one timer. */
class ConnectWatch {
  readonly #options: ConnectLimit;
  readonly #probeAfterMs: number;
  readonly #waiting = new Set<Waiting>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heardAt = -Infinity;
  /** A request may go over a connection that has been open for long. */
  #mayBeConnected = false;
  #isWatching = false;

  constructor(options: ConnectLimit) {
    this.#options = options;
    this.#probeAfterMs = Math.min(PROBE_AFTER_MS, options.limitMs / 4);
  }

  begin(input: RequestInfo | URL, abort: AbortController): Waiting {
    const waiting = { input, abort, startedAt: performance.now() };
    this.#waiting.add(waiting);
    if (!this.#isWatching) void this.#watch();
    return waiting;
  }

  end(waiting: Waiting): void {
    // The timer finds nothing; to clear it for each request costs far more.
    this.#waiting.delete(waiting);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  heard(): void {
    this.#mayBeConnected = true;
    this.#heardAt = performance.now();
  }

  /** Asks on behalf of all that wait, once the oldest has waited for long. */
  async #watch(): Promise<void> {
    this.#isWatching = true;
    let waitMs = this.#probeAfterMs;
    while (this.#waiting.size > 0) {
      await this.#sleep(waitMs);
      waitMs = this.#probeAfterMs;
      const oldest = this.#unaccepted();
      if (oldest === undefined) continue;
      // What was heard counts for as long as the limit.
      const dueAt = Math.max(
        oldest.startedAt + this.#probeAfterMs,
        this.#heardAt + this.#options.limitMs,
      );
      const leftMs = dueAt - performance.now();
      if (leftMs > 0) waitMs = leftMs;
      else await this.#ask(oldest);
    }
    this.#isWatching = false;
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#timer = setTimeout(resolve, Math.max(delayMs, MIN_LOOK_MS));
    });
  }

  /** The oldest request since which nothing was heard. */
  #unaccepted(): Waiting | undefined {
    for (const waiting of this.#waiting) {
      // It accepts connections, and so has accepted what came before.
      if (waiting.startedAt >= this.#heardAt) return waiting;
    }
  }

  async #ask({ input }: Waiting): Promise<void> {
    const { limitMs, proxy, connect = tcpConnect } = this.#options;
    const url = new URL(input instanceof Request ? input.url : input);
    const asking = new Set(this.#waiting);
    const heardAt = this.#heardAt;
    const limit = new AbortController();
    const leftMs = limitMs - this.#probeAfterMs;
    using _limit = whenOver(leftMs, () => limit.abort());
    try {
      await connect(proxy?.url ?? url, limit.signal);
    } catch {
      const isHeard = this.#heardAt > heardAt;
      if (limit.signal.aborted && !isHeard) return this.#abort(asking, url);
      // That it fails says less than the fetch that will fail, too.
    }
    this.#heardAt = performance.now();
  }

  #abort(asking: ReadonlySet<Waiting>, { origin }: URL): void {
    const { limitMs, proxy, names } = this.#options;
    const what = proxy === undefined ? origin : proxyName(proxy);
    const mayHaveRun = this.#mayBeConnected;
    for (const { startedAt, abort } of this.#waiting.intersection(asking)) {
      // It was accepted, and goes on over a connection of its own.
      if (startedAt < this.#heardAt) continue;
      abort.abort(
        new ProxyError(
          "unreachable",
          `${what} did not accept a connection within ${limitMs} ms; ${names.connectTimeoutMs} sets this limit`,
          { data: { mayHaveRun, limitMs } },
        ),
      );
    }
  }
}

/** Opens a TCP connection to the host of a URL, and closes it. */
async function tcpConnect(url: URL, signal: AbortSignal): Promise<void> {
  const connection = await Deno.connect({
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: portOf(url),
    signal,
  });
  connection.close();
}
