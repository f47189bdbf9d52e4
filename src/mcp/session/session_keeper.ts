/**
 * Knows which upstream session messages are sent in: opens it, pings it where
 * it is idle, replaces it when the target has lost it, and ends it.
 */

import { ProxyError } from "../../errors.ts";
import type { HoldingInit } from "../../net/fetching.ts";
import { isObject } from "../../json.ts";
import { delay, whenOver, within, withLimit } from "../../time.ts";
import type { CallGuard } from "../tools/gate.ts";
import type { Exchange } from "../transport/exchange.ts";
import { summaryOf, toHeld, UNKNOWN_STATUSES } from "../transport/failure.ts";
import type { InFlight } from "../transport/in_flight.ts";
import {
  AttemptError,
  errorOf,
  SessionExpiredError,
} from "../transport/retry.ts";
import type { Target } from "../transport/target.ts";
import { discardBody } from "../wire/body.ts";
import {
  type Channel,
  headersOf,
  NO_SESSION,
  type SessionHeaders,
  sessionOf,
} from "../wire/headers.ts";
import { Recovery } from "./recovery.ts";
import { StandaloneStream } from "./standalone_stream.ts";

export interface SessionTarget extends Target {
  /** Whether a GET is held open for what the server sends on its own. */
  readonly standaloneStream?: boolean;
  /** How long a session may be idle before it is pinged, in milliseconds. */
  readonly keepAliveMs?: number;
  /** Whether a lost session is replaced by a new one. */
  readonly recover: boolean;
  /** Which transport of MCP over HTTP the target speaks; `auto` finds out. */
  readonly transport: "auto" | "streamable-http" | "sse";
  /** Looks at calls before they are sent in a session, if anyone does. */
  readonly callGuard?: CallGuard;
}

/** How long a session that was replaced may take to end. */
const LEAVE_MS = 5_000;

/** How long an answer that is there may wait for a new session. */
const RENEWAL_WAIT_MS = 2_000;

/** How long after its end a channel is opened again. */
const RECONNECT_MS = 1_000;

/** The least time that a ping is given, in milliseconds. */
const MIN_PING_MS = 5_000;

export class SessionKeeper {
  readonly #target: SessionTarget;
  readonly #inFlight: InFlight;
  readonly #onRenewal: (renewal: Promise<void>) => void;
  readonly recovery: Recovery;
  readonly #standalone: StandaloneStream;
  #current = NO_SESSION;
  /** Whether the target speaks HTTP+SSE, the transport of 2024-11-05. */
  #isOldTransport: boolean;
  /** A channel whose `initialize` is not answered yet. */
  #opened: Channel | undefined;
  #renewal: Promise<void> | undefined;
  readonly #closing = new AbortController();
  /** Whether the client is ready, so that an idle session may be pinged. */
  #isReady = false;
  #idle: ReturnType<typeof setTimeout> | undefined;
  /** Ends the ping under way; the wait for the next begins at its end. */
  #ping: AbortController | undefined;

