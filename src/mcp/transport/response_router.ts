/**
 * What the target says → frames for the client. Here every request gets its
 * one answer, and nobody gets one that was not asked for.
 *
 * @module
 */

import type { Target } from "./target.ts";
import { ProxyError } from "../../errors.ts";
import type { Redact } from "../../redact/redact.ts";
import { withIdOf } from "../wire/answer_id.ts";
import type { BodyHead } from "../wire/body.ts";
import type { Era } from "../wire/era.ts";
import type { OversizedData, ServerEvent } from "../wire/events.ts";
import { excerpt } from "../wire/excerpt.ts";
import type { Exchange } from "./exchange.ts";
import { errorFrame, ownErrorData } from "./failure.ts";
import { frameTooLarge, isAnswerTo, largeAnswer } from "./large_answer.ts";
import { NO_WAIT, replaceNewlines } from "../wire/frames.ts";
import { partOf, SMALL_BYTES } from "../wire/large_message.ts";
import { NO_SESSION, type SessionHeaders } from "../wire/headers.ts";
import {
  answerTo,
  type BatchMessage,
  type InvalidMessage,
  type Message,
  readMessage,
  readMessageInTurns,
  type RequestId,
  requestIdFromSource,
  type ResponseMessage,
  type SingleMessage,
  withId,
} from "../wire/message.ts";
import { responseIn } from "./link.ts";
import type { Observation } from "./observer.ts";
import { type Owed, PendingRequests } from "./pending_requests.ts";
import { repairedAnswer, withoutByteOrderMark } from "../wire/repair.ts";
import { noMessage } from "./responses.ts";
import { membersOf, whole } from "../wire/splice.ts";
import { taskIdIn } from "../wire/task.ts";

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

/** An answer that was waited for, under the ID of its request. */
interface Claim {
  readonly owner: Exchange;
  readonly answer: ResponseMessage;
  readonly frame: Uint8Array;
}

/** How many requests of the target's are remembered until they are answered. */
const MAX_TARGET_REQUESTS = 10_000;

/** The one revision of MCP in which several messages make one frame. */
const BATCH_VERSION = "2025-03-26";

const NO_BYTES = new Uint8Array();

/** How long after an error of another ID the answer may still come. */
const KEPT_MS = 3_000;

/** How much is read of what is no message, for the words in it. */
const MAX_SAID_BYTES = 256 * 1024;

const decoder = new TextDecoder();

/** Hands messages of the target to the client. */
export class ResponseRouter {
  readonly #target: Target;
  readonly #hooks: RouterHooks;
  readonly #redact: Redact;
  /** Who waits for an answer. */
  readonly pending: PendingRequests = new PendingRequests();
  readonly #targetRequests = new Map<string, SessionHeaders>();

  constructor(target: Target, hooks: RouterHooks) {
    this.#target = target;
    this.#hooks = hooks;
    this.#redact = target.redactor.redact;
  }

  /** Notes who waits for an answer. */
  expect(exchange: Exchange): void {
    this.pending.expect(exchange);
    const { observer } = this.#target;
    if (!observer) return;
    this.#observe(exchange, observer.began(exchange, this.#hooks.era));
  }

