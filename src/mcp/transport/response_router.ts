/**
 * What the target says → frames for the client. Here every request gets its
 * one answer, and nobody gets one that was not asked for.
 *
 * @module
 */

import type { Target } from "./target.ts";
import type { ProxyError } from "../../errors.ts";
import { Recent } from "../../lru_cache.ts";
import type { Redact } from "../../redact/redact.ts";
import { withIdOf } from "../wire/answer_id.ts";
import type { Era } from "../wire/era.ts";
import type { OversizedData, ServerEvent } from "../wire/events.ts";
import { excerpt } from "../wire/excerpt.ts";
import type { Exchange } from "./exchange.ts";
import { errorFrame, noMessage, ownErrorData } from "./failure.ts";
import { frameTooLarge } from "./large_answer.ts";
import { NO_WAIT } from "../wire/frames.ts";
import { partOf, SMALL_BYTES } from "../wire/large_message.ts";
import { NO_SESSION, type SessionHeaders } from "../wire/headers.ts";
import {
  answerTo,
  type BatchMessage,
  type Message,
  readMessage,
  readMessageInTurns,
  type RequestId,
  requestIdFromSource,
  type ResponseMessage,
  type SingleMessage,
} from "../wire/message.ts";
import { type Origin, type Owed, PendingRequests } from "./pending_requests.ts";
import { repairedAnswer, withoutByteOrderMark } from "../wire/repair.ts";
import { membersOf, taskIdIn, whole } from "../wire/splice.ts";

/** Who takes part in the routing of responses. */
export interface RouterHooks {
  /** The era of what is delivered. */
  readonly era: Era;
  /**
   * Sees each answer before it is delivered; what it throws ends the reading,
   * and the answer is not delivered.
   */
  readonly onAnswer: (
    answer: ResponseMessage,
    frame: Uint8Array,
    exchange: Exchange,
    session: SessionHeaders,
  ) => void;
  /**
   * Says which frames a message becomes on its way to the client; by default
   * it is one, to the letter.
   */
  readonly pass?: (
    message: SingleMessage,
    frame: Uint8Array,
    exchange: Exchange | undefined,
  ) => readonly Uint8Array[];
  /** Answers a request of the target's that cannot be delivered. */
  readonly refuse: (id: RequestId, error: ProxyError) => void;
}

/** A message for the client. */
interface Delivery {
  readonly message: SingleMessage;
  readonly frame: Uint8Array;
  /** The exchange that it belongs to, if that is known. */
  readonly owner: Exchange | undefined;
}

interface AnswerDelivery extends Delivery {
  readonly message: ResponseMessage;
}

/** How many requests of the target's are remembered until they are answered. */
const MAX_TARGET_REQUESTS = 10_000;

/** The one revision of MCP in which several messages make one frame. */
const BATCH_VERSION = "2025-03-26";

/** How much is read of what is no message, for the words in it. */
const MAX_SAID_BYTES = 256 * 1024;

const decoder = new TextDecoder();

/** Hands messages of the target to the client. */
export class ResponseRouter {
  readonly #target: Target;
  readonly #hooks: RouterHooks;
  readonly #redact: Redact;
  /** Who waits for an answer. */
  readonly pending: PendingRequests;
  readonly #targetRequests = new Recent<SessionHeaders>(MAX_TARGET_REQUESTS);

  constructor(target: Target, hooks: RouterHooks) {
    this.#target = target;
    this.#hooks = hooks;
    this.pending = new PendingRequests(target, hooks.era);
    this.#redact = target.redactor.redact;
  }

  /**
   * The session whose request this answer of the client's is for; `undefined`
   * when no such request is open. It is asked once for each.
   */
  takeTargetRequest(id: RequestId): SessionHeaders | undefined {
    const session = this.#targetRequests.get(id.key);
    this.#targetRequests.delete(id.key);
    return session;
  }

