/**
 * Refusals of a signature for its algorithm.
 */

import { withoutEcho } from "./echo.ts";
import type { Explanation } from "./causes.ts";
import type { AwsError } from "./parse.ts";
import type { SignedRequest } from "./signing_record.ts";

type Version = SignedRequest["signatureVersion"];

/** How AWS names the versions in its errors. */
const NAMES: { readonly [version in Version]: RegExp } = {
  v4: /\bAWS4-HMAC-SHA256\b|\bsig(?:nature)?[ -]?v(?:ersion)? ?4(?![\da-z])/i,
  v4a:
    /\bAWS4-ECDSA-P256-SHA256\b|\bsig(?:nature)?[ -]?v(?:ersion)? ?4a(?![\da-z])/i,
};

const NOT_TAKEN =
  /\b(?:unsupported|(?:not|\w+n't) (?:allow|accept|enable|support)(?:e?d)?)\b/i;

/**
 * The version that a target wants in place of the one that was used, if its
 * refusal says so: it names the other one, or says that it does not take this
 * one.
 */
export function wantedVersion(
  { message }: Pick<AwsError, "message">,
  { signatureVersion: used }: Pick<SignedRequest, "signatureVersion">,
): Version | undefined {
  const other = used === "v4" ? "v4a" : "v4";
  // A principal or a resource may be called anything.
  const text = withoutEcho(message).replace(/\barn:\S+/g, "");
  const isNamed = NAMES[other].test(text);
  const isRefused = NAMES[used].test(text) && NOT_TAKEN.test(text);
  return isNamed || isRefused ? other : undefined;
}

/** Explains a refusal of the other version than the wanted one. */
export function wrongAlgorithm(wanted: Version): Explanation {
  const used = wanted === "v4" ? "v4a" : "v4";
  const where = wanted === "v4"
    ? "and --region to the target's region"
    : "and --region to * or the set of the target's regions";
  return {
    problem: `the target does not take a signature of version ${used}, and ` +
      `wants ${wanted}`,
    hint: `set --sig-version ${wanted} ${where}`,
    data: { wants: { signatureVersion: wanted } },
  };
}
