/**
 * The GET stream that stands open for what the target sends on its own.
 *
 * @module
 */

import type { ResponseRouter } from "../transport/response_router.ts";
import type { Target } from "../transport/target.ts";
import { delay, IdleTimer } from "../../time.ts";
import { ProxyError } from "../../errors.ts";
import type { LogFields } from "../../log/log.ts";
import { discardBody, mediaType, readEvents } from "../wire/body.ts";
import {
  expiryInMessage,
  expiryInRefusal,
} from "../transport/session_expiry.ts";
import {
  badContentType,
  isRedirect,
  readErrorBody,
  readRpcError,
  said,
} from "../transport/responses.ts";
import {
  fetchFailure,
  httpStatusError,
  redirectError,
} from "../transport/failure.ts";
import {
  hasSession,
  resumableId,
  type SessionHeaders,
  streamHeaders,
} from "../wire/headers.ts";
import { reopenMs } from "../transport/retry.ts";

/**
 * Is told when the target does not know the session; resolves to whether there
 * is a new one.
 */
export type OnExpired = (session: SessionHeaders) => Promise<boolean>;

/** How often in a row a refusal that is the target's own is met. */
const MAX_REFUSALS = 3;

/** Refusals that say nothing of whether the target has such streams. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([
  401,
  403,
  408,
  409,
  425,
  429,
]);

/** From this try in a row on the pauses are long: it may be so for days. */
const PATIENT_TRIES = 6;
const PATIENT_MS = 60_000;

const decoder = new TextDecoder();

/** Keeps one GET stream open, and opens it again when it ends. */
export class StandaloneStream {
  readonly #target: Target;
  readonly #router: ResponseRouter;
  readonly #onExpired: OnExpired;
  #abort: AbortController | undefined;
  #lastEventId: string | undefined;
  #retryMs: number | undefined;
  /** How often in a row the target refused it. */
  #refusals = 0;
  /** Whether what keeps it from opening was told. */
  #isTold = false;
  /** Whether the last GET of the session before this one was answered 404. */
  #hadExpired = false;

  constructor(target: Target, router: ResponseRouter, onExpired: OnExpired) {
    this.#target = target;
    this.#router = router;
    this.#onExpired = onExpired;
  }

  /** Whether a stream is to be held in the session that comes next, too. */
  get isWanted(): boolean {
    return this.#abort !== undefined;
  }

  /** Holds the stream open in this session, and in no other. */
  hold(session: SessionHeaders): void {
    this.release();
    const abort = new AbortController();
    this.#abort = abort;
    this.#lastEventId = undefined;
    this.#retryMs = undefined;
    void this.#keepOpen(session, abort.signal);
  }

  /** Lets the stream go. */
  release(): void {
    this.#abort?.abort();
    this.#abort = undefined;
  }

  async #keepOpen(session: SessionHeaders, signal: AbortSignal): Promise<void> {
    for (let tries = 0; !signal.aborted; tries++) {
      const outcome = await this.#open(session, signal);
      if (outcome === "done") return;
      if (outcome === "fruitful") tries = 0;
      const waitMs = tries < PATIENT_TRIES
        ? reopenMs(this.#retryMs, tries)
        : PATIENT_MS * (1 + Math.random()) / 2;
      await delay(waitMs, signal).catch(() => {});
    }
  }

