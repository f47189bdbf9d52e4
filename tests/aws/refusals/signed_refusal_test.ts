/** What is said of a refused request, by what was signed. */

import { assertEquals, assertExists, assertStringIncludes } from "@std/assert";
import { explainRefusal } from "../../../src/aws/refusals/refusal.ts";
import {
  type SignedRequest,
  SIGNING_RECORDS,
} from "../../../src/aws/refusals/retry.ts";
import type { ProxyError } from "../../../src/errors.ts";
import { SILENT_LOG } from "../../../src/log/log.ts";
import { Redactor } from "../../../src/redact/redact.ts";

const SIGNED: SignedRequest = {
  canonicalRequest: "POST\n/mcp\n\nhost:h\n\nhost\nUNSIGNED-PAYLOAD",
  signedAt: Date.UTC(2026, 0, 1, 12),
  machineTime: Date.UTC(2026, 0, 1, 12),
  accessKeyId: "ASIAEXAMPLEKEYID0001",
  service: "execute-api",
  region: "eu-west-1",
  signatureVersion: "v4",
};

/** The refusal of a signed request; of an unsigned one, with `null`. */
function refusalOf(
  signed: Partial<SignedRequest> | null,
  type: string,
  message: string,
): ProxyError {
  const headers = {
    "x-amzn-errortype": type,
    "date": new Date(SIGNED.signedAt).toUTCString(),
  };
  const response = new Response(null, { status: 403, headers });
  SIGNING_RECORDS.set(response, {
    signed: signed === null ? undefined : { ...SIGNED, ...signed },
    redactor: new Redactor(),
    log: SILENT_LOG,
  });
  const error = explainRefusal(response, JSON.stringify({ message }));
  assertExists(error);
  return error;
}

Deno.test("what was signed is part of what a refusal says", () => {
  const late = "Signature not yet current: …";
  const skewed = { machineTime: SIGNED.signedAt + 3_600_000 };
  const rows: [Partial<SignedRequest> | null, string, string, string][] = [
    [skewed, "InvalidSignatureException", late, "is 3600 s ahead of"],
    [null, "AccessDeniedException", "Forbidden", "was sent unsigned"],
    [
      {},
      "InvalidRequest",
      "SigV4 signatures are not accepted here",
      "version v4, and wants v4a: set signatureVersion v4a and region to * or",
    ],
    [
      { signatureVersion: "v4a" },
      "InvalidRequest",
      "SigV4a signatures are not accepted here",
      "wants v4: set signatureVersion v4 and region to the target's region",
    ],
    [
      {},
      "XAmzContentSHA256Mismatch",
      "…",
      "leave out unsignedPayload",
    ],
    [
      {},
      "InvalidSignatureException",
      "no match. The Canonical String for this request should have been " +
      "'POST\n/other\n\nhost:h\n\nhost\nUNSIGNED-PAYLOAD'\n\n" +
      "The String-to-Sign should have been 'AWS4-HMAC-SHA256'",
      "the path was signed as /mcp, the target computed /other",
    ],
  ];
  for (const [signed, type, message, said] of rows) {
    const error = refusalOf(signed, type, message);
    assertStringIncludes(error.message, said);
    assertEquals(error.reason === "credentials", signed === null);
  }
});

Deno.test("only with v4a is a session token said to be of the wrong endpoint", () => {
  const said = (["v4", "v4a"] as const).map((signatureVersion) =>
    refusalOf({ signatureVersion }, "InvalidClientTokenId", "no").message
  );
  assertEquals(
    said.map((text) => text.includes("regional STS endpoints")),
    [false, true],
  );
});
