/**
 * Which requests wait for an answer, and which ask to hear of their progress:
 * strict clients end at progress of a request that they take for over.
 *
 * @module
 */

import type { SessionHeaders } from "../wire/headers.ts";
import { idAsWritten, respelt } from "../wire/answer_id.ts";
import { metaOf } from "../wire/era.ts";
import type { Exchange, ExchangeInit } from "./exchange.ts";
import {
  isObject,
  type NotificationMessage,
  type RequestId,
  requestId,
  type ResponseMessage,
  type SingleMessage,
} from "../wire/message.ts";
import { Recent } from "../../lru_cache.ts";

/** How many requests and tokens that are over are remembered. */
const MAX_OVER = 1_000;

const PROGRESS = "notifications/progress";
const RELATED_TASK = "io.modelcontextprotocol/related-task";

/** The tokens of requests under way, and of those that are over. */
class ProgressTokens {
  readonly #asked = new Map<string, Exchange>();
  readonly #over = new Recent<true>(MAX_OVER);

  /** Notes the tokens that an exchange names. */
  expect(exchange: Exchange): void {
    for (const { key } of exchange.progressTokens.values()) {
      this.#asked.set(key, exchange);
      this.#over.delete(key);
    }
  }

  /** Keeps a token in use beyond the answer: a task goes on. */
  keep(exchange: Exchange, id: RequestId): void {
    const token = exchange.progressTokens.get(id.key);
    if (token) this.#asked.delete(token.key);
  }

