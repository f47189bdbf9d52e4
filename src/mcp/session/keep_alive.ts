/**
 * Pings a session that is idle, so that nothing on the way takes it for gone.
 *
 * A ping is the proxy's own: the client sees nothing of it, and nothing waits
 * for it at the end. It has a limit of its own, since a connection that was
 * dropped in silence answers nothing. A ping that is given up closes its
 * connection, so that the next one goes over another.
 */

import { whenOver } from "../../time.ts";
import type { InFlight } from "../transport/in_flight.ts";
import { SessionExpiredError } from "../transport/retry.ts";
import type { Target } from "../transport/target.ts";
import type { SessionHeaders } from "../wire/headers.ts";

/** A target whose sessions are pinged after so long, if they are at all. */
type PingedTarget = Target & { readonly keepAliveMs?: number };

export interface PingedSession {
  readonly current: SessionHeaders;
  onExpired(session: SessionHeaders): Promise<unknown>;
}

/** The least time that a ping is given, in milliseconds. */
const MIN_LIMIT_MS = 5_000;

export class KeepAlive {
  readonly #target: PingedTarget;
  readonly #inFlight: InFlight;
  readonly #pinged: PingedSession;
  #isOn = false;
  #idle: ReturnType<typeof setTimeout> | undefined;
  /** Ends the ping under way; the wait for the next begins at its end. */
  #ping: AbortController | undefined;

  constructor(target: PingedTarget, inFlight: InFlight, pinged: PingedSession) {
    this.#target = target;
    this.#inFlight = inFlight;
    this.#pinged = pinged;
  }

  start(): void {
    this.#isOn = true;
    this.touch();
  }

  touch(): void {
    const { keepAliveMs } = this.#target;
    clearTimeout(this.#idle);
    if (!this.#isOn || this.#ping || keepAliveMs === undefined) return;
    this.#idle = setTimeout(() => void this.#send(keepAliveMs), keepAliveMs);
  }

  /** Lets the session be, and a ping under way go. */
  stop(): void {
    this.#isOn = false;
    clearTimeout(this.#idle);
    this.#ping?.abort();
  }

  /** One ping, until it is answered, has failed or is given up. */
  async #send(keepAliveMs: number): Promise<void> {
    const { log } = this.#target;
    const limitMs = Math.max(keepAliveMs, MIN_LIMIT_MS);
    const { signal } = this.#ping = new AbortController();
    using _limit = whenOver(limitMs, () => this.#ping?.abort());
    try {
      const { answer: { error } } = await this.#inFlight
        .ask("ping", {}, this.#pinged.current, signal);
      if (error) {
        log.debug("the target refused a ping", { error: error.message });
      }
    } catch (cause) {
      if (!this.#isOn) return;
      if (signal.aborted) {
        log.warn("the target did not answer a ping in time", { limitMs });
      } else if (cause instanceof SessionExpiredError) {
        await this.#pinged.onExpired(cause.session);
      } else log.debug("a ping came to nothing", { error: String(cause) });
    } finally {
      this.#ping = undefined;
      this.touch();
    }
  }
}
