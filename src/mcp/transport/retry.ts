/**
 * Whether a request may be sent again, and how long to wait before.
 *
 * Three tables of failures stand where the knowledge is: what the runtime's
 * `fetch` rejects with (`failure.ts`), how a target says that a session has
 * expired (`session_expiry.ts`), and after which refusals of a signature another
 * one helps (`aws/refusals`).
 */

import { type ErrorReason, ProxyError } from "../../errors.ts";
import { isObject } from "../../json.ts";
import { LruCache } from "../../lru_cache.ts";
import { delay } from "../../time.ts";
import type { SessionHeaders } from "../wire/headers.ts";
import type { Exchange } from "./exchange.ts";

/** Whether a failed attempt may be followed by another. */
export type Retryable =
  /** The target certainly did not run the request. */
  | "always"
  /** It may have run. */
  | "if-idempotent"
  /** Another attempt would fail alike. */
  | "never";

/**
 * An attempt that failed: what the client is told, and if it may be repeated. A
 * {@linkcode ProxyError} by itself is not.
 */
export class AttemptError extends Error {
  override name = "AttemptError";

  constructor(
    readonly error: ProxyError,
    readonly retryable: Retryable,
    readonly retryAfterMs?: number,
    /** The target's own error, which the client is told in place of ours. */
    readonly answer?: Uint8Array,
  ) {
    super(error.message, { cause: error });
  }
}

/** What the client is told of a failure, if that is known. */
export function errorOf(cause: unknown): ProxyError | undefined {
  if (cause instanceof AttemptError) return cause.error;
  return cause instanceof ProxyError ? cause : undefined;
}

/** What the target asked to wait before the next attempt, in milliseconds. */
export function askedMsOf(cause: unknown): number {
  return cause instanceof AttemptError ? cause.retryAfterMs ?? 0 : 0;
}

/** The target does not know the session that it was asked in. */
export class SessionExpiredError extends Error {
  override name = "SessionExpiredError";

  constructor(
    readonly session: SessionHeaders,
    /** Whether the request may be sent once more in a new session. */
    readonly retryable: Retryable,
    /** What the client is told if nothing else can be done: an error, or the
     * target's own error frame. */
    readonly error: ProxyError | Uint8Array,
  ) {
    super("the target does not know the session");
  }
}

/** Statuses after which a request may succeed another time. */
const RETRYABLE_STATUSES = [429, 502, 503, 504];

/**
 * Whether a request may be sent again after an HTTP error.
 *
 * @param isUnnamed Whether the body was understood, and does not name the
 * request: whoever names it has read it, and may have run it.
 */
export function retryableAfter(
  { status, headers }: Response,
  isUnnamed: boolean,
): Retryable {
  // RFC 6585, 4; API Gateway and Lambda throttle before they invoke (API
  // Gateway, Throttle requests; Lambda, Invoke, TooManyRequestsException).
  // RFC 9110, 15.6.4: unable to handle the request for a time.
  const isProof = status === 429 ||
    status === 503 && headers.has("retry-after");
  if (isProof && isUnnamed) return "always";
  return RETRYABLE_STATUSES.includes(status) ? "if-idempotent" : "never";
}

/**
 * Methods beside all that list or read which change nothing at the target, so
 * that sending them twice does no harm (MCP 2025-11-25 and 2026-07-28;
 * `initialize` only opens a session).
 */
const REPEATABLE_METHODS = new Set([
  "initialize",
  "ping",
  "prompts/get",
  "completion/complete",
  "server/discover",
  "subscriptions/listen",
  "events/stream",
  "notifications/initialized",
  "notifications/cancelled",
  "notifications/roots/list_changed",
]);

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 8_000;

/** An exponential backoff with full jitter, for the n-th try from 0. */
export function backoffMs(tries: number): number {
  return Math.random() * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** tries);
}

/** The shortest pause between two streams, whatever a target asks for. */
const MIN_PAUSE_MS = 20;

/** How long before a stream is opened again: longer, if it brought nothing. */
export function reopenMs(retryMs: number | undefined, tries: number): number {
  if (retryMs === undefined) return backoffMs(tries);
  return Math.max(retryMs, MIN_PAUSE_MS, tries > 1 ? backoffMs(tries) : 0);
}

