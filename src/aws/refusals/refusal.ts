/** Says why a target refused a signed request, and what to do. */

import { type ErrorData, ProxyError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { OPTION_NAMES, type OptionNames } from "../../naming.ts";
import type { LogFields } from "../../log/log.ts";
import { type Redact, Redactor } from "../../redact/redact.ts";
import {
  EXPLANATIONS,
  UNSIGNED,
  wantedVersion,
  wrongAlgorithm,
} from "./causes.ts";
import { parseAwsError } from "./parse.ts";
import { withoutEcho } from "./echo.ts";
import { mayBeRefusal, refusalOf } from "./table.ts";
import { SIGNING_RECORDS } from "./retry.ts";

/** A text of the target's longer than this is cut. */
const MAX_MESSAGE = 300;

/** How much of a text is looked at for that: escapes and spaces go. */
const MAX_READ = 8 * MAX_MESSAGE;

/** AWS Lambda, "Request timeout" of Web Functions. */
const HINTS: ReadonlyMap<string | undefined, string> = new Map([
  [
    "Runtime.RequestTimeout",
    "the Web Function took longer than the timeoutSeconds of its revision, " +
    "which are 30 unless they are set (up to 900)",
  ],
]);

/**
 * Turns IAM's refusal of a request into an error that says why and what to do.
 * What the target echoes of the request goes no further.
 *
 * Statuses other than 400, 401 and 403, JSON-RPC messages, HTML, and errors
 * that are not IAM's are none: they are the caller's to report.
 *
 * @param response The answer. When it came through a signed fetch, what was
 * signed is compared with what the target says it computed.
 * @param bodyText Its body.
 * @returns The error, of reason `credentials` when other credentials are
 * wanted and `signature` otherwise, or `undefined`.
 *
 * @example
 * ```ts
 * import { explainRefusal } from "@scope/sigv4-proxy";
 *
 * const response = new Response(null, { status: 403 });
 * const error = explainRefusal(
 *   response,
 *   '{"message":"The security token included in the request is expired"}',
 * );
 * if (error?.reason !== "credentials") throw new Error("the token is over");
 * ```
 */
export function explainRefusal(
  response: Response,
  bodyText: string,
): ProxyError | undefined {
  return refusalError(response, bodyText, OPTION_NAMES);
}

/** The same, in the words of a program that has other names for the options. */
export function refusalError(
  response: Response,
  bodyText: string,
  names: OptionNames,
): ProxyError | undefined {
  if (!mayBeRefusal(response.status)) return undefined;
  const error = parseAwsError(response.headers, bodyText);
  if (error === undefined) return undefined;
  const sent = SIGNING_RECORDS.get(response);
  const record = sent?.signed;
  const wanted = record && wantedVersion(error, record);
  // It is known by the signature that was sent, and so is no row of the table.
  const refusal = wanted
    ? { wanted, cause: "wrong-algorithm", reason: "signature" } as const
    : refusalOf(error);
  if (refusal === undefined) return undefined;

  const redactor = sent?.redactor ?? new Redactor();
  const isUnsigned = sent !== undefined && record === undefined;
  const { problem, hint, data } = isUnsigned
    ? UNSIGNED
    : refusal.cause === "wrong-algorithm"
    ? wrongAlgorithm(refusal.wanted, names)
    : EXPLANATIONS[refusal.cause]({ error, response, record, redactor, names });
  const said = safeText(error.message, redactor.redact);
  const facts: ErrorData = redactedData({
    status: response.status,
    awsError: error.type,
    cause: refusal.cause,
    ...data,
  }, redactor.redact);
  const fields = logged(facts);
  const { status, awsError, clockOffsetMs, cause } = fields;
  const named = { status, awsError, clockOffsetMs, cause };
  sent?.log.warn("the target refused the request", named);
  sent?.log.debug("what the target says of it", fields);
  return new ProxyError(
    isUnsigned ? "credentials" : refusal.reason,
    safeText(problem, redactor.redact) + `: ${hint}` +
      (said === "" ? "" : ` (the target said: ${said})`),
    {
      data: facts,
      summary: `the target refused the request: ${refusal.cause}`,
    },
  );
}

/**
 * The AWS error in an answer of any status, without echo, secrets and control
 * characters, and what to do, where that is known.
 */
export function safeAwsError(
  response: Response,
  bodyText: string,
): { type?: string; message: string; hint?: string } | undefined {
  const error = parseAwsError(response.headers, bodyText);
  if (error === undefined) return undefined;
  const redactor = SIGNING_RECORDS.get(response)?.redactor ?? new Redactor();
  const hint = HINTS.get(error.type);
  return {
    type: error.type,
    message: safeText(error.message, redactor.redact),
    ...hint !== undefined && { hint },
  };
}

/** What knows the secrets of an answer's request, if a signed fetch sent it. */
export function redactorOf(response: Response): Redactor | undefined {
  return SIGNING_RECORDS.get(response)?.redactor;
}

/** A target's text without echo, secrets and control characters, cut to length. */
function safeText(text: string, redact: Redact): string {
  const safe = redact(withoutEcho(text).slice(0, MAX_READ))
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
  return excerpt(safe, MAX_MESSAGE);
}

/** Facts from the target's text can hold what was sent to it. */
function redactedData(data: ErrorData, redact: Redact): ErrorData {
  const entries = Object.entries(data).map(([name, value]) =>
    [name, typeof value === "string" ? safeText(value, redact) : value] as const
  );
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** Facts as log fields: one level, plain values. */
function logged(facts: ErrorData): LogFields {
  const entries = Object.entries(facts).map(([name, value]) => {
    const isPlain = typeof value === "string" || typeof value === "number";
    return [name, isPlain ? value : JSON.stringify(value)] as const;
  });
  return Object.fromEntries(entries);
}
