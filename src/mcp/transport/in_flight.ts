/**
 * Exchanges from their start to their end: what they wait for, their time
 * limits, and what becomes of them when the proxy stops.
 */

import { ProxyError } from "../../errors.ts";
import { Deadlines, delay, untilAborted, within } from "../../time.ts";
import type { SessionHeaders } from "../wire/headers.ts";
import { type ResponseMessage, stringId } from "../wire/message.ts";
import { paramsWithMetadata } from "../wire/metadata.ts";
import { Exchange, type ExchangeInit } from "./exchange.ts";
import { reportable } from "./failure.ts";
import { shuttingDown } from "./own_error.ts";
import { HttpTransport } from "./http_transport.ts";
import { messageFrame } from "./link.ts";
import { ResponseRouter } from "./answers/response_router.ts";
import type { RouterHooks } from "./answers/delivery.ts";
import { RetryPolicy } from "./retry.ts";
import { Semaphore } from "../../semaphore.ts";
import type { Target } from "./target.ts";

/** How many answers are made at once at the end. */
const SLICE = 256;

/**
 * How many messages that ask for nothing are upstream at once, of each kind.
 * Each has a semaphore of its own: calls that hold the others may wait for them,
 * and notifications that the target does not take for an answer.
 */
export const MAX_UNASKED = 256;

/** For what waits for no place. */
export const NO_LIMIT = new Semaphore(Infinity);

/** What is an era's own. */
export interface EraHooks extends RouterHooks {
  /** Sends one of the client's until it is answered. */
  send(exchange: Exchange): Promise<void>;
  /** Sends one of the proxy's own, in a session given. */
  sendOwn(exchange: Exchange, session: SessionHeaders): Promise<void>;
  /** Answers one of the client's whose time is over, and ends it. */
  onTimeout(exchange: Exchange, error: ProxyError): Promise<void>;
}

export interface Waits {
  readonly gate?: Promise<unknown>;
  /** By default that of requests, or of notifications. */
  readonly semaphore?: Semaphore | undefined;
}

/** The answer to a request of the proxy's own. */
export interface OwnAnswer {
  readonly answer: ResponseMessage;
  readonly frame: Uint8Array;
  /** The session ID that came with it. */
  readonly sessionId: string | undefined;
}

export class InFlight {
  readonly deadlines = new Deadlines();
  readonly router: ResponseRouter;
  readonly transport: HttpTransport;
  readonly policy: RetryPolicy;
  readonly #target: Target;
  readonly #hooks: EraHooks;
  readonly #requests: Semaphore;
  readonly #notifications = new Semaphore(MAX_UNASKED);
  /** What the end waits for of each; nothing of one that stands open. */
  readonly #runs = new Map<Exchange, Promise<void> | undefined>();
  #asked = 0;

  constructor(target: Target, hooks: EraHooks) {
    this.#target = target;
    this.#hooks = hooks;
    this.router = new ResponseRouter(target, hooks);
    const resumes = hooks.era === "legacy";
    this.transport = new HttpTransport(target, this.router, resumes);
    this.policy = new RetryPolicy(target.retries);
    this.#requests = new Semaphore(target.maxConcurrency);
  }

  /** An exchange of the client's, within its time limits if it has some. */
  open(init: ExchangeInit, isLimited = true): Exchange {
    const exchange = new Exchange(init, this.deadlines);
    this.router.pending.expect(exchange);
    if (isLimited) {
      exchange.limit(
        this.#target,
        (error) => void this.#hooks.onTimeout(exchange, error).catch(() => {}),
      );
    }
    return exchange;
  }

  /** Opens an exchange and sends it in its time; resolves when it is over. */
  send(init: ExchangeInit, waits?: Waits): Promise<void> {
    return this.start(this.open(init), waits);
  }

