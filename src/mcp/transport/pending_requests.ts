/**
 * Which requests wait for an answer, and what they are told where there is none.
 * Also which ask to hear of their progress: strict clients end at progress of a
 * request that they take for over.
 */

import { replaceNewlines } from "../wire/bytes.ts";
import type { SessionHeaders } from "../wire/headers.ts";
import { idAsWritten, spellingsOf, withId } from "../wire/answers.ts";
import { type Era, metaOf } from "../wire/era.ts";
import { NO_WAIT } from "../wire/frames.ts";
import { ProxyError } from "../../errors.ts";
import { afterOthers, errorFrame } from "./failure.ts";
import { responseIn } from "./link.ts";
import type { Target } from "./target.ts";
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
import { whenOver } from "../../time.ts";

/** How many requests and tokens that are over are remembered. */
const MAX_OVER = 1_000;

/** How long after what may be the answer a better one may still come. */
const KEPT_MS = 3_000;

const PROGRESS = "notifications/progress";
const RELATED_TASK = "io.modelcontextprotocol/related-task";

export interface Origin {
  readonly session: SessionHeaders;
  /** The exchange that it came in answer to, if that is known. */
  readonly exchange: Exchange | undefined;
}

export interface Owed {
  readonly owner: Exchange;
  /** The ID as the client wrote it. */
  readonly id: RequestId;
}

export class PendingRequests {
  readonly #target: Target;
  readonly #era: Era;
  readonly #waiting = new Map<string, Exchange>();
  /** Requests that nobody waits for any more. */
  readonly #over = new Recent<true>(MAX_OVER);
  /** The progress tokens of requests under way, and of those that are over. */
  readonly #tokens = new Map<string, Exchange>();
  readonly #overTokens = new Recent<true>(MAX_OVER);

  constructor(target: Target, era: Era) {
    this.#target = target;
    this.#era = era;
  }

  expect(exchange: Exchange): void {
    for (const { key } of exchange.requests) {
      this.#waiting.set(key, exchange);
      this.#over.delete(key);
    }
    for (const { key } of exchange.progressTokens.values()) {
      this.#tokens.set(key, exchange);
      this.#overTokens.delete(key);
    }
    const observation = this.#target.observer?.began?.(exchange, this.#era);
    exchange.observation = observation;
    // A request is over when it is answered, whatever its stream still says.
    if (!observation || !exchange.isRequest) return;
    void exchange.settled.then(() => observation.ended());
  }

