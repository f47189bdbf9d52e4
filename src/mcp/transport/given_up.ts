/** What a request is told that the proxy gives up, by how far it had come. */

import { ProxyError } from "../../errors.ts";

/** How far a request has come. */
export interface RequestState {
  /** Whether it left for the target, now or before. */
  readonly isSent: boolean;
  /** Whether it waits for credentials. */
  readonly isHeld: boolean;
}

export const UNSENT: RequestState = { isSent: false, isHeld: false };
export const SENT: RequestState = { isSent: true, isHeld: false };

export function shuttingDown(
  { isSent: mayHaveRun, isHeld }: RequestState,
): ProxyError {
  const message = isHeld
    ? "the proxy is stopping, and there were no credentials yet"
    : "the proxy is stopping";
  return new ProxyError("shutting-down", message, { data: { mayHaveRun } });
}

/**
 * A time limit has passed.
 *
 * @param what What did not happen in time, where credentials were there.
 * @param option What sets the limit, if anything does.
 */
export function timedOut(
  what: string,
  limitMs: number,
  { isSent: mayHaveRun, isHeld }: RequestState,
  option?: string,
): ProxyError {
  const late = isHeld ? `no credentials came within ${limitMs} ms` : what;
  const message = option ? `${late}; ${option} sets this limit` : late;
  return new ProxyError("timeout", message, { data: { mayHaveRun, limitMs } });
}
