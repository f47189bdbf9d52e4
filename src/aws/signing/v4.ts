/**
 * Signature Version 4, computed by `@smithy/signature-v4` over the URL as it
 * goes on the wire.
 *
 * @module
 */

import {
  ALGORITHM_IDENTIFIER,
  AMZ_DATE_HEADER,
  AUTH_HEADER,
  createScope,
  getCanonicalHeaders,
  SignatureV4,
  TOKEN_HEADER,
} from "@smithy/signature-v4";
import {
  canonicalPath,
  canonicalQuery,
  canonicalRequest,
  escapeText,
  type PathRules,
} from "./canonical_request.ts";
import type { Credentials } from "../credentials/types.ts";
import { Sha256, sha256Hex } from "./hash.ts";

/** A request as the signers of `@smithy` know it. */
export type HttpRequest = Parameters<SignatureV4["presign"]>[0];

/** All that goes into one signature. */
export interface SigningInput {
  readonly method: string;
  /** The URL as it will be sent. */
  readonly url: URL;
  readonly pathRules: PathRules;
  /** By lower-case name, `host` among them. */
  readonly headers: { readonly [name: string]: string };
  /** Lower-case names of headers that are sent but not signed. */
  readonly unsignedHeaders: Set<string>;
  /** The body's SHA-256 in hex, or `UNSIGNED-PAYLOAD`. */
  readonly payloadHash: string;
  readonly credentials: Credentials;
  readonly date: Date;
  /** The region, or for v4a the region set. */
  readonly region: string;
  readonly service: string;
}

/** A signature, where it goes, and what it was computed over. */
export interface SigningOutput {
  /** All headers to send, the signature's own included. */
  readonly headers: { readonly [name: string]: string };
  /** Holds the session token and the headers' values: for comparing only. */
  readonly canonicalRequest: string;
}

/**
 * Signs in headers with v4. Smithy's signer is given the string to sign: of a
 * request it would clone the headers and derive the key each time. The key is
 * held, for one day, region and service, as long as the credentials are used.
 */
export class V4Signer {
  #held: HeldSigner | undefined;

  /** Signs one request. */
  async sign(input: SigningInput): Promise<SigningOutput> {
    const { credentials, region, service } = input;
    const longDate = input.date.toISOString().replace(/[-:]|\.\d{3}/g, "");
    const day = longDate.slice(0, 8);
    const headers: { [name: string]: string } = {
      ...input.headers,
      [AMZ_DATE_HEADER]: longDate,
    };
    if (credentials.sessionToken) {
      headers[TOKEN_HEADER] = credentials.sessionToken;
    }
    const signable = getCanonicalHeaders(
      { ...smithyRequest(input), headers },
      input.unsignedHeaders,
    );
    const canonicalRequest = wireCanonicalRequest(input, signable);
    const scope = createScope(day, region, service);
    const signature = await this.#signerFor(input, day).sign(
      `${ALGORITHM_IDENTIFIER}\n${longDate}\n${scope}\n${
        sha256Hex(canonicalRequest)
      }`,
      { signingDate: input.date },
    );
    headers[AUTH_HEADER] = `${ALGORITHM_IDENTIFIER} ` +
      `Credential=${credentials.accessKeyId}/${scope}, ` +
      `SignedHeaders=${Object.keys(signable).sort().join(";")}, ` +
      `Signature=${signature}`;
    return { headers, canonicalRequest };
  }

  #signerFor(
    { credentials, region, service }: SigningInput,
    day: string,
  ): SignatureV4 {
    const secret = credentials.secretAccessKey;
    const held = this.#held;
    if (held?.secret === secret && held.day === day) return held.signer;
    const signer = new SignatureV4({
      credentials,
      region,
      service,
      sha256: Sha256,
    });
    const key = signer["getSigningKey"](credentials, region, day, service);
    // Smithy holds it, too, but hashes the credentials each time to find it.
    signer["getSigningKey"] = () => key;
    this.#held = { secret, day, signer };
    return signer;
  }
}

/** What signs with the key of the last request, on its day. */
interface HeldSigner {
  readonly secret: string;
  readonly day: string;
  readonly signer: SignatureV4;
}

/** Signs in the query with v4. */
export async function presignV4(
  input: SigningInput,
  expiresInSeconds: number,
): Promise<URL> {
  const signer = new WireSignatureV4(input);
  const signed = await signer.presign(smithyRequest(input), {
    signingDate: input.date,
    expiresIn: expiresInSeconds,
    unsignableHeaders: new Set(input.unsignedHeaders),
  });
  const added = addedParameters(signed)
    .map(([name, value]) => `${escapeText(name)}=${escapeText(value)}`);
  const url = new URL(input.url);
  url.search = [url.search.slice(1), ...added].filter(Boolean).join("&");
  return url;
}

/** The input in smithy's shape. Path and query are read off the URL instead. */
export function smithyRequest(input: SigningInput): HttpRequest {
  return {
    method: input.method,
    protocol: input.url.protocol,
    hostname: input.url.hostname,
    path: "/",
    query: {},
    headers: { ...input.headers },
  };
}

/** The canonical request of the wire URL and what smithy adds to it. */
export function wireCanonicalRequest(
  { method, url, pathRules, payloadHash }: SigningInput,
  headers: { readonly [name: string]: string },
  request?: HttpRequest,
): string {
  return canonicalRequest({
    method,
    path: canonicalPath(url.pathname, pathRules),
    query: canonicalQuery(url.search, addedParameters(request)),
    headers,
    payloadHash,
  });
}

/**
 * One signature's signer. The path and the query object that smithy takes
 * would lose what a URL can hold: names such as `__proto__`, bytes that are no
 * UTF-8, the choice of S3's path rules apart from its encoding.
 */
class WireSignatureV4 extends SignatureV4 {
  readonly #input: SigningInput;
  canonicalRequest = "";

  constructor(input: SigningInput) {
    super({
      credentials: input.credentials,
      region: input.region,
      service: input.service,
      sha256: Sha256,
      applyChecksum: false,
    });
    this.#input = input;
  }

  protected override createCanonicalRequest(
    request: HttpRequest,
    headers: { [name: string]: string },
  ): string {
    this.canonicalRequest = wireCanonicalRequest(this.#input, headers, request);
    return this.canonicalRequest;
  }
}

function addedParameters(
  { query = {} }: Pick<HttpRequest, "query"> = {},
): [name: string, value: string][] {
  const added: [name: string, value: string][] = [];
  for (const [name, value] of Object.entries(query)) {
    if (typeof value === "string") added.push([name, value]);
  }
  return added;
}
