/**
 * What the target says → frames for the client. Here every request gets its
 * one answer, and nobody gets one that was not asked for.
 *
 * @module
 */

import { ProxyError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Redact } from "../redact.ts";
import type { BodyHead } from "./body.ts";
import type { Era } from "./era.ts";
import type { OversizedData, ServerEvent } from "./events.ts";
import { excerpt } from "./excerpt.ts";
import type { Exchange } from "./exchange.ts";
import { errorFrame } from "./failure.ts";
import { frameTooLarge, isAnswerTo, largeAnswer } from "./large_answer.ts";
import { replaceNewlines } from "./frames.ts";
import { NO_SESSION, type SessionHeaders } from "./headers.ts";
import {
  type BatchMessage,
  type InvalidMessage,
  readMessage,
  type RequestId,
  requestIdFromSource,
  type ResponseMessage,
  type SingleMessage,
  withId,
} from "./message.ts";
import { responseIn } from "./link.ts";
import type { Observation, Observer } from "./observer.ts";
import { withoutByteOrderMark, withoutNullMember } from "./repair.ts";
import { noMessage } from "./responses.ts";
import { scanMembers } from "./scan.ts";

/** What a {@linkcode Delivery} is handed. */
export interface DeliveryOptions {
  /** Writes one frame to the client; awaited, so that a slow client slows us. */
  readonly emit: (frame: Uint8Array) => Promise<void>;
  /** Writes the answer to a request whose pieces are still on their way. */
  readonly emitPieces: (
    pieces: AsyncIterable<Uint8Array>,
    id: RequestId,
  ) => Promise<void>;
  readonly log: Log;
  /** Takes the secrets out of the errors that the client is told. */
  readonly redact: Redact;
  /** The era of what is delivered. */
  readonly era: Era;
  /** Is told of the messages on their way, if anyone is. */
  readonly observer?: Observer;
  /** The largest message that the client is given, in bytes. */
  readonly maxAnswerBytes: number;
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

/** How many requests of the target's are remembered until they are answered. */
const MAX_TARGET_REQUESTS = 10_000;

/** The one revision of MCP in which several messages make one frame. */
const BATCH_VERSION = "2025-03-26";

/** How much is read of what is no message, for the words in it. */
const MAX_SAID_BYTES = 256 * 1024;

const decoder = new TextDecoder();

/** Hands messages of the target to the client. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #waiting = new Map<string, Exchange>();
  readonly #targetRequests = new Map<string, SessionHeaders>();

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Notes who waits for an answer. */
  expect(exchange: Exchange): void {
    for (const id of exchange.requests) this.#waiting.set(id.key, exchange);
    const { observer, era } = this.#options;
    if (observer) this.#observe(exchange, observer.began(exchange, era));
  }