  /** One GET, until it ends. */
  async #open(
    session: SessionHeaders,
    signal: AbortSignal,
  ): Promise<"done" | "fruitful" | "fruitless"> {
    const { url, fetch, headers, log, idleTimeoutMs } = this.#target;
    const idle = new IdleLimit(idleTimeoutMs, signal);
    try {
      const response = await fetch(url, {
        method: "GET",
        headers: streamHeaders(headers, session, this.#lastEventId),
        redirect: "manual",
        signal: idle.signal,
      });
      idle.touch();
      if (!response.ok || mediaType(response) !== "text/event-stream") {
        return await this.#refused(session, response);
      }
      log.debug("standing stream open", { status: response.status });
      return await this.#read(session, response, idle);
    } catch (cause) {
      if (signal.aborted) return "done";
      const { summary } = cause instanceof ProxyError
        ? cause
        : fetchFailure(cause, url).error;
      this.#tell("the standing stream broke; it is opened again", {
        error: summary,
      });
      return "fruitless";
    } finally {
      idle.stop();
    }
  }

  async #refused(
    session: SessionHeaders,
    response: Response,
  ): Promise<"done" | "fruitless"> {
    const { url, log, explain, redactor: { redact } } = this.#target;
    const { status } = response;
    if (isRedirect(response)) {
      await discardBody(response);
      log.warn(redirectError(response, url).summary);
      return "done";
    }
    const { bytes: body } = await readErrorBody(response);
    const text = decoder.decode(body);
    if (status === 405 || status === 501) {
      log.info("the target sends nothing on its own: it has no GET stream");
      return "done";
    }
    const answer = readRpcError(body);
    const loss = response.ok
      ? expiryInMessage(body)
      : expiryInRefusal(response, text, {
        answer,
        isOwn: false,
        isClear: true,
      });
    if (hasSession(session) && loss) return await this.#lost(session);
    const { message, summary } = response.ok
      ? badContentType(status, mediaType(response), said(text, redact))
      : explain(response, text) ?? httpStatusError(response, text, redact);
    log.debug("the target's words on the stream", { error: message });
    const fields = { status, error: summary };
    if (PASSING_STATUSES.has(status) || status >= 500) {
      this.#tell("the standing stream was refused; it is tried again", fields);
    } else if (++this.#refusals >= MAX_REFUSALS) {
      log.warn(
        "the standing stream was refused; it is not tried again",
        fields,
      );
      return "done";
    }
    return "fruitless";
  }

  /** Says once for all tries in a row what keeps the stream from opening. */
  #tell(message: string, fields: LogFields): void {
    const { log } = this.#target;
    if (this.#isTold) log.debug(message, fields);
    else log.warn(message, fields);
    this.#isTold = true;
  }

  /**
   * A 404 says that the session is gone; a second one in a row, in a session
   * that is new, that there is no such stream.
   */
  async #lost(session: SessionHeaders): Promise<"done" | "fruitless"> {
    const { log } = this.#target;
    if (this.#hadExpired) {
      log.info("the target sends nothing on its own: it has no GET stream");
      return "done";
    }
    this.#hadExpired = true;
    if (await this.#onExpired(session)) return "done";
    this.#hadExpired = false;
    return "fruitless";
  }

  async #read(
    session: SessionHeaders,
    response: Response,
    idle: IdleLimit,
  ): Promise<"done" | "fruitful" | "fruitless"> {
    const { maxAnswerBytes, log } = this.#target;
    const hadExpired = this.#hadExpired;
    this.#hadExpired = false;
    this.#refusals = 0;
    const resumedAfter = this.#lastEventId;
    let outcome: "fruitful" | "fruitless" = "fruitless";
    const events = readEvents(response, {
      maxDataBytes: maxAnswerBytes,
      onChunk: () => idle.touch(),
    });
    for await (const event of events) {
      const { id, retryMs } = event;
      this.#retryMs = retryMs ?? this.#retryMs;
      if (id !== undefined && id === resumedAfter) continue;
      this.#lastEventId = (resumableId(id) ?? this.#lastEventId) || undefined;
      await this.#router.receiveEvent(event, session).catch((error) => {
        if (!(error instanceof ProxyError)) throw error;
        log.warn(error.summary);
      });
      idle.touch();
      if (hasSession(session) && expiryInMessage(event.data)) {
        this.#hadExpired = hadExpired && outcome === "fruitless";
        return await this.#lost(session);
      }
      outcome = "fruitful";
      this.#isTold = false;
    }
    return outcome;
  }
}

/** Aborts a fetch that has been silent for too long. */
class IdleLimit {
  readonly #abort = new AbortController();
  readonly #idle: IdleTimer;

  readonly signal: AbortSignal;

  constructor(limitMs: number, outer: AbortSignal) {
    this.#idle = new IdleTimer(
      limitMs,
      () => this.#abort.abort(new Error(`silent for ${limitMs} ms`)),
    );
    this.signal = AbortSignal.any([this.#abort.signal, outer]);
    this.touch();
  }

  touch(): void {
    this.#idle.touch();
  }

  stop(): void {
    this.#idle.stop();
  }
}
