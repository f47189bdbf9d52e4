/**
 * Carries an exchange to the target and its answers back.
 *
 * @module
 */

import type { Target } from "./target.ts";
import {
  AttemptError,
  retryableAfter,
  retryAfterMs,
  SessionExpiredError,
} from "./retry.ts";
import { untilAborted } from "../../time.ts";
import { ProxyError } from "../../errors.ts";
import { ResponseStream, type StreamContext } from "./response_streams.ts";
import {
  BodyChunks,
  type BodyHead,
  drainBody,
  isSmallBody,
  mediaType,
  readHead,
} from "../wire/body.ts";
import type { ResponseRouter } from "./response_router.ts";
import { parseErrorBody } from "./error_body.ts";
import type { Exchange } from "./exchange.ts";
import {
  badContentType,
  fetchFailure,
  httpStatusError,
  isRedirect,
  redirectError,
  said,
  streamCut,
} from "./failure.ts";
import { NO_WAIT } from "../wire/frames.ts";
import { joinBytes } from "../wire/block_buffer.ts";
import {
  type Channel,
  hasSession,
  type HeaderPairs,
  type HeaderRecord,
  NO_SESSION,
  postHeaders,
  type SessionHeaders,
} from "../wire/headers.ts";
import {
  frameTooLarge,
  isRespelt,
  mayPassInPieces,
  passLargeAnswer,
} from "./large_answer.ts";
import { checkExpiry, expiryInRefusal } from "./session_expiry.ts";

/** From this size on an answer passes while it still arrives. */
const PASS_FROM_BYTES = 8 * 1024 * 1024;

/** A small body that takes longer than this is as good as none. */
const MIN_IDLE_MS = 60_000;

/** How long a stream may go on when nobody waits any more. */
const DRAIN_MS = 5_000;

/** How many streams may do so at once: each holds a connection. */
const MAX_DRAINING = 32;

/** A message that stands in the body of an HTTP error, as an event. */
const EVENT = {
  type: "message",
  id: undefined,
  retryMs: undefined,
  oversized: undefined,
  isCut: false,
};

const decoder = new TextDecoder();

/** Sends exchanges, and hands what comes back to the delivery. */
export class HttpTransport {
  readonly #target: Target;
  readonly #router: ResponseRouter;
  readonly #streams: StreamContext;
  /** Streams that go on after their last answer, the oldest first. */
  readonly #draining = new Set<Exchange>();
  /** The headers of a POST without a session, and those of the last session. */
  readonly #baseHeaders: HeaderRecord;
  #sessionHeaders: HeaderRecord;
  #session: SessionHeaders = NO_SESSION;

