/**
 * AWS's published test suite for Signature Version 4 and 4A, all of it where it
 * lies beside the repository, and a handful of its cases as plain facts.
 */

import { Buffer } from "node:buffer";
import { createPublicKey, verify } from "node:crypto";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  type SignatureVersion,
  type SignedParts,
  type SignerOptions,
  SigningCore,
} from "../../../src/aws/signing/core.ts";
import { bodyOfInit } from "../../../src/aws/signing/body.ts";
import { createSigner } from "../../../src/aws/signing/signer.ts";

const VECTORS = new URL("../../../../shared/vectors/", import.meta.url);

/** What a Web Request cannot say, and why. */
const INEXPRESSIBLE: { readonly [vector: string]: string } = {
  "get-header-key-duplicate":
    "Headers joins repeated names with a comma and a " +
    "space, and sends what it joined; the vector joins them with a comma",
  "get-header-value-order": "the same",
  "get-header-value-multiline":
    "a header value with a line break in it is refused by Headers, as RFC 9112 " +
    "wants it",
  "get-relative-relative-unnormalized":
    "URL resolves dot segments before anyone sees them",
  "get-relative-unnormalized": "the same",
  "get-slash-dot-slash-unnormalized": "the same",
  "get-slash-pointless-dot-unnormalized": "the same",
};

/** The suite has a request for these, but no signature. */
const WITHOUT_ANSWER = [
  "v4a/get-vanilla-query-order-key",
  "v4a/get-vanilla-query-order-value",
];

interface Context {
  readonly credentials: {
    readonly access_key_id: string;
    readonly secret_access_key: string;
    readonly token?: string;
  };
  readonly normalize: boolean;
  readonly omit_session_token?: boolean;
  readonly region: string;
  readonly service: string;
  readonly sign_body: boolean;
  readonly timestamp: string;
}

interface VectorRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: [name: string, value: string][];
  readonly body: string;
}

function parseRequest(text: string): VectorRequest {
  const [head = "", body = ""] = text.split(/\n\n/);
  const [first = "", ...lines] = head.trimEnd().split(/\n(?!\s)/);
  const [, method = "", target = ""] = /^(\S+) (.*) HTTP\/1\.1$/.exec(first) ??
    [];
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1)];
  });
  return { method, target, headers, body };
}

async function signVector(
  signatureVersion: SignatureVersion,
  context: Context,
  { method, target, headers, body }: VectorRequest,
): Promise<SignedParts> {
  const credentials = {
    accessKeyId: context.credentials.access_key_id,
    secretAccessKey: context.credentials.secret_access_key,
    sessionToken: context.credentials.token,
  };
  const core = new SigningCore({
    signatureVersion,
    credentials,
    region: context.region,
    service: context.service,
    now: () => Date.parse(context.timestamp),
    pathEncoding: "once",
    normalizePath: context.normalize,
    contentHashHeader: context.sign_body,
    signSessionToken: context.omit_session_token !== true,
  });
  const host = headers.find(([name]) => name === "Host")?.[1] ?? "";
  const request = new Request(`https://${host}${target}`, {
    method,
    headers: headers.filter(([name]) => name !== "Host"),
  });
  const signed = await core.sign({
    method: request.method,
    url: new URL(request.url),
    headers: request.headers,
    body: await bodyOfInit(body, false),
  }, credentials);
  await core.warmUp();
  return signed;
}

function signatureOf({ headers }: SignedParts): string {
  return /Signature=([0-9a-f]+)$/.exec(headers.authorization ?? "")
    ?.[1] ?? "";
}

function isSignedBy(
  { X, Y }: { X: string; Y: string },
  text: string,
  signature: string,
): boolean {
  const coordinate = (hex: string): string =>
    Buffer.from(hex, "hex").toString("base64url");
  const key = createPublicKey({
    format: "jwk",
    key: { kty: "EC", crv: "P-256", x: coordinate(X), y: coordinate(Y) },
  });
  return verify(
    "sha256",
    Buffer.from(text),
    { key, dsaEncoding: "der" },
    Buffer.from(signature, "hex"),
  );
}

async function vectorsOf(version: SignatureVersion): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(new URL(version, VECTORS))) {
    names.push(name);
  }
  return names.sort();
}

