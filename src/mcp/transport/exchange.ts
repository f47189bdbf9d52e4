/** One POST upstream and the answers that it owes. */

import type { ProxyError } from "../../errors.ts";
import { blobOf } from "../../blob.ts";
import type { Naming } from "../../naming.ts";
import { type Deadlines, sharedController, TimeLimit } from "../../time.ts";
import { requestAlike } from "../wire/answers.ts";
import type { SessionHeaders } from "../wire/headers.ts";
import type { RequestId, ResponseMessage } from "../wire/message.ts";
import { timedOut } from "./own_error.ts";
import type { Observation } from "./observer.ts";

export interface ExchangeLimits extends Naming {
  /** The whole time, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** The time without a byte from the target, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** Whether a message of the target's starts the whole time anew. */
  readonly timeoutResetOnProgress?: boolean;
}

/** A request as it is sent. */
export interface AskedRequest extends RequestId {
  /** The token under which it asks for progress. */
  readonly token?: RequestId;
}

/** The same, with what is known of its answer. */
export interface PendingRequest extends AskedRequest {
  readonly owner: Exchange;
  /** Whether nobody waits for its answer any more. */
  isCancelled: boolean;
  /**
   * What may be its answer, if no better one comes: an error under another ID,
   * or one that stands for a broken answer.
   */
  kept: Uint8Array | ProxyError | undefined;
}

export interface ExchangeInit {
  readonly bytes: Uint8Array;
  /** The method; `batch` or `response` where there is none. */
  readonly method: string;
  readonly params?: unknown;
  readonly requests: readonly AskedRequest[];
  /** Takes the answer of the proxy's own request, which no client sees. */
  readonly onAnswer?: (answer: ResponseMessage, frame: Uint8Array) => void;
  /** For an answer of the client's: the session that asked. */
  readonly answerTo?: SessionHeaders;
  /** Is told of an HTTP error for good, before its body is read. */
  readonly onRefused?: () => void;
}

/**
 * One POST and its answers. A request leaves {@linkcode Exchange.pending} once:
 * by its answer, or by the error that stands for it. That is what makes answers
 * come exactly once.
 */
export class Exchange {
  readonly method: string;
  readonly params: unknown;
  readonly requests: readonly PendingRequest[];
  readonly onAnswer: ExchangeInit["onAnswer"];
  readonly answerTo: ExchangeInit["answerTo"];
  readonly onRefused: ExchangeInit["onRefused"];
  readonly startedAt = performance.now();
  /** True once it left for the target, unless that certainly did not run it. */
  isSent = false;
  /** While it waits for credentials, on its way to the target. */
  isHeld = false;
  /** While the target has it, and nothing of it is kept back here. */
  isAtTarget = false;
  /** Once something of its answer was seen it runs, whatever is said later. */
  answerHasBegun = false;
  /** What an event that is no message said went wrong. */
  said = "";
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
  /** Those that may still be answered, and how many of them wait. */
  readonly #open = new Map<string, PendingRequest>();
  #waiting: number;
  readonly #deadlines: Deadlines;
  #idleLimit: TimeLimit | undefined;
  #wholeLimit: TimeLimit | undefined;
  /** Ends it when nobody waits any more, should it still go on. */
  #endLimit: TimeLimit | undefined;
  #fetch: AbortSignal | undefined;
  #lastMessageAt = this.startedAt;
  #isResetOnProgress = false;
  #isPaused = false;
  #delivering = 0;
  readonly #afterDelivery: (() => void)[] = [];

  constructor(init: ExchangeInit, deadlines: Deadlines) {
    this.#deadlines = deadlines;
    this.method = init.method;
    this.params = init.params;
    this.requests = init.requests.map(({ source, key, token }) => (
      { source, key, token, owner: this, isCancelled: false, kept: undefined }
    ));
    this.onAnswer = init.onAnswer;
    this.answerTo = init.answerTo;
    this.onRefused = init.onRefused;
    this.#body = init.bytes;
    for (const request of this.requests) this.#open.set(request.key, request);
    this.#waiting = this.#open.size;
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

  get pending(): readonly PendingRequest[] {
    return [...this.#open.values()].filter((one) => !one.isCancelled);
  }

  get isRequest(): boolean {
    return this.requests.length > 0;
  }

  get isSettled(): boolean {
    return this.#waiting === 0;
  }

  /** Whether each request that waits has an error to fall back on. */
  get isKept(): boolean {
    return this.pending.every(({ kept }) => kept);
  }

  /** The request of an ID whose answer may still be delivered. */
  owed({ key }: RequestId): PendingRequest | undefined {
    return this.#open.get(key);
  }

  /** The same of an ID in whatever spelling, if there is one. */
  owedAlike(id: RequestId | undefined): PendingRequest | undefined {
    return id && requestAlike(id, this.#open);
  }

  /** Takes a request's one answer: false when it was taken before. */
  take(id: RequestId): boolean {
    const request = this.owed(id);
    if (!request) return false;
    this.cancel(id);
    return this.#open.delete(id.key);
  }

  /** Lets a request wait no longer; its answer is delivered should it come. */
  cancel(id: RequestId): void {
    const request = this.owed(id);
    if (!request || request.isCancelled) return;
    request.isCancelled = true;
    this.#waiting--;
    this.#settleIfDone();
  }

  #settleIfDone(): void {
    if (this.#waiting > 0) return;
    this.#stopLimits();
    this.#settled.resolve();
  }

  #stopLimits(): void {
    this.#idleLimit?.[Symbol.dispose]();
    this.#wholeLimit?.[Symbol.dispose]();
  }

  /** Starts the time limits; `onLimit` is called at the first that passes. */
  limit(
    { timeoutMs, idleTimeoutMs, names, timeoutResetOnProgress }: ExchangeLimits,
    onLimit: (error: ProxyError) => void,
  ): void {
    const limit = (
      limitMs: number,
      what: string,
      option: string,
      isIdle?: () => boolean,
    ) =>
      new TimeLimit(this.#deadlines, limitMs, () => {
        this.#stopLimits();
        onLimit(timedOut(what, limitMs, this, option));
      }, isIdle);
    this.#idleLimit = limit(
      idleTimeoutMs,
      `nothing came from the target for ${idleTimeoutMs} ms`,
      names.idleTimeoutMs,
      () => !this.isAtTarget || this.#delivering > 0 || this.#isPaused,
    );
    if (timeoutMs === undefined) return;
    this.#wholeLimit = limit(
      timeoutMs,
      `the target did not finish its answer within ${timeoutMs} ms`,
      names.timeoutMs,
    );
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
      if (!this.isDelivering) {
        for (const callback of this.#afterDelivery.splice(0)) callback();
      }
    }
  }

  get isDelivering(): boolean {
    return this.#delivering > 0;
  }

  /** Calls back once nothing of it is on its way to the client. */
  onDelivered(callback: () => void): void {
    if (this.isDelivering) this.#afterDelivery.push(callback);
    else callback();
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
