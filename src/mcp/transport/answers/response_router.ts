/**
 * What the target says → frames for the client. Here every request gets its
 * one answer, and nobody gets one that was not asked for.
 */

import { excerpt } from "../../../excerpt.ts";
import { withoutByteOrderMark } from "../../wire/bytes.ts";
import type { Target } from "../target.ts";
import { ProxyError } from "../../../errors.ts";
import { answerTo, repairedAnswer, withIdOf } from "../../wire/answers.ts";
import type { OversizedData, ServerEvent } from "../../wire/events.ts";
import type { Exchange, PendingRequest } from "../exchange.ts";
import { frameTooLarge, noMessage, saidInEvent } from "../failure.ts";
import { partsOf } from "../link.ts";
import { NO_WAIT } from "../../wire/frames.ts";
import { partOf, rootOf, SMALL_BYTES } from "../../wire/large_message.ts";
import { NO_SESSION, type SessionHeaders } from "../../wire/headers.ts";
import {
  type BatchMessage,
  idIn,
  type InvalidMessage,
  type Message,
  parseMessage,
  parseMessageInTurns,
  type ResponseMessage,
  type SingleMessage,
  singlesOf,
  type ValidMessage,
} from "../../wire/message.ts";
import { type Origin, PendingRequests } from "./pending_requests.ts";
import {
  type Delivery,
  mayBeBatch,
  Receipts,
  type RouterHooks,
} from "./delivery.ts";
import { LruCache } from "../../../lru_cache.ts";
import { membersOf, taskIdIn } from "../../wire/splice.ts";

/** How many requests of the target's are remembered until they are answered. */
const MAX_TARGET_REQUESTS = 10_000;

export class ResponseRouter {
  readonly #target: Target;
  readonly #hooks: RouterHooks;
  readonly pending: PendingRequests;
  readonly receipts: Receipts;
  /** The sessions in which the target asks, by the ID, until it is answered. */
  readonly targetRequests = new LruCache<SessionHeaders>(MAX_TARGET_REQUESTS);

  constructor(target: Target, hooks: RouterHooks) {
    this.#target = target;
    this.#hooks = hooks;
    this.receipts = new Receipts(target.log);
    this.pending = new PendingRequests(target, hooks.era);
  }

