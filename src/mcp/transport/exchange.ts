/** One POST upstream and the answers that it owes. */

import { ProxyError } from "../../errors.ts";
import { blobOf } from "../../blob.ts";
import {
  type Deadline,
  type Deadlines,
  lastLookMs,
  sharedController,
} from "../../time.ts";
import { spellingsOf } from "../wire/answer_id.ts";
import type { SessionHeaders } from "../wire/headers.ts";
import type { RequestId, ResponseMessage } from "../wire/message.ts";
import type { Observation } from "./observer.ts";

export interface ExchangeLimits {
  /** The whole time, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** The time without a byte from the target, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** Whether a message of the target's starts the whole time anew. */
  readonly timeoutResetOnProgress?: boolean;
}

const NONE: ReadonlyMap<string, RequestId> = new Map();

/** What is sent, and who waits for it. */
export interface ExchangeInit {
  /** The frame to the letter. */
  readonly bytes: Uint8Array;
  /** The method; `batch` or `response` where there is none. */
  readonly method: string;
  /** The parameters, of a single request or notification. */
  readonly params?: unknown;
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
  readonly requests: readonly RequestId[];
  readonly progressTokens: ReadonlyMap<string, RequestId>;
  readonly onAnswer: ExchangeInit["onAnswer"];
  readonly answerTo: ExchangeInit["answerTo"];
  readonly startedAt = performance.now();
  /** True once it left for the target, unless that certainly did not run it. */
  isSent = false;
  /** True while the target has it, and may answer. */
  isAtTarget = false;
  /**
   * True once something of its answer was seen, a progress notification say:
   * it runs, whatever is said of it afterwards.
   */
  answerHasBegun = false;
  /**
   * What may be the answers, by the keys of their requests, if no better ones
   * come: errors under another ID, and errors that stand for broken answers.
   */
  keptErrors: Map<string, Uint8Array | ProxyError> | undefined;
  sessionId: string | undefined;
  /** What is said of who answered it, if anything is. */
  receipt: Promise<string | undefined> | undefined;
  /** Who follows it, if anyone does. */
  observation: Observation | undefined;

  readonly #abort = sharedController();
  /** Ends the fetch, and the reading of its response. */
  readonly signal: AbortSignal = this.#abort.signal;
  readonly #settled = Promise.withResolvers<void>();
  /** Resolves when no request of it waits any more. */
  readonly settled: Promise<void> = this.#settled.promise;
  #body: Blob | Uint8Array;
  readonly #pending = new Map<string, RequestId>();
  readonly #cancelled = new Set<string>();
  dueAt = Infinity;
  #deadlines: Deadlines | undefined;
  #limits: RunningLimits | undefined;
  /** When a limit counts as over, if nothing is left of it by then. */
  #lastLook: { readonly isIdle: boolean; readonly at: number } | undefined;
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
    this.method = init.method;
    this.params = init.params;
    this.requests = init.requests;
    this.progressTokens = init.progressTokens ?? NONE;
    this.onAnswer = init.onAnswer;
    this.answerTo = init.answerTo;
    this.#body = init.bytes;
    for (const id of init.requests) this.#pending.set(id.key, id);
    this.#settleIfDone();
  }

  /**
   * The body; a `Blob`, since the runtime may send bytes a second time. It is a
   * copy, so it is made when it is needed, and then the bytes are let go.
   */
  get body(): Blob {
    if (this.#body instanceof Uint8Array) this.#body = blobOf(this.#body);
    return this.#body;
  }

  /** Puts another body in its place for the attempts to come. */
  replaceBody(bytes: Uint8Array): void {
    this.#body = bytes;
  }

  get pending(): readonly RequestId[] {
    return [...this.#pending.values()];
  }

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

  /** The same of an ID in whatever spelling, if there is one. */
  owesAlike(id: RequestId | undefined): boolean {
    return id !== undefined && spellingsOf(id).some((one) => this.owes(one));
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
    this.#limits = undefined;
    if (this.#endAt === Infinity) this.#deadlines?.delete(this);
    this.#settled.resolve();
  }

  /** Starts the time limits; `onLimit` is called at the first that passes. */
  limit(
    deadlines: Deadlines,
    limits: ExchangeLimits,
    onLimit: (error: ProxyError) => void,
  ): void {
    this.#deadlines = deadlines;
    this.#limits = { ...limits, from: performance.now(), onLimit };
    this.dueAt = this.#limits.from +
      Math.min(limits.timeoutMs ?? Infinity, limits.idleTimeoutMs);
    deadlines.add(this);
  }

  /** Calls back when no time is left of a limit, nor at a last look. */
  look(): void {
    const now = performance.now();
    if (now >= this.#endAt) return this.end();
    this.dueAt = this.#endAt;
    if (!this.#limits) return;
    const { timeoutMs = Infinity, idleTimeoutMs, onLimit } = this.#limits;
    const idleLeftMs = this.#idleLeftMs(idleTimeoutMs);
    const leftMs = Math.min(idleLeftMs, this.#startOfLimit() + timeoutMs - now);
    if (leftMs > 0) {
      this.#lastLook = undefined;
      const nextAt = now + Math.max(leftMs, MIN_TIMER_MS);
      this.dueAt = Math.min(this.dueAt, nextAt);
      return;
    }
    const isIdle = idleLeftMs <= 0;
    if (this.#lastLook?.isIdle !== isIdle) {
      this.#lastLook = { isIdle, at: now + lastLookMs(-leftMs) };
    }
    if (now < this.#lastLook.at) {
      this.dueAt = Math.min(this.dueAt, this.#lastLook.at);
      return;
    }
    this.#limits = undefined;
    onLimit(timeoutError(isIdle ? idleTimeoutMs : timeoutMs, isIdle));
  }

  #idleLeftMs(idleTimeoutMs: number): number {
    const isTheTarget = this.isAtTarget && this.#delivering === 0 &&
      this.#heldSince === undefined;
    if (!isTheTarget) this.touch();
    return this.#lastByteAt + idleTimeoutMs - performance.now();
  }

  /** From when on the whole time counts. */
  #startOfLimit(): number {
    const { from = 0, timeoutResetOnProgress } = this.#limits ?? {};
    const last = timeoutResetOnProgress ? this.#lastMessageAt : undefined;
    return (last ?? from) + this.#heldMs();
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

  get fetchSignal(): AbortSignal {
    return this.#fetch ?? this.signal;
  }

  /** Lets the limits stand still, while it is not the target that is slow. */
  hold(): void {
    this.#heldSince ??= performance.now();
  }

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
    this.#limits = undefined;
    this.#endAt = Infinity;
    this.#deadlines?.delete(this);
  }
}

interface RunningLimits extends ExchangeLimits {
  readonly from: number;
  readonly onLimit: (error: ProxyError) => void;
}

/** Why a fetch ends that nobody waits for; made once, for its stack. */
const ENDED = new DOMException(undefined, "AbortError");

/** A limit that stands still is not looked at more often than this. */
const MIN_TIMER_MS = 50;

function timeoutError(limitMs: number, isIdle: boolean): ProxyError {
  const message = isIdle
    ? `nothing came from the target for ${limitMs} ms; --idle-timeout (MCP_IDLE_TIMEOUT) sets this limit`
    : `the target did not finish its answer within ${limitMs} ms; --timeout (MCP_TIMEOUT) sets this limit`;
  return new ProxyError("timeout", message, { data: { limitMs } });
}
