/** Carries an exchange to the target and its answers back. */

import type { Target } from "./target.ts";
import {
  AttemptError,
  errorOf,
  retryableAfter,
  retryAfterMs,
  SessionExpiredError,
} from "./retry.ts";
import { orAborted, untilAborted } from "../../time.ts";
import type { ProxyError } from "../../errors.ts";
import { type AnswerContext, receiveStream } from "./answers/event_stream.ts";
import { receiveJson } from "./answers/json_answer.ts";
import { BodyChunks, drainBody, mediaType } from "../wire/body.ts";
import type { ResponseRouter } from "./answers/response_router.ts";
import { parseErrorBody } from "./answers/error_body.ts";
import type { Exchange } from "./exchange.ts";
import {
  channelEnded,
  fetchFailure,
  httpStatusError,
  isRedirect,
  noAnswer,
  redirectError,
  streamCut,
} from "./failure.ts";
import {
  type Channel,
  hasSession,
  type HeaderRecord,
  NO_SESSION,
  postHeaders,
  type SessionHeaders,
  sessionIdsIn,
} from "../wire/headers.ts";
import { partsInTurns } from "./link.ts";
import { expiryInRefusal } from "./session_expiry.ts";

/** How long a stream may go on when nobody waits any more. */
const DRAIN_MS = 5_000;

/** How many streams may do so at once: each holds a connection. */
const MAX_DRAINING = 32;

const decoder = new TextDecoder();

export class HttpTransport implements AnswerContext {
  /** Streams that go on after their last answer, the oldest first. */
  readonly #draining = new Set<Exchange>();
  /** The headers of a POST, by its session. */
  readonly #headers = new WeakMap<SessionHeaders, HeaderRecord>();

  constructor(
    readonly target: Target,
    readonly router: ResponseRouter,
    readonly resumes: boolean,
  ) {}

  /**
   * Sends an exchange once, and delivers what comes back to its end.
   *
   * @throws {SessionExpiredError} when the target does not know the session.
   */
  async send(exchange: Exchange, session: SessionHeaders): Promise<void> {
    const wasSent = exchange.isSent;
    const { channel } = session;
    try {
      const response = await this.#post(exchange, session, wasSent);
      channel?.touch();
      if (!response.ok) {
        return await this.#refused(exchange, session, response);
      }
      if (channel) {
        await this.#receiveBeside(exchange, session, response, channel);
        const settled = orAborted(exchange.settled, exchange.signal);
        await untilAborted(settled, channel.over);
      } else await this.#read(exchange, session, response);
      if (!exchange.isSettled) await this.#receiveKept(exchange, session);
      if (exchange.isSettled) return;
      throw channel ? streamCut(channel.cause) : noAnswer(response);
    } catch (cause) {
      // An attempt before this one may have run all the same.
      if (didNotRun(exchange, cause)) exchange.isSent = wasSent;
      throw cause;
    } finally {
      this.#draining.delete(exchange);
      exchange.isAtTarget = false;
    }
  }

