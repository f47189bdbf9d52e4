/**
 * What each cause of a refusal means, in words: the problem, what to do, and the
 * facts for a program.
 */

import type { ErrorData } from "../../errors.ts";
import type { OptionNames } from "../../naming.ts";
import { maskAccessKeyId, type Redactor } from "../../redact/redact.ts";
import {
  describeDifference,
  type Difference,
  firstDifference,
  withoutEcho,
} from "./echo.ts";
import type { AwsError } from "./parse.ts";
import type { RefusalCause } from "./table.ts";
import { MIN_SKEW_MS, type SignedRequest } from "./retry.ts";

/** A refusal put in words, and its facts for a program. */
export interface Explanation {
  readonly problem: string;
  readonly hint: string;
  readonly data?: ErrorData;
}

export interface Refused {
  readonly error: AwsError;
  readonly response: Response;
  /** What was signed, when the answer came through a signed fetch. */
  readonly record: SignedRequest | undefined;
  readonly redactor: Redactor;
  readonly names: OptionNames;
}

/** Explains any refusal of a request that went unsigned. */
export const UNSIGNED: Explanation = {
  problem: "the request was sent unsigned, because no AWS credentials are " +
    "configured, and the target wants a signature",
  hint: "configure credentials (aws configure, aws sso login, aws login)",
  data: { unsigned: true },
};

/** Explains each cause. */
export const EXPLANATIONS: {
  readonly [cause in RefusalCause]: (refused: Refused) => Explanation;
} = {
  "clock-skew": ({ response, record }) => {
    const targetTime = Date.parse(response.headers.get("date") ?? "");
    const hint = "set the clock";
    if (Number.isNaN(targetTime) || record === undefined) {
      const problem = "this machine's clock and the target's differ";
      return { problem, hint };
    }
    const clockOffsetMs = targetTime - record.machineTime;
    if (Math.abs(clockOffsetMs) < MIN_SKEW_MS) {
      const problem = "the signature arrived too late, or its time was " +
        "changed: the clocks agree";
      const hint = "look for what holds requests back on their way";
      return { problem, hint, data: { clockOffsetMs } };
    }
    const seconds = Math.abs(Math.round(clockOffsetMs / 1000));
    const where = clockOffsetMs < 0 ? "ahead of" : "behind";
    const problem =
      `this machine's clock is ${seconds} s ${where} the target's`;
    return { problem, hint, data: { clockOffsetMs } };
  },

  "expired-token": () => ({
    problem: "the session token has expired",
    hint: "sign in again (`aws sso login`, `aws login`) or renew the " +
      "temporary credentials",
  }),

  "unknown-key": ({ record }) => ({
    problem: `the target does not know the access key${keyOf(record)}`,
    hint: "check the access key and its session token, and that they are of " +
      "the target's partition" +
      (record?.signatureVersion === "v4a"
        ? "; v4a takes session tokens of regional STS endpoints alone, not of " +
          "the global one"
        : ""),
  }),

  "wrong-scope": ({ error: { message, region }, record, names }) => {
    const signed = record === undefined
      ? ""
      : ` (signed for ${record.service} in ${record.region})`;
    const wants = [
      ["region", region ?? /expecting '([\w-]+)'/.exec(message)?.[1]],
      ["service", /correct service: '([\w-]+)'/.exec(message)?.[1]],
    ].filter(([, value]) => value !== undefined);
    const target = wants.map((want) => want.join(" ")).join(", ");
    return {
      problem: `the signature is for another region or service${signed}` +
        (target === "" ? "" : `; the target wants ${target}`),
      hint: `set ${names.region} or ${names.service}`,
      data: { wants: Object.fromEntries(wants) },
    };
  },

  "missing-signature": ({ error }) => ({
    problem: /incomplete/i.test(error.type ?? "")
      ? "the signature did not arrive whole"
      : "the target saw no signature, or it has no such path or method " +
        "(API Gateway says the same of a route that is not there)",
    hint: "check the target URL's path and stage, and that no proxy on the " +
      "way takes the Authorization header",
  }),

  "signature-mismatch": mismatch,

  "not-authorized": notAuthorized,

  "forbidden": ({ error }) =>
    error.type === "AccessDeniedException" || /url/i.test(error.message)
      ? {
        problem: "the function URL refuses the principal or the signature, " +
          "and does not say which",
        hint: "allow lambda:InvokeFunctionUrl and lambda:InvokeFunction to " +
          "the principal, in its own policy or the function's; check region " +
          "and service",
      }
      : {
        problem: "the target refuses the request without a reason: a " +
          "resource policy, a firewall (WAF), a missing API key, or a private " +
          "API under another host",
        hint: "check the API's resource policy and the target URL's host",
      },
};

