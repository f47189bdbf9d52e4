/**
 * The upstream of revision 2026-07-28: no handshake, no session; each request
 * is a POST that says of itself all there is to say.
 *
 * 1. A message's headers mirror it: its version, its method, its name, and the
 *    arguments that the tool's schema marks.
 * 2. Schemas are learnt from the lists of tools that pass. When the target says
 *    that a call's headers are not right, its tools are listed anew and the call
 *    is sent once more.
 * 3. A cancelled request's response is closed, and that is all the target hears
 *    of it. A stream that is cut is never resumed.
 * 4. `subscriptions/listen` and `events/stream` stand open without a limit, and
 *    are opened again.
 * 5. `server/discover`, by which a client chooses its era, is not answered with
 *    a failure that may pass before that was waited out.
 *
 * @module
 */

import type { Target } from "../transport/target.ts";
import { AttemptError, RetryPolicy } from "../transport/retry.ts";
import { reportable, streamCut, summaryOf } from "../transport/failure.ts";
import { Deadlines, delay } from "../../time.ts";
import { excerpt } from "../wire/excerpt.ts";
import { ProxyError } from "../../errors.ts";
import { HttpTransport } from "../transport/http_transport.ts";
import { ResponseRouter } from "../transport/response_router.ts";
import { DISCOVER, discoverDelayMs, legacyAnswer } from "./discover.ts";
import { Exchange } from "../transport/exchange.ts";
import { NO_SESSION, type SessionHeaders } from "../wire/headers.ts";
import { UNREAD } from "../wire/large_message.ts";
import { LONG_LIVED_METHODS, Subscription } from "./listen.ts";
import {
  isObject,
  type NotificationMessage,
  requestId,
  type RequestMessage,
  type ResponseMessage,
  type SingleMessage,
} from "../wire/message.ts";
import { memberAt } from "../wire/splice.ts";
import { standardHeaders } from "./headers.ts";
import { Semaphore } from "../transport/semaphore.ts";
import { requestsIn } from "../transport/pending_requests.ts";
import { isHeaderMismatch, ToolLister } from "../tools/lister.ts";
import { ToolSchemas, withoutTools } from "./tool_schemas.ts";
import { InFlight } from "../transport/in_flight.ts";

/** A target without sessions. */
export interface StatelessTarget extends Target {
  /** What the tools want mirrored, where several links know it together. */
  readonly toolSchemas?: ToolSchemas;
}

/** How many notifications are upstream at once, beside the requests. */
const MAX_NOTIFICATIONS = 256;

/** How many subscriptions stand open at once, each with a connection. */
const MAX_SUBSCRIPTIONS = 1_024;

function tooManySubscriptions(): ProxyError {
  return new ProxyError(
    "overloaded",
    `${MAX_SUBSCRIPTIONS} subscriptions stand open, and the proxy opens no more`,
    { data: { mayHaveRun: false } },
  );
}

/** The target as clients of 2026-07-28 see it. */
export class StatelessSession {
  readonly #target: StatelessTarget;
  readonly #router: ResponseRouter;
  readonly #transport: HttpTransport;
  readonly #requests: Semaphore;
  readonly #notifications = new Semaphore(MAX_NOTIFICATIONS);
  readonly #policy: RetryPolicy;
  readonly #schemas: ToolSchemas;
  readonly #lister: ToolLister;
  readonly #inFlight: InFlight;
  readonly #deadlines = new Deadlines();
  readonly #subscriptions = new Map<Exchange, Subscription>();
  /** What a `server/discover` last failed with that is tried again. */
  readonly #waitedOut = new WeakMap<Exchange, unknown>();

