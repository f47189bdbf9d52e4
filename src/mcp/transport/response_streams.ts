/**
 * The event stream of an answer, and the streams that resume it.
 *
 * @module
 */

import type { Target } from "./target.ts";
import { AttemptError, reopenMs, retryAfterMs } from "./retry.ts";
import { delay } from "../../time.ts";
import { ProxyError } from "../../errors.ts";
import { mediaType, readEvents } from "../wire/body.ts";
import type { ResponseRouter } from "./response_router.ts";
import type { ServerEvent } from "../wire/events.ts";
import type { Exchange } from "./exchange.ts";
import { streamCut } from "./failure.ts";
import {
  hasSession,
  resumableId,
  type SessionHeaders,
  streamHeaders,
} from "../wire/headers.ts";
import {
  checkExpiry,
  expiryInRefusal,
  SessionExpiredError,
} from "./session_expiry.ts";
import { readErrorBody } from "./responses.ts";

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
const MAX_DRAINING = 32;

/** The longest `Retry-After` that is waited for before a stream is resumed. */
const MAX_ASKED_MS = 30_000;

/** How long a stream may go on when nobody waits any more. */
const DRAIN_MS = 5_000;

const decoder = new TextDecoder();

/** Of what is said to a resumption the words alone count. */
const WORDS = { answer: undefined, isOwn: false, isClear: true };

/** How the rest of a stream is had. */
export interface Resumption {
  /** Whether a stream that is cut is resumed. */
  readonly resumes: boolean;
  /** Sends a request to the target on behalf of an exchange. */
  readonly send: (exchange: Exchange, init: RequestInit) => Promise<Response>;
}

/** Reads the streams of answers, and resumes those that are cut. */
export class ResponseStreams {
  readonly #target: Target;
  readonly #router: ResponseRouter;
  readonly #resumption: Resumption;
  /** Streams that go on after their last answer, the oldest first. */
  readonly #draining = new Set<Exchange>();

  constructor(target: Target, router: ResponseRouter, resumption: Resumption) {
    this.#target = target;
    this.#router = router;
    this.#resumption = resumption;
  }

  /** An event stream, and the streams that resume it. */
  async read(
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
      // A stream that broke may still bring the answer.
      if (exchange.keptError && position.cause === undefined) return;
      if (
        !this.#resumption.resumes || position.lastEventId === undefined ||
        position.fruitlessTries >= MAX_FRUITLESS_TRIES
      ) {
        throw new AttemptError(streamCut(position.cause), "never");
      }
      const waitMs = reopenMs(position.retryMs, position.fruitlessTries);
      await delay(Math.max(waitMs, position.askedMs), exchange.signal);
      if (exchange.isSettled) return;
      // It was taken: what a resumption is told says nothing of that.
      exchange.answerHasBegun = true;
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
    const { maxAnswerBytes } = this.#target;
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
          // Another attempt would bring the same again.
          if (cause instanceof ProxyError) {
            throw new AttemptError(cause, "never");
          }
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
    event: ServerEvent,
    position: StreamPosition,
  ): Promise<void> {
    const { redact } = this.#target.redactor;
    const { id, retryMs } = event;
    position.retryMs = retryMs ?? position.retryMs;
    // A server that replays from the ID on, not after it.
    if (id !== undefined && id === position.resumedAfter) return;
    // An empty ID says that there is nothing to resume from.
    position.lastEventId = (resumableId(id) ?? position.lastEventId) ||
      undefined;
    position.fruitlessTries = 0;
    checkExpiry(exchange, session, event.data, redact);
    await this.#router.receiveEvent(event, session, exchange);
    if (exchange.isSettled) this.#drain(exchange);
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

  /** Asks for the rest of a stream; `undefined` when it is worth another try. */
  async #resume(
    exchange: Exchange,
    session: SessionHeaders,
    position: StreamPosition,
  ): Promise<Response | undefined> {
    let response: Response;
    try {
      response = await this.#resumption.send(exchange, {
        method: "GET",
        headers: streamHeaders(
          this.#target.headers,
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
    const text = decoder.decode((await readErrorBody(response)).bytes);
    if (hasSession(session) && expiryInRefusal(response, text, WORDS)) {
      throw new SessionExpiredError(
        session,
        "never",
        streamCut(position.cause),
      );
    }
    if (isPassing(response.status)) {
      position.fruitlessTries++;
      const askedMs = retryAfterMs(response.headers) ?? 0;
      position.askedMs = Math.min(askedMs, MAX_ASKED_MS);
      return undefined;
    }
    const { explain } = this.#target;
    const refusal = explain(response, text);
    if (refusal) throw new AttemptError(refusal, "never");
    throw new AttemptError(streamCut(position.cause), "never");
  }

  /** Lets go of an exchange that is over. */
  forget(exchange: Exchange): void {
    this.#draining.delete(exchange);
  }
}

function isFinal(cause: unknown): boolean {
  return cause instanceof AttemptError && cause.retryable === "never";
}

/** 409: the target still holds the old stream. */
function isPassing(status: number): boolean {
  return status === 409 || status === 429 || status >= 500;
}