  /** Notes for all that wait that the target said something. */
  touchAll(): void {
    for (const exchange of this.#waiting.values()) exchange.touch();
  }

  exchangeOf(id: RequestId): Exchange | undefined {
    return this.#waiting.get(id.key);
  }

  forget(exchange: Exchange): void {
    for (const id of exchange.requests) this.#forget(exchange, id);
    exchange.observation?.ended();
  }

  #forget(exchange: Exchange, { key }: RequestId): void {
    const token = exchange.progressTokens.get(key)?.key;
    if (token !== undefined && this.#tokens.get(token) === exchange) {
      this.#tokens.delete(token);
      this.#overTokens.set(token, true);
    }
    if (this.#waiting.get(key) !== exchange) return;
    this.#waiting.delete(key);
    this.#over.set(key, true);
  }

  take(exchange: Exchange, id: RequestId): boolean {
    this.#forget(exchange, id);
    return exchange.take(id);
  }

  /** Keeps a token in use beyond the answer: a task goes on. */
  keepProgress(exchange: Exchange, id: RequestId): void {
    const token = exchange.progressTokens.get(id.key);
    if (token) this.#tokens.delete(token.key);
  }

  /** Whether a notification is for the client: it is no progress of the past. */
  isWanted(message: NotificationMessage): boolean {
    const owner = this.#ownerOfProgress(message);
    // What the client has cancelled is over to it.
    if (owner) return !owner.isSettled;
    return !tokensIn(message).some((key) => this.#overTokens.get(key));
  }

  #ownerOfProgress(message: SingleMessage): Exchange | undefined {
    return tokensIn(message).map((key) => this.#tokens.get(key)).find(Boolean);
  }

  /**
   * Notes that a call runs, of which a message tells that is no answer: on the
   * channel of HTTP+SSE any may be meant.
   */
  noteBegun({ session, exchange }: Origin, message?: SingleMessage): void {
    const owner = exchange ?? (message && this.#ownerOfProgress(message));
    if (owner) owner.answerHasBegun = true;
    if (owner || !session.channel) return;
    for (const one of this.#waiting.values()) {
      if (one.isAtTarget) one.answerHasBegun = true;
    }
  }

  /** The request of an ID, or of another spelling of it: its own stream's first. */
  withId(id: RequestId, exchange: Exchange | undefined): Owed | undefined {
    if (exchange?.owes(id)) return owed(exchange, id);
    const ids = spellingsOf(id);
    const own = exchange && ids.find((one) => exchange.owes(one));
    if (own) return owed(exchange, own);
    for (const one of ids) {
      const owner = this.exchangeOf(one);
      if (owner?.owes(one)) return owed(owner, one);
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
    origin: Origin,
    isAll = false,
  ): Owed | undefined {
    const named = id && this.withId(id, origin.exchange);
    // Servers that know no ID have it empty.
    const isForeign = id !== undefined && id.key !== "s:";
    if (named || !error || !isAll && isForeign) return named;
    const owner = this.#onlyOne(origin);
    return owner && { owner, id: owner.pending[0] };
  }

  /** Keeps an error of another ID for the request that alone may be meant. */
  keepError(
    { id, error }: ResponseMessage,
    frame: Uint8Array,
    origin: Origin,
  ): boolean {
    // A late second answer to another request is not this one's.
    const isLate = id && spellingsOf(id).some(({ key }) => this.#over.get(key));
    const owner = this.#onlyOne(origin);
    if (!error || !owner || isLate) return false;
    this.keep({ owner, id: owner.pending[0] }, frame);
    return true;
  }

  /** Keeps what may be an answer, to be told when no better one comes. */
  keep(owed: Owed, error: Uint8Array | ProxyError): void {
    const { owner, id: { key } } = owed;
    owner.keptErrors ??= new Map();
    if (owner.keptErrors.has(key) || owner.isSettled) return;
    owner.keptErrors.set(key, error);
    this.#answerKeptAfter(owed, KEPT_MS);
  }

  /** Tells a kept error when nothing more is said for some time. */
  #answerKeptAfter(owed: Owed, delayMs: number): void {
    const { owner, id } = owed;
    const limit = whenOver(delayMs, () => {
      const error = owner.keptErrors?.get(id.key);
      if (!error) return;
      // What tells of its progress may bring its answer.
      const leftMs = KEPT_MS - owner.sinceMessageMs;
      if (leftMs > 0) return this.#answerKeptAfter(owed, leftMs);
      this.fail(owner, error, [id]).catch(() => {}).finally(() => {
        if (owner.isSettled) owner.end();
      });
    });
    void owner.settled.then(() => limit[Symbol.dispose]());
  }

  /** The exchange that alone waits, for one answer. */
  #onlyOne({ session, exchange }: Origin): Exchange | undefined {
    const waiting = session.channel ? this.#waiting.values() : [];
    const owners = exchange ? [exchange] : [...new Set(waiting)];
    const isOne = owners.length === 1 && owners[0].pending.length === 1;
    return isOne ? owners[0] : undefined;
  }

  /** Tells the client what an exchange failed with, and the log. */
  report(exchange: Exchange, given: ProxyError | Uint8Array): Promise<void> {
    const hasOthers = given instanceof ProxyError && exchange.isSent;
    const error = hasOthers ? afterOthers(given) : given;
    const [id] = exchange.pending;
    const told = toldOf(exchange, id, error);
    if (told instanceof ProxyError) {
      const { log } = this.#target;
      log.warn(told.summary, {
        method: exchange.method,
        id: id?.source,
        reason: told.reason,
        ms: Math.round(performance.now() - exchange.startedAt),
      });
      if (told.message !== told.summary) {
        log.debug("what the client is told", { error: told.message });
      }
    }
    return this.fail(exchange, error);
  }

  /** Answers what still waits in an exchange with an error, or the target's. */
  async fail(
    exchange: Exchange,
    error: ProxyError | Uint8Array,
    ids = exchange.pending,
  ): Promise<void> {
    const { observation } = exchange;
    const first = toldOf(exchange, ids[0], error);
    if (first instanceof ProxyError) observation?.failed(first);
    else observation?.answered(responseIn(first));
    for (const id of ids) {
      const told = toldOf(exchange, id, error);
      if (!this.take(exchange, id) || exchange.onAnswer) continue;
      const frame = told instanceof ProxyError
        ? errorFrame(told, id, this.#target.redactor.redact)
        : withId(told, id);
      await this.emit(frame, exchange);
    }
  }

  /** Writes a frame to the client, on behalf of an exchange if of one. */
  emit(bytes: Uint8Array, exchange: Exchange | undefined): Promise<void> {
    const written = this.#target.emit(replaceNewlines(bytes));
    if (written === NO_WAIT || !exchange) return written;
    return exchange.delivering(written);
  }

  async emitAll(
    frames: readonly (Uint8Array | undefined)[],
    exchange: Exchange | undefined,
  ): Promise<void> {
    for (const frame of frames) {
      if (frame) await this.emit(frame, exchange);
    }
  }
}

/** What a request is told that fails: of its broken answer, if it had one. */
function toldOf(
  { keptErrors }: Exchange,
  id: RequestId | undefined,
  error: ProxyError | Uint8Array,
): ProxyError | Uint8Array {
  if (id === undefined || !(error instanceof ProxyError)) return error;
  return keptErrors?.get(id.key) ?? error;
}

/** The token that progress is told of, in both spellings. */
function tokensIn(message: SingleMessage): readonly string[] {
  if (message.kind !== "notification" || message.method !== PROGRESS) return [];
  const { params } = message;
  const token = isObject(params) ? requestId(params.progressToken) : undefined;
  if (!token || RELATED_TASK in metaOf(params)) return [];
  return spellingsOf(token).map(({ key }) => key);
}

/** A request of an exchange, under the ID as the client wrote it. */
function owed(owner: Exchange, id: RequestId): Owed {
  return { owner, id: owner.requests.find(({ key }) => key === id.key) ?? id };
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