  /** Notes that a request is over. */
  end(exchange: Exchange, id: RequestId): void {
    const token = exchange.progressTokens.get(id.key);
    if (!token || this.#asked.get(token.key) !== exchange) return;
    this.#asked.delete(token.key);
    this.#over.set(token.key, true);
  }

  /** The exchange whose progress a message tells of. */
  ownerOf(message: SingleMessage): Exchange | undefined {
    return keysIn(message).map((key) => this.#asked.get(key)).find(Boolean);
  }

  /** Whether a notification is for the client: it is no progress of the past. */
  isWanted(message: NotificationMessage): boolean {
    const owner = this.ownerOf(message);
    // What the client has cancelled is over to it.
    if (owner) return !owner.isSettled;
    return !keysIn(message).some((key) => this.#over.get(key));
  }
}

/** The token that progress is told of, in both spellings. */
function keysIn(message: SingleMessage): string[] {
  if (message.kind !== "notification" || message.method !== PROGRESS) return [];
  const { params } = message;
  const token = isObject(params) ? requestId(params.progressToken) : undefined;
  if (!token || RELATED_TASK in metaOf(params)) return [];
  return [token, respelt(token)].flatMap((one) => one ? [one.key] : []);
}

/** Who waits for an answer, and for which. */
export interface Owed {
  readonly owner: Exchange;
  /** The ID as the client wrote it. */
  readonly id: RequestId;
}

/** Requests that wait for an answer, each with the exchange that it is in. */
export class PendingRequests {
  readonly #waiting = new Map<string, Exchange>();
  /** Requests that nobody waits for any more. */
  readonly #over = new Recent<true>(MAX_OVER);
  readonly #progress = new ProgressTokens();

  /** Notes who waits for an answer. */
  expect(exchange: Exchange): void {
    for (const id of exchange.requests) {
      this.#waiting.set(id.key, exchange);
      this.#over.delete(id.key);
    }
    this.#progress.expect(exchange);
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
  }

  #forget(id: RequestId, exchange: Exchange): void {
    this.#progress.end(exchange, id);
    if (this.#waiting.get(id.key) !== exchange) return;
    this.#waiting.delete(id.key);
    this.#over.set(id.key, true);
  }

  /** Takes a request's one answer: false when it was taken before. */
  take(exchange: Exchange, id: RequestId): boolean {
    this.#forget(id, exchange);
    return exchange.take(id);
  }

  /** Whether a notification is for the client: it is no progress of the past. */
  isWanted(message: NotificationMessage): boolean {
    return this.#progress.isWanted(message);
  }

  /**
   * Notes that a call runs, of which a message tells that is no answer: on the
   * channel of HTTP+SSE any may be meant.
   */
  noteBegun(
    { channel }: SessionHeaders,
    exchange: Exchange | undefined,
    message?: SingleMessage,
  ): void {
    const owner = exchange ?? (message && this.#progress.ownerOf(message));
    if (owner) owner.answerHasBegun = true;
    if (owner || !channel) return;
    for (const one of this.#waiting.values()) {
      if (one.isAtTarget) one.answerHasBegun = true;
    }
  }

  /** Keeps a token in use beyond the answer: a task goes on. */
  keepProgress(exchange: Exchange, id: RequestId): void {
    this.#progress.keep(exchange, id);
  }

  /** The request of an ID, or of another spelling of it: its own stream's first. */
  withId(id: RequestId, exchange: Exchange | undefined): Owed | undefined {
    if (exchange?.owes(id)) return owed(exchange, id);
    const other = respelt(id);
    if (other && exchange?.owes(other)) return owed(exchange, other);
    for (const one of [id, other]) {
      const owner = one && this.exchangeOf(one);
      if (one && owner?.owes(one)) return owed(owner, one);
    }
  }

  /**
   * The request that an answer is for: by its ID, by another spelling of that,
   * or, of an error with no ID of a request's, since no other one waits.
   *
   * @param isAll Whether it is all that a POST was answered with.
   */
  requestFor(
    { id, error }: Pick<ResponseMessage, "id" | "error">,
    { channel }: SessionHeaders,
    exchange: Exchange | undefined,
    isAll = false,
  ): Owed | undefined {
    const named = id && this.withId(id, exchange);
    if (named || !error || !isAll && isForeign(id)) return named;
    const owner = this.#onlyOne(channel, exchange);
    return owner && { owner, id: owner.pending[0] };
  }

  /**
   * Keeps an error under the ID of no request that waits, for the one that may
   * be meant, should nothing else answer that.
   *
   * @returns The exchange that it is kept for, if there is one.
   */
  keepError(
    { id, error }: ResponseMessage,
    frame: Uint8Array,
    { channel }: SessionHeaders,
    exchange: Exchange | undefined,
  ): Exchange | undefined {
    const spellings = id ? [id, respelt(id)] : [];
    // A late second answer to another request is not this one's.
    const isLate = spellings.some((one) => one && this.#over.get(one.key));
    const owner = this.#onlyOne(channel, exchange);
    if (!error || !owner || isLate) return undefined;
    owner.keptError ??= frame;
    return owner;
  }

  /** The exchange that alone waits, for one answer. */
  #onlyOne(
    channel: SessionHeaders["channel"],
    exchange: Exchange | undefined,
  ): Exchange | undefined {
    const owner = exchange ?? (channel && this.#onlyWaiting());
    return owner?.pending.length === 1 ? owner : undefined;
  }

  #onlyWaiting(): Exchange | undefined {
    const waiting = new Set(this.#waiting.values());
    const [only] = waiting;
    return waiting.size === 1 ? only : undefined;
  }
}

/** A request of an exchange, under the ID as the client wrote it. */
function owed(owner: Exchange, id: RequestId): Owed {
  return { owner, id: owner.requests.find(({ key }) => key === id.key) ?? id };
}

/** Whether an ID names some request; servers that know none have it empty. */
function isForeign(id: RequestId | undefined): boolean {
  return id !== undefined && id.key !== "s:";
}

/** The requests among messages, and what they ask to hear of. */
export function requestsIn(
  parts: readonly {
    readonly message: SingleMessage;
    readonly bytes: Uint8Array;
  }[],
): Pick<ExchangeInit, "requests" | "progressTokens"> {
  const requests: RequestId[] = [];
  let progressTokens: Map<string, RequestId> | undefined;
  for (const { message, bytes } of parts) {
    if (message.kind !== "request") continue;
    requests.push(idAsWritten(message.id, bytes));
    const token = requestId(metaOf(message.params).progressToken);
    if (!token) continue;
    progressTokens ??= new Map();
    progressTokens.set(message.id.key, token);
  }
  return { requests, ...(progressTokens && { progressTokens }) };
}