  start(
    exchange: Exchange,
    { gate, semaphore }: Waits = {},
    isLongLived = false,
  ): Promise<void> {
    const places = exchange.isRequest ? this.#requests : this.#notifications;
    const done = this.#run(exchange, gate, semaphore ?? places)
      .finally(() => this.#runs.delete(exchange));
    // A layer may look at the answer for a while.
    const delivered = exchange.settled.then(() =>
      new Promise<void>((over) => exchange.onDelivered(over))
    );
    const end = exchange.isRequest ? delivered : done;
    this.#runs.set(exchange, isLongLived ? undefined : end);
    return done;
  }

  async #run(
    exchange: Exchange,
    gate: Promise<unknown> | undefined,
    semaphore: Semaphore,
  ): Promise<void> {
    let leave: (() => void) | undefined;
    try {
      if (gate) await gate;
      if (exchange.signal.aborted) return;
      const isFree = semaphore.tryAcquire();
      if (!isFree && !await semaphore.acquire(exchange.signal)) return;
      if (exchange.isRequest) {
        exchange.settled.then(() =>
          exchange.onDelivered(() => semaphore.release())
        );
      } else leave = () => semaphore.release();
      await this.#hooks.send(exchange);
    } catch (error) {
      // Only a client that is gone brings us here.
      this.#target.log.debug("could not answer", { error: String(error) });
    } finally {
      leave?.();
      exchange.finish();
      this.router.pending.forget(exchange);
    }
  }

  /** Tells the client what an exchange came to nothing with. */
  report(exchange: Exchange, cause: unknown): Promise<void> {
    return this.router.pending.report(exchange, reportable(cause));
  }

  /** Asks on the proxy's own behalf; the stream of the answer may go on. */
  async ask(
    method: string,
    given: Readonly<Record<string, unknown>>,
    session: SessionHeaders,
    signal?: AbortSignal,
  ): Promise<OwnAnswer> {
    signal?.throwIfAborted();
    const id = stringId(`sigv4-proxy:${++this.#asked}`);
    const params = paramsWithMetadata(given, this.#target.metadata ?? []);
    let own: Omit<OwnAnswer, "sessionId"> | undefined;
    const exchange = new Exchange({
      bytes: messageFrame(method, JSON.stringify(params), id),
      method,
      params,
      requests: [id],
      onAnswer: (answer, frame) => own = { answer, frame },
    }, this.deadlines);
    const end = () => exchange.end();
    signal?.addEventListener("abort", end, { once: true });
    await Promise.race([this.#runOwn(exchange, session), exchange.settled])
      .finally(() => signal?.removeEventListener("abort", end));
    if (own) return { ...own, sessionId: exchange.sessionId };
    throw new ProxyError("no-answer", `the target did not answer ${method}`);
  }

  /** Tells the target something, and waits so long for that to be taken. */
  async notify(
    method: string,
    session: SessionHeaders,
    limitMs: number,
  ): Promise<void> {
    const init = { bytes: messageFrame(method), method, requests: [] };
    const exchange = new Exchange(init, this.deadlines);
    await within(limitMs, this.#runOwn(exchange, session));
  }

  async #runOwn(exchange: Exchange, session: SessionHeaders): Promise<void> {
    this.router.pending.expect(exchange);
    exchange.limit(this.#target, (error) => exchange.end(error));
    this.#runs.set(exchange, undefined);
    try {
      await this.#hooks.sendOwn(exchange, session);
    } finally {
      exchange.finish();
      this.router.pending.forget(exchange);
      this.#runs.delete(exchange);
    }
  }

  /** Waits for what is in flight until the deadline, then answers the rest. */
  async drain(deadline: AbortSignal): Promise<void> {
    // What is answered may bring forth more, so look again.
    for (let open = this.#open(); open.length > 0; open = this.#open()) {
      await untilAborted(Promise.all(open), deadline);
      if (deadline.aborted) break;
    }
    let left = [...this.#runs.keys()];
    await this.router.receipts.drain(deadline);
    // What a layer has begun meanwhile is ended by a stop alone.
    if (deadline.aborted) left = [...this.#runs.keys()];
    const errors = new Map<string, ProxyError>();
    const errorOf = ({ isSent, isHeld }: Exchange) =>
      errors.getOrInsertComputed(
        `${isSent} ${isHeld}`,
        () => shuttingDown(isSent, isHeld),
      );
    // The latest first: those before have the places, which nobody is to get.
    for (let to = left.length; to > 0; to -= SLICE) {
      for (const exchange of left.slice(Math.max(0, to - SLICE), to)) {
        void this.router.pending.fail(exchange, errorOf(exchange))
          .catch(() => {});
      }
      // Thousands take a while, which a stop has not: some leave in between.
      if (to > SLICE) await delay(0);
    }
    for (const exchange of left) {
      exchange.end(errorOf(exchange));
    }
  }

  /** The ends of what still owes something. */
  #open(): Promise<void>[] {
    return [...this.#runs].flatMap(([exchange, end]) => {
      const { isRequest, isSettled, isDelivering } = exchange;
      return end && !(isRequest && isSettled && !isDelivering) ? [end] : [];
    });
  }
}
