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
 */

import { bytesOf } from "../../blob.ts";
import type { ProxyError } from "../../errors.ts";
import { within } from "../../time.ts";
import type { Exchange } from "../transport/exchange.ts";
import { InFlight, MAX_UNASKED, NO_LIMIT } from "../transport/in_flight.ts";
import {
  cancelledId,
  type Link,
  messageFrame,
  partsOf,
  rpcErrorFrame,
  withoutMessages,
} from "../transport/link.ts";
import { requestsIn } from "../transport/answers/pending_requests.ts";
import type { RouterHooks } from "../transport/answers/delivery.ts";
import { SessionExpiredError } from "../transport/retry.ts";
import { Semaphore } from "../../semaphore.ts";
import { expiryInAnswer } from "../transport/session_expiry.ts";
import type { CallGuard } from "../tools/gate.ts";
import type { AskForTools } from "../tools/recorder.ts";
import { hasSession, type SessionHeaders } from "../wire/headers.ts";
import {
  type BatchMessage,
  type Message,
  type NotificationMessage,
  parseMessageInTurns,
  type RequestId,
  type RequestMessage,
  type ResponseMessage,
  type ValidMessage,
} from "../wire/message.ts";
import { SessionKeeper, type SessionTarget } from "./session_keeper.ts";

/** How long what follows waits for `notifications/initialized`. */
const INITIALIZED_WAIT_MS = 10_000;

/** How many answers may wait for a place; those that a layer makes, too. */
const MAX_WAITING_ANSWERS = 4_096;

/** How long a cancelled request's stream stays open for what is still said. */
const CANCELLED_DRAIN_MS = 5_000;

export class Session implements Link {
  readonly #target: SessionTarget;
  readonly #answers = new Semaphore(MAX_UNASKED);
  readonly #pings = new Semaphore(MAX_UNASKED);
  readonly #keeper: SessionKeeper;
  readonly #inFlight: InFlight;
  /** What new messages wait for; it never rejects. */
  #gate: Promise<unknown> | undefined;