async function hasVectors(): Promise<boolean> {
  try {
    return (await Deno.stat(VECTORS)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const ignore = !await hasVectors();

for (const version of ["v4", "v4a"] as const) {
  Deno.test({
    name: `every ${version} vector of AWS's suite is signed to the letter`,
    ignore,
    async fn(t) {
      let compared = 0;
      for (const name of await vectorsOf(version)) {
        if (WITHOUT_ANSWER.includes(`${version}/${name}`)) continue;
        const read = (file: string): Promise<string> =>
          Deno.readTextFile(new URL(`${version}/${name}/${file}`, VECTORS));
        const context: Context = JSON.parse(await read("context.json"));
        const request = parseRequest(await read("request.txt"));
        const canonical = await read("header-canonical-request.txt");
        const reason = INEXPRESSIBLE[name];

        if (reason !== undefined) {
          await t.step(`${name} cannot be expressed: ${reason}`, async () => {
            let signed: SignedParts;
            try {
              signed = await signVector(version, context, request);
            } catch (error) {
              assert(error instanceof TypeError);
              return;
            }
            assertNotEquals(signed.canonicalRequest, canonical);
          });
          continue;
        }
        await t.step(name, async () => {
          const signed = await signVector(version, context, request);
          assertEquals(signed.canonicalRequest, canonical);
          const stringToSign = await read("header-string-to-sign.txt");
          if (version === "v4") {
            // An HMAC of the published string to sign, and of nothing else.
            assertEquals(
              signatureOf(signed),
              await read("header-signature.txt"),
            );
          } else {
            const key = JSON.parse(await read("public-key.json"));
            assert(isSignedBy(key, stringToSign, signatureOf(signed)));
          }
          assertEquals(
            signed.headers["x-amz-security-token"] ?? undefined,
            context.credentials.token,
          );
        });
        compared++;
      }
      assert(compared > 30, `only ${compared} were compared`);
    },
  });
}

const EXAMPLE = {
  service: "service",
  region: "us-east-1",
  pathEncoding: "once",
  contentHashHeader: false,
  now: () => Date.UTC(2015, 7, 30, 12, 36),
} as const;
const EXAMPLE_KEY = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const EXAMPLE_TOKEN =
  "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBu" +
  "FqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmU" +
  "pp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY" +
  "9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvK" +
  "Tr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

/** Some of AWS's cases, with what is signed beside the host and the date. */
const PUBLISHED: readonly {
  readonly of: string;
  readonly url?: string;
  readonly init?: RequestInit;
  readonly options?: Partial<SignerOptions>;
  readonly headers?: string;
  readonly signature: string;
}[] = [
  {
    of: "get-vanilla",
    signature:
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
  },
  {
    of: "get-vanilla-query-order-encoded",
    url: "?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
    signature:
      "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
  },
  {
    of: "get-vanilla-utf8-query",
    url: "?ሴ=bar",
    signature:
      "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
  },
  {
    of: "get-slashes-normalized",
    url: "/example//",
    signature:
      "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
  },
  {
    of: "post-sts-header-before",
    init: { method: "POST" },
    options: { credentials: { ...EXAMPLE_KEY, sessionToken: EXAMPLE_TOKEN } },
    headers: "host;x-amz-date;x-amz-security-token",
    signature:
      "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
  },
  {
    of: "post-x-www-form-urlencoded",
    init: {
      method: "POST",
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        "content-length": "13",
      },
      body: "Param1=value1",
    },
    options: { contentHashHeader: true },
    headers: "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
    signature:
      "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
  },
];

for (const { of, url = "", init, options, headers, signature } of PUBLISHED) {
  Deno.test(`the published case ${of} has the published signature`, async () => {
    const credentials = EXAMPLE_KEY;
    const signer = createSigner({ ...EXAMPLE, credentials, ...options });
    const request = new Request(`https://example.amazonaws.com/${url}`, init);
    const signed = await signer.sign(request);
    assertEquals(
      signed.headers.get("authorization"),
      "AWS4-HMAC-SHA256 " +
        "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
        `SignedHeaders=${headers ?? "host;x-amz-date"}, Signature=${signature}`,
    );
  });
}

Deno.test("the published v4a case get-vanilla verifies under the published key, cold and warm", async () => {
  const signer = createSigner({
    ...EXAMPLE,
    signatureVersion: "v4a",
    credentials: EXAMPLE_KEY,
  });
  const request = new Request("https://example.amazonaws.com/");
  const cold = await signer.sign(request);
  await signer.warmUp();
  const warm = await signer.sign(request);
  for (const { headers } of [cold, warm]) {
    const [start, signature = ""] =
      headers.get("authorization")?.split("Signature=") ?? [];
    assertEquals(
      start,
      "AWS4-ECDSA-P256-SHA256 " +
        "Credential=AKIDEXAMPLE/20150830/service/aws4_request, " +
        "SignedHeaders=host;x-amz-date;x-amz-region-set, ",
    );
    assertEquals(headers.get("x-amz-region-set"), "us-east-1");
    assert(isSignedBy(
      {
        X: "b6618f6a65740a99e650b33b6b4b5bd0d43b176d721a3edfea7e7d2d56d936b1",
        Y: "865ed22a7eadc9c5cb9d2cbaca1b3699139fedc5043dc6661864218330c8e518",
      },
      "AWS4-ECDSA-P256-SHA256\n20150830T123600Z\n" +
        "20150830/service/aws4_request\n" +
        "cf59db423e841c8b7e3444158185aa261b724a5c27cbe762676f3eed19f4dc02",
      signature,
    ));
  }
});
