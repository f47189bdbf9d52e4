/** Whatever is changed in a signed request, it is refused. */

import { assert } from "@std/assert";
import { signWithAws4 } from "../support/sigv4/aws4_signer.ts";
import {
  type RawRequest,
  type RefusalType,
  SigV4Verifier,
} from "../support/sigv4/verifier.ts";
import {
  CALL,
  KEY,
  MINUTE_MS,
  OPTIONS,
  refused,
  SCOPE,
  V4A,
  V4A_OPTIONS,
  withHeader,
  without,
} from "./sigv4_fixtures.ts";

/** Each way to change a signed request, and how AWS answers. */
const TAMPERINGS: [
  what: string,
  change: (request: RawRequest) => RawRequest,
  type?: RefusalType,
][] = [
  ["method", (request) => ({ ...request, method: "PUT" })],
  ["path", (request) => ({
    ...request,
    target: request.target.replace("/", "/other/"),
  })],
  ["query", (request) => ({
    ...request,
    target: `${request.target}${request.target.includes("?") ? "&" : "?"}x=1`,
  })],
  ["body", (request) => ({ ...request, body: Uint8Array.of(1) })],
  ["host", (request) => withHeader(request, "host", () => "other.example")],
  ["date within the skew", (request) =>
    withHeader(
      request,
      "x-amz-date",
      (date) => date.replace(/T..../, "T1234"),
    )],
  ["signature", (request) =>
    withHeader(
      request,
      "authorization",
      (value) => value.replace(/.$/, (last) => last === "0" ? "1" : "0"),
    )],
  [
    "tail of the signature",
    (request) => withHeader(request, "authorization", (value) => `${value}zz`),
  ],
  ["list of signed headers", (request) =>
    withHeader(
      request,
      "authorization",
      (value) => value.replace("SignedHeaders=", "SignedHeaders=accept;"),
    )],
  [
    "access key ID",
    (request) =>
      withHeader(
        request,
        "authorization",
        (value) => value.replace("Credential=", "Credential=X"),
      ),
    "UnrecognizedClientException",
  ],
  [
    "token",
    (request) =>
      withHeader(request, "x-amz-security-token", (token) => `${token}x`),
    "UnrecognizedClientException",
  ],
  [
    "token, taken out,",
    (request) => without(request, "x-amz-security-token"),
    "UnrecognizedClientException",
  ],
  ["service in the scope", (request) =>
    withHeader(
      request,
      "authorization",
      (value) => value.replace(/\/[^/]+\/aws4_request/, "/s3/aws4_request"),
    )],
  ["terminator", (request) =>
    withHeader(
      request,
      "authorization",
      (value) => value.replace("aws4_request", "aws5_request"),
    )],
  ["date in the scope", (request) =>
    withHeader(
      request,
      "authorization",
      (value) => value.replace(/\/(\d{7})\d\//, "/$19/"),
    )],
];

for (
  const [version, request, options] of [
    ["v4", signWithAws4(CALL, KEY, SCOPE), {
      ...OPTIONS,
      clock: () => Date.parse("2026-03-01T12:02:00Z"),
      clockSkewMs: 60 * MINUTE_MS,
    }],
    ["v4a", V4A, { ...V4A_OPTIONS, clockSkewMs: 60 * MINUTE_MS }],
  ] as const
) {
  Deno.test(`a ${version} request is accepted as it was signed`, () => {
    const verdict = new SigV4Verifier(options).verify(request);
    assert(verdict.ok, verdict.ok ? "" : verdict.message);
  });

  for (const [what, change, type = "InvalidSignatureException"] of TAMPERINGS) {
    Deno.test(`tampering with the ${what} of a ${version} request is refused`, () => {
      refused(options, change(request), type);
    });
  }
}
