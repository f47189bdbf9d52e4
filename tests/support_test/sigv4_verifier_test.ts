/** What the verifier accepts and how it words what it refuses. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { signWithAws4 } from "../support/sigv4/aws4_signer.ts";
import {
  type RawRequest,
  SigV4Verifier,
  type VerifierOptions,
} from "../support/sigv4/verifier.ts";
import {
  CALL,
  KEY,
  MINUTE_MS,
  NOON,
  OPTIONS,
  refused,
  SCOPE,
  V4A,
  V4A_OPTIONS,
  withHeader,
  without,
} from "./sigv4_fixtures.ts";

Deno.test("a changed, an added and a missing signed header are refused", () => {
  const signed = signWithAws4(CALL, KEY, SCOPE);
  const added: RawRequest = {
    ...signed,
    headers: [...signed.headers, ["X-Custom", "two"]],
  };
  for (
    const request of [
      withHeader(signed, "x-custom", () => "two"),
      without(signed, "x-custom"),
      added,
    ]
  ) refused(OPTIONS, request, "InvalidSignatureException");
});

Deno.test("a header that is not signed may change", () => {
  const signed = signWithAws4(CALL, KEY, SCOPE);
  const verdict = new SigV4Verifier(OPTIONS).verify({
    ...signed,
    headers: [["Accept", "*/*"], ...signed.headers],
  });
  assert(verdict.ok);
  assert(!verdict.signedHeaders.includes("accept"));
  assert(verdict.signedHeaders.includes("x-custom"));
});

Deno.test("an x-amz header that is not signed is refused", () => {
  const signed = signWithAws4(CALL, KEY, SCOPE);
  const { message } = refused(OPTIONS, {
    ...signed,
    headers: [...signed.headers, ["X-Amz-Extra", "1"]],
  }, "InvalidSignatureException");
  assertStringIncludes(message, "'X-Amz-Extra' must be a 'SignedHeader'");
});

Deno.test("a Host that is not signed is refused", () => {
  const request = withHeader(
    signWithAws4(CALL, KEY, SCOPE),
    "authorization",
    (value) => value.replace(";host;", ";"),
  );
  assertEquals(
    refused(OPTIONS, request, "InvalidSignatureException").message,
    "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
  );
});

Deno.test("the refusal of a wrong signature echoes what should have been signed", () => {
  const signed = signWithAws4(CALL, KEY, SCOPE);
  const verdict = refused(
    OPTIONS,
    withHeader(signed, "x-custom", () => "two"),
    "InvalidSignatureException",
  );
  assertEquals(
    verdict.message,
    "The request signature we calculated does not match the signature you " +
      "provided. Check your AWS Secret Access Key and signing method. Consult " +
      "the service documentation for details.\n\n" +
      "The Canonical String for this request should have been\n" +
      `'${verdict.canonicalRequest}'\n\n` +
      `The String-to-Sign should have been\n'${verdict.stringToSign}'\n`,
  );
  assertEquals(verdict.canonicalRequest.split("\n").slice(0, 3), [
    "POST",
    "/runtimes/arn%253Aaws%253Aone/invocations",
    "empty=&qualifier=DEFAULT",
  ]);
});

Deno.test("no signature at all is a missing authentication token", () => {
  const { message } = refused(
    OPTIONS,
    {
      method: "GET",
      target: "/",
      headers: [["Host", "h"]],
      body: new Uint8Array(),
    },
    "MissingAuthenticationTokenException",
  );
  assertEquals(message, "Missing Authentication Token");
});

Deno.test("an Authorization header of another scheme is incomplete", () => {
  const request = withHeader(
    signWithAws4(CALL, KEY, SCOPE),
    "authorization",
    () => "Bearer abc",
  );
  assertEquals(
    refused(OPTIONS, request, "IncompleteSignatureException").message,
    "'abc' not a valid key=value pair (missing equal-sign) in Authorization " +
      "header: 'Bearer abc'.",
  );
});

Deno.test("an Authorization header names each part that it lacks", () => {
  const request = without(
    withHeader(
      signWithAws4(CALL, KEY, SCOPE),
      "authorization",
      () => "AWS4-HMAC-SHA256 Credential=a",
    ),
    "x-amz-date",
  );
  assertEquals(
    refused(OPTIONS, request, "IncompleteSignatureException").message,
    "Authorization header requires 'Signature' parameter. Authorization " +
      "header requires 'SignedHeaders' parameter. Authorization header " +
      "requires existence of either a 'X-Amz-Date' or a 'Date' header. " +
      "Authorization=AWS4-HMAC-SHA256 Credential=a",
  );
});

Deno.test("a date that is none is incomplete", () => {
  const request = withHeader(
    signWithAws4(CALL, KEY, SCOPE),
    "x-amz-date",
    () => "20261341T120000Z",
  );
  refused(OPTIONS, request, "IncompleteSignatureException");
});