  constructor(target: SessionTarget, pass?: RouterHooks["pass"]) {
    this.#target = target;
    this.#inFlight = new InFlight(target, {
      era: "legacy",
      pass,
      onAnswer: (...answer) => this.#onAnswer(...answer),
      refuse: (id, error) => this.#refuse(id, error),
      send: (exchange) => this.#send(exchange),
      sendOwn: (exchange, session) => {
        const { policy, transport } = this.#inFlight;
        return policy.run(exchange, () => transport.send(exchange, session));
      },
      onTimeout: (exchange, error) => this.#timeOut(exchange, error),
    });
    this.#keeper = new SessionKeeper(
      target,
      this.#inFlight,
      (renewal) => this.#closeGate(renewal.catch(() => {})),
    );
  }

  accept(bytes: Uint8Array, message: ValidMessage): Promise<void> | void {
    this.#keeper.touch();
    switch (message.kind) {
      case "request":
        return this.#acceptRequest(bytes, message);
      case "notification":
        return this.#acceptNotification(bytes, message);
      case "response":
        // The target waits for it, and may wait with that to `initialize`.
        return this.#sendAnswer(
          bytes,
          message.id &&
            this.#inFlight.router.targetRequests.delete(message.id.key),
        );
      case "batch":
        return this.#acceptBatch(bytes, message);
    }
  }

  #acceptRequest(bytes: Uint8Array, message: RequestMessage): Promise<void> {
    const { method, params } = message;
    const asked = requestsIn([{ message, bytes }]);
    const exchange = this.#inFlight.open({ bytes, method, params, ...asked });
    const gate = this.#gate;
    if (method === "initialize") {
      this.#closeGate(exchange.settled);
      return this.#inFlight.start(exchange, { gate, semaphore: NO_LIMIT });
    }
    // A ping asks whether the target is there: it does not wait for calls.
    const semaphore = method === "ping" ? this.#pings : undefined;
    return this.#inFlight.start(exchange, { gate, semaphore });
  }

  #acceptBatch(bytes: Uint8Array, batch: BatchMessage): Promise<void> {
    const asked = requestsIn(partsOf(bytes, batch));
    const hasAnswer = batch.messages.some(({ kind }) => kind === "response");
    const isAnswer = hasAnswer && asked.requests.length === 0;
    const waits = isAnswer
      ? { semaphore: this.#answers }
      : { gate: this.#gate };
    return this.#inFlight.send({ bytes, method: "batch", ...asked }, waits);
  }

  #acceptNotification(
    bytes: Uint8Array,
    message: NotificationMessage,
  ): Promise<void> | void {
    const { method, params } = message;
    const cancelled = cancelledId(message);
    if (cancelled && !this.#cancel(cancelled)) return;
    const init = { bytes, method, params, requests: [] };
    const gate = this.#gate;
    if (method !== "notifications/initialized") {
      return this.#inFlight.send(init, { gate });
    }
    const { promise: refused, resolve } = Promise.withResolvers<void>();
    const done = this.#inFlight.send({ ...init, onRefused: resolve }, { gate });
    const begun = within(INITIALIZED_WAIT_MS, done)
      .then(() => this.#keeper.begin());
    // Whether the session is lost shows in what follows as well.
    this.#closeGate(Promise.race([begun, refused]));
    return done;
  }

  #sendAnswer(
    bytes: Uint8Array,
    answerTo: SessionHeaders | undefined,
    gate?: Promise<unknown>,
  ): Promise<void> | void {
    if (this.#answers.waiting >= MAX_WAITING_ANSWERS) {
      // A target that asks without end, and takes no answer.
      const { log } = this.#target;
      return log.debug("dropped an answer that the target does not take");
    }
    const init = { bytes, method: "response", requests: [], answerTo };
    return this.#inFlight.send(init, { gate, semaphore: this.#answers });
  }

  /** Lets a cancelled request go; false when the target need not be told. */
  #cancel(id: RequestId): boolean {
    const exchange = this.#inFlight.router.pending.exchangeOf(id);
    if (!exchange) return true;
    if (exchange.method === "initialize") {
      const { log } = this.#target;
      log.warn("initialize cannot be cancelled", { id: id.source });
      return false;
    }
    exchange.cancel(id);
    if (!exchange.isSettled) return true;
    // What is not at the target now is not sent any more.
    const isThere = exchange.isAtTarget && exchange.isSent;
    if (isThere) exchange.endAfter(CANCELLED_DRAIN_MS);
    else exchange.end();
    return isThere;
  }

  /** Sends an exchange, again if that is safe, until it is answered. */
  async #send(exchange: Exchange): Promise<void> {
    let isRenewed = false;
    const recover = async (cause: unknown) => {
      if (!(cause instanceof SessionExpiredError)) {
        return exchange.method === "initialize" &&
          await this.#keeper.findOldTransport(cause);
      }
      if (isRenewed || !this.#target.recover) return false;
      isRenewed = true;
      const isSafe = this.#inFlight.policy.allows(exchange, cause.retryable);
      await this.#keeper.replace(cause, isSafe);
      exchange.observation?.recovered();
      return true;
    };
    try {
      await this.#inFlight.policy
        .run(exchange, () => this.#attempt(exchange), recover);
    } catch (cause) {
      if (exchange.method === "initialize") this.#keeper.discard();
      await this.#inFlight.report(exchange, cause);
    }
  }

  async #attempt(exchange: Exchange): Promise<void> {
    const session = exchange.method === "initialize"
      ? await this.#keeper.opening((isHeld) => exchange.isHeld = isHeld)
      : this.#keeper.current;
    if (exchange.answerTo && this.#keeper.isGone(exchange.answerTo)) {
      const { log } = this.#target;
      return log.info("dropped an answer to a session that is gone");
    }
    const { callGuard } = this.#target;
    const isAllowed = callGuard === undefined ||
      await this.#allow(exchange, session, callGuard);
    if (isAllowed) await this.#inFlight.transport.send(exchange, session);
  }

  /** Leaves out what may not be sent; whether there is something left. */
  async #allow(
    exchange: Exchange,
    session: SessionHeaders,
    callGuard: CallGuard,
  ): Promise<boolean> {
    const { method, params, requests: [id] } = exchange;
    if (method !== "tools/call" && method !== "batch") return true;
    const isBatch = method === "batch";
    const bytes = isBatch ? await bytesOf(exchange.body) : new Uint8Array();
    const message: Message = isBatch
      ? await parseMessageInTurns(bytes)
      : { kind: "request", id, method, params };
    if (message.kind === "invalid") return true;
    // The list takes no place: the calls that wait for it may hold them all.
    const ask: AskForTools = (params) =>
      this.#inFlight.ask("tools/list", params, session)
        .then(({ answer, frame }) => [answer, frame]);
    const refused = await callGuard.refusals(message, session, ask);
    if (refused.size === 0) return true;
    const { pending } = this.#inFlight.router;
    for (const [call, error] of refused) {
      const owed = call.kind === "request" && exchange.owed(call.id);
      if (owed) await pending.report(exchange, error, [owed]);
    }
    const rest = withoutMessages(bytes, message, (one) => refused.has(one));
    if (!rest) return false;
    exchange.replaceBody(rest[0]);
    if (!exchange.isSettled) return true;
    // Nothing waits for what is left, as a rule an answer of the client's.
    void this.accept(...rest);
    return false;
  }

  async #timeOut(exchange: Exchange, error: ProxyError): Promise<void> {
    const { isSent, method, pending } = exchange;
    const answered = this.#inFlight.report(exchange, error);
    exchange.end(error);
    if (isSent && method !== "initialize") {
      const method = "notifications/cancelled";
      for (const { source } of pending) {
        const params = `{"requestId":${source},"reason":"timeout"}`;
        const bytes = messageFrame(method, params);
        const init = { bytes, method, requests: [] };
        void this.#inFlight.send(init, { gate: this.#gate });
      }
    }
    await answered;
  }

  /** Answers a request of the target's that the client is not given. */
  #refuse(id: RequestId, { code, message }: ProxyError): void {
    this.#inFlight.router.targetRequests.delete(id.key);
    const frame = rpcErrorFrame(id, { code, message });
    void this.#sendAnswer(frame, undefined, this.#gate);
  }

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
      // On a shared stream, or in a batch, there are other answers, too: then
      // the exchange is not sent again.
      const isAlone = exchange.requests.length === 1 && !session.channel;
      if (isAlone) throw new SessionExpiredError(session, loss, frame);
      void this.#keeper.onExpired(session);
    }
    if (exchange.onAnswer || answer.error) return;
    const { method } = exchange;
    if (method === "initialize") {
      this.#keeper.adopt(exchange, answer.result, session);
    }
    this.#keeper.recovery.remember(exchange, answer);
    if (method === "tools/list") this.#inFlight.policy.record(answer.result);
  }

  #closeGate(until: Promise<unknown>): void {
    const gate = Promise.all([this.#gate, until]);
    this.#gate = gate;
    gate.then(() => {
      if (this.#gate === gate) this.#gate = undefined;
    });
  }

  async drain(deadline: AbortSignal): Promise<void> {
    this.#keeper.stop();
    await this.#inFlight.drain(deadline);
  }

  async close(limitMs: number): Promise<void> {
    this.#inFlight.deadlines.stop();
    await this.#keeper.close(limitMs);
  }
}
