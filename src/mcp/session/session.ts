/**
 * One upstream session and its life: Streamable HTTP, revisions 2025-03-26 to
 * 2025-11-25.
 *
 * 1. `initialize` is POSTed alone. What comes after it waits for its answer,
 *    which brings the session ID and the protocol version of all that follows.
 * 2. `notifications/initialized` is POSTed alone, too. Then, if it is wanted,
 *    a GET is held open for what the server sends on its own.
 * 3. Requests run side by side, each a POST. Its response is one JSON body or
 *    an event stream; a stream that is cut after an event ID is resumed by GET.
 * 4. When the target has lost the session, one `initialize` with the client's
 *    parameters makes a new one, and what the client had set up is set up
 *    again. Requests wait for that; those that did not run are sent once more.
 * 5. A session that is idle is pinged, where that is wanted.
 * 6. At the end what is in flight is given some time, what is left is answered
 *    with an error, and a DELETE ends the session.
 *
 * @module
 */

import { reportable } from "../transport/failure.ts";
import { Deadlines, delay } from "../../time.ts";
import type { ProxyError } from "../../errors.ts";
import { HttpTransport } from "../transport/http_transport.ts";
import {
  ResponseRouter,
  type RouterHooks,
} from "../transport/response_router.ts";
import { Exchange, type ExchangeInit } from "../transport/exchange.ts";
import { hasSession, type SessionHeaders } from "../wire/headers.ts";
import {
  expiryInAnswer,
  SessionExpiredError,
} from "../transport/session_expiry.ts";
import {
  type BatchMessage,
  isObject,
  type NotificationMessage,
  type RequestId,
  requestId,
  type RequestMessage,
  type ResponseMessage,
  type SingleMessage,
} from "../wire/message.ts";
import { Semaphore } from "../transport/semaphore.ts";
import { requestsIn } from "../transport/pending_requests.ts";
import { RetryPolicy } from "../transport/retry.ts";
import { SessionKeeper, type SessionTarget } from "./session_keeper.ts";
import { partOf } from "../wire/large_message.ts";
import { membersOf, whole } from "../wire/splice.ts";
import { InFlight } from "../transport/in_flight.ts";

/** How long what follows waits for `notifications/initialized`. */
const INITIALIZED_WAIT_MS = 10_000;

/** How long an answer that is there may wait for a new session. */
const RENEWAL_WAIT_MS = 2_000;

/**
 * How many notifications, answers and pings are upstream at once, of each. They
 * have semaphores of their own: calls that hold the others may wait for them,
 * and notifications that the target does not take for an answer.
 */
const MAX_UNASKED = 256;

/** How many answers may wait for a place; those that a layer makes, too. */
const MAX_WAITING_ANSWERS = 4_096;

/** How long a cancelled request's stream stays open for what is still said. */
const CANCELLED_DRAIN_MS = 5_000;

const encoder = new TextEncoder();

/** One upstream session, from the client's first message to the last. */
export class Session {
  readonly #target: SessionTarget;
  readonly #router: ResponseRouter;
  readonly #transport: HttpTransport;
  readonly #requests: Semaphore;
  readonly #notifications = new Semaphore(MAX_UNASKED);
  readonly #answers = new Semaphore(MAX_UNASKED);
  readonly #pings = new Semaphore(MAX_UNASKED);
  readonly #keeper: SessionKeeper;
  readonly #policy: RetryPolicy;
  readonly #inFlight: InFlight;
  readonly #deadlines = new Deadlines();
  /** What new messages wait for; it never rejects. */
  #gate: Promise<unknown> | undefined;

