/** The event stream that answers a POST, and the streams that resume it. */

import { ProxyError } from "../../../errors.ts";
import { delay } from "../../../time.ts";
import { mediaType } from "../../wire/body.ts";
import { readEvents, ResumePoint } from "../../wire/events.ts";
import {
  hasSession,
  type SessionHeaders,
  streamHeaders,
} from "../../wire/headers.ts";
import type { Exchange } from "../exchange.ts";
import { streamCut } from "../failure.ts";
import { reopenMs, retryAfterMs, SessionExpiredError } from "../retry.ts";
import { checkExpiry, expiryInRefusal } from "../session_expiry.ts";
import type { Target } from "../target.ts";
import { readErrorBody } from "./error_body.ts";
import type { ResponseRouter } from "./response_router.ts";

const decoder = new TextDecoder();

/** How many times in a row resuming a stream may bring nothing. */
const MAX_FRUITLESS_TRIES = 5;

/** Load balancers, and servers that are polled, end streams that were quiet. */
const STOOD_MS = 1_000;

/** The longest `Retry-After` that is waited for before a stream is resumed. */
const MAX_ASKED_MS = 30_000;

/** What carried the POST. */
export interface AnswerContext {
  readonly target: Target;
  readonly router: ResponseRouter;
  /** Whether streams that are cut are resumed. */
  readonly resumes: boolean;
  fetch(exchange: Exchange, url: URL, init: RequestInit): Promise<Response>;
  /** Lets a stream go on for a while that nobody waits for any more. */
  drain(exchange: Exchange): void;
}

/** Reads the event stream of an answer, and resumes it until all is answered. */
export async function receiveStream(
  context: AnswerContext,
  exchange: Exchange,
  session: SessionHeaders,
  first: Response,
): Promise<void> {
  const { target, router } = context;
  const received = new ResumePoint();
  let retryMs: number | undefined;
  /** What a `Retry-After` asks to wait, in milliseconds. */
  let askedMs = 0;
  /** How many times in a row resuming brought nothing. */
  let fruitlessTries = 0;
  let heardAt = performance.now();
  let cause: unknown;

  const hear = () => {
    heardAt = performance.now();
    exchange.touch();
  };

  /** Notes what a connection broke with, which resuming may mend. */
  const noteUnlessOurs = (failure: unknown) => {
    if (failure instanceof ProxyError) throw failure;
    cause = failure;
  };

  /** Delivers the events of one response, until it ends or breaks. */
  const receive = async (response: Response) => {
    received.begin();
    cause = undefined;
    const events = readEvents(response, {
      maxDataBytes: target.maxAnswerBytes,
      names: target.names,
      onChunk: hear,
    });
    try {
      for (;;) {
        const next = await events.next().catch(noteUnlessOurs);
        if (!next || next.done) return;
        const event = next.value;
        retryMs = event.retryMs ?? retryMs;
        if (!received.moveTo(event)) continue;
        fruitlessTries = 0;
        checkExpiry(exchange, session, event.data, target.redactor.redact);
        await router.receiveEvent(event, session, exchange);
        if (exchange.isSettled) context.drain(exchange);
      }
    } finally {
      await events.return(undefined);
    }
  };

  /** Asks for the rest of a stream; `undefined` when it is worth another try. */
  const resume = async () => {
    const response = await context.fetch(exchange, target.url, {
      method: "GET",
      headers: streamHeaders(target.headers, session, received.id),
    }).catch(noteUnlessOurs);
    if (!response) return undefined;
    if (response.ok && mediaType(response) === "text/event-stream") {
      return response;
    }
    using body = await readErrorBody(response);
    const text = decoder.decode(body.bytes);
    if (hasSession(session) && expiryInRefusal(response, text)) {
      throw new SessionExpiredError(session, "never", streamCut(cause));
    }
    if (!isPassing(response.status)) {
      throw target.explain(response, text) ?? streamCut(cause, exchange.said);
    }
    askedMs = Math.min(retryAfterMs(response.headers) ?? 0, MAX_ASKED_MS);
    return undefined;
  };

  for (let response: Response | undefined = first;;) {
    fruitlessTries++;
    const openedAt = performance.now();
    if (response) await receive(response);
    const now = performance.now();
    const isWithinLimit = now - heardAt < target.idleTimeoutMs;
    if (isWithinLimit && now - openedAt >= STOOD_MS) fruitlessTries = 0;
    if (exchange.isSettled) return;
    // A stream that broke may still bring the answer.
    if (exchange.isKept && cause === undefined) return;
    if (
      !context.resumes || received.id === undefined ||
      fruitlessTries >= MAX_FRUITLESS_TRIES
    ) {
      throw streamCut(cause, exchange.said);
    }
    const waitMs = reopenMs(retryMs, fruitlessTries);
    await delay(Math.max(waitMs, askedMs), exchange.signal);
    if (exchange.isSettled) return;
    // It was taken: what a resumption is told says nothing of that.
    exchange.answerHasBegun = true;
    response = await resume();
  }
}

/** 409: the target still holds the old stream. */
function isPassing(status: number): boolean {
  return status === 409 || status === 429 || status >= 500;
}