  /** @param options Whether a stream that is cut is resumed. */
  constructor(
    target: Target,
    router: ResponseRouter,
    { resumes }: { readonly resumes: boolean },
  ) {
    this.#target = target;
    this.#router = router;
    this.#baseHeaders = postHeaders(target.headers, NO_SESSION);
    this.#sessionHeaders = this.#baseHeaders;
    this.#streams = {
      target,
      router,
      resumes,
      send: (exchange, init) => this.#fetch(exchange, target.url, init),
      onSettled: (exchange) => this.#drain(exchange),
    };
  }

  /**
   * Sends an exchange once and delivers what comes back, until the target has
   * said all it has to say.
   *
   * @throws {AttemptError} when no answer came.
   * @throws {SessionExpiredError} when the target does not know the session.
   */
  async carry(exchange: Exchange, session: SessionHeaders): Promise<void> {
    exchange.isAtTarget = true;
    const wasSent = exchange.isSent;
    try {
      const { channel } = session;
      if (channel?.over.aborted) {
        const error = channelEnded(channel.cause);
        throw new SessionExpiredError(session, "always", error);
      }
      exchange.isSent = true;
      channel?.touch();
      const url = channel?.endpoint ?? this.#target.url;
      const response = await this.#fetch(exchange, url, {
        method: "POST",
        headers: channel ? this.#baseHeaders : this.#headersIn(session),
        body: exchange.body,
      });
      channel?.touch();
      if (!response.ok) return await this.#refused(exchange, session, response);
      if (channel) await this.#waitFor(channel, exchange, response);
      else await this.#read(exchange, session, response);
      if (!exchange.isSettled) await this.#receiveKept(exchange, session);
      if (exchange.isSettled) return;
      throw channel
        ? new AttemptError(streamCut(channel.cause), "never")
        : noAnswer(response);
    } catch (cause) {
      // An attempt before this one may have run all the same.
      if (didNotRun(exchange, cause)) exchange.isSent = wasSent;
      throw cause;
    } finally {
      this.#draining.delete(exchange);
      exchange.isAtTarget = false;
    }
  }

  /** Lets a stream go on for a while that nobody waits for any more. */
  #drain(exchange: Exchange): void {
    exchange.endAfter(DRAIN_MS);
    this.#draining.add(exchange);
    for (const oldest of this.#draining) {
      if (this.#draining.size <= MAX_DRAINING) break;
      this.#draining.delete(oldest);
      oldest.end();
    }
  }

  #noteSession(exchange: Exchange, { headers }: Response): void {
    const sessionId = headers.get("mcp-session-id");
    if (sessionId === null) return;
    exchange.sessionId = sessionId;
    this.#target.redactor.add(sessionId);
  }

  /**
   * Whether a body may be read in one step, of which nothing is seen before its
   * end: that must not look like silence.
   */
  #isSmall(response: Response): boolean {
    const { maxAnswerBytes, idleTimeoutMs } = this.#target;
    return idleTimeoutMs >= MIN_IDLE_MS &&
      isSmallBody(response, maxAnswerBytes);
  }

  #headersIn(session: SessionHeaders): HeaderRecord {
    const { mirrored } = session;
    if (mirrored) return { ...this.#baseHeaders, ...lowerCase(mirrored) };
    if (session !== this.#session) {
      this.#sessionHeaders = postHeaders(this.#target.headers, session);
      this.#session = session;
    }
    return this.#sessionHeaders;
  }

  /** HTTP+SSE: the answer comes on the channel. */
  async #waitFor(
    channel: Channel,
    exchange: Exchange,
    response: Response,
  ): Promise<void> {
    await drainBody(response);
    await untilAborted(exchange.settled, channel.over, exchange.signal);
    if (exchange.signal.aborted) throw exchange.signal.reason;
  }

  async #read(
    exchange: Exchange,
    session: SessionHeaders,
    response: Response,
  ): Promise<void> {
    this.#noteSession(exchange, response);
    // The status line is all that is said to a notification or an answer.
    if (!exchange.isRequest) return await drainBody(response);
    if (mediaType(response) === "text/event-stream") {
      const stream = new ResponseStream(this.#streams, exchange, session);
      return await stream.read(response);
    }
    if (!this.#isSmall(response)) {
      return await this.#readSingle(exchange, session, response);
    }
    const body = await response.bytes().catch(failedRead);
    exchange.touch();
    const delivered = this.#receiveBody(exchange, session, response, body);
    if (delivered !== NO_WAIT) await delivered;
  }

  /** Delivers the error of another ID that is all that answered an exchange. */
  async #receiveKept(
    exchange: Exchange,
    session: SessionHeaders,
  ): Promise<void> {
    const { keptError } = exchange;
    exchange.keptError = undefined;
    if (keptError) await this.#router.receive(keptError, session, exchange);
  }

  async #fetch(
    exchange: Exchange,
    url: URL,
    init: RequestInit,
  ): Promise<Response> {
    const { fetch, log } = this.#target;
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
      if (log.enabled?.("debug") !== false) {
        log.debug("answered", {
          http: init.method,
          method: exchange.method,
          id: exchange.pending[0]?.source,
          status: response.status,
          ms: Math.round(performance.now() - startedAt),
        });
      }
      return response;
    } catch (cause) {
      throw fetchFailure(cause, url);
    }
  }

  /** An answer to a POST that is not 2xx. */
  async #refused(
    exchange: Exchange,
    session: SessionHeaders,
    response: Response,
  ): Promise<void> {
    const { url } = this.#target;
    const body = await parseErrorBody(response, exchange);
    const { messages, text, answer, isOwn, isClear } = body;
    if (isRedirect(response)) {
      throw new AttemptError(redirectError(response, url), "never");
    }
    if (messages) {
      for (const data of messages) {
        await this.#router.receiveEvent({ ...EVENT, data }, session, exchange);
      }
      if (exchange.isSettled) return;
      throw new AttemptError(this.#httpError(response, text), "never");
    }
    const loss = hasSession(session)
      ? expiryInRefusal(response, decoder.decode(text), body)
      : undefined;
    if (loss !== undefined) {
      const told = answer ? text : this.#httpError(response, text);
      throw new SessionExpiredError(session, loss, told);
    }
    throw new AttemptError(
      this.#httpError(response, text),
      retryableAfter(response, isClear && !isOwn),
      retryAfterMs(response.headers),
      answer && text,
    );
  }

  #httpError(response: Response, body: Uint8Array): ProxyError {
    const { explain, redactor: { redact } } = this.#target;
    const text = decoder.decode(body);
    return explain(response, text) ?? httpStatusError(response, text, redact);
  }

  /** An answer that is not a stream: one JSON text, or nothing. */
  async #readSingle(
    exchange: Exchange,
    session: SessionHeaders,
    response: Response,
  ): Promise<void> {
    const { maxAnswerBytes } = this.#target;
    const mayPass = mayPassInPieces(exchange, response, this.#target);
    const keptBytes = mayPass ? PASS_FROM_BYTES : maxAnswerBytes;
    const chunks = new BodyChunks(response, {
      maxBytes: keptBytes,
      onChunk: () => exchange.touch(),
    });
    try {
      const pieces: Uint8Array[] = [];
      let head = await readUpTo(chunks, keptBytes);
      if (!head.isWhole && mayPass) {
        if (!isRespelt(exchange.requests[0], head)) {
          const { pending } = this.#router;
          return await passLargeAnswer(
            exchange,
            head,
            chunks,
            this.#target,
            pending,
          );
        }
        // An ID is spliced into an answer that is there as a whole.
        pieces.push(...head.pieces);
        head = await readUpTo(chunks, maxAnswerBytes - head.byteLength);
      }
      if (!head.isWhole) {
        const error = frameTooLarge(undefined, maxAnswerBytes);
        throw new AttemptError(error, "never");
      }
      const body = joinBytes([...pieces, ...head.pieces]);
      await this.#receiveBody(exchange, session, response, body);
    } finally {
      // Not awaited: it would wait for a read that may never end.
      void chunks.return();
    }
  }

  #receiveBody(
    exchange: Exchange,
    session: SessionHeaders,
    response: Response,
    body: Uint8Array,
  ): Promise<void> {
    const { redact } = this.#target.redactor;
    if (body.length === 0) return NO_WAIT;
    const type = mediaType(response);
    checkExpiry(exchange, session, body, redact);
    if (type !== "application/json") {
      const words = said(decoder.decode(body), redact);
      throw badContentType(response.status, type, words);
    }
    return this.#router.receive(body, session, exchange);
  }
}

