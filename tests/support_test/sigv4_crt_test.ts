/** Requests signed by AWS's own native signer, where it can be loaded. */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { assert } from "@std/assert";
import {
  type RawRequest,
  SigV4Verifier,
  type VerifierOptions,
} from "../support/sigv4/verifier.ts";

const NOON = new Date("2026-03-01T12:00:00Z");
const KEY = {
  accessKeyId: "AKIDTEST",
  secretAccessKey: "a-secret-for-tests",
  sessionToken: "a/session+token==",
};
const OPTIONS: VerifierOptions = {
  principals: { AKIDTEST: KEY },
  region: "eu-west-1",
  service: "execute-api",
  clock: () => NOON.getTime(),
};
const BODY = new TextEncoder().encode('{"jsonrpc":"2.0"}');

type Crt = typeof import("aws-crt");

async function loadCrt(): Promise<Crt | undefined> {
  try {
    return await import("aws-crt");
  } catch {
    console.log("aws-crt cannot be loaded here: not compared");
    return undefined;
  }
}

async function sign(
  { auth, http }: Crt,
  target: string,
  version: "v4" | "v4a",
  place: "header" | "query",
): Promise<RawRequest> {
  const unsigned = new http.HttpRequest(
    "POST",
    target,
    new http.HttpHeaders([["Host", "h.example"], ["X-One", " a  b "]]),
  );
  const signed = await auth.aws_sign_request(unsigned, {
    algorithm: version === "v4"
      ? auth.AwsSigningAlgorithm.SigV4
      : auth.AwsSigningAlgorithm.SigV4Asymmetric,
    signature_type: place === "header"
      ? auth.AwsSignatureType.HttpRequestViaHeaders
      : auth.AwsSignatureType.HttpRequestViaQueryParams,
    provider: auth.AwsCredentialsProvider.newStatic(
      KEY.accessKeyId,
      KEY.secretAccessKey,
      KEY.sessionToken,
    ),
    region: version === "v4" ? "eu-west-1" : "us-east-1,eu-*",
    service: "execute-api",
    date: NOON,
    signed_body_value: createHash("sha256").update(BODY).digest("hex"),
    ...(place === "query" ? { expiration_in_seconds: 60 } : {}),
  });
  const headers = signed.headers._flatten().map((
    [name, value],
  ): [string, string] => [String(name), String(value)]);
  return {
    method: signed.method,
    target: Buffer.from(signed.path, "utf8").toString("latin1"),
    headers,
    body: BODY,
  };
}

for (const version of ["v4", "v4a"] as const) {
  for (const place of ["header", "query"] as const) {
    Deno.test(`what aws-crt signs with ${version} in the ${place} verifies, and nothing else`, async () => {
      const crt = await loadCrt();
      if (crt === undefined) return;
      const verifier = new SigV4Verifier(OPTIONS);
      for (
        const target of [
          "/",
          "/runtimes/arn%3Aaws%3Aone/invocations?qualifier=DEFAULT",
          "/a//b/../%E4%B8%AD%20/?b=2&a=%2F&a=1&empty=&bare&%C3%A9=+",
        ]
      ) {
        const signed = await sign(crt, target, version, place);
        const verdict = verifier.verify(signed);
        assert(verdict.ok, verdict.ok ? "" : `${target}\n${verdict.message}`);
        const changed = { ...signed, body: Uint8Array.of(1) };
        assert(!verifier.verify(changed).ok);
        const moved = { ...signed, target: signed.target.replace("/", "/x") };
        assert(!verifier.verify(moved).ok);
      }
    });
  }
}
