/** The event stream of an answer, and the streams that resume it. */

import { ProxyError } from "../../errors.ts";
import { delay } from "../../time.ts";
import { mediaType, readEvents } from "../wire/body.ts";
import type { ServerEvent } from "../wire/events.ts";
import {
  hasSession,
  resumableId,
  type SessionHeaders,
  streamHeaders,
} from "../wire/headers.ts";
import { readErrorBody } from "./error_body.ts";
import type { Exchange } from "./exchange.ts";
import { streamCut } from "./failure.ts";
import type { ResponseRouter } from "./response_router.ts";
import { reopenMs, retryAfterMs, SessionExpiredError } from "./retry.ts";
import { checkExpiry, expiryInRefusal } from "./session_expiry.ts";
import type { Target } from "./target.ts";

/** How many times in a row resuming a stream may bring nothing. */
const MAX_FRUITLESS_TRIES = 5;

/** The longest `Retry-After` that is waited for before a stream is resumed. */
const MAX_ASKED_MS = 30_000;

const decoder = new TextDecoder();

export interface AnswerContext {
  readonly target: Target;
  readonly router: ResponseRouter;
  readonly resumes: boolean;
  readonly send: (exchange: Exchange, init: RequestInit) => Promise<Response>;
  /** Is told when a stream goes on after its last answer. */
  readonly onSettled: (exchange: Exchange) => void;
}

export class ResponseStream {
  readonly #context: AnswerContext;
  readonly #exchange: Exchange;
  readonly #session: SessionHeaders;
  /** Up to where everything was received. */
  #lastEventId: string | undefined;
  /** The ID after which the present response goes on. */
  #resumedAfter: string | undefined;
  #retryMs: number | undefined;
  /** How many times in a row resuming brought nothing. */
  #fruitlessTries = 0;
  /** What a `Retry-After` asks to wait, in milliseconds. */
  #askedMs = 0;
  #cause: unknown;

  constructor(
    context: AnswerContext,
    exchange: Exchange,
    session: SessionHeaders,
  ) {
    this.#context = context;
    this.#exchange = exchange;
    this.#session = session;
  }

  /** Reads the first response, and resumes it until all is answered. */
  async read(first: Response): Promise<void> {
    const exchange = this.#exchange;
    let response: Response | undefined = first;
    for (;;) {
      if (response) await this.#readEvents(response);
      if (exchange.isSettled) return;
      // A stream that broke may still bring the answer.
      if (exchange.isKept && this.#cause === undefined) return;
      if (
        !this.#context.resumes || this.#lastEventId === undefined ||
        this.#fruitlessTries >= MAX_FRUITLESS_TRIES
      ) {
        throw streamCut(this.#cause);
      }
      const waitMs = reopenMs(this.#retryMs, this.#fruitlessTries);
      await delay(Math.max(waitMs, this.#askedMs), exchange.signal);
      if (exchange.isSettled) return;
      // It was taken: what a resumption is told says nothing of that.
      exchange.answerHasBegun = true;
      response = await this.#resume();
    }
  }

  /** The events of one response, until it ends or breaks. */
  async #readEvents(response: Response): Promise<void> {
    const { target } = this.#context;
    this.#resumedAfter = this.#lastEventId;
    this.#fruitlessTries++;
    this.#cause = undefined;
    const events = readEvents(response, {
      maxDataBytes: target.maxAnswerBytes,
      names: target.names,
      onChunk: () => this.#exchange.touch(),
    });
    try {
      for (;;) {
        const next = await events.next().catch((cause) => {
          if (cause instanceof ProxyError) throw cause;
          this.#cause = cause;
        });
        if (!next || next.done) return;
        await this.#deliver(next.value);
      }
    } finally {
      await events.return(undefined);
    }
  }

  async #deliver(event: ServerEvent): Promise<void> {
    const { target, router, onSettled } = this.#context;
    const { id, retryMs } = event;
    this.#retryMs = retryMs ?? this.#retryMs;
    // A server that replays from the ID on, not after it.
    if (id !== undefined && id === this.#resumedAfter) return;
    // An empty ID says that there is nothing to resume from.
    this.#lastEventId = (resumableId(id) ?? this.#lastEventId) || undefined;
    this.#fruitlessTries = 0;
    const { redact } = target.redactor;
    checkExpiry(this.#exchange, this.#session, event.data, redact);
    await router.receiveEvent(event, this.#session, this.#exchange);
    if (this.#exchange.isSettled) onSettled(this.#exchange);
  }

  /** Asks for the rest of a stream; `undefined` when it is worth another try. */
  async #resume(): Promise<Response | undefined> {
    const { target, send } = this.#context;
    const session = this.#session;
    let response: Response;
    try {
      response = await send(this.#exchange, {
        method: "GET",
        headers: streamHeaders(target.headers, session, this.#lastEventId),
      });
    } catch (cause) {
      if (this.#exchange.signal.aborted || cause instanceof ProxyError) {
        throw cause;
      }
      this.#cause = cause;
      this.#fruitlessTries++;
      return undefined;
    }
    if (response.ok && mediaType(response) === "text/event-stream") {
      return response;
    }
    using body = await readErrorBody(response);
    const text = decoder.decode(body.bytes);
    if (hasSession(session) && expiryInRefusal(response, text)) {
      throw new SessionExpiredError(session, "never", streamCut(this.#cause));
    }
    if (!isPassing(response.status)) {
      throw target.explain(response, text) ?? streamCut(this.#cause);
    }
    this.#fruitlessTries++;
    const askedMs = retryAfterMs(response.headers) ?? 0;
    this.#askedMs = Math.min(askedMs, MAX_ASKED_MS);
    return undefined;
  }
}

/** 409: the target still holds the old stream. */
function isPassing(status: number): boolean {
  return status === 409 || status === 429 || status >= 500;
}
