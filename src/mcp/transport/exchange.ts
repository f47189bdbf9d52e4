/** One POST upstream and the answers that it owes. */

import { ProxyError } from "../../errors.ts";
import { blobOf } from "../../blob.ts";
import { type Naming, OPTION_NAMES } from "../../naming.ts";
import { type Deadlines, sharedController, TimeLimit } from "../../time.ts";
import { spellingsOf } from "../wire/answers.ts";
import type { SessionHeaders } from "../wire/headers.ts";
import type { RequestId, ResponseMessage } from "../wire/message.ts";
import type { Observation } from "./observer.ts";

export interface ExchangeLimits extends Naming {
  /** The whole time, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** The time without a byte from the target, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** Whether a message of the target's starts the whole time anew. */
  readonly timeoutResetOnProgress?: boolean;
}

const NONE: ReadonlyMap<string, RequestId> = new Map();

export interface ExchangeInit {
  readonly bytes: Uint8Array;
  /** The method; `batch` or `response` where there is none. */
  readonly method: string;
  readonly params?: unknown;
  readonly requests: readonly RequestId[];
  /** Those that ask for progress: their IDs' keys, and the tokens. */
  readonly progressTokens?: ReadonlyMap<string, RequestId>;
  /** Takes the answer of the proxy's own request, which no client sees. */
  readonly onAnswer?: (answer: ResponseMessage) => void;
  /** For an answer of the client's: the session that asked. */
  readonly answerTo?: SessionHeaders;
}

/**
 * One POST and its answers. A request leaves {@linkcode Exchange.pending} once:
 * by its answer, or by the error that stands for it. That is what makes answers
 * come exactly once.
 */
export class Exchange {
  readonly method: string;
  readonly params: unknown;
  readonly requests: readonly RequestId[];
  readonly progressTokens: ReadonlyMap<string, RequestId>;
  readonly onAnswer: ExchangeInit["onAnswer"];
  readonly answerTo: ExchangeInit["answerTo"];
  readonly startedAt = performance.now();
  /** True once it left for the target, unless that certainly did not run it. */
  isSent = false;
  /** Once something of its answer was seen it runs, whatever is said later. */
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
  readonly #deadlines: Deadlines;
  #idleLimit: TimeLimit | undefined;
  #wholeLimit: TimeLimit | undefined;
  /** Ends it when nobody waits any more, should it still go on. */
  #endLimit: TimeLimit | undefined;
  #fetch: AbortSignal | undefined;
  #lastMessageAt = this.startedAt;
  #isResetOnProgress = false;
  #isAtTarget = false;
  #isPaused = false;
  #delivering = 0;
  #afterDelivery: (() => void) | undefined;

  constructor(init: ExchangeInit, deadlines: Deadlines) {
    this.#deadlines = deadlines;
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

  replaceBody(bytes: Uint8Array): void {
    this.#body = bytes;
  }

  get pending(): readonly RequestId[] {
    return [...this.#pending.values()];
  }

  get isRequest(): boolean {
    return this.requests.length > 0;
  }

  get isSettled(): boolean {
    return this.#pending.size === 0;
  }

  /** Whether all that waits has an error that is told if nothing better comes. */
  get isKept(): boolean {
    return this.pending.every(({ key }) => this.keptErrors?.has(key));
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
    this.#stopLimits();
    this.#settled.resolve();
  }

  #stopLimits(): void {
    this.#idleLimit?.[Symbol.dispose]();
    this.#wholeLimit?.[Symbol.dispose]();
  }

  /** Starts the time limits; `onLimit` is called at the first that passes. */
  limit(
    limits: ExchangeLimits,
    onLimit: (error: ProxyError) => void,
  ): void {
    const { timeoutMs, idleTimeoutMs, timeoutResetOnProgress } = limits;
    const over = (limitMs: number, isIdle: boolean) => () => {
      this.#stopLimits();
      onLimit(timeoutError(limitMs, isIdle, limits));
    };
    this.#idleLimit = new TimeLimit(
      this.#deadlines,
      idleTimeoutMs,
      over(idleTimeoutMs, true),
      () => !this.#isAtTarget || this.#delivering > 0 || this.#isPaused,
    );
    if (timeoutMs === undefined) return;
    const whole = over(timeoutMs, false);
    this.#wholeLimit = new TimeLimit(this.#deadlines, timeoutMs, whole);
    this.#isResetOnProgress = timeoutResetOnProgress === true;
  }

  /** Begins one of several fetches, each with an idle time of its own. */
  beginFetch(limits: ExchangeLimits): void {
    this.finish();
    const idle = new AbortController();
    this.#fetch = AbortSignal.any([this.signal, idle.signal]);
    this.limit(
      { ...limits, timeoutMs: undefined },
      (error) => idle.abort(error),
    );
  }

  get fetchSignal(): AbortSignal {
    return this.#fetch ?? this.signal;
  }

  get isAtTarget(): boolean {
    return this.#isAtTarget;
  }

  set isAtTarget(isThere: boolean) {
    this.#isAtTarget = isThere;
    this.touch();
  }

  pause(): void {
    this.#isPaused = true;
    this.#wholeLimit?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#wholeLimit?.resume();
    this.touch();
  }

  touch(): void {
    this.#idleLimit?.touch();
  }

  /** How long no message of the target's came although one could, in ms. */
  get sinceMessageMs(): number {
    if (this.#delivering > 0) return 0;
    return performance.now() - this.#lastMessageAt;
  }

  noteProgress(): void {
    this.#lastMessageAt = performance.now();
    if (this.#isResetOnProgress) this.#wholeLimit?.touch();
  }

  /** Runs a delivery to the client; its slowness is not the target's. */
  async delivering(delivery: Promise<void>): Promise<void> {
    this.#delivering++;
    try {
      await delivery;
    } finally {
      this.#delivering--;
      this.#lastMessageAt = performance.now();
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

  /** Ends it after some time, should it still go on. */
  endAfter(delayMs: number): void {
    const end = () => this.end();
    this.#endLimit ??= new TimeLimit(this.#deadlines, delayMs, end);
  }

  /** Ends what it has open at the target, or waits for. */
  end(reason: unknown = ENDED): void {
    this.finish();
    this.#abort.abort(reason);
  }

  /** Lets go of its limits: it has nothing open any more. */
  finish(): void {
    this.#stopLimits();
    this.#endLimit?.[Symbol.dispose]();
    this.#endLimit = undefined;
  }
}

/** Why a fetch ends that nobody waits for; made once, for its stack. */
const ENDED = new DOMException(undefined, "AbortError");

function timeoutError(
  limitMs: number,
  isIdle: boolean,
  { names = OPTION_NAMES }: Naming,
): ProxyError {
  const message = isIdle
    ? `nothing came from the target for ${limitMs} ms; ${names.idleTimeoutMs} sets this limit`
    : `the target did not finish its answer within ${limitMs} ms; ${names.timeoutMs} sets this limit`;
  return new ProxyError("timeout", message, { data: { limitMs } });
}