  constructor(
    target: SessionTarget,
    inFlight: InFlight,
    onRenewal: (renewal: Promise<void>) => void,
  ) {
    this.#target = target;
    this.#inFlight = inFlight;
    this.#onRenewal = onRenewal;
    this.#isOldTransport = target.transport === "sse";
    this.recovery = new Recovery(target, inFlight);
    this.#standalone = new StandaloneStream(
      target,
      inFlight.router,
      (session) => this.onExpired(session),
    );
  }

  /** Found lost with nothing of the client's; whether there is a new one. */
  async onExpired(session: SessionHeaders): Promise<boolean> {
    const { recover, log } = this.#target;
    if (!recover) return false;
    return await this.#renew(session).then(() => true, (cause) => {
      const error = summaryOf(cause);
      log.warn("the lost session could not be replaced", { error });
      return false;
    });
  }

  /** @throws {ProxyError} HTTP+SSE is spoken, and there is no session yet. */
  get current(): SessionHeaders {
    if (!this.#isOldTransport || this.#current.channel) return this.#current;
    throw new ProxyError(
      "unreachable",
      "initialize has not succeeded over HTTP+SSE, so the request was not sent",
      { data: { mayHaveRun: false } },
    );
  }

  /** Whether what belongs to a session has nowhere to go any more. */
  isGone(session: SessionHeaders): boolean {
    if (session === NO_SESSION) return false;
    return session.channel
      ? session.channel !== this.#current.channel
      : session !== this.#current;
  }

  /** What `initialize` is sent in: nothing, or the old transport's channel. */
  async opening(onHold?: HoldingInit["onHold"]): Promise<SessionHeaders> {
    if (!this.#isOldTransport) return NO_SESSION;
    if (!this.#opened || this.#opened.over.aborted) {
      // Most targets do not speak it.
      const { SseChannel } = await import("./http_sse.ts");
      this.#opened = await SseChannel
        .open(this.#target, this.#inFlight.router, onHold);
    }
    return this.#opened.session;
  }

  /** Lets go of a channel whose `initialize` came to nothing. */
  discard(): void {
    this.#opened?.close();
    this.#opened = undefined;
  }

  /**
   * Whether a target that refused the first `initialize` speaks HTTP+SSE
   * (2025-11-25, Transports, "Backwards Compatibility").
   */
  async findOldTransport(cause: unknown): Promise<boolean> {
    const { transport, log } = this.#target;
    if (transport !== "auto" || this.#isOldTransport) return false;
    if (cause instanceof AttemptError && cause.answer) return false;
    const error = errorOf(cause);
    const isRefused = error?.reason === "http-status" &&
      UNKNOWN_STATUSES.has(error.data.status);
    if (!isRefused || this.#current !== NO_SESSION) return false;
    this.#isOldTransport = true;
    try {
      await this.opening();
      log.info("the target speaks HTTP+SSE of 2024-11-05");
    } catch (failure) {
      const fields = { error: String(failure) };
      log.debug("the target does not speak HTTP+SSE either", fields);
      this.#isOldTransport = false;
    }
    return this.#isOldTransport;
  }

  /** Makes the session of an `initialize` the current one, and ends the old. */
  adopt(
    { sessionId }: Exchange,
    result: unknown,
    { channel }: SessionHeaders,
  ): void {
    const before = this.#current;
    const version = isObject(result) ? result.protocolVersion : undefined;
    const session = sessionOf(sessionId, version);
    this.#standalone.close();
    this.#become({ ...session, ...(channel && { channel }) });
    void this.#delete(before, LEAVE_MS);
  }

  /**
   * Replaces a session that an exchange found lost.
   *
   * @param isSafe Whether the exchange may be sent once more.
   * @throws What it is answered with in place of that, if it is not.
   */
  async replace(expired: SessionExpiredError, isSafe: boolean): Promise<void> {
    const { session, retryable } = expired;
    if (!isSafe) {
      // What follows this answer is to find the new session.
      await within(RENEWAL_WAIT_MS, this.onExpired(session));
      throw expired;
    }
    await this.#renew(session).catch((cause) => {
      // What may have run is told of by what became of it.
      throw retryable === "always" ? toHeld(cause) : expired;
    });
  }

  /** Makes one new session, however many ask for it. */
  async #renew(lost: SessionHeaders): Promise<void> {
    if (this.#current === lost && !this.#renewal) {
      this.#renewal = this.#replace(lost)
        .finally(() => this.#renewal = undefined);
      this.#onRenewal(this.#renewal);
    }
    await this.#renewal;
  }

  async #replace(lost: SessionHeaders): Promise<void> {
    const renewed = await this.recovery.renew(lost, () => this.opening())
      .catch((cause) => {
        this.discard();
        throw cause;
      });
    // The client has initialised a session of its own meanwhile.
    if (this.#current !== lost) return void this.#delete(renewed, LEAVE_MS);
    this.#become(renewed);
    this.#target.observer?.recovered();
    if (this.#standalone.isWanted) this.#openStandalone();
  }

  #become(session: SessionHeaders): void {
    const { channel } = this.#current;
    this.#target.redactor.add(session.sessionId);
    this.#current = session;
    this.#target.callGuard?.sessionBegan();
    this.#opened = undefined;
    if (session.channel) session.channel.session = session;
    if (channel !== session.channel) channel?.close();
    if (session.channel) void this.#watch(session, session.channel);
  }

  /** Opens a channel again that breaks: the target has more to say. */
  async #watch(session: SessionHeaders, channel: Channel): Promise<void> {
    await channel.closed;
    await delay(RECONNECT_MS, this.#closing.signal).catch(() => {});
    if (this.#current !== session || this.#closing.signal.aborted) return;
    await this.onExpired(session);
  }

  /** The client is ready: opens the standalone stream, and pings, if wanted. */
  begin(): void {
    if (this.#target.standaloneStream) this.#openStandalone();
    this.#isReady = this.#current !== NO_SESSION;
    this.touch();
  }

  /** The session is not idle: the wait for a ping begins anew. */
  touch(): void {
    const { keepAliveMs } = this.#target;
    clearTimeout(this.#idle);
    if (!this.#isReady || this.#ping || this.#closing.signal.aborted) return;
    if (keepAliveMs === undefined) return;
    this.#idle = setTimeout(
      () => void this.#sendPing(keepAliveMs),
      keepAliveMs,
    );
  }

  /**
   * One ping, until it is answered, has failed or is given up, so that nothing
   * on the way takes the session for gone. It is the proxy's own: nothing waits
   * for it at the end. It has a limit of its own, since a connection that was
   * dropped in silence answers nothing; given up it closes its connection, and
   * the next one goes over another.
   */
  async #sendPing(keepAliveMs: number): Promise<void> {
    const { log } = this.#target;
    const limitMs = Math.max(keepAliveMs, MIN_PING_MS);
    const { signal } = this.#ping = new AbortController();
    using _limit = whenOver(limitMs, () => this.#ping?.abort());
    try {
      const { answer: { error } } = await this.#inFlight
        .ask("ping", {}, this.current, signal);
      if (error) {
        log.debug("the target refused a ping", { error: error.message });
      }
    } catch (cause) {
      if (this.#closing.signal.aborted) return;
      if (signal.aborted) {
        log.warn("the target did not answer a ping in time", { limitMs });
      } else if (cause instanceof SessionExpiredError) {
        await this.onExpired(cause.session);
      } else log.debug("a ping came to nothing", { error: String(cause) });
    } finally {
      this.#ping = undefined;
      this.touch();
    }
  }

  /** HTTP+SSE has a standalone stream anyway. */
  #openStandalone(): void {
    if (this.#closing.signal.aborted || this.#current.channel) return;
    this.#standalone.open(this.#current);
  }

  stop(): void {
    this.#closing.abort();
    clearTimeout(this.#idle);
    this.#ping?.abort();
    this.#standalone.close();
  }

  async close(limitMs: number): Promise<void> {
    this.#current.channel?.close();
    this.#opened?.close();
    await this.#delete(this.#current, limitMs);
  }

  async #delete(session: SessionHeaders, limitMs: number): Promise<void> {
    const { sessionId } = session;
    // Some targets have one ID for all sessions.
    const isCurrent = sessionId === this.#current.sessionId;
    if (!sessionId || isCurrent && session !== this.#current) return;
    const { url, fetch, headers, log } = this.#target;
    await withLimit(limitMs, async (signal) => {
      const response = await fetch(url, {
        method: "DELETE",
        headers: headersOf(headers, session),
        redirect: "manual",
        signal,
        onHold: undefined,
      });
      // 405: the target does not let clients end sessions. That is its right.
      log.debug("session ended", { status: response.status });
      await discardBody(response);
    }).catch((error) => {
      log.debug("could not end the session", { error: String(error) });
    });
  }
}