  /** Makes the POST, as soon as what keeps it from being sent is there. */
  async #post(
    exchange: Exchange,
    session: SessionHeaders,
    wasSent: boolean,
  ): Promise<Response> {
    const { url, whenReady, receiptOf } = this.target;
    const { channel } = session;
    for (;;) {
      // It may have ended during the wait.
      if (channel?.over.aborted) {
        const error = channelEnded(channel.cause);
        throw new SessionExpiredError(session, "always", error);
      }
      exchange.isAtTarget = true;
      exchange.isSent = true;
      exchange.touch();
      channel?.touch();
      try {
        const init = {
          method: "POST",
          headers: this.#headersIn(channel ? NO_SESSION : session),
          body: exchange.body,
        };
        const place = channel?.endpoint ?? url;
        const response = this.fetch(exchange, place, init, wasSent);
        // Each try may be another identity's.
        exchange.receipt = receiptOf &&
          response.then(receiptOf).catch(() => undefined);
        return await response;
      } catch (cause) {
        const error = errorOf(cause);
        const ready = error && whenReady?.(error, exchange);
        if (!ready) throw cause;
        exchange.isSent = wasSent;
        exchange.isAtTarget = false;
        exchange.pause();
        await orAborted(ready, exchange.signal)
          .finally(() => exchange.resume());
      }
    }
  }

  drain(exchange: Exchange): void {
    exchange.endAfter(DRAIN_MS);
    this.#draining.add(exchange);
    for (const oldest of this.#draining) {
      if (this.#draining.size <= MAX_DRAINING) break;
      this.#draining.delete(oldest);
      oldest.end();
    }
  }

  #headersIn(session: SessionHeaders): HeaderRecord {
    const { mirrored } = session;
    if (mirrored) {
      const own = Object.fromEntries(mirrored);
      return { ...this.#headersIn(NO_SESSION), ...own };
    }
    return this.#headers.getOrInsertComputed(
      session,
      () => postHeaders(this.target.headers, session),
    );
  }

  async #read(
    exchange: Exchange,
    session: SessionHeaders,
    response: Response,
  ): Promise<void> {
    const sessionId = response.headers.get("mcp-session-id");
    if (sessionId !== null) {
      exchange.sessionId = sessionId;
      for (const id of sessionIdsIn(sessionId)) this.target.redactor.add(id);
    }
    // The status line is all that is said to a notification or an answer.
    if (!exchange.isRequest) return await drainBody(response);
    if (mediaType(response) === "text/event-stream") {
      return await receiveStream(this, exchange, session, response);
    }
    await receiveJson(this, exchange, session, response);
  }

  /** HTTP+SSE: the answer comes on the channel, and of some servers here. */
  async #receiveBeside(
    exchange: Exchange,
    session: SessionHeaders,
    response: Response,
    { over }: Channel,
  ): Promise<void> {
    const isAnswer = exchange.isRequest &&
      mediaType(response) === "application/json";
    if (!isAnswer) return await drainBody(response);
    const { maxAnswerBytes: maxBytes } = this.target;
    const chunks = new BodyChunks(response, { maxBytes });
    const body = await Promise.race([
      chunks.read(maxBytes).catch(() => undefined),
      untilAborted(exchange.settled, over),
    ]);
    void chunks.close();
    if (!body?.isComplete) return;
    for (const { bytes, message } of await partsInTurns(body.bytes)) {
      const isOwed = message.kind === "response" &&
        exchange.owedAlike(message.id);
      if (isOwed) await this.router.receive(bytes, session, exchange);
    }
  }

  /** Delivers the error of another ID that is all that answered an exchange. */
  async #receiveKept(
    exchange: Exchange,
    session: SessionHeaders,
  ): Promise<void> {
    const [request] = exchange.pending;
    const { kept } = request;
    if (!(kept instanceof Uint8Array)) return;
    request.kept = undefined;
    await this.router.receive(kept, session, exchange);
  }

  async fetch(
    exchange: Exchange,
    url: URL,
    init: RequestInit,
    wasSent = exchange.isSent,
  ): Promise<Response> {
    const { fetch, log } = this.target;
    const startedAt = performance.now();
    try {
      const send = () =>
        fetch(url, {
          ...init,
          redirect: "manual",
          signal: exchange.fetchSignal,
          onHold: (isHeld) => {
            exchange.isHeld = isHeld;
            exchange.isSent = wasSent || !isHeld;
          },
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
      throw fetchFailure(cause, this.target);
    }
  }

  async #refused(
    exchange: Exchange,
    session: SessionHeaders,
    response: Response,
  ): Promise<void> {
    const { url } = this.target;
    if (retryableAfter(response, true) === "never") exchange.onRefused?.();
    const body = await parseErrorBody(response, exchange);
    const { messages, text, answer, isOwn, isClear } = body;
    if (isRedirect(response)) throw redirectError(response, url);
    if (messages) {
      for (const data of messages) {
        await this.router.receiveEvent({ data }, session, exchange);
      }
      if (exchange.isSettled) return;
      throw this.#httpError(response, text);
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
    const { explain, redactor: { redact } } = this.target;
    const text = decoder.decode(body);
    return explain(response, text) ?? httpStatusError(response, text, redact);
  }
}

/** Whether an attempt that failed certainly was not run by the target. */
function didNotRun({ answerHasBegun }: Exchange, cause: unknown): boolean {
  if (answerHasBegun) return false;
  if (cause instanceof SessionExpiredError) return cause.retryable === "always";
  return errorOf(cause)?.data.mayHaveRun === false ||
    cause instanceof AttemptError && cause.retryable === "always";
}