  /** Delivers the error of another ID that is all that answered an exchange. */
  async receiveKept(
    exchange: Exchange,
    session: SessionHeaders,
  ): Promise<void> {
    const { keptError } = exchange;
    if (!keptError || exchange.isSettled) return;
    exchange.keptError = undefined;
    await this.receive(keptError, session, exchange);
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
    const bytes = this.#withoutByteOrderMark(body, exchange);
    const receive = (message: Message) => {
      if (message.kind === "invalid") {
        throw this.#noMessage(message.detail, bytes);
      }
      return this.#receive(bytes, message, origin, true);
    };
    return bytes.length <= SMALL_BYTES
      ? receive(readMessage(bytes))
      : readMessageInTurns(bytes).then(receive);
  }

  /**
   * Delivers what an event holds: under whatever name, as SDKs do. Heartbeats
   * and the like are skipped.
   */
  async receiveEvent(
    { type, data, oversized, isCut }: ServerEvent,
    session: SessionHeaders,
    exchange?: Exchange,
  ): Promise<void> {
    if (oversized) return await this.#receiveOversized(oversized, exchange);
    if (data.length === 0) return;
    const origin = { session, exchange };
    const bytes = this.#withoutByteOrderMark(data, exchange);
    const message = await readMessageInTurns(bytes);
    // Without its blank line it counts as the end of what is waited for alone.
    const isOwed = message.kind === "response" &&
      this.pending.requestFor(message, origin, true) !== undefined;
    if (isCut && !isOwed) return;
    if (message.kind !== "invalid") {
      exchange?.noteProgress();
      return await this.#receive(bytes, message, origin);
    }
    // It is passed over, unless it was to be an answer.
    const answer = { id: message.answerTo, error: undefined };
    const owed = this.pending.requestFor(answer, origin);
    if (owed) {
      const error = this.#noMessage(message.detail, bytes);
      return await this.pending.failOne(owed, error);
    }
    this.pending.noteBegun(origin);
    this.#target.log.debug("skipped an event that is no JSON-RPC message", {
      type: excerpt(type),
      detail: message.detail,
      method: exchange?.method,
    });
  }

  #noMessage(detail: string, bytes: Uint8Array): ProxyError {
    const text = decoder.decode(bytes.subarray(0, MAX_SAID_BYTES));
    return noMessage(detail, text, this.#redact);
  }

  #withoutByteOrderMark(
    bytes: Uint8Array,
    exchange: Exchange | undefined,
  ): Uint8Array {
    const text = withoutByteOrderMark(bytes);
    if (text !== bytes) this.#noteRepair("byte-order-mark", exchange);
    return text;
  }

  #noteRepair(repaired: string, exchange: Exchange | undefined): void {
    this.#target.log.debug("repaired a message of the target's", {
      repaired,
      method: exchange?.method,
    });
  }

  #receive(
    bytes: Uint8Array,
    message: SingleMessage | BatchMessage,
    origin: Origin,
    isAll = false,
  ): Promise<void> {
    if (message.kind === "batch") {
      return this.#receiveBatch(bytes, message.messages, origin);
    }
    const delivery = this.#take(bytes, message, origin, isAll);
    return delivery ? this.#deliver(delivery) : NO_WAIT;
  }

  /** A batch passes whole where the client has batches. */
  async #receiveBatch(
    bytes: Uint8Array,
    messages: readonly SingleMessage[],
    origin: Origin,
  ): Promise<void> {
    const { exchange } = origin;
    if (exchange && messages.length > 1) exchange.answerHasBegun = true;
    const parts = membersOf(bytes, whole(bytes))
      .map((member) => partOf(bytes, member));
    if (this.#hooks.pass || !mayBeBatch(messages, origin)) {
      this.#noteRepair("array", exchange);
      for (const [index, message] of messages.entries()) {
        await this.#receive(parts[index], message, origin);
      }
      return;
    }
    const frames = messages.map((message, index) =>
      this.#take(parts[index], message, origin)?.frame
    );
    const isAsItWas = frames.every((frame, index) => frame === parts[index]);
    await this.#emitAll(isAsItWas ? [bytes] : frames, exchange);
  }

  /** What the client is to get of a message, if anything. */
  #take(
    bytes: Uint8Array,
    message: SingleMessage,
    origin: Origin,
    isAll = false,
  ): Delivery | undefined {
    const { exchange } = origin;
    const frame = repairedAnswer(bytes, message);
    if (frame !== bytes) this.#noteRepair("member", exchange);
    if (message.kind !== "response") {
      const isWanted = this.#takeTargetMessage(message, origin);
      return isWanted ? { message, frame, owner: exchange } : undefined;
    }
    const owed = this.pending.requestFor(message, origin, isAll);
    if (!owed) return this.#takeUnasked(message, frame, origin);
    const delivery = message.fault === undefined
      ? this.#takeAnswer(owed, message, frame, origin)
      : this.#takeFault(owed, message, message.fault, frame);
    owed.owner.onAnswer?.(delivery.message);
    return owed.owner.onAnswer ? undefined : delivery;
  }

  /** Notes what the target asks or tells; false when it is not for the client. */
  #takeTargetMessage(
    message: Exclude<SingleMessage, ResponseMessage>,
    origin: Origin,
  ): boolean {
    this.pending.noteBegun(origin, message);
    if (message.kind === "request") {
      this.#targetRequests.set(message.id.key, origin.session);
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
    { owner, id }: Owed,
    given: ResponseMessage,
    bytes: Uint8Array,
    { session, exchange }: Origin,
  ): AnswerDelivery {
    const frame = withIdOf(id, bytes, given.id);
    if (frame !== bytes) this.#noteRepair("id", exchange);
    const message = frame === bytes ? given : answerTo(id, given);
    // Only its own stream can tell of the session that a request was sent in.
    const isOwn = owner === exchange || session.channel !== undefined;
    const sentIn = isOwn ? session : NO_SESSION;
    this.#hooks.onAnswer(message, frame, owner, sentIn);
    owner.observation?.answered(message);
    if (taskIdIn(given, bytes) !== undefined) {
      this.pending.keepProgress(owner, id);
    }
    this.pending.take(owner, id);
    return { owner, message, frame };
  }

  /** Takes an answer that the client would not read; an error stands for it. */
  #takeFault(
    { owner, id }: Owed,
    answer: ResponseMessage,
    fault: string,
    bytes: Uint8Array,
  ): AnswerDelivery {
    // What a result holds is no word of the target's, nor the client's to see.
    const said = answer.error ? bytes : bytes.subarray(0, 0);
    const error = this.#noMessage(fault, said);
    owner.observation?.failed(error);
    this.pending.take(owner, id);
    const { code, message } = error;
    return {
      owner,
      frame: errorFrame(error, id, this.#redact),
      message: {
        kind: "response",
        id,
        result: undefined,
        error: { code, message, data: ownErrorData(error) },
      },
    };
  }

  #deliver({ message, frame, owner }: Delivery): Promise<void> {
    const frames = this.#hooks.pass?.(message, frame, owner);
    return frames
      ? this.#emitAll(frames, owner)
      : this.pending.emit(frame, owner);
  }

  async #emitAll(
    frames: readonly (Uint8Array | undefined)[],
    exchange: Exchange | undefined,
  ): Promise<void> {
    for (const frame of frames) {
      if (frame) await this.pending.emit(frame, exchange);
    }
  }

  /** Deals with an event that was too large to be kept. */
  async #receiveOversized(
    { byteLength, scanner: { members } }: OversizedData,
    exchange: Exchange | undefined,
  ): Promise<void> {
    const { maxAnswerBytes, log } = this.#target;
    const error = frameTooLarge(byteLength, maxAnswerBytes);
    const source = members.findLast(({ name }) => name === "id")?.source;
    const id = requestIdFromSource(source);
    if (members.some(({ name }) => name === "method")) {
      log.warn("dropped a message of the target that is too large", {
        byteLength,
        maxAnswerBytes,
      });
      if (id) this.#hooks.refuse(id, error);
      return;
    }
    const owed = id && this.pending.withId(id, exchange);
    if (owed) return await this.pending.failOne(owed, error);
    if (exchange && !id) return await this.pending.fail(exchange, error);
    log.warn("dropped an answer that nobody waits for", { id: id?.source });
  }
}

/** Whether the client can read a batch, as far as that is known. */
function mayBeBatch(
  { length }: readonly SingleMessage[],
  { session: { protocolVersion }, exchange }: Origin,
): boolean {
  if (exchange?.method === "batch") return true;
  if (protocolVersion !== undefined) return protocolVersion === BATCH_VERSION;
  return length > 1 && exchange?.method !== "initialize";
}
