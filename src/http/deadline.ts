/**
 * How long a request at the HTTP front may take.
 *
 * @module
 */

import { ProxyError } from "../errors.ts";
import { Timers } from "../time.ts";

/** Time limits of one request. */
export interface TimeLimits {
  /** The whole time, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** Whether what comes of an event stream begins the whole time anew. */
  readonly resetOnProgress: boolean;
  /** The time without a byte from the target, in milliseconds. */
  readonly idleTimeoutMs: number;
}

/** Runs out, unless it is ended before. */
export class Patience implements Disposable {
  readonly #limits: TimeLimits;
  readonly #onLimit: (error: ProxyError) => void;
  readonly #timers = new Timers();
  #startedAt = performance.now();
  #lastByteAt = performance.now();

  /**
   * @param limits How long it lasts.
   * @param onLimit Is told, once or twice, that it ran out.
   */
  constructor(limits: TimeLimits, onLimit: (error: ProxyError) => void) {
    this.#limits = limits;
    this.#onLimit = onLimit;
    if (limits.timeoutMs !== undefined) this.#checkWhole(limits.timeoutMs);
    this.#checkIdle();
  }

  /** Notes that something moved. */
  touch(): void {
    this.#lastByteAt = performance.now();
  }

  /** Notes that something came of an event stream. */
  progress(): void {
    this.touch();
    if (this.#limits.resetOnProgress) this.#startedAt = performance.now();
  }

  /** Ends all limits. */
  [Symbol.dispose](): void {
    this.#timers.clear();
  }

  #checkWhole(limitMs: number): void {
    const leftMs = this.#startedAt + limitMs - performance.now();
    if (leftMs > 0) this.#timers.after(leftMs, () => this.#checkWhole(limitMs));
    else this.#onLimit(wholeTimeout(limitMs));
  }

  #checkIdle(): void {
    const limitMs = this.#limits.idleTimeoutMs;
    const leftMs = this.#lastByteAt + limitMs - performance.now();
    if (leftMs > 0) this.#timers.after(leftMs, () => this.#checkIdle());
    else this.#onLimit(idleTimeout(limitMs));
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
