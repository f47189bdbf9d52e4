/**
 * When a request may be sent again, and how long to wait before.
 *
 * @module
 */

import { MAX_TIMER_MS } from "../../time.ts";

/**
 * Methods that change nothing at the target, so that sending them twice does
 * no harm (MCP 2025-11-25 and 2026-07-28; `initialize` only opens a session).
 */
const REPEATABLE_METHODS = new Set([
  "initialize",
  "ping",
  "tools/list",
  "prompts/list",
  "prompts/get",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "completion/complete",
  "server/discover",
  "subscriptions/listen",
  "events/stream",
]);

/** Whether a request may be sent again although it may have run. */
export function isRepeatable(method: string): boolean {
  return REPEATABLE_METHODS.has(method) || /\/(?:list|read)$/.test(method);
}

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 8_000;

/** An exponential backoff with full jitter, for the n-th try from 0. */
export function backoffMs(tries: number): number {
  return Math.random() * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** tries);
}

/** The shortest pause between two streams, whatever a target asks for. */
const MIN_PAUSE_MS = 20;

/**
 * How long to wait before a stream is opened again: the time that the target
 * named, and longer where that brought nothing.
 */
export function reopenMs(retryMs: number | undefined, tries: number): number {
  if (retryMs === undefined) return backoffMs(tries);
  if (tries <= 1) return Math.max(retryMs, MIN_PAUSE_MS);
  return Math.max(retryMs, backoffMs(tries), MIN_PAUSE_MS);
}

/** The `Retry-After` header in milliseconds (RFC 9110, section 10.2.3). */
export function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get("retry-after")?.trim();
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

/** Resolves after the delay; rejects with the signal's reason if it aborts. */
export function delay(delayMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (signal.aborted) return Promise.reject(signal.reason);
  const stop = () => {
    clearTimeout(timer);
    reject(signal.reason);
  };
  const timer = setTimeout(() => {
    signal.removeEventListener("abort", stop);
    resolve();
  }, Math.min(delayMs, MAX_TIMER_MS));
  signal.addEventListener("abort", stop, { once: true });
  return promise;
}
