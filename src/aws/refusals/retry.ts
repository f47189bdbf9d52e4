/**
 * What was sent for an answer, and whether a second signature can help it.
 */

import type { Log } from "../../log/log.ts";
import type { Redactor } from "../../redact/redact.ts";
import { whenOver } from "../../time.ts";
import { MAX_ERROR_BYTES, parseAwsError } from "./parse.ts";
import { mayBeRefusal, secondTryOf } from "./table.ts";

/** One signed request. It holds secrets: for comparing, never for showing. */
export interface SignedRequest {
  readonly canonicalRequest: string;
  /** When it says it was signed, in milliseconds. */
  readonly signedAt: number;
  /** The same by this machine's clock, uncorrected. */
  readonly machineTime: number;
  readonly accessKeyId: string;
  readonly service: string;
  readonly region: string;
  readonly signatureVersion: "v4" | "v4a";
}

/**
 * What was sent for each answer that came through a signed fetch. Keyed by the
 * answer itself: it says nothing to those who do not hold it, and goes with it.
 */
export const SIGNING_RECORDS: WeakMap<Response, {
  /** `undefined`: it went unsigned, for want of credentials. */
  readonly signed: SignedRequest | undefined;
  readonly redactor: Redactor;
  readonly log: Log;
}> = new WeakMap();

/**
 * Clocks nearer than this do not explain a refusal: AWS allows 5 to 15 minutes,
 * and a `Date` header is exact to the second.
 */
export const MIN_SKEW_MS = 30_000;

/**
 * Looks whether an answer is a refusal that another signature can fix: one at
 * the target's time, in milliseconds, or else one with fresh credentials. The
 * answer stays whole for the caller.
 */
export async function secondTryFor(
  response: Response,
): Promise<{ awsError?: string; targetTime?: number } | undefined> {
  const signed = SIGNING_RECORDS.get(response)?.signed;
  if (!signed || !mayBeRefusal(response.status)) return undefined;
  const type = response.headers.get("content-type") ?? "";
  // It holds no AWS error, and may never end.
  if (/^text\/event-stream\b/i.test(type)) return undefined;
  const error = parseAwsError(response.headers, await beginningOf(response));
  const awsError = error?.type;
  const fix = error && secondTryOf(error);
  if (fix !== "clock") return fix && { awsError };
  const targetTime = Date.parse(response.headers.get("date") ?? "");
  const isSkewed = Math.abs(targetTime - signed.signedAt) >= MIN_SKEW_MS;
  // A signature has four digits for the year; NaN is no time either.
  const isTime = targetTime > 0 && targetTime < Date.UTC(9999, 0);
  return isSkewed && isTime ? { awsError, targetTime } : undefined;
}

/** How long the beginning of an error's body may take. */
const MAX_ERROR_MS = 3_000;

/** The first bytes of an answer's body, read from a copy. */
async function beginningOf(response: Response): Promise<string> {
  const reader = response.clone().body?.getReader();
  if (reader === undefined) return "";
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  const letGo = () => void reader.cancel().catch(() => {});
  using _limit = whenOver(MAX_ERROR_MS, letGo);
  try {
    while (length < MAX_ERROR_BYTES) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      length += value.length;
      text += decoder.decode(value, { stream: true });
    }
  } catch {
    // The caller meets the same failure when reading the answer.
    return "";
  } finally {
    // Not awaited: it settles only once the caller is done with the answer too.
    letGo();
  }
  return text;
}
