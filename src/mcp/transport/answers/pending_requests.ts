/**
 * Which requests wait for an answer, and what they are told where there is none.
 * Also which ask to hear of their progress: strict clients end at progress of a
 * request that they take for over.
 */

import { isObject } from "../../../json.ts";
import { replaceNewlines } from "../../wire/bytes.ts";
import type { SessionHeaders } from "../../wire/headers.ts";
import {
  idAsWritten,
  requestAlike,
  spellingsOf,
  withId,
} from "../../wire/answers.ts";
import { type Era, metaOf } from "../../wire/era.ts";
import { NO_WAIT } from "../../wire/frames.ts";
import { ProxyError } from "../../../errors.ts";
import { afterOthers } from "../failure.ts";
import { errorFrame, sentenceOf } from "../own_error.ts";
import { type Part, responseIn } from "../link.ts";
import type { Target } from "../target.ts";
import type { Exchange, ExchangeInit, PendingRequest } from "../exchange.ts";
import {
  type NotificationMessage,
  type RequestId,
  requestId,
  type ResponseMessage,
  type SingleMessage,
} from "../../wire/message.ts";
import { LruCache } from "../../../lru_cache.ts";
import { whenOver } from "../../../time.ts";

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

export class PendingRequests {
  readonly #target: Target;
  readonly #era: Era;
  readonly #waiting = new Map<string, PendingRequest>();
  /** Requests that nobody waits for any more. */
  readonly #over = new LruCache<true>(MAX_OVER);
  /** The progress tokens of requests under way, and of those that are over. */
  readonly #tokens = new Map<string, Exchange>();
  readonly #overTokens = new LruCache<true>(MAX_OVER);

  constructor(target: Target, era: Era) {
    this.#target = target;
    this.#era = era;
  }

  expect(exchange: Exchange): void {
    for (const request of exchange.requests) {
      const { key, token } = request;
      this.#waiting.set(key, request);
      if (!token) continue;
      this.#tokens.set(token.key, exchange);
      this.#overTokens.delete(token.key);
    }
    const observation = this.#target.observer?.began?.(exchange, this.#era);
    exchange.observation = observation;
    // A request is over when it is answered, whatever its stream still says.
    if (!observation || !exchange.isRequest) return;
    void exchange.settled.then(() => observation.ended());
  }