  constructor(target: SessionTarget, pass?: RouterHooks["pass"]) {
    this.#target = target;
    this.#router = new ResponseRouter(target, {
      era: "legacy",
      pass,
      onAnswer: (...answer) => this.#onAnswer(...answer),
      refuse: (id, error) => this.#refuse(id, error),
    });
    this.#transport = new HttpTransport(target, this.#router, {
      resumes: true,
    });
    this.#inFlight = new InFlight(this.#router);
    this.#requests = new Semaphore(target.maxConcurrency);
    this.#policy = new RetryPolicy(target.retries);
    this.#keeper = new SessionKeeper(target, this.#router, {
      carry: (exchange, session) => this.#sendOwn(exchange, session),
      onRenewal: (renewal) => this.#closeGate(renewal.catch(() => {})),
    });
  }

  /**
   * Takes one message of the client's, and answers it in its time; resolves
   * when it is over.
   */
  accept(
    bytes: Uint8Array,
    message: SingleMessage | BatchMessage,
  ): Promise<void> | void {
    this.#keeper.touch();
    switch (message.kind) {
      case "request":
        return this.#acceptRequest(bytes, message);
      case "notification":
        return this.#acceptNotification(bytes, message);
      case "response":
        return this.#acceptAnswer(bytes, message);
      case "batch":
        return this.#acceptBatch(bytes, message);
    }
  }

  #acceptRequest(bytes: Uint8Array, message: RequestMessage): Promise<void> {
    const { method, params } = message;
    const asked = requestsIn([{ message, bytes }]);
    const exchange = this.#open({ bytes, method, params, ...asked });
    if (method === "initialize") {
      const before = this.#gate;
      this.#closeGate(exchange.settled);
      return this.#start(exchange, before);
    }
    // A ping asks whether the target is there: it does not wait for calls.
    const semaphore = method === "ping" ? this.#pings : this.#requests;
    return this.#start(exchange, this.#gate, semaphore);
  }

  #acceptBatch(
    bytes: Uint8Array,
    { messages }: BatchMessage,
  ): Promise<void> {
    const asked = requestsIn(
      membersOf(bytes, whole(bytes)).map((member, index) => ({
        message: messages[index],
        bytes: partOf(bytes, member),
      })),
    );
    const exchange = this.#open({ bytes, method: "batch", ...asked });
    if (exchange.isRequest) {
      return this.#start(exchange, this.#gate, this.#requests);
    }
    const hasAnswer = messages.some(({ kind }) => kind === "response");
    const semaphore = hasAnswer ? this.#answers : this.#notifications;
    return this.#start(exchange, this.#gate, semaphore);
  }

  #acceptNotification(
    bytes: Uint8Array,
    message: NotificationMessage,
  ): Promise<void> | void {
    const { method, params } = message;
    if (method === "notifications/cancelled" && !this.#cancel(params)) return;
    const exchange = this.#open({ bytes, method, params, requests: [] });
    const done = this.#start(exchange, this.#gate, this.#notifications);
    if (method !== "notifications/initialized") return done;
    const { promise: waited, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, INITIALIZED_WAIT_MS);
    this.#closeGate(
      Promise.race([done, waited]).then(() => {
        clearTimeout(timer);
        if (this.#target.standingStream) this.#keeper.hold();
        this.#keeper.keepAlive();
      }),
    );
    return done;
  }

  /** The client's answer to a request of the target's. */
  #acceptAnswer(
    bytes: Uint8Array,
    { id }: ResponseMessage,
  ): Promise<void> | void {
    const answerTo = id && this.#router.takeTargetRequest(id);
    // The target waits for it, and may wait with the answer to `initialize`.
    return this.#sendAnswer({
      bytes,
      method: "response",
      requests: [],
      answerTo,
    });
  }

  #sendAnswer(
    init: ExchangeInit,
    gate?: Promise<unknown>,
  ): Promise<void> | void {
    if (this.#answers.waiting < MAX_WAITING_ANSWERS) {
      return this.#start(this.#open(init), gate, this.#answers);
    }
    // A target that asks without end, and takes no answer.
    this.#target.log.debug("dropped an answer that the target does not take");
  }

  /** Lets a cancelled request go; false when the target need not be told. */
  #cancel(params: unknown): boolean {
    const id = isObject(params) ? requestId(params.requestId) : undefined;
    const exchange = id && this.#router.pending.exchangeOf(id);
    if (!exchange) return true;
    if (exchange.method === "initialize") {
      this.#target.log.warn("initialize cannot be cancelled", {
        id: id.source,
      });
      return false;
    }
    exchange.cancel(id);
    if (!exchange.isSettled) return true;
    // What is not at the target now is not sent any more.
    if (exchange.isAtTarget) exchange.endAfter(CANCELLED_DRAIN_MS);
    else exchange.end();
    return exchange.isAtTarget;
  }

  #open(init: ExchangeInit): Exchange {
    const exchange = new Exchange(init);
    this.#router.expect(exchange);
    exchange.limit(
      this.#deadlines,
      this.#target,
      (error) => void this.#timeOut(exchange, error),
    );
    return exchange;
  }

  #start(
    exchange: Exchange,
    gate: Promise<unknown> | undefined,
    semaphore?: Semaphore,
  ): Promise<void> {
    const done = this.#run(exchange, gate, semaphore);
    this.#inFlight.add(exchange, done);
    return done;
  }

  async #run(
    exchange: Exchange,
    gate: Promise<unknown> | undefined,
    semaphore: Semaphore | undefined,
  ): Promise<void> {
    let leave: (() => void) | undefined;
    try {
      if (gate) await gate;
      if (semaphore) {
        if (exchange.signal.aborted) return;
        const isFree = semaphore.tryAcquire();
        if (!isFree && !await semaphore.acquire(exchange.signal)) return;
        if (exchange.isRequest) {
          exchange.settled.then(() =>
            exchange.onDelivered(() => semaphore.release())
          );
        } else leave = () => semaphore.release();
      }
      if (!exchange.signal.aborted) await this.#carry(exchange);
    } catch (error) {
      // Only a client that is gone brings us here.
      this.#target.log.debug("could not answer", { error: String(error) });
    } finally {
      leave?.();
      exchange.finish();
      this.#router.forget(exchange);
    }
  }

  /** Sends an exchange, again if that is safe, until it is answered. */
  async #carry(exchange: Exchange): Promise<void> {
    const isInitialize = exchange.method === "initialize";
    let isRenewed = false;
    for (let tries = 0;;) {
      // Cancelled, or over its time, while it waited.
      if (exchange.isRequest && exchange.isSettled) return;
      try {
        const session = isInitialize
          ? await this.#keeper.opening()
          : this.#keeper.current;
        if (exchange.answerTo && this.#keeper.isGone(exchange.answerTo)) {
          return this.#target.log.info(
            "dropped an answer to a session that is gone",
          );
        }
        if (this.#target.callGuard) {
          const refusal = await this.#refusalOf(exchange, session);
          if (refusal) return await this.#fail(exchange, refusal);
        }
        return await this.#transport.carry(exchange, session);
      } catch (cause) {
        if (exchange.isRequest && exchange.isSettled) return;
        if (isInitialize && await this.#keeper.findOldTransport(cause)) {
          continue;
        }
        if (cause instanceof SessionExpiredError) {
          if (isRenewed || !this.#target.recover) {
            return await this.#fail(exchange, cause.error);
          }
          isRenewed = true;
          if (await this.#replace(exchange, cause)) continue;
          return;
        }
        const waitMs = this.#policy.delayMs(exchange, cause, tries);
        if (waitMs === undefined) {
          if (isInitialize) this.#keeper.discard();
          return await this.#fail(exchange, reportable(cause));
        }
        tries++;
        await delay(waitMs, exchange.signal).catch(() => {});
      }
    }
  }

  /** Why an exchange may not be sent in a session, if that is so. */
  async #refusalOf(
    exchange: Exchange,
    session: SessionHeaders,
  ): Promise<ProxyError | undefined> {
    const { callGuard } = this.#target;
    // The list takes no place: the calls that wait for it may hold them all.
    return await callGuard?.refusal(
      exchange,
      session,
      (params) => this.#keeper.ask("tools/list", params, session),
    );
  }

  /** Renews a lost session; whether the exchange is to be sent once more. */
  async #replace(
    exchange: Exchange,
    lost: SessionExpiredError,
  ): Promise<boolean> {
    if (!this.#policy.allows(exchange, lost.retryable)) {
      // What follows this answer is to find the new session.
      const patience = new AbortController();
      const waited = delay(RENEWAL_WAIT_MS, patience.signal).catch(() => {});
      await Promise.race([this.#keeper.onExpired(lost.session), waited]);
      patience.abort();
      await this.#fail(exchange, lost.error);
      return false;
    }
    try {
      await this.#keeper.renew(lost.session);
    } catch (cause) {
      // What may have run is told of by what became of it.
      const error = lost.retryable === "always"
        ? reportable(cause)
        : lost.error;
      await this.#fail(exchange, error);
      return false;
    }
    exchange.observation?.recovered();
    return true;
  }

  #fail(exchange: Exchange, error: ProxyError | Uint8Array): Promise<void> {
    return this.#router.report(exchange, error);
  }

  async #timeOut(exchange: Exchange, error: ProxyError): Promise<void> {
    const { isSent, method, pending } = exchange;
    const answered = this.#fail(exchange, error);
    exchange.end(error);
    if (isSent && method !== "initialize") {
      for (const id of pending) this.#tellCancelled(id);
    }
    await answered.catch(() => {});
  }

  #tellCancelled(id: RequestId): void {
    const bytes = encoder.encode(
      `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id.source},"reason":"timeout"}}`,
    );
    const method = "notifications/cancelled";
    const exchange = this.#open({ bytes, method, requests: [] });
    this.#start(exchange, this.#gate, this.#notifications);
  }

  /** Answers a request of the target's that the client is not given. */
  #refuse(id: RequestId, { code, message }: ProxyError): void {
    const error = JSON.stringify({ code, message });
    const bytes = encoder.encode(
      `{"jsonrpc":"2.0","id":${id.source},"error":${error}}`,
    );
    this.#router.takeTargetRequest(id);
    const init = { bytes, method: "response", requests: [] };
    void this.#sendAnswer(init, this.#gate);
  }

  /** Learns from an answer what the session needs to know. */
  #onAnswer(
    answer: ResponseMessage,
    frame: Uint8Array,
    exchange: Exchange,
    session: SessionHeaders,
  ): void {
    const loss = answer.error && hasSession(session)
      ? expiryInAnswer(answer.error)
      : undefined;
    if (loss !== undefined && this.#target.recover) {
      // Of its own stream alone can the exchange be sent again, and a batch
      // has other answers beside this one, which are not thrown away.
      const isAlone = exchange.requests.length === 1 && !session.channel;
      if (!isAlone) void this.#keeper.onExpired(session);
      else {
        throw new SessionExpiredError(session, loss, frame);
      }
    }
    if (exchange.onAnswer || answer.error) return;
    const isOpening = exchange.method === "initialize";
    if (isOpening) this.#keeper.adopt(exchange, answer.result, session);
    this.#keeper.remember(exchange, isOpening ? answer.result : undefined);
    if (exchange.method === "tools/list") this.#policy.record(answer.result);
  }

  /** Carries an exchange of the proxy's own in a session given. */
  async #sendOwn(exchange: Exchange, session: SessionHeaders): Promise<void> {
    this.#router.expect(exchange);
    exchange.limit(
      this.#deadlines,
      this.#target,
      (error) => exchange.end(error),
    );
    const done = Promise.withResolvers<void>();
    this.#inFlight.add(exchange, done.promise, true);
    try {
      for (let tries = 0;;) {
        try {
          return await this.#transport.carry(exchange, session);
        } catch (cause) {
          const waitMs = this.#policy.delayMs(exchange, cause, tries++);
          if (waitMs === undefined) throw cause;
          await delay(waitMs, exchange.signal);
        }
      }
    } finally {
      done.resolve();
      exchange.finish();
      this.#router.forget(exchange);
    }
  }

  #closeGate(until: Promise<unknown>): void {
    const gate = Promise.all([this.#gate, until]);
    this.#gate = gate;
    gate.then(() => {
      if (this.#gate === gate) this.#gate = undefined;
    });
  }

  /**
   * Waits for what is in flight until `patience` is aborted, then answers the
   * rest with an error.
   */
  async drain(patience: AbortSignal): Promise<void> {
    this.#keeper.release();
    await this.#inFlight.drain(patience);
  }

  /** Ends the session upstream, as far as that is done within the limit. */
  async close(limitMs: number): Promise<void> {
    this.#deadlines.stop();
    await this.#keeper.close(limitMs);
  }
}
