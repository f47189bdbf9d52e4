/**
 * One POST upstream and the answers that it owes.
 *
 * @module
 */

import { ProxyError } from "../../errors.ts";
import { blobOf } from "../../blob.ts";
import {
  type Deadline,
  type Deadlines,
  lastLookMs,
  sharedController,
} from "../../time.ts";
import type { SessionHeaders } from "../wire/headers.ts";
import type { RequestId, ResponseMessage } from "../wire/message.ts";
import type { Observation } from "./observer.ts";

/** How long an exchange may take. */
export interface ExchangeLimits {
  /** The whole time, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** The time without a byte from the target, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** Whether a message of the target's starts the whole time anew. */
  readonly timeoutResetOnProgress?: boolean;
}

const NOTHING = new Uint8Array();

const NONE: ReadonlyMap<string, RequestId> = new Map();

/** What is sent, and who waits for it. */
export interface ExchangeInit {
  /** The frame to the letter. */
  readonly bytes: Uint8Array;
  /** The method; `batch` or `response` where there is none. */
  readonly method: string;
  /** The parameters, of a single request or notification. */
  readonly params?: unknown;
  /** The requests in it. */
  readonly requests: readonly RequestId[];
  /** Those that ask for progress: their IDs' keys, and the tokens. */
  readonly progressTokens?: ReadonlyMap<string, RequestId>;
  /**
   * Takes the answer of a request of the proxy's own, which is not the
   * client's to see.
   */
  readonly onAnswer?: (answer: ResponseMessage) => void;
  /** For an answer of the client's: the session that asked. */
  readonly answerTo?: SessionHeaders;
}

/**
 * One POST and its answers. A request leaves {@linkcode Exchange.pending} once:
 * by its answer, or by the error that stands for it. That is what makes answers
 * come exactly once.
 */
export class Exchange implements Deadline {
  readonly method: string;
  readonly params: unknown;
  readonly onAnswer: ((answer: ResponseMessage) => void) | undefined;
  readonly answerTo: SessionHeaders | undefined;
  /** The requests in it, which are owed an answer each. */
  readonly requests: readonly RequestId[];
  /** The tokens of those that ask for progress, by their IDs' keys. */
  readonly progressTokens: ReadonlyMap<string, RequestId>;
  readonly startedAt = performance.now();
  /** Ends the fetch, and the reading of its response. */
  readonly signal: AbortSignal;
  /** Resolves when no request of it waits any more. */
  readonly settled: Promise<void>;
  /** True once it left for the target, unless that certainly did not run it. */
  isSent = false;
  /** True while the target has it, and may answer. */
  isAtTarget = false;
  /**
   * True once something of its answer was seen, a progress notification say:
   * it runs, whatever is said of it afterwards.
   */
  answerHasBegun = false;
  /** An error that came under another ID: the answer, if no other one comes. */
  keptError: Uint8Array | undefined;
  /** The session ID that came with the answer. */
  sessionId: string | undefined;
  /** Who follows it, if anyone does. */
  observation: Observation | undefined;

  #body: Blob | undefined;
  #bytes: Uint8Array | undefined;
  readonly #pending = new Map<string, RequestId>();
  readonly #cancelled = new Set<string>();
  readonly #abort = sharedController();
  readonly #settle: () => void;
  /** When its limits are looked at. */
  dueAt = Infinity;
  #deadlines: Deadlines | undefined;
  #limits: Limit[] = [];
  /** When it ends, should it still go on. */
  #endAt = Infinity;
  #fetch: AbortSignal | undefined;
  #lastByteAt = this.startedAt;
  #lastMessageAt: number | undefined;
  #heldSince: number | undefined;
  #heldBeforeMs = 0;
  #delivering = 0;
  #afterDelivery: (() => void) | undefined;

