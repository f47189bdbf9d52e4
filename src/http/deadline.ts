/**
 * How long a request at the HTTP front may take.
 *
 * @module
 */

import { ProxyError } from "../errors.ts";
import { type Deadlines, TimeLimit } from "../time.ts";

/** Time limits of one request. */
export interface TimeLimits {
  /** The whole time, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** Whether what comes of an event stream begins the whole time anew. */
  readonly resetOnProgress: boolean;
  /** The time without a byte from the target, in milliseconds. */
  readonly idleTimeoutMs: number;
}

/** The limits of one request, until they are disposed of. */
export class AnswerLimits implements Disposable {
  readonly #idle: TimeLimit;
  readonly #whole: TimeLimit | undefined;
  readonly #resetOnProgress: boolean;

  /** */
  constructor(
    { timeoutMs, resetOnProgress, idleTimeoutMs }: TimeLimits,
    deadlines: Deadlines,
    onLimit: (error: ProxyError) => void,
  ) {
    this.#resetOnProgress = resetOnProgress;
    this.#idle = new TimeLimit(
      deadlines,
      idleTimeoutMs,
      () => onLimit(idleTimeout(idleTimeoutMs)),
    );
    this.#whole = timeoutMs === undefined ? undefined : new TimeLimit(
      deadlines,
      timeoutMs,
      () => onLimit(wholeTimeout(timeoutMs)),
    );
  }

  /** Notes that something moved. */
  touch(): void {
    this.#idle.touch();
  }

  /** Notes that something came of an event stream. */
  progress(): void {
    this.#idle.touch();
    if (this.#resetOnProgress) this.#whole?.touch();
  }

  [Symbol.dispose](): void {
    this.#idle[Symbol.dispose]();
    this.#whole?.[Symbol.dispose]();
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
