/**
 * Carries an exchange to the target and its answers back.
 *
 * @module
 */

import { ProxyError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Redact, Redactor } from "../redact.ts";
import {
  discardBody,
  mediaType,
  readChunks,
  readEvents,
  readHead,
} from "./body.ts";
import type { Delivery } from "./delivery.ts";
import type { ServerEvent } from "./events.ts";
import type { Exchange } from "./exchange.ts";
import {
  AttemptError,
  fetchFailure,
  httpStatusError,
  redirectError,
  streamCut,
} from "./failure.ts";
import { joinBytes } from "./frames.ts";
import {
  type HeaderPairs,
  NO_SESSION,
  postHeaders,
  type SessionHeaders,
  streamHeaders,
} from "./headers.ts";
import type { SseChannel } from "./http_sse.ts";
import { DEFAULT_MAX_ANSWER_BYTES, frameTooLarge } from "./large_answer.ts";
import { saysLost, SessionLost } from "./loss.ts";
import {
  badContentType,
  type Explain,
  isRedirect,
  readErrorBody,
  readRpcError,
  repeatAfter,
} from "./responses.ts";
import { delay, reopenMs, retryAfterMs } from "./retry.ts";

/** How the target is reached, and where what it says goes. */
export interface TargetAccess {
  readonly url: URL;
  readonly fetch: typeof globalThis.fetch;
  readonly headers: HeaderPairs;
  readonly delivery: Delivery;
  readonly explain: Explain;
  readonly redact: Redact;
  /** Learns the session IDs. */
  readonly redactor: Redactor;
  readonly log: Log;
  /** The largest message that the client is given, in bytes. */
  readonly maxAnswerBytes: number;
  /**
   * Whether an answer may pass while it still arrives; `true` unless it is set.
   */
  readonly passesInPieces?: boolean;
}

/** What a {@linkcode Carrier} is handed. */
export interface CarrierOptions extends TargetAccess {
  /** Whether a stream that is cut is resumed; `true` unless it is set. */
  readonly resumes?: boolean;
}

/** The place in an event stream up to which everything was received. */
interface StreamPosition {
  lastEventId: string | undefined;
  /** The ID after which the present response goes on. */
  resumedAfter: string | undefined;
  retryMs: number | undefined;
  /** How many times in a row resuming brought nothing. */
  fruitlessTries: number;
  /** What a `Retry-After` asks to wait, in milliseconds. */
  askedMs: number;
  /** What the connection broke with. */
  cause: unknown;
}

/** How many times in a row resuming a stream may bring nothing. */
const MAX_FRUITLESS_TRIES = 5;

/** How many streams may do so at once: each holds a connection. */
const MAX_LINGERING = 32;

/** The longest `Retry-After` that is waited for before a stream is resumed. */
const MAX_ASKED_MS = 30_000;

/** How long a stream may go on when nobody waits any more. */
const LINGER_MS = 5_000;

/** From this size on an answer passes while it still arrives. */
const PASS_FROM_BYTES = 8 * 1024 * 1024;

const decoder = new TextDecoder();

/** Sends exchanges, and hands what comes back to the delivery. */
export class Carrier {
  readonly #options: CarrierOptions;
  /** Streams that go on after their last answer, the oldest first. */
  readonly #lingering = new Set<Exchange>();

  constructor(options: CarrierOptions) {
    this.#options = options;
  }

  /**
   * Sends an exchange once and delivers what comes back, until the target has
   * said all it has to say.
   *
   * @throws {AttemptError} when no answer came.
   * @throws {SessionLost} when the target does not know the session.
   */
  async carry(exchange: Exchange, session: SessionHeaders): Promise<void> {
    exchange.isUnderWay = true;
    try {
      await this.#carry(exchange, session);
    } finally {
      this.#lingering.delete(exchange);
      exchange.isUnderWay = false;
    }
  }