  /** Notes for all that wait that the target said something. */
  touchAll(): void {
    for (const { owner } of this.#waiting.values()) owner.touch();
  }

  exchangeOf(id: RequestId): Exchange | undefined {
    return this.#waiting.get(id.key)?.owner;
  }

  forget(exchange: Exchange): void {
    for (const request of exchange.requests) this.#forget(request);
    exchange.observation?.ended();
  }

  #forget(request: PendingRequest): void {
    const { owner, key, token } = request;
    if (token && this.#tokens.get(token.key) === owner) {
      this.#tokens.delete(token.key);
      this.#overTokens.set(token.key, true);
    }
    if (this.#waiting.get(key) !== request) return;
    this.#waiting.delete(key);
    this.#over.set(key, true);
  }

  /** Takes a request's one answer: false when it was taken before. */
  take(request: PendingRequest): boolean {
    this.#forget(request);
    return request.owner.take(request);
  }

  /** Keeps a token in use beyond the answer: a task goes on. */
  keepProgress({ token }: PendingRequest): void {
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
    for (const { owner } of this.#waiting.values()) {
      if (owner.isAtTarget && !owner.isHeld) owner.answerHasBegun = true;
    }
  }

  /** The request of an ID, or of another spelling of it: its own stream's first. */
  withId(
    id: RequestId,
    exchange: Exchange | undefined,
  ): PendingRequest | undefined {
    const own = exchange?.owed(id) ?? exchange?.owedAlike(id);
    if (own) return own;
    const other = requestAlike(id, this.#waiting);
    return other?.owner.owed(other);
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
  ): PendingRequest | undefined {
    const named = id && this.withId(id, origin.exchange);
    // Servers that know no ID have it empty.
    const isForeign = id !== undefined && id.key !== "s:";
    if (named || !error || !isAll && isForeign) return named;
    return this.#onlyOne(origin);
  }

  /** Keeps an error of another ID for the request that alone may be meant. */
  keepError(
    { id, error }: ResponseMessage,
    frame: Uint8Array,
    origin: Origin,
  ): boolean {
    // A late second answer to another request is not this one's.
    const isLate = id && spellingsOf(id).some(({ key }) => this.#over.get(key));
    const only = this.#onlyOne(origin);
    if (!error || !only || isLate) return false;
    this.keep(only, frame);
    return true;
  }

  /** Keeps what may be an answer, to be told when no better one comes. */
  keep(request: PendingRequest, error: Uint8Array | ProxyError): void {
    if (request.kept || request.owner.isSettled) return;
    request.kept = error;
    this.#answerKeptAfter(request, KEPT_MS);
  }

  /** Tells a kept error when nothing more is said for some time. */
  #answerKeptAfter(request: PendingRequest, delayMs: number): void {
    const { owner } = request;
    const limit = whenOver(delayMs, () => {
      const { kept } = request;
      if (!kept) return;
      // What tells of its progress may bring its answer.
      const leftMs = KEPT_MS - owner.sinceMessageMs;
      if (leftMs > 0) return this.#answerKeptAfter(request, leftMs);
      this.fail(owner, kept, [request]).catch(() => {}).finally(() => {
        if (owner.isSettled) owner.end();
      });
    });
    void owner.settled.then(() => limit[Symbol.dispose]());
  }

  /** The request that alone waits. */
  #onlyOne({ session, exchange }: Origin): PendingRequest | undefined {
    const waiting = session.channel ? [...this.#waiting.values()] : [];
    const owners = exchange
      ? [exchange]
      : [...new Set(waiting.map(({ owner }) => owner))];
    const [only, ...others] = owners.length === 1 ? owners[0].pending : [];
    return others.length === 0 ? only : undefined;
  }

  /** Tells the client what an exchange failed with, and the log. */
  report(
    exchange: Exchange,
    given: ProxyError | Uint8Array,
    requests = exchange.pending,
  ): Promise<void> {
    const error = given instanceof ProxyError
      ? afterOthers(given, exchange.isSent)
      : given;
    const [first] = requests;
    const told = toldOf(first, error);
    if (told instanceof ProxyError) {
      const { log } = this.#target;
      log.warn(told.summary, {
        method: exchange.method,
        id: first?.source,
        reason: told.reason,
        mayHaveRun: told.data.mayHaveRun,
        ms: Math.round(performance.now() - exchange.startedAt),
      });
      if (told.message !== told.summary) {
        log.debug("what the client is told", { error: sentenceOf(told) });
      }
    }
    return this.fail(exchange, error, requests);
  }

  /** Answers what still waits in an exchange with an error, or the target's. */
  async fail(
    exchange: Exchange,
    error: ProxyError | Uint8Array,
    requests = exchange.pending,
  ): Promise<void> {
    const { observation } = exchange;
    const first = toldOf(requests[0], error);
    if (first instanceof ProxyError) observation?.failed(first);
    else observation?.answered(responseIn(first));
    for (const request of requests) {
      const told = toldOf(request, error);
      if (!this.take(request) || exchange.onAnswer) continue;
      const frame = told instanceof ProxyError
        ? errorFrame(told, request, this.#target.redactor.redact)
        : withId(told, request);
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
  request: PendingRequest | undefined,
  error: ProxyError | Uint8Array,
): ProxyError | Uint8Array {
  return error instanceof ProxyError ? request?.kept ?? error : error;
}

/** The token that progress is told of, in both spellings. */
function tokensIn(message: SingleMessage): readonly string[] {
  if (message.kind !== "notification" || message.method !== PROGRESS) return [];
  const { params } = message;
  const token = isObject(params) ? requestId(params.progressToken) : undefined;
  if (!token || RELATED_TASK in metaOf(params)) return [];
  return spellingsOf(token).map(({ key }) => key);
}

/** The requests among messages, under the IDs as the client wrote them. */
export function requestsIn(
  parts: readonly Part[],
): Pick<ExchangeInit, "requests"> {
  const requests = parts.flatMap(({ message, bytes }) => {
    if (message.kind !== "request") return [];
    const token = requestId(metaOf(message.params).progressToken);
    const { source, key } = idAsWritten(message.id, bytes);
    return { source, key, token };
  });
  return { requests };
}
