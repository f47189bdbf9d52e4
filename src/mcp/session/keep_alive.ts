/**
 * Pings a session that is idle, so that nothing on the way takes it for gone.
 *
 * A ping is the proxy's own: the client sees nothing of it, and nothing waits
 * for it at the end. It has a limit of its own, since a connection that was
 * dropped in silence answers nothing. A ping that is given up closes its
 * connection, so that the next one goes over another.
 *
 * @module
 */

import type { Target } from "../transport/target.ts";
import { Exchange } from "../transport/exchange.ts";
import type { SessionHeaders } from "../wire/headers.ts";
import { SessionExpiredError } from "../transport/session_expiry.ts";
import { requestId } from "../wire/message.ts";
import { paramsWithMetadata } from "../wire/metadata.ts";

/** How a session is pinged. */
export interface KeepAliveWays {
  /** How long a session may be idle, in milliseconds; for ever by default. */
  readonly keepAliveMs: number | undefined;
  /** The session that is pinged. */
  readonly session: () => SessionHeaders;
  /** Sends an exchange of the proxy's own in a session given. */
  readonly carry: (
    exchange: Exchange,
    session: SessionHeaders,
  ) => Promise<void>;
  /** Is told of a session that the target does not know any more. */
  readonly onExpired: (session: SessionHeaders) => Promise<unknown>;
}

/** The least time that a ping is given, in milliseconds. */
const MIN_LIMIT_MS = 5_000;

const METHOD = "ping";

const encoder = new TextEncoder();

/** Sends a `ping` after each interval in which a session was idle. */
export class KeepAlive {
  readonly #target: Target;
  readonly #ways: KeepAliveWays;
  #isOn = false;
  #idle: ReturnType<typeof setTimeout> | undefined;
  /** The ping under way; the wait for the next begins at its end. */
  #ping: Exchange | undefined;
  #count = 0;

  constructor(target: Target, ways: KeepAliveWays) {
    this.#target = target;
    this.#ways = ways;
  }

  /** Begins to watch the session. */
  start(): void {
    this.#isOn = true;
    this.touch();
  }

  /** Notes that the session is used. */
  touch(): void {
    const { keepAliveMs } = this.#ways;
    clearTimeout(this.#idle);
    if (!this.#isOn || this.#ping || keepAliveMs === undefined) return;
    this.#idle = setTimeout(() => void this.#send(keepAliveMs), keepAliveMs);
  }

  /** Lets the session be, and a ping under way go. */
  stop(): void {
    this.#isOn = false;
    clearTimeout(this.#idle);
    this.#ping?.end();
  }

  /** One ping, until it is answered, has failed or is given up. */
  async #send(keepAliveMs: number): Promise<void> {
    const { session, carry } = this.#ways;
    const pinged = session();
    const ping = this.#newPing();
    this.#ping = ping;
    const limitMs = Math.max(keepAliveMs, MIN_LIMIT_MS);
    const { promise: isLate, resolve } = Promise.withResolvers<"late">();
    const timer = setTimeout(() => resolve("late"), limitMs);
    try {
      // The answer is enough: its stream may stay open for a while.
      const sent = carry(ping, pinged);
      const outcome = await Promise.race([sent, ping.settled, isLate]);
      if (outcome === "late") this.#fail(ping, limitMs);
    } catch (cause) {
      if (this.#isOn) await this.#failed(cause);
    } finally {
      clearTimeout(timer);
      this.#ping = undefined;
      this.touch();
    }
  }

  #newPing(): Exchange {
    const { metadata = [], log } = this.#target;
    const name = `sigv4-proxy:ping:${++this.#count}`;
    const id = requestId(name);
    if (!id) throw new TypeError("a string is a request ID");
    const params = paramsWithMetadata({}, metadata);
    return new Exchange({
      bytes: encoder.encode(
        JSON.stringify({ jsonrpc: "2.0", id: name, method: METHOD, params }),
      ),
      method: METHOD,
      params,
      requests: [id],
      onAnswer: ({ error }) => {
        if (!error) return;
        log.debug("the target refused a ping", { error: error.message });
      },
    });
  }

  #fail(ping: Exchange, limitMs: number): void {
    ping.end();
    this.#target.log.warn("the target did not answer a ping in time", {
      limitMs,
    });
  }

  async #failed(cause: unknown): Promise<void> {
    const { log } = this.#target;
    if (cause instanceof SessionExpiredError) {
      await this.#ways.onExpired(cause.session);
    } else log.debug("a ping came to nothing", { error: String(cause) });
  }
}