/** The `Retry-After` header in milliseconds (RFC 9110, section 10.2.3). */
export function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get("retry-after")?.trim();
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

const MAX_RETRY_AFTER_MS = 30_000;

/** How many tools are remembered; the oldest go first. */
const MAX_TOOLS = 10_000;

export class RetryPolicy {
  readonly #retries: number;
  readonly #repeatableTools = new LruCache<true>(MAX_TOOLS);

  constructor(retries: number) {
    this.#retries = retries;
  }

  /** Records from the result of `tools/list` which tools are safe to retry. */
  record(result: unknown): void {
    if (!isObject(result) || !Array.isArray(result.tools)) return;
    for (const tool of result.tools) {
      if (!isObject(tool) || typeof tool.name !== "string") continue;
      const hints = isObject(tool.annotations) ? tool.annotations : {};
      const isSafe = hints.readOnlyHint === true ||
        hints.idempotentHint === true;
      if (isSafe) this.#repeatableTools.set(tool.name, true);
      else this.#repeatableTools.delete(tool.name);
    }
  }

  /** Whether an exchange may be sent again after what happened to it. */
  allows(
    { method, params, answerHasBegun, isRequest }: Exchange,
    retryable: Retryable,
  ): boolean {
    // It runs, or ran, whatever is said of it afterwards.
    if (answerHasBegun) return false;
    if (retryable !== "if-idempotent") return retryable === "always";
    // The client's answer, for which a call may wait, is taken once.
    if (method === "response" && !isRequest) return true;
    if (method !== "tools/call") {
      return REPEATABLE_METHODS.has(method) || /\/(?:list|read)$/.test(method);
    }
    return isObject(params) && typeof params.name === "string" &&
      this.#repeatableTools.get(params.name) === true;
  }

  /** The wait before the next attempt, in ms; `undefined`: there is none. */
  delayMs(
    exchange: Exchange,
    cause: unknown,
    tries: number,
  ): number | undefined {
    if (!(cause instanceof AttemptError)) return undefined;
    if (tries >= this.#retries) return undefined;
    if (!this.allows(exchange, cause.retryable)) return undefined;
    const askedMs = cause.retryAfterMs ?? 0;
    if (askedMs > MAX_RETRY_AFTER_MS) return undefined;
    return Math.max(askedMs, backoffMs(tries));
  }

  /**
   * Makes attempts until one succeeds, or nobody waits any more.
   *
   * @param recover Whether what failed is put right, and tried at once.
   */
  async run(
    exchange: Exchange,
    attempt: () => Promise<void>,
    recover: (cause: unknown) => Promise<boolean> = () =>
      Promise.resolve(false),
    delayMs = (cause: unknown, tries: number) =>
      this.delayMs(exchange, cause, tries),
  ): Promise<void> {
    // Cancelled, or over its time, while it waited.
    const isOver = () => exchange.isRequest && exchange.isSettled;
    for (let tries = 0; !isOver();) {
      try {
        return await attempt();
      } catch (cause) {
        if (isOver()) return;
        if (await recover(cause)) continue;
        const waitMs = delayMs(cause, tries);
        if (waitMs === undefined) throw cause;
        tries++;
        await delay(waitMs, exchange.signal).catch((reason) => {
          if (!isOver()) throw reason;
        });
      }
    }
  }
}

const PASSING_REASONS: ReadonlySet<unknown> = new Set<ErrorReason>([
  "credentials",
  "signature",
  "stream-cut",
  "timeout",
]);

/** HTTP statuses that say nothing of what the target can do. */
const PASSING_STATUSES: ReadonlySet<unknown> = new Set([401, 403, 408, 429]);

/**
 * Whether a failure has to do with the way to the target or with who asks, not
 * with what was asked: the same request may succeed later.
 */
export function isPassing(cause: unknown): boolean {
  const { reason, data: { status } = {} } = errorOf(cause) ?? {};
  // Denied a permission, the proxy never gets there.
  if (reason === "unreachable") return cause instanceof AttemptError;
  if (reason !== "http-status") return PASSING_REASONS.has(reason);
  return PASSING_STATUSES.has(status) || Number(status) >= 500;
}
