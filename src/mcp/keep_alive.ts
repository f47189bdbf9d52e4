/**
 * Pings a session that is idle, so that nothing on the way takes it for gone.
 *
 * @module
 */

import type { Log } from "../log.ts";
import { type Emit, type Link, OwnRequests, partsOf } from "./link.ts";

/** What {@linkcode withKeepAlive} is handed. */
export interface KeepAliveOptions {
  /** How long a session may be idle, in milliseconds. */
  readonly intervalMs: number;
  /** Writes one frame to the client. */
  readonly emit: Emit;
  readonly log: Log;
  /** What is kept alive; it is handed an emit of its own. */
  readonly link: (emit: Emit) => Link;
}

/**
 * A link that sends a `ping` after each idle interval of a legacy session. The
 * modern era has no sessions, and so nothing to keep alive.
 */
export function withKeepAlive(options: KeepAliveOptions): Link {
  const { intervalMs, emit, log } = options;
  const own = new OwnRequests("sigv4-proxy:ping");
  let hasSession = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const link = options.link(async (frame) => {
    const parts = own.isIdle ? [] : partsOf(frame);
    const rest = own.takeFrom(parts);
    if (rest.length === parts.length) return await emit(frame);
    for (const { bytes } of rest) await emit(bytes);
  });

  const stop = (): void => {
    hasSession = false;
    clearTimeout(timer);
  };
  const wait = (): void => {
    clearTimeout(timer);
    if (hasSession) timer = setTimeout(() => void ping(), intervalMs);
  };
  const ping = async (): Promise<void> => {
    const { error } = await own.ask(link, "ping", {});
    if (error) log.debug("the target refused a ping", { error: error.message });
    wait();
  };

  return {
    accept(bytes, message): void {
      link.accept(bytes, message);
      const isReady = message.kind === "notification" &&
        message.method === "notifications/initialized";
      if (isReady) hasSession = true;
      wait();
    },
    async drain(patience): Promise<void> {
      stop();
      await link.drain(patience);
    },
    async close(limitMs): Promise<void> {
      stop();
      await link.close(limitMs);
    },
  };
}
