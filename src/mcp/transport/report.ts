/**
 * What is told of an exchange that failed, and to whom.
 *
 * @module
 */

import { ProxyError } from "../../errors.ts";
import type { Log } from "../../log/log.ts";
import type { Delivery } from "./response_router.ts";
import type { Exchange } from "./exchange.ts";
import { AttemptError } from "./failure.ts";
import { SessionLost } from "./session_expiry.ts";

/** What the client is told of a cause: an error, or the target's own frame. */
export function reportable(cause: unknown): ProxyError | Uint8Array {
  if (cause instanceof ProxyError) return cause;
  if (cause instanceof SessionLost) return cause.error;
  if (!(cause instanceof AttemptError)) {
    return new ProxyError("no-answer", `the proxy failed: ${cause}`, { cause });
  }
  const { error, retryAfterMs, answer } = cause;
  if (answer) return answer;
  if (retryAfterMs === undefined) return error;
  return new ProxyError(error.reason, error.message, {
    data: { ...error.data, retryAfterMs },
    cause,
    summary: error.summary,
  });
}

/** Tells the client; where nobody waits, the log. */
export async function report(
  exchange: Exchange,
  error: ProxyError | Uint8Array,
  { delivery, log }: { readonly delivery: Delivery; readonly log: Log },
): Promise<void> {
  if (!(error instanceof ProxyError)) {
    return await delivery.failWith(exchange, error);
  }
  log.warn(error.summary, {
    method: exchange.method,
    id: exchange.pending[0]?.source,
    reason: error.reason,
    ms: Math.round(performance.now() - exchange.startedAt),
  });
  if (error.message !== error.summary) {
    log.debug("what the client is told", { error: error.message });
  }
  await delivery.fail(exchange, error);
}
