/**
 * What was sent for an answer, kept beside it, so that a refusal can be
 * explained by whoever reads the answer.
 */

import type { Log } from "../../log/log.ts";
import type { Redactor } from "../../redact/redact.ts";

/** One signed request. It holds secrets: for comparing, never for showing. */
export interface SignedRequest {
  readonly canonicalRequest: string;
  /** When it was signed by this machine's clock, in milliseconds. */
  readonly signedAt: number;
  readonly accessKeyId: string;
  readonly service: string;
  readonly region: string;
  readonly signatureVersion: "v4" | "v4a";
}

/** One request of a signed fetch. */
export interface SigningRecord {
  /** What was signed; `undefined`: it went unsigned, for want of credentials. */
  readonly signed: SignedRequest | undefined;
  readonly redactor: Redactor;
  readonly log: Log;
}

/**
 * What was sent for each answer that came through a signed fetch. Keyed by the
 * answer itself: it says nothing to those who do not hold it, and goes with it.
 */
export const SIGNING_RECORDS: WeakMap<Response, SigningRecord> = new WeakMap();