function noAnswer({ status }: Response): AttemptError {
  return new AttemptError(
    new ProxyError(
      "no-answer",
      `the target answered HTTP ${status} without an answer to the request`,
      { data: { status } },
    ),
    "never",
  );
}

/** The beginning of a body, or what its connection failed with. */
function readUpTo(
  chunks: AsyncIterator<Uint8Array>,
  maxBytes: number,
): Promise<BodyHead> {
  return readHead(chunks, maxBytes).catch(failedRead);
}

function failedRead(cause: unknown): never {
  const error = cause instanceof ProxyError ? cause : streamCut(cause);
  throw new AttemptError(error, "never");
}

function lowerCase(headers: HeaderPairs): HeaderRecord {
  return Object.fromEntries(
    headers.map(([name, value]) => [name.toLowerCase(), value]),
  );
}

/** Whether an attempt that failed certainly was not run by the target. */
function didNotRun({ answerHasBegun }: Exchange, cause: unknown): boolean {
  const isAttempt = cause instanceof AttemptError ||
    cause instanceof SessionExpiredError;
  return isAttempt && cause.retryable === "always" && !answerHasBegun;
}

function channelEnded(cause: unknown): ProxyError {
  return new ProxyError(
    "unreachable",
    "the target's event stream has ended, and the request was not sent",
    { data: { mayHaveRun: false }, cause },
  );
}