  constructor(target: StatelessTarget) {
    this.#target = target;
    this.#router = new ResponseRouter(target, {
      era: "modern",
      onAnswer: (...answer) => this.#onAnswer(...answer),
      pass: (...message) => this.#pass(...message),
      // There are no requests of the target's in this era.
      refuse: () => {},
    });
    this.#transport = new HttpTransport(target, this.#router, {
      resumes: false,
    });
    this.#requests = new Semaphore(target.maxConcurrency);
    this.#policy = new RetryPolicy(target.retries);
    this.#schemas = target.toolSchemas ?? new ToolSchemas(target.log);
    this.#lister = new ToolLister({
      metadata: target.metadata,
      carry: (exchange) => this.#sendOwn(exchange),
    });
    this.#inFlight = new InFlight(this.#router);
  }

  /**
   * Takes one message of the client's, and answers it in its time; resolves
   * when it is over.
   */
  accept(
    bytes: Uint8Array,
    message: RequestMessage | NotificationMessage,
  ): Promise<void> {
    const { method, params } = message;
    const asked = requestsIn([{ message, bytes }]);
    const exchange = new Exchange({ bytes, method, params, ...asked });
    this.#router.expect(exchange);
    const isLongLived = exchange.isRequest && LONG_LIVED_METHODS.has(method);
    if (isLongLived && this.#subscriptions.size >= MAX_SUBSCRIPTIONS) {
      return this.#router.report(exchange, tooManySubscriptions());
    }
    if (isLongLived) {
      this.#subscriptions.set(exchange, new Subscription(exchange));
    } else {
      exchange.limit(
        this.#deadlines,
        this.#target,
        (error) => void this.#timeOut(exchange, error).catch(() => {}),
      );
    }
    const semaphore = exchange.isRequest ? this.#requests : this.#notifications;
    const done = this.#run(exchange, isLongLived ? undefined : semaphore);
    this.#inFlight.add(exchange, done, isLongLived);
    return done;
  }

  /**
   * Ends a request that the client has cancelled; nothing more is written for
   * it. False when it is none of this era's.
   */
  cancel(params: unknown): boolean {
    const id = isObject(params) ? requestId(params.requestId) : undefined;
    const exchange = id && this.#router.pending.exchangeOf(id);
    if (!exchange) return false;
    exchange.take(id);
    exchange.end();
    return true;
  }

  async #run(
    exchange: Exchange,
    semaphore: Semaphore | undefined,
  ): Promise<void> {
    let leave: (() => void) | undefined;
    try {
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
      this.#subscriptions.delete(exchange);
    }
  }

  /** Sends an exchange, again if that is right, until it is answered. */
  async #carry(exchange: Exchange): Promise<void> {
    let isHealed = false;
    for (let tries = 0;;) {
      try {
        return await this.#send(exchange);
      } catch (cause) {
        if (exchange.isRequest && exchange.isSettled) return;
        const mayMend = !isHealed && !exchange.answerHasBegun;
        if (mayMend && isHeaderMismatch(exchange, cause)) {
          isHealed = true;
          if (await this.#lister.list(exchange)) continue;
        }
        const waitMs = this.#delayMs(exchange, cause, tries);
        if (waitMs === undefined) return await this.#fail(exchange, cause);
        tries++;
        await delay(waitMs, exchange.signal).catch(() => {});
      }
    }
  }

  async #send(exchange: Exchange): Promise<void> {
    const { method, params } = exchange;
    const subscription = this.#subscriptions.get(exchange);
    if (subscription) {
      exchange.beginFetch(this.#deadlines, this.#target.idleTimeoutMs);
      await subscription.moveCursor();
    }
    const mirrored = method === "tools/call"
      ? this.#schemas.headersFor(params)
      : [];
    const headers = [...standardHeaders(method, params), ...mirrored];
    await this.#transport.carry(exchange, { ...NO_SESSION, mirrored: headers });
  }

  #delayMs(
    exchange: Exchange,
    cause: unknown,
    tries: number,
  ): number | undefined {
    const subscription = this.#subscriptions.get(exchange);
    if (subscription?.isOpen) return subscription.delayMs(cause);
    if (exchange.method !== DISCOVER) {
      return this.#policy.delayMs(exchange, cause, tries);
    }
    this.#waitedOut.set(exchange, cause);
    const { timeoutMs } = this.#target;
    return discoverDelayMs(exchange, cause, tries, timeoutMs);
  }

  async #fail(exchange: Exchange, cause: unknown): Promise<void> {
    const subscription = this.#subscriptions.get(exchange);
    if (subscription?.isOpen) {
      this.#target.log.warn("a subscription is over", {
        id: exchange.requests[0].source,
        error: summaryOf(cause),
      });
      exchange.observation?.failed(
        cause instanceof AttemptError ? cause.error : streamCut(cause),
      );
      return await this.#target.emit(subscription.end());
    }
    const legacy = exchange.method === DISCOVER
      ? legacyAnswer(cause)
      : undefined;
    await this.#router.report(exchange, legacy ?? reportable(cause));
  }

  async #timeOut(exchange: Exchange, error: ProxyError): Promise<void> {
    // That it took too long is less of the truth than what was waited out.
    const cause = this.#waitedOut.get(exchange) ?? error;
    const reported = this.#router.report(exchange, reportable(cause));
    exchange.end(error);
    await reported;
  }

  /** Learns from an answer; throws for one that is not the client's to see. */
  #onAnswer(
    answer: ResponseMessage,
    frame: Uint8Array,
    exchange: Exchange,
    _session: SessionHeaders,
  ): void {
    const { error } = answer;
    if (exchange.method === "tools/list") {
      const { result } = answer;
      checkRead(result, frame);
      this.#policy.record(result);
      if (exchange.onAnswer) this.#schemas.learn(result);
    }
    if (!error) return;
    const subscription = this.#subscriptions.get(exchange);
    const isReopening = subscription?.isOpen && !subscription.isAcknowledged;
    if (!isReopening) return;
    const told = new ProxyError("no-answer", error.message);
    throw new AttemptError(told, "never", undefined, frame);
  }

  /** The frames that a message of the target's becomes. */
  #pass(
    message: SingleMessage,
    frame: Uint8Array,
    exchange: Exchange | undefined,
  ): readonly Uint8Array[] {
    switch (message.kind) {
      case "request":
        this.#target.log.warn(
          "dropped a request of the target's, which 2026-07-28 has none of",
          { method: excerpt(message.method) },
        );
        return [];
      case "response":
        if (exchange?.method !== "tools/list") return [frame];
        return [withoutTools(frame, this.#schemas.learn(message.result))];
      case "notification": {
        if (!exchange || exchange.signal.aborted) return [];
        const subscription = this.#subscriptions.get(exchange);
        return subscription?.receive(message, frame) ?? [frame];
      }
    }
  }

  /** Carries an exchange of the proxy's own. */
  async #sendOwn(exchange: Exchange): Promise<void> {
    this.#router.expect(exchange);
    exchange.limit(
      this.#deadlines,
      this.#target,
      (error) => exchange.end(error),
    );
    try {
      await this.#carry(exchange);
    } finally {
      exchange.finish();
      this.#router.forget(exchange);
    }
  }

  /**
   * Waits for what is in flight until `patience` is aborted, then answers the
   * rest with an error.
   */
  async drain(patience: AbortSignal): Promise<void> {
    await this.#inFlight.drain(patience);
  }

  /** Ends what it holds upstream: there is no session, so that is nothing. */
  close(_limitMs: number): Promise<void> {
    this.#deadlines.stop();
    return Promise.resolve();
  }
}

/** Refuses a list that may have tools in it which a client must not see. */
function checkRead(result: unknown, frame: Uint8Array): void {
  const isRead = result !== UNREAD &&
    !(isObject(result) && result.tools === UNREAD) &&
    !memberAt(frame, ["result", "tools"])?.isPartial;
  if (isRead) return;
  const message =
    "the target's list of tools has too many values to look through";
  throw new AttemptError(new ProxyError("bad-answer", message), "never");
}
