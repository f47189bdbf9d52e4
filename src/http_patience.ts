/**
 * How long a request at the HTTP front may take.
 *
 * @module
 */

import { ProxyError } from "./errors.ts";

/** Time limits of one request. */
export interface TimeLimits {
  /** The whole time, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** The time without a byte from the target, in milliseconds. */
  readonly idleTimeoutMs: number;
}

/** The longest delay of a timer; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Runs out, unless it is ended before. */
export class Patience implements Disposable {
  readonly #idleTimeoutMs: number;
  readonly #onLimit: (error: ProxyError) => void;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #lastByteAt = performance.now();

  /**
   * @param limits How long it lasts.
   * @param onLimit Is told, once or twice, that it ran out.
   */
  constructor(
    { timeoutMs, idleTimeoutMs }: TimeLimits,
    onLimit: (error: ProxyError) => void,
  ) {
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#onLimit = onLimit;
    if (timeoutMs !== undefined) {
      this.#after(timeoutMs, () => onLimit(wholeTimeout(timeoutMs)));
    }
    this.#after(idleTimeoutMs, () => this.#checkIdle());
  }

  /** Notes that something moved. */
  touch(): void {
    this.#lastByteAt = performance.now();
  }

  /** Ends all limits. */
  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #checkIdle(): void {
    const limitMs = this.#idleTimeoutMs;
    const leftMs = this.#lastByteAt + limitMs - performance.now();
    if (leftMs > 0) this.#after(leftMs, () => this.#checkIdle());
    else this.#onLimit(idleTimeout(limitMs));
  }

  #after(delayMs: number, callback: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, Math.min(delayMs, MAX_TIMER_MS));
    this.#timers.add(timer);
  }
}

function wholeTimeout(limitMs: number): ProxyError {
  return new ProxyError(
    "timeout",
    `the target did not finish its answer within ${limitMs} ms; --timeout (MCP_TIMEOUT) sets this limit`,
    { data: { limitMs } },
  );
}

function idleTimeout(limitMs: number): ProxyError {
  return new ProxyError(
    "timeout",
    `nothing moved for ${limitMs} ms; --idle-timeout (MCP_IDLE_TIMEOUT) sets this limit`,
    { data: { limitMs } },
  );
}
