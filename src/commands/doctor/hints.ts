/**
 * Where to look next, when the target or STS says no. What is wrong and how to
 * fix it, the error says itself.
 */

import type { RefusalCause } from "../../aws/refusals/table.ts";
import type { ErrorData, ErrorReason } from "../../errors.ts";

/** AWS Signature Version 4, "Time-based authentication": five minutes. */
export const SET_CLOCK =
  "set this machine's clock: AWS allows for five minutes";

/** The last thing to look at. */
export const TARGET_LOG = "the target's own log says more";

const WRONG_PLACE =
  "check the path of the target URL: what is there may be no MCP server";

const HINTS: {
  readonly [name in RefusalCause | "wrong-algorithm" | ErrorReason]?: string;
} = {
  "clock-skew": SET_CLOCK,
  "wrong-scope": "region and service name are the target's own: without the " +
    "two options they are read off its host",
  "wrong-algorithm": "without --sig-version and AWS_SIG_VERSION the version " +
    "is v4, or what an AWS host is known to take",
  "signature-mismatch": "`aws sts get-caller-identity` shows whether the " +
    "credentials themselves are sound",
  "missing-signature": WRONG_PLACE,
  "signature": "sigv4-proxy policy prints what has to be allowed",
  "credentials":
    "renew the credentials, or take a profile with others: --profile",
  "bad-answer": WRONG_PLACE,
  "http-status": WRONG_PLACE,
  "no-answer": WRONG_PLACE,
  "stream-cut": "look for a time limit of a load balancer before the target",
  "unreachable":
    "the steps before this one say how far the way is open; a target that " +
    "closes it now may want --client-cert and --client-key",
};

/** Where to look after an error; a sentence each, none of them its own. */
export function hintsFor({ reason, cause, unsigned }: ErrorData): string[] {
  // What AWS refuses of an unsigned request is that it has no signature.
  if (unsigned === true) {
    return [
      "leave out --skip-auth: then the step credentials says where it looked",
    ];
  }
  const hint = hintOf(cause) ?? hintOf(reason) ?? TARGET_LOG;
  return reason === "http-status" ? [hint, TARGET_LOG] : [hint];
}

function hintOf(name: unknown): string | undefined {
  return Object.entries(HINTS).find(([known]) => known === name)?.[1];
}