  async #carry(exchange: Exchange, session: SessionHeaders): Promise<void> {
    const { url, headers, redactor } = this.#options;
    const { channel } = session;
    if (channel) return await this.#carryOver(channel, exchange, session);
    exchange.isSent = true;
    const response = await this.#fetch(exchange, url, {
      method: "POST",
      headers: postHeaders(headers, session),
      body: exchange.body,
    });
    if (!response.ok) return await this.#refused(session, response);
    exchange.sessionId = response.headers.get("mcp-session-id") ?? undefined;
    redactor.add(exchange.sessionId);
    if (mediaType(response) === "text/event-stream") {
      await this.#readStream(exchange, session, response);
    } else {
      await this.#readSingle(exchange, session, response);
    }
    if (exchange.isSettled) return;
    throw new AttemptError(
      new ProxyError(
        "no-answer",
        `the target answered HTTP ${response.status} without an answer to the request`,
        { data: { status: response.status } },
      ),
      "never",
    );
  }

  /** HTTP+SSE: the answer comes on the channel. */
  async #carryOver(
    channel: SseChannel,
    exchange: Exchange,
    session: SessionHeaders,
  ): Promise<void> {
    if (!channel.isOpen) {
      throw new SessionLost(session, "always", channelEnded(channel.cause));
    }
    exchange.isSent = true;
    channel.touch();
    const response = await this.#fetch(exchange, channel.endpoint, {
      method: "POST",
      headers: postHeaders(this.#options.headers, NO_SESSION),
      body: exchange.body,
    });
    channel.touch();
    if (!response.ok) return await this.#refused(session, response);
    await discardBody(response);
    await Promise.race([
      exchange.settled,
      channel.closed,
      aborted(exchange.signal),
    ]);
    if (exchange.signal.aborted) throw exchange.signal.reason;
    if (exchange.isSettled) return;
    throw new AttemptError(streamCut(channel.cause), "never");
  }

  async #fetch(
    exchange: Exchange,
    url: URL,
    init: RequestInit,
  ): Promise<Response> {
    const { fetch, log } = this.#options;
    const startedAt = performance.now();
    try {
      const send = () =>
        fetch(url, {
          ...init,
          redirect: "manual",
          signal: exchange.fetchSignal,
        });
      const observed = exchange.observation?.attempt(init, send);
      const response = await (observed ?? send());
      exchange.touch();
      log.debug("answered", {
        http: init.method,
        method: exchange.method,
        id: exchange.pending[0]?.source,
        status: response.status,
        ms: Math.round(performance.now() - startedAt),
      });
      return response;
    } catch (cause) {
      throw fetchFailure(cause, url);
    }
  }

  /** An answer to a POST that is not 2xx. */
  async #refused(
    session: SessionHeaders,
    response: Response,
  ): Promise<never> {
    const body = await readErrorBody(response);
    if (isRedirect(response)) {
      const { url } = this.#options;
      throw new AttemptError(redirectError(response, url), "never");
    }
    const error = this.#httpError(response, body);
    const rpcError = readRpcError(body);
    const { status } = response;
    const isLost = status === 404 ||
      (status === 400 && rpcError?.code === -32000 && saysLost(rpcError));
    const isSession = session.sessionId !== undefined || session.channel;
    if (isSession && isLost) {
      throw new SessionLost(session, "always", rpcError ? body : error);
    }
    throw new AttemptError(
      error,
      repeatAfter(response),
      retryAfterMs(response.headers),
      rpcError && body,
    );
  }

  #httpError(response: Response, body: Uint8Array): ProxyError {
    const { explain, redact } = this.#options;
    const text = decoder.decode(body);
    return explain(response, text) ?? httpStatusError(response, redact(text));
  }

  /** An answer that is not a stream: one JSON text, or nothing. */
  async #readSingle(
    exchange: Exchange,
    session: SessionHeaders,
    response: Response,
  ): Promise<void> {
    const { maxAnswerBytes, passesInPieces = true } = this.#options;
    const chunks = readChunks(response, () => exchange.touch());
    const mayPass = passesInPieces &&
      mayPassInPieces(exchange, response, maxAnswerBytes);
    const keptBytes = mayPass ? PASS_FROM_BYTES : maxAnswerBytes;
    try {
      const head = await readHead(chunks, keptBytes).catch((cause) => {
        throw new AttemptError(streamCut(cause), "never");
      });
      if (head.isWhole) {
        const body = joinBytes(head.pieces);
        return await this.#receiveBody(exchange, session, response, body);
      }
      if (!mayPass) {
        const error = frameTooLarge(undefined, maxAnswerBytes);
        throw new AttemptError(error, "never");
      }
      await this.#options.delivery.receivePieces(exchange, head, chunks);
    } finally {
      // Not awaited: it would wait for a read that may never end.
      void chunks.return(undefined).catch(() => {});
    }
  }

  async #receiveBody(
    exchange: Exchange,
    session: SessionHeaders,
    response: Response,
    body: Uint8Array,
  ): Promise<void> {
    const { delivery, log } = this.#options;
    if (body.length === 0) return;
    try {
      const type = mediaType(response);
      if (type !== "application/json") {
        throw badContentType(response.status, type);
      }
      await delivery.receive(body, session, exchange);
    } catch (error) {
      if (exchange.isRequest || !(error instanceof ProxyError)) throw error;
      // Some servers say "Accepted" to a notification, in their own words.
      log.debug(error.message, { method: exchange.method });
    }
  }

  /** An event stream, and the streams that resume it. */
  async #readStream(
    exchange: Exchange,
    session: SessionHeaders,
    first: Response,
  ): Promise<void> {
    const position: StreamPosition = {
      lastEventId: undefined,
      resumedAfter: undefined,
      retryMs: undefined,
      fruitlessTries: 0,
      askedMs: 0,
      cause: undefined,
    };
    let response: Response | undefined = first;
    for (;;) {
      if (response) {
        await this.#readEvents(exchange, session, response, position);
      }
      if (exchange.isSettled) return;
      if (
        this.#options.resumes === false || position.lastEventId === undefined ||
        position.fruitlessTries >= MAX_FRUITLESS_TRIES
      ) {
        throw new AttemptError(streamCut(position.cause), "never");
      }
      const waitMs = reopenMs(position.retryMs, position.fruitlessTries);
      await delay(Math.max(waitMs, position.askedMs), exchange.signal);
      if (exchange.isSettled) return;
      response = await this.#resume(exchange, session, position);
    }
  }

  /** The events of one response, until it ends or breaks. */
  async #readEvents(
    exchange: Exchange,
    session: SessionHeaders,
    response: Response,
    position: StreamPosition,
  ): Promise<void> {
    const { maxAnswerBytes } = this.#options;
    position.resumedAfter = position.lastEventId;
    position.fruitlessTries++;
    position.cause = undefined;
    const events = readEvents(response, {
      maxDataBytes: maxAnswerBytes,
      onChunk: () => exchange.touch(),
    });
    try {
      for (;;) {
        const next = await events.next().catch((cause) => {
          position.cause = cause;
        });
        if (!next || next.done) return;
        await this.#deliverEvent(exchange, session, next.value, position);
      }
    } finally {
      await events.return(undefined);
    }
  }

  async #deliverEvent(
    exchange: Exchange,
    session: SessionHeaders,
    { type, id, retryMs, data, oversized }: ServerEvent,
    position: StreamPosition,
  ): Promise<void> {
    const { delivery } = this.#options;
    position.retryMs = retryMs ?? position.retryMs;
    // A server that replays from the ID on, not after it.
    if (id !== undefined && id === position.resumedAfter) return;
    // An empty ID says that there is nothing to resume from.
    position.lastEventId = (id ?? position.lastEventId) || undefined;
    position.fruitlessTries = 0;
    if (oversized) {
      await delivery.receiveOversized(oversized, exchange);
    } else if (type === "message" && data.length > 0) {
      await delivery.receive(data, session, exchange);
    }
    if (exchange.isSettled) this.#linger(exchange);
  }

  /** Lets a stream go on for a while that nobody waits for any more. */
  #linger(exchange: Exchange): void {
    exchange.endAfter(LINGER_MS);
    this.#lingering.add(exchange);
    for (const oldest of this.#lingering) {
      if (this.#lingering.size <= MAX_LINGERING) break;
      this.#lingering.delete(oldest);
      oldest.end();
    }
  }

  /** Asks for the rest of a stream; `undefined` when it is worth another try. */
  async #resume(
    exchange: Exchange,
    session: SessionHeaders,
    position: StreamPosition,
  ): Promise<Response | undefined> {
    let response: Response;
    try {
      response = await this.#fetch(exchange, this.#options.url, {
        method: "GET",
        headers: streamHeaders(
          this.#options.headers,
          session,
          position.lastEventId,
        ),
      });
    } catch (cause) {
      if (exchange.signal.aborted || isFinal(cause)) throw cause;
      position.cause = cause;
      position.fruitlessTries++;
      return undefined;
    }
    if (response.ok && mediaType(response) === "text/event-stream") {
      return response;
    }
    const body = await readErrorBody(response);
    if (response.status === 404) {
      throw new SessionLost(session, "never", streamCut(position.cause));
    }
    if (isPassing(response.status)) {
      position.fruitlessTries++;
      const askedMs = retryAfterMs(response.headers) ?? 0;
      position.askedMs = Math.min(askedMs, MAX_ASKED_MS);
      return undefined;
    }
    const { explain } = this.#options;
    const refusal = explain(response, decoder.decode(body));
    if (refusal) throw new AttemptError(refusal, "never");
    throw new AttemptError(streamCut(position.cause), "never");
  }
}

/** The methods whose answers the proxy, or a layer of it, may have to read. */
const READ_METHODS: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "tools/list",
]);

/**
 * Whether an answer may pass while it still arrives: where the limit was
 * raised, and nothing in the answer is the proxy's to read.
 */
function mayPassInPieces(
  { requests, method, onAnswer }: Exchange,
  response: Response,
  maxAnswerBytes: number,
): boolean {
  return maxAnswerBytes > DEFAULT_MAX_ANSWER_BYTES && requests.length === 1 &&
    mediaType(response) === "application/json" && onAnswer === undefined &&
    !READ_METHODS.has(method);
}

function channelEnded(cause: unknown): ProxyError {
  return new ProxyError(
    "unreachable",
    "the target's event stream has ended, and the request was not sent",
    { data: { mayHaveRun: false }, cause },
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

function isFinal(cause: unknown): boolean {
  return cause instanceof AttemptError && cause.repeat === "never";
}

/** 409: the target still holds the old stream. */
function isPassing(status: number): boolean {
  return status === 409 || status === 429 || status >= 500;
}