  constructor(init: ExchangeInit) {
    const { bytes, requests } = init;
    this.method = init.method;
    this.params = init.params;
    this.onAnswer = init.onAnswer;
    this.answerTo = init.answerTo;
    this.requests = requests;
    this.progressTokens = init.progressTokens ?? NONE;
    this.#bytes = bytes;
    this.signal = this.#abort.signal;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.settled = promise;
    this.#settle = resolve;
    for (const id of requests) this.#pending.set(id.key, id);
    if (requests.length === 0) resolve();
  }

  /**
   * The body; a `Blob`, since the runtime may send bytes a second time. It is a
   * copy, so it is made when it is needed, and then the bytes are let go.
   */
  get body(): Blob {
    this.#body ??= blobOf(this.#bytes ?? NOTHING);
    this.#bytes = undefined;
    return this.#body;
  }

  /** Puts another body in its place for the attempts to come. */
  replaceBody(bytes: Uint8Array): void {
    this.#body = undefined;
    this.#bytes = bytes;
  }

  /** The requests that still wait for an answer. */
  get pending(): readonly RequestId[] {
    return [...this.#pending.values()];
  }

  /** Whether it holds requests at all. */
  get isRequest(): boolean {
    return this.requests.length > 0;
  }

  /** Whether nobody waits any more. */
  get isSettled(): boolean {
    return this.#pending.size === 0;
  }

  /** Whether an answer to this request may still be delivered. */
  owes(id: RequestId): boolean {
    return this.#pending.has(id.key) || this.#cancelled.has(id.key);
  }

  /** Takes a request's one answer: false when it was taken before. */
  take(id: RequestId): boolean {
    if (this.#cancelled.delete(id.key)) return true;
    if (!this.#pending.delete(id.key)) return false;
    this.#settleIfDone();
    return true;
  }

  /** Lets a request wait no longer; its answer is delivered should it come. */
  cancel(id: RequestId): void {
    if (!this.#pending.delete(id.key)) return;
    this.#cancelled.add(id.key);
    this.#settleIfDone();
  }

  #settleIfDone(): void {
    if (this.#pending.size > 0) return;
    this.#limits = [];
    if (this.#endAt === Infinity) this.#deadlines?.delete(this);
    this.#settle();
  }

  /** Starts the time limits; `onLimit` is called at the first that passes. */
  limit(
    deadlines: Deadlines,
    { timeoutMs, idleTimeoutMs, timeoutResetOnProgress }: ExchangeLimits,
    onLimit: (error: ProxyError) => void,
  ): void {
    const from = performance.now();
    this.#deadlines = deadlines;
    this.#limits = [{
      leftMs: () => this.#idleLeftMs(idleTimeoutMs),
      onLimit: () => onLimit(timeoutError(idleTimeoutMs, "idle")),
      lastLookAt: undefined,
    }];
    if (timeoutMs !== undefined) {
      this.#limits.push({
        leftMs: () => {
          const last = timeoutResetOnProgress ? this.#lastMessageAt : undefined;
          const dueAt = (last ?? from) + timeoutMs + this.#heldMs();
          return dueAt - performance.now();
        },
        onLimit: () => onLimit(timeoutError(timeoutMs, "whole")),
        lastLookAt: undefined,
      });
    }
    this.dueAt = from + Math.min(timeoutMs ?? Infinity, idleTimeoutMs);
    deadlines.add(this);
  }

  #idleLeftMs(idleTimeoutMs: number): number {
    const isTheTarget = this.isAtTarget && this.#delivering === 0 &&
      this.#heldSince === undefined;
    if (!isTheTarget) this.touch();
    return this.#lastByteAt + idleTimeoutMs - performance.now();
  }

