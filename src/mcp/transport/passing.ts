/**
 * Failures that may pass by themselves.
 *
 * @module
 */

import { AttemptError } from "./failure.ts";

/** HTTP statuses that say nothing of what the target can do. */
const PASSING_STATUSES: ReadonlySet<unknown> = new Set([401, 403, 408, 429]);

/**
 * Whether a failure has to do with the way to the target or with who asks, not
 * with what was asked: the same request may succeed later.
 */
export function isPassing(cause: unknown): cause is AttemptError {
  if (!(cause instanceof AttemptError)) return false;
  const { reason, data } = cause.error;
  switch (reason) {
    case "credentials":
    case "signature":
    case "stream-cut":
    case "timeout":
      return true;
    case "unreachable":
      // Denied a permission, the proxy never gets there.
      return cause.repeat !== "never";
    case "http-status":
      return PASSING_STATUSES.has(data.status) || Number(data.status) >= 500;
    default:
      return false;
  }
}
