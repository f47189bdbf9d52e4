/**
 * Thousands of random requests, signed by this signer and by others: `aws4`,
 * and AWS's native `aws-crt` where it loads. Equal in every case.
 *
 * What the generator leaves out, and why: a parameter without a name, which
 * `aws4` drops though it is sent; a parameter named `__proto__`, which it loses;
 * `[ ] ^ | { } \`` and their like as they are, for which it rewrites the whole
 * target before signing; bytes that are no UTF-8, which it replaces. A target with
 * `:/` in it is kept from `aws-crt`, which takes what stands before it for a
 * scheme. All these are verified on the wire by the signer's own tests.
 */

import { assert, assertEquals } from "@std/assert";
import { bodyOfInit } from "../../../src/aws/signing/body.ts";
import {
  type SignedParts,
  SigningCore,
} from "../../../src/aws/signing/core.ts";
import type { SignatureVersion } from "../../../src/aws/signing/core.ts";
import { signWithAws4 } from "../../support/sigv4/aws4_signer.ts";
import { mulberry32 } from "../../support/random.ts";
import { publicPoint } from "../../support/sigv4/v4a_key.ts";

const SCOPE = { service: "execute-api", region: "eu-west-1" };
const SEED = 20260728;

interface RandomRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  readonly date: Date;
}