Deno.test("an old signature has expired, in AWS's words", () => {
  const request = signWithAws4(CALL, KEY, {
    ...SCOPE,
    date: new Date(NOON.getTime() - 5 * MINUTE_MS - 1000),
  });
  assertEquals(
    refused(OPTIONS, request, "InvalidSignatureException").message,
    "Signature expired: 20260301T115459Z is now earlier than " +
      "20260301T115500Z (20260301T120000Z - 5 min.)",
  );
});

Deno.test("a signature of the future is not yet current, in AWS's words", () => {
  const request = signWithAws4(CALL, KEY, {
    ...SCOPE,
    date: new Date(NOON.getTime() + 5 * MINUTE_MS + 1000),
  });
  assertEquals(
    refused(OPTIONS, request, "InvalidSignatureException").message,
    "Signature not yet current: 20260301T120501Z is still later than " +
      "20260301T120500Z (20260301T120000Z + 5 min.)",
  );
});

Deno.test("a signature at the very edge of the skew is accepted", () => {
  for (const offsetMs of [-5 * MINUTE_MS, 5 * MINUTE_MS]) {
    const date = new Date(NOON.getTime() + offsetMs);
    const request = signWithAws4(CALL, KEY, { ...SCOPE, date });
    assert(new SigV4Verifier(OPTIONS).verify(request).ok);
  }
});

Deno.test("a scope of another region and service is refused for both", () => {
  const request = signWithAws4(CALL, KEY, {
    ...SCOPE,
    region: "us-east-1",
    service: "lambda",
  });
  assertEquals(
    refused(OPTIONS, request, "InvalidSignatureException").message,
    "Credential should be scoped to a valid region, not 'us-east-1'. " +
      "Credential should be scoped to correct service: 'execute-api'. ",
  );
});

Deno.test("an unknown key, a wrong token and an expired one are told apart", () => {
  const unknown = signWithAws4(CALL, { ...KEY, accessKeyId: "AKIDX" }, SCOPE);
  assertEquals(
    refused(OPTIONS, unknown, "UnrecognizedClientException").message,
    "The security token included in the request is invalid.",
  );
  const other = signWithAws4(CALL, { ...KEY, sessionToken: "other" }, SCOPE);
  refused(OPTIONS, other, "UnrecognizedClientException");
  const expired = { AKIDTEST: { ...KEY, expires: NOON } };
  assertEquals(
    refused(
      { ...OPTIONS, principals: expired },
      signWithAws4(CALL, KEY, SCOPE),
      "ExpiredTokenException",
    ).message,
    "The security token included in the request is expired",
  );
});

Deno.test("an unsigned payload is accepted only where it is allowed", () => {
  const request = signWithAws4({ ...CALL, unsignedPayload: true }, KEY, SCOPE);
  refused(OPTIONS, request, "InvalidSignatureException");
  const allowing = new SigV4Verifier({
    ...OPTIONS,
    allowUnsignedPayload: true,
  });
  assert(allowing.verify(request).ok);
  assert(allowing.verify({ ...request, body: Uint8Array.of(1) }).ok);
});

Deno.test("a declared payload hash that belongs to another body is refused", () => {
  const call = {
    ...CALL,
    headers: { ...CALL.headers, "X-Amz-Content-Sha256": "0".repeat(64) },
  };
  refused(
    OPTIONS,
    signWithAws4(call, KEY, SCOPE),
    "InvalidSignatureException",
  );
  refused(
    {
      ...OPTIONS,
      service: "s3",
      normalizePath: false,
      doubleEncodePath: false,
    },
    signWithAws4(call, KEY, { ...SCOPE, service: "s3" }),
    "XAmzContentSHA256Mismatch",
  );
});

Deno.test("a v4a region set must cover the region, stars included", () => {
  const inRegion = (region: string): VerifierOptions => ({
    ...V4A_OPTIONS,
    region,
  });
  assertEquals(
    refused(inRegion("us-west-2"), V4A, "InvalidSignatureException").message,
    "Credential should be scoped to a valid region, not 'us-east-1'. ",
  );
  for (const set of ["*", "us-*", "eu-west-1,us-west-2", "us-west-2, x"]) {
    const { message } = refused(
      inRegion("us-west-2"),
      withHeader(V4A, "x-amz-region-set", () => set),
      "InvalidSignatureException",
    );
    assertStringIncludes(message, "does not match");
  }
  refused(
    V4A_OPTIONS,
    without(V4A, "x-amz-region-set"),
    "IncompleteSignatureException",
  );
});

Deno.test("a v4a signature by another key is refused", () => {
  refused(
    {
      ...V4A_OPTIONS,
      principals: {
        AKIDEXAMPLE: {
          ...V4A_OPTIONS.principals["AKIDEXAMPLE"],
          secretAccessKey: "another",
        },
      },
    },
    V4A,
    "InvalidSignatureException",
  );
});
