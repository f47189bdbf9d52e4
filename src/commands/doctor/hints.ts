/**
 * What to do about what the target or STS says no to. The message of an error
 * names the cure; this is the next thing to look at.
 *
 * @module
 */

import type { RefusalCause } from "../../aws/refusals/table.ts";
import type { ErrorData, ErrorReason } from "../../errors.ts";

/** AWS Signature Version 4, "Time-based authentication": five minutes. */
export const SET_CLOCK =
  "set this machine's clock: AWS allows for five minutes";

const WRONG_PLACE =
  "check the path of the target URL: what is there may be no MCP server";

const TARGET_LOG = "the target's own log says more";

const RENEW = "renew the credentials, or take a profile with others: --profile";

const SET_UP =
  "leave out --skip-auth: then the step credentials says where it looked";

const POLICY = "sigv4-proxy policy prints what has to be allowed";

const REPORT = "the doctor gives no reason for that: please report it";

const BY_CAUSE: { readonly [cause in RefusalCause]: string } = {
  "clock-skew": SET_CLOCK,
  "expired-token": RENEW,
  "unknown-key": RENEW,
  "wrong-scope": "region and service name are the target's own: without the " +
    "two options they are read off its host",
  "signature-mismatch": "`aws sts get-caller-identity` shows whether the " +
    "credentials themselves are sound",
  "missing-signature":
    "compare the target URL with the one that its owner gives for it",
  "not-authorized": POLICY,
  "forbidden": POLICY,
};

const BY_REASON: { readonly [reason in ErrorReason]: readonly string[] } = {
  "bad-answer": [WRONG_PLACE],
  "blocked": [REPORT],
  "credentials": [RENEW],
  "frame-too-large": [
    "set a higher limit: --max-frame, or --max-answer for a whole answer",
  ],
  "http-status": [WRONG_PLACE, TARGET_LOG],
  "invalid-request": [REPORT],
  "no-answer": [WRONG_PLACE],
  "overloaded": [TARGET_LOG],
  "parse": [REPORT],
  "redirect": ["if you trust where it leads, take that for the target URL"],
  "shutting-down": [REPORT],
  "signature": [POLICY],
  "stream-cut": ["look for a time limit of a load balancer before the target"],
  "timeout": ["the target is there but slow: its own log says why"],
  "unreachable": [
    "the steps before this one say how far the way is open; a target that " +
    "closes it now may want --client-cert and --client-key",
  ],
};

/**
 * Says what to do about an error.
 *
 * @param reason The reason of the error.
 * @param data Its facts: why AWS refused the request, if it was AWS.
 * @returns A sentence each, none of them the error's own.
 */
export function remediesFor(
  reason: string,
  { cause, unsigned }: ErrorData,
): readonly string[] {
  // What AWS refuses of an unsigned request is that it has no signature.
  if (unsigned === true) return [SET_UP];
  if (isIn(BY_CAUSE, cause)) return [BY_CAUSE[cause]];
  return isIn(BY_REASON, reason) ? BY_REASON[reason] : [REPORT];
}

function isIn<T extends object>(table: T, key: unknown): key is keyof T {
  return typeof key === "string" && Object.hasOwn(table, key);
}
