/**
 * Signatures over the URL as it goes on the wire, in headers and in the query.
 * The signed headers and the key of Signature Version 4 are
 * `@smithy/signature-v4`'s; its signer would read path and query off objects
 * that lose what a URL can hold: names such as `__proto__`, bytes that are no
 * UTF-8, the choice of S3's path rules apart from its encoding.
 */

import {
  ALGORITHM_IDENTIFIER,
  AMZ_DATE_HEADER,
  AUTH_HEADER,
  createScope,
  getCanonicalHeaders,
  getSigningKey,
  TOKEN_HEADER,
} from "@smithy/signature-v4";
import {
  type CanonicalPieces,
  canonicalRequest,
  escapeText,
} from "./canonical_request.ts";
import type { Credentials } from "../credentials/types.ts";
import { hmacHex, Sha256, sha256Hex } from "./hash.ts";

export interface SigningInput extends CanonicalPieces {
  /** Lower-case names of headers that are sent but not signed. */
  readonly unsignedHeaders: Set<string>;
  readonly credentials: Credentials;
  readonly date: Date;
  /** The region, or for v4a the region set. */
  readonly region: string;
  readonly service: string;
}

/** What a version of the signature has of its own. */
export interface SignatureScheme {
  readonly algorithm: string;
  /** What the key is good for, without the access key ID. */
  scopeOf(input: SigningInput, day: string): string;
  /** Headers that only this version has. */
  headersOf?(input: SigningInput): { readonly [name: string]: string };
  /** The signature of a text, in hex. */
  sign(text: string, input: SigningInput, day: string): Promise<string>;
  warmUp?(): Promise<void>;
}

/**
 * Version 4. The key is held, for one day, as long as the credentials are used:
 * smithy holds it, too, but hashes the credentials each time to find it.
 */
export function createV4(): SignatureScheme {
  let held: { secret: string; day: string; key: Promise<Uint8Array> };
  return {
    algorithm: ALGORITHM_IDENTIFIER,
    scopeOf: ({ region, service }, day) => createScope(day, region, service),
    async sign(text, { credentials, region, service }, day) {
      const secret = credentials.secretAccessKey;
      if (held?.secret !== secret || held.day !== day) {
        const key = getSigningKey(Sha256, credentials, day, region, service);
        held = { secret, day, key };
      }
      return hmacHex(await held.key, text);
    },
  };
}

/**
 * Signs in headers: all of them, to be sent. The canonical request holds the
 * session token and the headers' values: for comparing only.
 */
export async function signHeaders(
  scheme: SignatureScheme,
  input: SigningInput,
): Promise<{ headers: Record<string, string>; canonicalRequest: string }> {
  const { accessKeyId, sessionToken } = input.credentials;
  const dates = datesOf(input);
  const headers: Record<string, string> = {
    ...input.headers,
    [AMZ_DATE_HEADER]: dates.long,
    ...scheme.headersOf?.(input),
  };
  if (sessionToken) headers[TOKEN_HEADER] = sessionToken;
  const signed = signedHeaders(input, headers);
  const canonical = canonicalRequest({ ...input, headers: signed });
  const scope = scheme.scopeOf(input, dates.day);
  const text = stringToSign(scheme, dates.long, scope, canonical);
  const signature = await scheme.sign(text, input, dates.day);
  headers[AUTH_HEADER] = `${scheme.algorithm} ` +
    `Credential=${accessKeyId}/${scope}, ` +
    `SignedHeaders=${Object.keys(signed).sort().join(";")}, ` +
    `Signature=${signature}`;
  return { headers, canonicalRequest: canonical };
}

/** Signs in the query, to which the headers named `x-amz-*` move. */
export async function signQuery(
  scheme: SignatureScheme,
  input: SigningInput,
  expiresInSeconds: number,
): Promise<URL> {
  const { accessKeyId, sessionToken } = input.credentials;
  const dates = datesOf(input);
  const scope = scheme.scopeOf(input, dates.day);
  const headers = Object.entries(input.headers);
  const isMoved = ([name]: [string, string]) => name.startsWith("x-amz-");
  const left = headers.filter((header) => !isMoved(header));
  const signed = signedHeaders(input, Object.fromEntries(left));
  const token = sessionToken ? [["X-Amz-Security-Token", sessionToken]] : [];
  const isTokenSigned = !input.unsignedHeaders.has(TOKEN_HEADER);
  const added = [
    ...headers.filter(isMoved),
    ...isTokenSigned ? token : [],
    ["X-Amz-Algorithm", scheme.algorithm],
    ["X-Amz-Credential", `${accessKeyId}/${scope}`],
    ["X-Amz-Date", dates.long],
    ["X-Amz-Expires", `${expiresInSeconds}`],
    ["X-Amz-SignedHeaders", Object.keys(signed).sort().join(";")],
  ].map(escapeParameter);
  const url = new URL(input.url);
  url.search = [url.search.slice(1), ...added].filter(Boolean).join("&");
  const canonical = canonicalRequest({ ...input, url, headers: signed });
  const text = stringToSign(scheme, dates.long, scope, canonical);
  const signature = await scheme.sign(text, input, dates.day);
  const rest = [["X-Amz-Signature", signature], ...isTokenSigned ? [] : token];
  url.search += `&${rest.map(escapeParameter).join("&")}`;
  return url;
}

function escapeParameter(parameter: readonly string[]): string {
  return parameter.map(escapeText).join("=");
}

function datesOf({ date }: SigningInput): { long: string; day: string } {
  const long = date.toISOString().replace(/[-:]|\.\d{3}/g, "");
  return { long, day: long.slice(0, 8) };
}

function signedHeaders(
  { unsignedHeaders }: SigningInput,
  headers: Record<string, string>,
): Record<string, string> {
  const request = { method: "", protocol: "", hostname: "", path: "" };
  return getCanonicalHeaders({ ...request, headers }, unsignedHeaders);
}

function stringToSign(
  { algorithm }: SignatureScheme,
  date: string,
  scope: string,
  canonical: string,
): string {
  return `${algorithm}\n${date}\n${scope}\n${sha256Hex(canonical)}`;
}