  /** A request is over when it is answered, whatever its stream still says. */
  #observe(exchange: Exchange, observation: Observation): void {
    exchange.observation = observation;
    if (!exchange.isRequest) return;
    void exchange.settled.then(() => observation.ended());
  }

  /** Notes for all that wait that the target said something. */
  touchAll(): void {
    for (const exchange of this.#waiting.values()) exchange.touch();
  }

  /** The exchange that a request waits in. */
  exchangeOf(id: RequestId): Exchange | undefined {
    return this.#waiting.get(id.key);
  }

  /** Forgets an exchange that nobody waits for any more. */
  forget(exchange: Exchange): void {
    for (const id of exchange.requests) this.#forget(id, exchange);
    exchange.observation?.ended();
  }

  #forget(id: RequestId, exchange: Exchange): void {
    if (this.#waiting.get(id.key) === exchange) this.#waiting.delete(id.key);
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

  /** Answers what still waits in an exchange with an error. */
  async fail(exchange: Exchange, error: ProxyError): Promise<void> {
    exchange.observation?.failed(error);
    for (const id of exchange.pending) {
      if (!this.#take(exchange, id)) continue;
      if (exchange.onAnswer) continue;
      const frame = errorFrame(error, id, this.#options.redact);
      await exchange.delivering(this.#options.emit(frame));
    }
  }

  /** Delivers the target's JSON-RPC error to all that wait in an exchange. */
  async failWith(exchange: Exchange, frame: Uint8Array): Promise<void> {
    exchange.observation?.answered(responseIn(frame));
    for (const id of exchange.pending) {
      if (!this.#take(exchange, id)) continue;
      if (exchange.onAnswer) continue;
      await this.#emit(withId(frame, id), exchange);
    }
  }

  #take(exchange: Exchange, id: RequestId): boolean {
    this.#forget(id, exchange);
    return exchange.take(id);
  }

  /**
   * Delivers one message of the target.
   *
   * @throws {ProxyError} `bad-answer` when it is no JSON-RPC message.
   */
  async receive(
    body: Uint8Array,
    session: SessionHeaders,
    exchange?: Exchange,
  ): Promise<void> {
    exchange?.noteProgress();
    const bytes = this.#withoutByteOrderMark(body, exchange);
    const message = readMessage(bytes);
    if (message.kind === "invalid") throw this.#noMessage(message, bytes);
    await this.#receiveMessage(bytes, message, session, exchange);
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
    const message = readMessage(bytes);
    const owed = message.kind === "response" ? message.id : undefined;
    // Without its blank line it counts as the end of what is waited for alone.
    if (isCut && !this.#ownerOf(owed, exchange)) return;
    if (message.kind === "invalid") {
      return await this.#skip(message, bytes, type, exchange);
    }
    exchange?.noteProgress();
    await this.#receiveMessage(bytes, message, session, exchange);
  }

  /** Passes over an event that is no message, unless it was to be an answer. */
  async #skip(
    message: InvalidMessage,
    bytes: Uint8Array,
    type: string,
    exchange: Exchange | undefined,
  ): Promise<void> {
    const id = message.answerTo;
    const owner = this.#ownerOf(id, exchange);
    if (id && owner) {
      const error = this.#noMessage(message, bytes);
      return await this.#failOne(owner, id, error);
    }
    this.#options.log.debug("skipped an event that is no JSON-RPC message", {
      type: excerpt(type),
      detail: message.detail,
      method: exchange?.method,
    });
  }

  #noMessage({ detail }: InvalidMessage, bytes: Uint8Array): ProxyError {
    const text = decoder.decode(bytes.subarray(0, MAX_SAID_BYTES));
    return noMessage(detail, text, this.#options.redact);
  }

  #withoutByteOrderMark(
    bytes: Uint8Array,
    exchange: Exchange | undefined,
  ): Uint8Array {
    const text = withoutByteOrderMark(bytes);
    if (text !== bytes) this.#noteRepair("byte-order-mark", exchange);
    return text;
  }

  #noteRepair(takenOff: string, exchange: Exchange | undefined): void {
    this.#options.log.debug("repaired a message of the target's", {
      takenOff,
      method: exchange?.method,
    });
  }

  async #receiveMessage(
    bytes: Uint8Array,
    message: SingleMessage | BatchMessage,
    session: SessionHeaders,
    exchange: Exchange | undefined,
  ): Promise<void> {
    if (message.kind === "batch") {
      await this.#receiveBatch(bytes, message, session, exchange);
    } else await this.#receiveSingle(bytes, message, session, exchange);
  }

  async #receiveSingle(
    bytes: Uint8Array,
    message: SingleMessage,
    session: SessionHeaders,
    exchange: Exchange | undefined,
  ): Promise<void> {
    const clear = withoutNullMember(bytes, message);
    if (clear !== bytes) this.#noteRepair("null", exchange);
    if (message.kind !== "response") {
      if (exchange) exchange.answerHasBegun = true;
      this.#noteTargetMessage(message, session);
      return await this.#hand(message, clear, exchange);
    }
    // An error without an ID can only be meant for the one that waits.
    const waiting = exchange?.pending ?? [];
    const isUnnamed = message.id === undefined && waiting.length === 1;
    const id = message.id ?? (isUnnamed ? waiting[0] : undefined);
    const owner = this.#claim(id, message, clear, session, exchange);
    if (!owner || owner.onAnswer) return;
    const frame = isUnnamed ? withId(clear, waiting[0]) : clear;
    await this.#hand(message, frame, owner);
  }

  /** A batch passes whole where the client has batches. */
  async #receiveBatch(
    bytes: Uint8Array,
    { messages }: BatchMessage,
    session: SessionHeaders,
    exchange: Exchange | undefined,
  ): Promise<void> {
    if (exchange && messages.length > 1) exchange.answerHasBegun = true;
    const parts = scanMembers(bytes)
      .map(({ start, end }) => bytes.subarray(start, end));
    if (this.#options.pass || !mayBeBatch(messages, session, exchange)) {
      this.#noteRepair("array", exchange);
      for (const [index, message] of messages.entries()) {
        await this.#receiveSingle(parts[index], message, session, exchange);
      }
      return;
    }
    const wanted = messages.map((message, index) => {
      if (message.kind === "response") {
        const { id } = message;
        const part = parts[index];
        const owner = this.#claim(id, message, part, session, exchange);
        return owner !== undefined && !owner.onAnswer;
      }
      this.#noteTargetMessage(message, session);
      return true;
    });
    const clear = parts.map((part, index) =>
      withoutNullMember(part, messages[index])
    );
    const isAsItWas = wanted.every(Boolean) &&
      clear.every((part, index) => part === parts[index]);
    if (isAsItWas) return await this.#emit(bytes, exchange);
    for (const [index, part] of clear.entries()) {
      if (wanted[index]) await this.#emit(part, exchange);
    }
  }

  #noteTargetMessage(
    message: Exclude<SingleMessage, ResponseMessage>,
    session: SessionHeaders,
  ): void {
    if (message.kind === "notification") return;
    this.#targetRequests.set(message.id.key, session);
    if (this.#targetRequests.size <= MAX_TARGET_REQUESTS) return;
    for (const oldest of this.#targetRequests.keys()) {
      this.#targetRequests.delete(oldest);
      break;
    }
  }

  /** The exchange that still owes an answer, if any does. */
  #ownerOf(
    id: RequestId | undefined,
    exchange: Exchange | undefined,
  ): Exchange | undefined {
    const owner = id && (exchange?.owes(id) ? exchange : this.exchangeOf(id));
    return id && owner?.owes(id) ? owner : undefined;
  }

  /** Takes an answer for the request that waits for it, if one does. */
  #claim(
    id: RequestId | undefined,
    answer: ResponseMessage,
    frame: Uint8Array,
    session: SessionHeaders,
    exchange: Exchange | undefined,
  ): Exchange | undefined {
    const owner = this.#ownerOf(id, exchange);
    if (!id || !owner) {
      this.#options.log.warn("dropped an answer that nobody waits for", {
        id: id?.source,
        method: exchange?.method,
      });
      return undefined;
    }
    // Only its own stream can tell of the session that a request was sent in.
    const isOwn = owner === exchange || session.channel !== undefined;
    const sentIn = isOwn ? session : NO_SESSION;
    this.#options.onAnswer(answer, frame, owner, sentIn);
    owner.observation?.answered(answer);
    this.#take(owner, id);
    owner.onAnswer?.(answer);
    return owner;
  }

  async #hand(
    message: SingleMessage,
    bytes: Uint8Array,
    exchange: Exchange | undefined,
  ): Promise<void> {
    const frames = this.#options.pass?.(message, bytes, exchange) ?? [bytes];
    for (const frame of frames) await this.#emit(frame, exchange);
  }

  async #emit(
    bytes: Uint8Array,
    exchange: Exchange | undefined,
  ): Promise<void> {
    const written = this.#options.emit(replaceNewlines(bytes));
    await (exchange ? exchange.delivering(written) : written);
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
    const { emitPieces, maxAnswerBytes } = this.#options;
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
        return this.#take(exchange, id);
      },
    });
    await exchange.delivering(emitPieces(pieces, id));
  }

  /** Deals with an event that was too large to be kept. */
  async receiveOversized(
    { byteLength, scanner: { members } }: OversizedData,
    exchange?: Exchange,
  ): Promise<void> {
    const { maxAnswerBytes, log, refuse } = this.#options;
    const error = frameTooLarge(byteLength, maxAnswerBytes);
    const source = members.findLast(({ name }) => name === "id")?.source;
    const id = requestIdFromSource(source);
    if (members.some(({ name }) => name === "method")) {
      log.warn("dropped a message of the target that is too large", {
        byteLength,
        maxAnswerBytes,
      });
      if (id) refuse(id, error);
      return;
    }
    const owner = id ? this.exchangeOf(id) : exchange;
    if (!owner) {
      log.warn("dropped an answer that nobody waits for", { id: id?.source });
      return;
    }
    if (id) return await this.#failOne(owner, id, error);
    await this.fail(owner, error);
  }

  /** Answers one request of an exchange with an error. */
  async #failOne(
    exchange: Exchange,
    id: RequestId,
    error: ProxyError,
  ): Promise<void> {
    exchange.observation?.failed(error);
    if (!this.#take(exchange, id) || exchange.onAnswer) return;
    await this.#options.emit(errorFrame(error, id, this.#options.redact));
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
