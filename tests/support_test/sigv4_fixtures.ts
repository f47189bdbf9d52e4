/**
 * Signed requests, ways to change them, and the demand that they be refused.
 */

import { assert, assertEquals } from "@std/assert";
import type {
  Scope,
  SigningKey,
  Unsigned,
} from "../support/sigv4/aws4_signer.ts";
import {
  type RawRequest,
  type RefusalType,
  type Refused,
  SigV4Verifier,
  type VerifierOptions,
} from "../support/sigv4/verifier.ts";

export const NOON = new Date("2026-03-01T12:00:00Z");
export const MINUTE_MS = 60_000;
export const KEY: SigningKey = {
  accessKeyId: "AKIDTEST",
  secretAccessKey: "a-secret-for-tests",
  sessionToken: "a/session+token==",
};
export const SCOPE: Scope = {
  region: "eu-west-1",
  service: "execute-api",
  date: NOON,
};
export const OPTIONS: VerifierOptions = {
  principals: { AKIDTEST: KEY },
  region: "eu-west-1",
  service: "execute-api",
  clock: () => NOON.getTime(),
};
export const CALL: Unsigned = {
  method: "POST",
  target: "/runtimes/arn%3Aaws%3Aone/invocations?qualifier=DEFAULT&empty=",
  host: "abc.execute-api.eu-west-1.amazonaws.com",
  headers: { "Content-Type": "application/json", "X-Custom": "one" },
  body: new TextEncoder().encode('{"jsonrpc":"2.0"}'),
};
/** AWS's published v4a request of get-vanilla-with-session-token. */
export const V4A: RawRequest = {
  method: "GET",
  target: "/",
  headers: [
    ["Host", "example.amazonaws.com"],
    [
      "X-Amz-Security-Token",
      "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
    ],
    ["X-Amz-Date", "20150830T123600Z"],
    ["X-Amz-Region-Set", "us-east-1"],
    [
      "Authorization",
      "AWS4-ECDSA-P256-SHA256 " +
      "Credential=AKIDEXAMPLE/20150830/service/aws4_request, " +
      "SignedHeaders=host;x-amz-date;x-amz-region-set;x-amz-security-token, " +
      "Signature=30450221008f4516c8850ed9eb29502658d1f0e0f6cabc11a44963c558ef" +
      "d1dd8e9fb084a0022032e47df89ad1a5b4e2b82d3a68dbe31d6ef8e1ea8c3815b20975" +
      "38c4695d184e",
    ],
  ],
  body: new Uint8Array(),
};
export const V4A_OPTIONS: VerifierOptions = {
  principals: {
    AKIDEXAMPLE: {
      secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
      sessionToken:
        "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
    },
  },
  region: "us-east-1",
  service: "service",
  clock: () => Date.UTC(2015, 7, 30, 12, 36),
};

export function withHeader(
  request: RawRequest,
  name: string,
  change: (value: string) => string,
): RawRequest {
  return {
    ...request,
    headers: request.headers.map(([field, value]) => [
      field,
      field.toLowerCase() === name ? change(value) : value,
    ]),
  };
}

export function without(request: RawRequest, name: string): RawRequest {
  return {
    ...request,
    headers: request.headers.filter(([field]) => field.toLowerCase() !== name),
  };
}

export function refused(
  options: VerifierOptions,
  request: RawRequest,
  type: RefusalType,
): Refused {
  const verdict = new SigV4Verifier(options).verify(request);
  assert(!verdict.ok, "the request was accepted");
  assertEquals(verdict.type, type, verdict.message);
  return verdict;
}