  /** A request is over when it is answered, whatever its stream still says. */
  #observe(exchange: Exchange, observation: Observation): void {
    exchange.observation = observation;
    if (!exchange.isRequest) return;
    void exchange.settled.then(() => observation.ended());
  }

  /** Forgets an exchange that nobody waits for any more. */
  forget(exchange: Exchange): void {
    this.pending.forget(exchange);
    exchange.observation?.ended();
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

  /** Tells the client what an exchange failed with, and the log. */
  async report(
    exchange: Exchange,
    error: ProxyError | Uint8Array,
  ): Promise<void> {
    if (!(error instanceof ProxyError)) {
      return await this.failWith(exchange, error);
    }
    const { log } = this.#target;
    log.warn(error.summary, {
      method: exchange.method,
      id: exchange.pending[0]?.source,
      reason: error.reason,
      ms: Math.round(performance.now() - exchange.startedAt),
    });
    if (error.message !== error.summary) {
      log.debug("what the client is told", { error: error.message });
    }
    await this.fail(exchange, error);
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

  /** Answers what still waits in an exchange with an error. */
  async fail(exchange: Exchange, error: ProxyError): Promise<void> {
    const { keptError } = exchange;
    if (keptError) return await this.failWith(exchange, keptError);
    exchange.observation?.failed(error);
    for (const id of exchange.pending) {
      if (!this.pending.take(exchange, id)) continue;
      if (exchange.onAnswer) continue;
      const frame = errorFrame(error, id, this.#redact);
      await exchange.delivering(this.#target.emit(frame));
    }
  }

  /** Delivers the target's JSON-RPC error to all that wait in an exchange. */
  async failWith(exchange: Exchange, frame: Uint8Array): Promise<void> {
    exchange.observation?.answered(responseIn(frame));
    for (const id of exchange.pending) {
      if (!this.pending.take(exchange, id)) continue;
      if (exchange.onAnswer) continue;
      await this.#emit(withId(frame, id), exchange);
    }
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
    const bytes = this.#withoutByteOrderMark(body, exchange);
    if (bytes.length <= SMALL_BYTES) {
      return this.#receiveRead(bytes, readMessage(bytes), session, exchange);
    }
    return readMessageInTurns(bytes).then((message) =>
      this.#receiveRead(bytes, message, session, exchange)
    );
  }

  #receiveRead(
    bytes: Uint8Array,
    message: Message,
    session: SessionHeaders,
    exchange: Exchange | undefined,
  ): Promise<void> {
    if (message.kind === "invalid") {
      throw this.#noMessage(message.detail, bytes);
    }
    if (message.kind === "batch") {
      return this.#receiveBatch(bytes, message, session, exchange);
    }
    return this.#receiveSingle(bytes, message, session, exchange, true);
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
    if (oversized) return await this.receiveOversized(oversized, exchange);
    if (data.length === 0) return;
    const bytes = this.#withoutByteOrderMark(data, exchange);
    const message = await readMessageInTurns(bytes);
    // Without its blank line it counts as the end of what is waited for alone.
    const isOwed = message.kind === "response" &&
      this.pending.requestFor(message, session, exchange, true) !== undefined;
    if (isCut && !isOwed) return;
    if (message.kind === "invalid") {
      return await this.#skip(message, bytes, type, session, exchange);
    }
    exchange?.noteProgress();
    if (message.kind === "batch") {
      await this.#receiveBatch(bytes, message, session, exchange);
    } else await this.#receiveSingle(bytes, message, session, exchange);
  }

  /** Passes over an event that is no message, unless it was to be an answer. */
  async #skip(
    message: InvalidMessage,
    bytes: Uint8Array,
    type: string,
    session: SessionHeaders,
    exchange: Exchange | undefined,
  ): Promise<void> {
    const answer = { id: message.answerTo, error: undefined };
    const owed = this.pending.requestFor(answer, session, exchange);
    if (owed) {
      const error = this.#noMessage(message.detail, bytes);
      return await this.#failOne(owed.owner, owed.id, error);
    }
    this.pending.noteBegun(session, exchange);
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

  #receiveSingle(
    bytes: Uint8Array,
    message: SingleMessage,
    session: SessionHeaders,
    exchange: Exchange | undefined,
    isAll = false,
  ): Promise<void> {
    const clear = repairedAnswer(bytes, message);
    if (clear !== bytes) this.#noteRepair("member", exchange);
    if (message.kind !== "response") {
      const isWanted = this.#takeTargetMessage(message, session, exchange);
      return isWanted ? this.#deliver(message, clear, exchange) : NO_WAIT;
    }
    const owed = this.pending.requestFor(message, session, exchange, isAll);
    const claim = this.#claim(owed, message, clear, session, exchange);
    if (!claim || claim.owner.onAnswer) return NO_WAIT;
    return this.#deliver(claim.answer, claim.frame, claim.owner);
  }

  /** A batch passes whole where the client has batches. */
  async #receiveBatch(
    bytes: Uint8Array,
    { messages }: BatchMessage,
    session: SessionHeaders,
    exchange: Exchange | undefined,
  ): Promise<void> {
    if (exchange && messages.length > 1) exchange.answerHasBegun = true;
    const parts = membersOf(bytes, whole(bytes))
      .map((member) => partOf(bytes, member));
    if (this.#hooks.pass || !mayBeBatch(messages, session, exchange)) {
      this.#noteRepair("array", exchange);
      for (const [index, message] of messages.entries()) {
        await this.#receiveSingle(parts[index], message, session, exchange);
      }
      return;
    }
    const frames = messages.map((message, index) => {
      const clear = repairedAnswer(parts[index], message);
      if (message.kind !== "response") {
        const isWanted = this.#takeTargetMessage(message, session, exchange);
        return isWanted ? clear : undefined;
      }
      const owed = this.pending.requestFor(message, session, exchange);
      const claim = this.#claim(owed, message, clear, session, exchange);
      return claim?.owner.onAnswer ? undefined : claim?.frame;
    });
    const isAsItWas = frames.every((frame, index) => frame === parts[index]);
    if (isAsItWas) return await this.#emit(bytes, exchange);
    await this.#emitAll(frames, exchange);
  }

  /** Notes what the target asks or tells; false when it is not for the client. */
  #takeTargetMessage(
    message: Exclude<SingleMessage, ResponseMessage>,
    session: SessionHeaders,
    exchange: Exchange | undefined,
  ): boolean {
    this.pending.noteBegun(session, exchange, message);
    if (message.kind === "notification") {
      if (this.pending.isWanted(message)) return true;
      this.#target.log.debug("dropped progress of what is over");
      return false;
    }
    this.#targetRequests.set(message.id.key, session);
    if (this.#targetRequests.size <= MAX_TARGET_REQUESTS) return true;
    for (const oldest of this.#targetRequests.keys()) {
      this.#targetRequests.delete(oldest);
      break;
    }
    return true;
  }

  /** Takes an answer for the request that waits for it, if one does. */
  #claim(
    owed: Owed | undefined,
    given: ResponseMessage,
    bytes: Uint8Array,
    session: SessionHeaders,
    exchange: Exchange | undefined,
  ): Claim | undefined {
    if (!owed) {
      const keeper = given.fault === undefined
        ? this.pending.keepError(given, bytes, session, exchange)
        : undefined;
      if (keeper) return this.#deliverKeptAfter(KEPT_MS, keeper);
      this.#target.log.warn("dropped an answer that nobody waits for", {
        id: given.id?.source,
        method: exchange?.method,
      });
      return undefined;
    }
    const { owner, id } = owed;
    if (given.fault !== undefined) return this.#claimFault(owed, given, bytes);
    const frame = withIdOf(id, bytes, given.id);
    if (frame !== bytes) this.#noteRepair("id", exchange);
    const answer = frame === bytes ? given : answerTo(id, given);
    // Only its own stream can tell of the session that a request was sent in.
    const isOwn = owner === exchange || session.channel !== undefined;
    const sentIn = isOwn ? session : NO_SESSION;
    this.#hooks.onAnswer(answer, frame, owner, sentIn);
    owner.observation?.answered(answer);
    if (taskIdIn(given, bytes) !== undefined) {
      this.pending.keepProgress(owner, id);
    }
    this.pending.take(owner, id);
    owner.onAnswer?.(answer);
    return { owner, answer, frame };
  }

  /** Delivers a kept error when nothing more is said for some time. */
  #deliverKeptAfter(delayMs: number, exchange: Exchange): undefined {
    const timer = setTimeout(() => {
      const { keptError, sinceMessageMs } = exchange;
      if (!keptError || exchange.isSettled) return;
      // What tells of its progress may bring its answer.
      const leftMs = KEPT_MS - sinceMessageMs;
      if (leftMs > 0) return this.#deliverKeptAfter(leftMs, exchange);
      this.failWith(exchange, keptError).catch(() => {})
        .finally(() => exchange.end());
    }, delayMs);
    void exchange.settled.then(() => clearTimeout(timer));
  }

  /** Takes an answer that the client would not read; an error stands for it. */
  #claimFault(
    { owner, id }: Owed,
    { fault = "", error: said }: ResponseMessage,
    bytes: Uint8Array,
  ): Claim {
    // What a result holds is no word of the target's, nor the client's to see.
    const error = this.#noMessage(fault, said ? bytes : NO_BYTES);
    owner.observation?.failed(error);
    this.pending.take(owner, id);
    const frame = errorFrame(error, id, this.#redact);
    const { code, message } = error;
    const answer: ResponseMessage = {
      kind: "response",
      id,
      result: undefined,
      error: { code, message, data: ownErrorData(error) },
    };
    owner.onAnswer?.(answer);
    return { owner, answer, frame };
  }

  #deliver(
    message: SingleMessage,
    bytes: Uint8Array,
    exchange: Exchange | undefined,
  ): Promise<void> {
    const frames = this.#hooks.pass?.(message, bytes, exchange);
    if (!frames) return this.#emit(bytes, exchange);
    return this.#emitAll(frames, exchange);
  }

  async #emitAll(
    frames: readonly (Uint8Array | undefined)[],
    exchange: Exchange | undefined,
  ): Promise<void> {
    for (const frame of frames) {
      if (frame) await this.#emit(frame, exchange);
    }
  }

  #emit(bytes: Uint8Array, exchange: Exchange | undefined): Promise<void> {
    const written = this.#target.emit(replaceNewlines(bytes));
    if (written === NO_WAIT || !exchange) return written;
    return exchange.delivering(written);
  }

  /**
   * Delivers the answer of a single request while it still arrives. Until it
   * is there as a whole, stdout is its own; should it fail or stall, its line
   * is ended, and an error follows.
   *
   * @throws {ProxyError} when the answer fails, stalls or is too large.
   */
  async receivePieces(
    exchange: Exchange,
    head: BodyHead,
    rest: AsyncIterator<Uint8Array>,
  ): Promise<void> {
    const { emitPieces, maxAnswerBytes } = this.#target;
    const [id] = exchange.requests;
    if (!isAnswerTo(id, head)) {
      throw new ProxyError(
        "bad-answer",
        "the target's large answer does not begin as an answer to the request",
      );
    }
    const pieces = largeAnswer(head, rest, {
      id,
      maxAnswerBytes,
      take: () => {
        exchange.observation?.answered();
        return this.pending.take(exchange, id);
      },
    });
    await exchange.delivering(emitPieces(pieces, id));
  }

  /** Deals with an event that was too large to be kept. */
  async receiveOversized(
    { byteLength, scanner: { members } }: OversizedData,
    exchange?: Exchange,
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
    if (owed) return await this.#failOne(owed.owner, owed.id, error);
    if (exchange && !id) return await this.fail(exchange, error);
    log.warn("dropped an answer that nobody waits for", { id: id?.source });
  }

  /** Answers one request of an exchange with an error. */
  async #failOne(
    exchange: Exchange,
    id: RequestId,
    error: ProxyError,
  ): Promise<void> {
    exchange.observation?.failed(error);
    if (!this.pending.take(exchange, id) || exchange.onAnswer) return;
    await this.#target.emit(errorFrame(error, id, this.#redact));
  }
}

/** Whether the client can read a batch, as far as that is known. */
function mayBeBatch(
  { length }: readonly SingleMessage[],
  { protocolVersion }: SessionHeaders,
  exchange: Exchange | undefined,
): boolean {
  if (exchange?.method === "batch") return true;
  if (protocolVersion !== undefined) return protocolVersion === BATCH_VERSION;
  return length > 1 && exchange?.method !== "initialize";
}