  /**
   * Delivers one message of the target. A small one is on its way when this
   * returns.
   *
   * @throws {ProxyError} `bad-answer` when it is no JSON-RPC message.
   */
  receive(
    body: Uint8Array,
    session: SessionHeaders,
    exchange?: Exchange,
  ): Promise<void> {
    exchange?.noteProgress();
    const origin = { session, exchange };
    const bytes = this.#withoutMark(body, exchange);
    const receive = (message: Message) => {
      if (message.kind !== "invalid") {
        return this.#receive(bytes, message, origin, true);
      }
      return this.#receiveBroken(bytes, message, origin).then(() => {
        if (exchange?.isSettled) return;
        throw this.#noMessage(message.detail, bytes);
      });
    };
    return bytes.length <= SMALL_BYTES
      ? receive(parseMessage(bytes))
      : parseMessageInTurns(bytes).then(receive);
  }

  /** Delivers what an event holds: under whatever name, as SDKs do. */
  async receiveEvent(
    { type = "message", data, oversized, isCut }:
      & Pick<ServerEvent, "data">
      & Partial<ServerEvent>,
    session: SessionHeaders,
    exchange?: Exchange,
  ): Promise<void> {
    if (oversized) return await this.#receiveOversized(oversized, exchange);
    if (data.length === 0) return;
    const origin = { session, exchange };
    const bytes = this.#withoutMark(data, exchange);
    const message = await parseMessageInTurns(bytes);
    // Without its blank line it counts as the end of what is waited for alone.
    if (isCut && !this.#isEnd(message, origin)) return;
    if (message.kind !== "invalid") {
      exchange?.noteProgress();
      return await this.#receive(bytes, message, origin);
    }
    if (await this.#receiveBroken(bytes, message, origin)) return;
    this.pending.noteBegun(origin);
    const { log, redactor: { redact } } = this.#target;
    if (exchange) exchange.said = saidInEvent(bytes, redact) || exchange.said;
    log.debug("skipped an event that is no JSON-RPC message", {
      type: excerpt(type),
      detail: message.detail,
      method: exchange?.method,
    });
  }

  /** Whether JSON that is whole answers what is pending, or says why it is not. */
  #isEnd(message: Message, origin: Origin): boolean {
    if (message.kind === "invalid") return message.reason !== "parse";
    return singlesOf(message).some((one) =>
      one.kind === "response" && this.pending.requestFor(one, origin, true)
    );
  }

  /**
   * Delivers of an array what is a message, and keeps what is none and seems to
   * answer a request as its error; false if there is nothing.
   */
  async #receiveBroken(
    bytes: Uint8Array,
    broken: InvalidMessage,
    origin: Origin,
  ): Promise<boolean> {
    const members = broken.parts && membersOf(bytes, rootOf(bytes));
    let isTaken = false;
    for (const [index, message] of (broken.parts ?? [broken]).entries()) {
      const part = members ? partOf(bytes, members[index]) : bytes;
      if (message.kind !== "invalid") {
        await this.#receive(part, message, origin);
        isTaken = true;
        continue;
      }
      const answer = { id: message.answerTo, error: undefined };
      const owed = this.pending.requestFor(answer, origin);
      if (!owed) continue;
      this.#keep(owed, this.#noMessage(message.detail, part));
      isTaken = true;
    }
    return isTaken;
  }

  /** Keeps an error for a request that has run, until a better answer comes. */
  #keep(owed: PendingRequest, error: ProxyError): void {
    owed.owner.answerHasBegun = true;
    this.pending.keep(owed, error);
  }

  #noMessage(detail: string, bytes: Uint8Array): ProxyError {
    return noMessage(detail, bytes, this.#target.redactor.redact);
  }

  #withoutMark(body: Uint8Array, exchange: Exchange | undefined): Uint8Array {
    const text = withoutByteOrderMark(body);
    return this.#noted("byte-order-mark", body, text, exchange);
  }

  /** The frame as it is repaired, which is noted. */
  #noted(
    repaired: string,
    before: Uint8Array,
    frame: Uint8Array,
    exchange: Exchange | undefined,
  ): Uint8Array {
    if (frame === before) return frame;
    const fields = { repaired, method: exchange?.method };
    this.#target.log.debug("repaired a message of the target's", fields);
    return frame;
  }

  #receive(
    bytes: Uint8Array,
    message: ValidMessage,
    origin: Origin,
    isAll = false,
  ): Promise<void> {
    if (message.kind === "batch") {
      return this.#receiveBatch(bytes, message, origin);
    }
    const delivery = this.#take(bytes, message, origin, isAll);
    return delivery ? this.#deliver(delivery, origin) : NO_WAIT;
  }

  /** A batch passes whole where the client has batches. */
  async #receiveBatch(
    bytes: Uint8Array,
    batch: BatchMessage,
    origin: Origin,
  ): Promise<void> {
    const { exchange } = origin;
    const parts = partsOf(bytes, batch);
    if (exchange && parts.length > 1) exchange.answerHasBegun = true;
    if (this.#hooks.pass || !mayBeBatch(batch, origin)) {
      this.#noted("array", bytes, parts[0].bytes, exchange);
      for (const { bytes, message } of parts) {
        await this.#receive(bytes, message, origin);
      }
      return;
    }
    const deliveries = parts.map(({ bytes, message }) =>
      this.#take(bytes, message, origin)
    );
    await this.receipts.start(async () => {
      const frames = this.#target.receiptOf
        ? await this.receipts.putAll(bytes, deliveries)
        : deliveries.map((one) => one?.frame);
      const isAsItWas = parts.every(({ bytes }, n) => frames[n] === bytes);
      await this.pending.emitAll(isAsItWas ? [bytes] : frames, exchange);
    });
  }

  /** What the client is to get of a message, if anything. */
  #take(
    bytes: Uint8Array,
    message: SingleMessage,
    origin: Origin,
    isAll = false,
  ): Delivery | undefined {
    const { exchange } = origin;
    const repaired = repairedAnswer(bytes, message);
    const frame = this.#noted("member", bytes, repaired, exchange);
    if (message.kind !== "response") {
      const isWanted = this.#takeTargetMessage(message, origin);
      return isWanted ? { message, frame, owner: exchange } : undefined;
    }
    const owed = this.pending.requestFor(message, origin, isAll);
    if (!owed) return this.#takeUnasked(message, frame, origin);
    const { fault } = message;
    if (fault !== undefined) {
      // What a result holds is no word of the target's, nor the client's to
      // see.
      const said = message.error ? bytes : bytes.subarray(0, 0);
      return void this.#keep(owed, this.#noMessage(fault, said));
    }
    return this.#takeAnswer(owed, message, frame, origin);
  }

  /** Notes what the target asks or tells; false when it is not for the client. */
  #takeTargetMessage(
    message: Exclude<SingleMessage, ResponseMessage>,
    origin: Origin,
  ): boolean {
    this.pending.noteBegun(origin, message);
    if (message.kind === "request") {
      this.targetRequests.set(message.id.key, origin.session);
      return true;
    }
    const isWanted = this.pending.isWanted(message);
    if (!isWanted) this.#target.log.debug("dropped progress of what is over");
    return isWanted;
  }

  /** Keeps an error that nobody waits for; drops another answer. */
  #takeUnasked(
    answer: ResponseMessage,
    frame: Uint8Array,
    origin: Origin,
  ): undefined {
    const isKept = answer.fault === undefined &&
      this.pending.keepError(answer, frame, origin);
    if (isKept) return;
    this.#target.log.warn("dropped an answer that nobody waits for", {
      id: answer.id?.source,
      method: origin.exchange?.method,
    });
  }

  /** Takes an answer for the request that waits for it, under its ID. */
  #takeAnswer(
    request: PendingRequest,
    given: ResponseMessage,
    bytes: Uint8Array,
    { session, exchange }: Origin,
  ): Delivery | undefined {
    const { owner } = request;
    const renamed = withIdOf(request, bytes, given.id);
    const frame = this.#noted("id", bytes, renamed, exchange);
    const message = frame === bytes ? given : answerTo(request, given);
    // Only its own stream can tell of the session that a request was sent in.
    const isOwn = owner === exchange || session.channel !== undefined;
    const sentIn = isOwn ? session : NO_SESSION;
    try {
      this.#hooks.onAnswer(message, frame, owner, sentIn);
    } catch (error) {
      // Thrown on its own stream, it ends the exchange; on another, its owner.
      if (owner === exchange || !(error instanceof ProxyError)) throw error;
      return void this.pending.report(owner, error).catch(() => {});
    }
    owner.observation?.answered(message);
    if (taskIdIn(given, bytes) !== undefined) {
      this.pending.keepProgress(request);
    }
    this.pending.take(request);
    if (!owner.onAnswer) return { owner, message, frame };
    owner.onAnswer(message, frame);
  }

  #deliver(delivery: Delivery, { exchange }: Origin): Promise<void> {
    if (!this.#target.receiptOf) return this.#emit(delivery);
    const { owner } = delivery;
    const emitted = this.receipts.start(async () => {
      const frame = await this.receipts.put(delivery);
      await this.#emit({ ...delivery, frame });
    });
    const delivered = owner?.delivering(emitted) ?? emitted;
    // The head of its own POST is no business of others on the same stream.
    return owner === undefined || owner === exchange ? delivered : NO_WAIT;
  }

  #emit({ message, frame, owner }: Delivery): Promise<void> {
    const frames = this.#hooks.pass?.(message, frame, owner);
    if (!frames) return this.pending.emit(frame, owner);
    return this.pending.emitAll(frames, owner);
  }

  async #receiveOversized(
    { byteLength, scanner: { members } }: OversizedData,
    exchange: Exchange | undefined,
  ): Promise<void> {
    const { maxAnswerBytes, log } = this.#target;
    const error = frameTooLarge(byteLength, this.#target);
    const id = idIn(members);
    if (members.some(({ name }) => name === "method")) {
      const sizes = { byteLength, maxAnswerBytes };
      log.warn("dropped a message of the target that is too large", sizes);
      if (id) this.#hooks.refuse(id, error);
      return;
    }
    const owed = id && this.pending.withId(id, exchange);
    if (owed && (!exchange || owed.owner === exchange)) {
      owed.kept = undefined;
      return await this.pending.fail(owed.owner, error, [owed]);
    }
    // On another call's stream, or without an ID, a better answer may follow.
    const unnamed = id ? [] : exchange?.pending ?? [];
    const meant = owed ? [owed] : unnamed;
    for (const request of meant) this.#keep(request, error);
    if (meant.length > 0) return;
    log.warn("dropped an answer that nobody waits for", { id: id?.source });
  }
}