class Generator {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = mulberry32(seed);
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  #pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.#below(choices.length)] ?? choices[0];
  }

  #repeat(most: number, make: () => string): string {
    return Array.from({ length: this.#below(most + 1) }, make).join("");
  }

  #unicode(): string {
    return String.fromCodePoint(
      this.#pick([
        0x20 + this.#below(0x5f),
        0xa0 + this.#below(0x500),
        0x4e00 + this.#below(0x5000),
        0x1f300 + this.#below(0x300),
      ]),
    );
  }

  /** A character as it may stand in a target, or an escape in either case. */
  #wire(subDelims: readonly [string, ...string[]]): string {
    return this.#pick([
      () => this.#pick([..."abcXYZ019-._~"] as [string, ...string[]]),
      () => this.#pick(subDelims),
      () => encodeURIComponent(this.#unicode()),
      () => encodeURIComponent(this.#unicode()).toLowerCase(),
      () =>
        this.#pick(["%2F", "%2f", "%25", "%20", "%41", "%2B", "%3D", "%26"]),
    ])();
  }

  #path(): string {
    const segment = (): string =>
      this.#repeat(6, () => this.#wire([..."!$&'()*+,;=:@"] as [string]));
    return this.#repeat(5, () => `/${segment()}`) || "/";
  }

  #query(): string {
    const text = (most: number): string =>
      this.#repeat(most, () => this.#wire([..."!$()*,;:@/?"] as [string]));
    const parameter = (): string => {
      const name = this.#pick(["a", "b", "A", "a-", "a1"]) + text(4);
      return this.#pick([name, `${name}=`, `${name}=${text(6)}`, `${name}==`]);
    };
    const query = Array.from({ length: this.#below(6) }, parameter).join("&");
    return query === "" ? "" : `?${query}`;
  }

  #headers(): Headers {
    const headers = new Headers();
    for (let i = this.#below(6); i > 0; i--) {
      const name = this.#pick([
        "accept",
        "mcp-session-id",
        "x-a",
        "x-b",
        "cookie",
      ]);
      const value = this.#repeat(
        8,
        () =>
          this.#pick(["a", "Z", "0", " ", "  ", ",", ";", '"', "=", "/", "%"]),
      );
      headers.append(name, value);
    }
    return headers;
  }

  /** A request that aws-crt reads as a target sees it. */
  nextForCrt(): RandomRequest {
    while (true) {
      const request = this.next();
      if (!request.url.href.slice(8).includes(":/")) return request;
    }
  }

  next(): RandomRequest {
    const text = (): string => this.#repeat(60, () => this.#unicode());
    const method = this.#pick(["GET", "POST", "PUT", "DELETE", "PATCH"]);
    const hasBody = method !== "GET" && this.#random() < 0.8;
    const headers = this.#headers();
    headers.set("content-type", this.#pick(["application/json", "text/plain"]));
    return {
      method,
      url: new URL(`https://api.example.com${this.#path()}${this.#query()}`),
      headers,
      body: hasBody ? `{"text":${JSON.stringify(text())}}` : "",
      credentials: {
        accessKeyId: `AKID${this.#below(1e9)}`,
        secretAccessKey: `secret/${this.#below(1e9)}+${this.#below(1e9)}`,
        ...(this.#random() < 0.5
          ? { sessionToken: `token/${this.#below(1e9)}+==` }
          : {}),
      },
      date: new Date(this.#below(2 ** 31) * 1000),
    };
  }
}

async function signOurs(
  request: RandomRequest,
  signatureVersion: SignatureVersion = "v4",
  isWarm = true,
): Promise<SignedParts> {
  const { credentials, date } = request;
  const core = new SigningCore({
    ...SCOPE,
    credentials,
    signatureVersion,
    now: () => date.getTime(),
  });
  const body = await bodyOfInit(request.body, false);
  if (isWarm) await core.warmUp();
  const signed = await core.sign({ ...request, body }, credentials);
  await core.warmUp();
  return signed;
}

function describe({ method, url, headers, body }: RandomRequest): string {
  return `${method} ${url}\n${JSON.stringify([...headers])}\n${body}`;
}

Deno.test("aws4 signs 300 random requests as this signer does", async () => {
  const generator = new Generator(SEED);
  for (let i = 0; i < 300; i++) {
    const request = generator.next();
    const body = new TextEncoder().encode(request.body);
    // aws4 signs the length of a body, so that it is given to both.
    if (body.length > 0) {
      request.headers.set("content-length", `${body.length}`);
    }
    const ours = await signOurs(request);
    const theirs = signWithAws4(
      {
        method: request.method,
        target: request.url.pathname + request.url.search,
        host: request.url.host,
        headers: {
          ...Object.fromEntries(request.headers),
          "x-amz-content-sha256": ours.headers["x-amz-content-sha256"] ??
            "",
        },
        ...(body.length > 0 ? { body } : {}),
      },
      request.credentials,
      { ...SCOPE, date: request.date },
    );
    assertEquals(
      ours.headers.authorization,
      theirs.headers.find(([name]) => name === "Authorization")?.[1],
      `request ${i}: ${describe(request)}\n${ours.canonicalRequest}`,
    );
  }
});

type Crt = typeof import("aws-crt");

async function loadCrt(): Promise<Crt | undefined> {
  try {
    return await import("aws-crt");
  } catch {
    return undefined;
  }
}

const crt = await loadCrt();

/** A request and how to sign it, in the terms of aws-crt. */
function forCrt(
  { auth, http }: Crt,
  request: RandomRequest,
  version: SignatureVersion,
  payloadHash: string,
) {
  const { url, credentials } = request;
  const headers = new http.HttpHeaders([
    ["host", url.host],
    ...[...request.headers].map(([name, value]): [string, string] => [
      name,
      value,
    ]),
  ]);
  const unsigned = new http.HttpRequest(
    request.method,
    url.pathname + url.search,
    headers,
  );
  const config = {
    algorithm: version === "v4"
      ? auth.AwsSigningAlgorithm.SigV4
      : auth.AwsSigningAlgorithm.SigV4Asymmetric,
    signature_type: auth.AwsSignatureType.HttpRequestViaHeaders,
    provider: auth.AwsCredentialsProvider.newStatic(
      credentials.accessKeyId,
      credentials.secretAccessKey,
      credentials.sessionToken,
    ),
    ...SCOPE,
    date: request.date,
    signed_body_value: payloadHash,
    signed_body_header: auth.AwsSignedBodyHeaderType.XAmzContentSha256,
  };
  return { unsigned, config };
}

Deno.test({
  name: "aws-crt signs 500 random requests as this signer does",
  ignore: crt === undefined,
  async fn() {
    assert(crt !== undefined);
    const generator = new Generator(SEED + 1);
    for (let i = 0; i < 500; i++) {
      const request = generator.nextForCrt();
      const ours = await signOurs(request);
      const hash = ours.headers["x-amz-content-sha256"] ?? "";
      const { unsigned, config } = forCrt(crt, request, "v4", hash);
      const theirs = await crt.auth.aws_sign_request(unsigned, config);
      assertEquals(
        ours.headers.authorization,
        theirs.headers.get("Authorization"),
        `request ${i}: ${describe(request)}\n${ours.canonicalRequest}`,
      );
    }
  },
});

Deno.test({
  name: "aws-crt verifies 30 random v4a signatures, and no other's",
  ignore: crt === undefined,
  async fn() {
    assert(crt !== undefined);
    const generator = new Generator(SEED + 2);
    for (let i = 0; i < 30; i++) {
      const request = generator.nextForCrt();
      const ours = await signOurs(request, "v4a", i % 2 === 0);
      const { accessKeyId, secretAccessKey } = request.credentials;
      const hash = ours.headers["x-amz-content-sha256"] ?? "";
      const signature = ours.headers.authorization
        ?.split("Signature=")[1] ?? "";
      const verifies = (x: string, y: string): boolean => {
        const { unsigned, config } = forCrt(crt, request, "v4a", hash);
        return crt.auth.aws_verify_sigv4a_signing(
          unsigned,
          config,
          ours.canonicalRequest,
          signature,
          x,
          y,
        );
      };
      const point = publicPoint(accessKeyId, secretAccessKey);
      assert(
        verifies(point.x, point.y),
        `request ${i}: ${describe(request)}\n${ours.canonicalRequest}`,
      );
      const stranger = publicPoint(accessKeyId, `${secretAccessKey}x`);
      let isStrangers = false;
      try {
        isStrangers = verifies(stranger.x, stranger.y);
      } catch {
        // aws-crt throws where a signature does not verify.
      }
      assert(!isStrangers);
    }
  },
});