function mismatch(refused: Refused): Explanation {
  const { error, record, names } = refused;
  const difference = differenceOf(refused);
  const data = { firstDifference: difference };
  const isWrongHash = error.type === "XAmzContentSHA256Mismatch";
  const isPayload = isWrongHash || /^(?:body hash|header x-amz-content-sha256)$/
    .test(difference?.part ?? "");
  const isUnsigned = record?.canonicalRequest.endsWith("\nUNSIGNED-PAYLOAD");
  if (isPayload && isUnsigned) {
    return {
      problem: "the target wants the body's hash signed, and the request was " +
        "signed without it",
      hint: `leave out ${names.unsignedPayload}`,
      data,
    };
  }
  if (isWrongHash) {
    return {
      problem: "the target received another body than the one that was signed",
      hint: "look for what changes the body on its way, such as a proxy",
    };
  }
  if (difference !== undefined) {
    return {
      problem: `the signature does not match: ${
        describeDifference(difference)
      }`,
      hint: "look for what changes the request on its way, such as a proxy",
      data,
    };
  }
  const key = keyOf(record);
  return error.canonicalRequest !== undefined && record !== undefined
    ? {
      problem: "the signature does not match, though the target saw the same " +
        "request",
      hint: `the secret access key is not the one of the access key${key}`,
    }
    : {
      problem: "the signature does not match",
      hint: "check that the secret access key is the one of the access " +
        `key${key}, and that no proxy on the way changes the request`,
    };
}

function differenceOf(
  { error, record, redactor }: Refused,
): Difference | undefined {
  const { canonicalRequest: theirs } = error;
  return record === undefined || theirs === undefined
    ? undefined
    : firstDifference(record.canonicalRequest, theirs, redactor.redact);
}

/** Of API Gateway's and AppSync's other authorizers, and of AgentCore. */
const OTHER_AUTHORIZATION =
  /^unauthorized$|\bauthorization (?:method|header not provided)/i;

function notAuthorized({ error: { message } }: Refused): Explanation {
  const [, principal, action, resource] =
    /User: (\S+) is not authorized to (?:perform|access):? (\S+)(?: on resource: (\S+))?/
      .exec(message) ?? [];
  const data = { action, principal, resource };
  if (OTHER_AUTHORIZATION.test(message)) {
    return {
      problem: "the target authenticates in another way than IAM, and takes " +
        "no signature",
      hint: "set its authorization to IAM",
    };
  }
  if (principal === undefined) {
    return {
      problem: "the target knows the principal but does not let it in",
      hint: "check the policies of the principal and of the target",
    };
  }
  if (principal === "anonymous") {
    return {
      problem: "the target took the request for an unsigned one",
      hint: "check that the target authenticates with IAM, and its resource " +
        "policy",
      data,
    };
  }
  const deny = /with an explicit deny(?: in an? ([\w -]{1,60}))?/.exec(message);
  if (deny === null) {
    const [, lacking] = /because no ([\w -]{1,60}?) allows/.exec(message) ?? [];
    const where = lacking === undefined ? "a policy" : `the ${lacking}`;
    const hint = `allow ${action} to it in ${where}`;
    return { problem: `${principal} may not do ${action}`, hint, data };
  }
  const policy = deny[1] === undefined ? "its policy" : `the ${deny[1].trim()}`;
  return {
    problem: `${principal} is explicitly denied ${action}`,
    hint:
      `take the deny out of ${policy}: no policy that allows it can outweigh it`,
    data: { ...data, explicitDeny: true },
  };
}

function keyOf(record: SignedRequest | undefined): string {
  return record === undefined ? "" : ` ${maskAccessKeyId(record.accessKeyId)}`;
}

type Version = SignedRequest["signatureVersion"];

/** How AWS names the versions in its errors. */
const VERSION_NAMES: { readonly [version in Version]: RegExp } = {
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
  const isNamed = VERSION_NAMES[other].test(text);
  const isRefused = VERSION_NAMES[used].test(text) && NOT_TAKEN.test(text);
  return isNamed || isRefused ? other : undefined;
}

export function wrongAlgorithm(
  wanted: Version,
  names: OptionNames,
): Explanation {
  const used = wanted === "v4" ? "v4a" : "v4";
  const region = wanted === "v4"
    ? "the target's region"
    : "* or the set of the target's regions";
  return {
    problem: `the target does not take a signature of version ${used}, and ` +
      `wants ${wanted}`,
    hint: `set ${names.signatureVersion} ${wanted} and ${names.region} to ` +
      region,
    data: { wants: { signatureVersion: wanted } },
  };
}
