/** The GET stream that stands open for what the target sends on its own. */

import type { LogFields } from "../../log/log.ts";
import { delay, IdleTimer } from "../../time.ts";
import {
  badContentType,
  fetchFailure,
  httpStatusError,
  isRedirect,
  redirectError,
  said,
  summaryOf,
} from "../transport/failure.ts";
import { timedOut } from "../transport/own_error.ts";
import type { ResponseRouter } from "../transport/answers/response_router.ts";
import { reopenMs } from "../transport/retry.ts";
import {
  expiryInMessage,
  expiryInRefusal,
} from "../transport/session_expiry.ts";
import type { Target } from "../transport/target.ts";
import { discardBody, mediaType } from "../wire/body.ts";
import {
  hasSession,
  type SessionHeaders,
  streamHeaders,
} from "../wire/headers.ts";
import {
  parseRpcError,
  readErrorBody,
} from "../transport/answers/error_body.ts";
import { readEvents, ResumePoint } from "../wire/events.ts";

/** How often in a row a refusal that is the target's own is met. */
const MAX_REFUSALS = 3;

/** Refusals that say nothing of whether the target has such streams. */
const PASSING_STATUSES = new Set([401, 403, 408, 409, 425, 429]);

/** From this try in a row on the pauses are long: it may be so for days. */
const LONG_PAUSE_TRIES = 6;
const LONG_PAUSE_MS = 60_000;

const decoder = new TextDecoder();

export class StandaloneStream {
  readonly #target: Target;
  readonly #router: ResponseRouter;
  readonly #onExpired: (session: SessionHeaders) => Promise<boolean>;
  #abort: AbortController | undefined;
  #received = new ResumePoint();
  #retryMs: number | undefined;
  /** How often in a row it brought nothing. */
  #tries = 0;
  /** How often in a row the target refused it. */
  #refusals = 0;
  /** Whether what keeps it from opening was told. */
  #isReported = false;
  /** Whether the last GET of the session before this one was answered 404. */
  #hadExpired = false;

  /** @param onExpired Replaces a session that is lost; whether it could. */
  constructor(
    target: Target,
    router: ResponseRouter,
    onExpired: (session: SessionHeaders) => Promise<boolean>,
  ) {
    this.#target = target;
    this.#router = router;
    this.#onExpired = onExpired;
  }

  /** Whether a stream is to be held in the session that comes next, too. */
  get isWanted(): boolean {
    return this.#abort !== undefined;
  }

  open(session: SessionHeaders): void {
    this.close();
    this.#abort = new AbortController();
    this.#received = new ResumePoint();
    this.#retryMs = undefined;
    void this.#keepOpen(session, this.#abort.signal);
  }

  close(): void {
    this.#abort?.abort();
    this.#abort = undefined;
  }

  async #keepOpen(session: SessionHeaders, signal: AbortSignal): Promise<void> {
    for (this.#tries = 0; !signal.aborted; this.#tries++) {
      if (await this.#isOver(session, signal) || signal.aborted) return;
      const waitMs = this.#tries < LONG_PAUSE_TRIES
        ? reopenMs(this.#retryMs, this.#tries)
        : LONG_PAUSE_MS * (1 + Math.random()) / 2;
      await delay(waitMs, signal).catch(() => {});
    }
  }

  /** One GET, until it ends; whether it is not to be opened again. */
  async #isOver(session: SessionHeaders, outer: AbortSignal): Promise<boolean> {
    const { url, fetch, headers, log, idleTimeoutMs } = this.#target;
    const silent = new AbortController();
    let isHeld = false;
    const idle = new IdleTimer(idleTimeoutMs, () => {
      const what = `nothing came from the target for ${idleTimeoutMs} ms`;
      const state = { isSent: false, isHeld };
      silent.abort(timedOut(what, idleTimeoutMs, state));
    });
    idle.touch();
    try {
      const response = await fetch(url, {
        method: "GET",
        headers: streamHeaders(headers, session, this.#received.id),
        redirect: "manual",
        signal: AbortSignal.any([silent.signal, outer]),
        onHold: (now) => isHeld = now,
      });
      idle.touch();
      if (!response.ok || mediaType(response) !== "text/event-stream") {
        return await this.#isRefused(session, response);
      }
      log.debug("standalone stream open", { status: response.status });
      return await this.#read(session, response, idle);
    } catch (cause) {
      if (outer.aborted) return true;
      this.#warnOnce("the standalone stream broke; it is opened again", {
        error: summaryOf(fetchFailure(cause, this.#target)),
      });
      return false;
    } finally {
      idle.stop();
    }
  }

  async #isRefused(
    session: SessionHeaders,
    response: Response,
  ): Promise<boolean> {
    const { url, log, explain, redactor: { redact } } = this.#target;
    const { status } = response;
    if (isRedirect(response)) {
      await discardBody(response);
      log.warn(redirectError(response, url).summary);
      return true;
    }
    using beginning = await readErrorBody(response);
    const { bytes: body } = beginning;
    if (status === 405 || status === 501) return this.#hasNone();
    const text = decoder.decode(body);
    const loss = response.ok
      ? expiryInMessage(body)
      : expiryInRefusal(response, text, { answer: parseRpcError(body) });
    if (hasSession(session) && loss) return await this.#isLost(session);
    const { message, summary } = response.ok
      ? badContentType(status, mediaType(response), said(text, redact))
      : explain(response, text) ?? httpStatusError(response, text, redact);
    log.debug("the target's words on the stream", { error: message });
    const fields = { status, error: summary };
    if (PASSING_STATUSES.has(status) || status >= 500) {
      const message = "the standalone stream was refused; it is tried again";
      this.#warnOnce(message, fields);
      return false;
    }
    if (++this.#refusals < MAX_REFUSALS) return false;
    log.warn(
      "the standalone stream was refused; it is not tried again",
      fields,
    );
    return true;
  }

  #hasNone(): true {
    const { log } = this.#target;
    log.info("the target sends nothing on its own: it has no GET stream");
    return true;
  }

  /** Says once for all tries in a row what keeps the stream from opening. */
  #warnOnce(message: string, fields: LogFields): void {
    this.#target.log[this.#isReported ? "debug" : "warn"](message, fields);
    this.#isReported = true;
  }

  /**
   * A 404 says that the session is gone; a second one in a row, in a session
   * that is new, that there is no such stream.
   */
  async #isLost(session: SessionHeaders): Promise<boolean> {
    if (this.#hadExpired) return this.#hasNone();
    this.#hadExpired = true;
    if (await this.#onExpired(session)) return true;
    this.#hadExpired = false;
    return false;
  }

  async #read(
    session: SessionHeaders,
    response: Response,
    idle: IdleTimer,
  ): Promise<boolean> {
    let hadExpired = this.#hadExpired;
    this.#hadExpired = false;
    this.#refusals = 0;
    this.#received.begin();
    const events = readEvents(response, {
      maxDataBytes: this.#target.maxAnswerBytes,
      names: this.#target.names,
      onChunk: () => idle.touch(),
    });
    for await (const event of events) {
      this.#retryMs = event.retryMs ?? this.#retryMs;
      if (!this.#received.moveTo(event)) continue;
      await this.#router.receiveEvent(event, session);
      idle.touch();
      if (hasSession(session) && expiryInMessage(event.data)) {
        this.#hadExpired = hadExpired;
        return await this.#isLost(session);
      }
      hadExpired = false;
      this.#isReported = false;
      this.#tries = 0;
    }
    return false;
  }
}