  /** Calls back when no time is left of a limit, nor at a last look. */
  look(): void {
    const now = performance.now();
    if (now >= this.#endAt) return this.end();
    this.dueAt = this.#endAt;
    for (const limit of this.#limits) {
      const leftMs = limit.leftMs();
      if (leftMs > 0) {
        limit.lastLookAt = undefined;
        this.dueAt = Math.min(this.dueAt, now + Math.max(leftMs, MIN_TIMER_MS));
        continue;
      }
      limit.lastLookAt ??= now + lastLookMs(-leftMs);
      if (now >= limit.lastLookAt) {
        this.#limits = [];
        return limit.onLimit();
      }
      this.dueAt = Math.min(this.dueAt, limit.lastLookAt);
    }
  }

  /**
   * Begins a fetch that ends after some time without a byte, and that others
   * may follow.
   */
  beginFetch(deadlines: Deadlines, idleTimeoutMs: number): void {
    this.#endAt = Infinity;
    this.touch();
    const idle = new AbortController();
    this.#fetch = AbortSignal.any([this.signal, idle.signal]);
    this.limit(
      deadlines,
      { timeoutMs: undefined, idleTimeoutMs },
      (error) => idle.abort(error),
    );
  }

  /** Ends the present fetch. */
  get fetchSignal(): AbortSignal {
    return this.#fetch ?? this.signal;
  }

  /** Lets the limits stand still, while it is not the target that is slow. */
  hold(): void {
    this.#heldSince ??= performance.now();
  }

  /** Lets the limits run on. */
  release(): void {
    this.#heldBeforeMs = this.#heldMs();
    this.#heldSince = undefined;
    this.touch();
  }

  #heldMs(): number {
    if (this.#heldSince === undefined) return this.#heldBeforeMs;
    return this.#heldBeforeMs + performance.now() - this.#heldSince;
  }

  /** Notes that the target said something. */
  touch(): void {
    this.#lastByteAt = performance.now();
  }

  /** How long ago a message of the target's came, in milliseconds. */
  get sinceMessageMs(): number {
    return performance.now() - (this.#lastMessageAt ?? this.startedAt);
  }

  /** Notes that a message of the target's came. */
  noteProgress(): void {
    this.#lastMessageAt = performance.now();
  }

  /** Runs a delivery to the client; its slowness is not the target's. */
  async delivering(delivery: Promise<void>): Promise<void> {
    this.#delivering++;
    try {
      await delivery;
    } finally {
      this.#delivering--;
      this.touch();
      if (this.#delivering === 0) this.#afterDelivery?.();
    }
  }

  /** Calls back once nothing of it is on its way to the client. */
  onDelivered(callback: () => void): void {
    if (this.#delivering === 0) return callback();
    this.#afterDelivery = () => {
      this.#afterDelivery = undefined;
      callback();
    };
  }

  /** Ends the fetch some time after the last answer, should it still go on. */
  endAfter(delayMs: number): void {
    if (this.#endAt !== Infinity) return;
    this.#endAt = performance.now() + delayMs;
    this.dueAt = Math.min(this.dueAt, this.#endAt);
    this.#deadlines?.add(this);
  }

  /** Ends what it has open at the target, or waits for. */
  end(reason: unknown = ENDED): void {
    this.finish();
    this.#abort.abort(reason);
  }

  /** Lets go of its limits: it has nothing open any more. */
  finish(): void {
    this.#limits = [];
    this.#endAt = Infinity;
    this.#deadlines?.delete(this);
  }
}

/** One of its time limits. */
interface Limit {
  /** How much is left of it, in milliseconds. */
  readonly leftMs: () => number;
  readonly onLimit: () => void;
  /** When it counts as over, if nothing is left by then. */
  lastLookAt: number | undefined;
}

/** Why a fetch ends that nobody waits for; made once, for its stack. */
const ENDED = new DOMException(undefined, "AbortError");

/** A limit that stands still is not looked at more often than this. */
const MIN_TIMER_MS = 50;

function timeoutError(limitMs: number, kind: "whole" | "idle"): ProxyError {
  const message = kind === "whole"
    ? `the target did not finish its answer within ${limitMs} ms; --timeout (MCP_TIMEOUT) sets this limit`
    : `nothing came from the target for ${limitMs} ms; --idle-timeout (MCP_IDLE_TIMEOUT) sets this limit`;
  return new ProxyError("timeout", message, { data: { limitMs } });
}
