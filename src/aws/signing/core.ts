/**
 * One service's signatures: which headers are signed, with which version, by
 * which clock.
 */

import { ConfigError, CredentialsError, messageOf } from "../../errors.ts";
import type { Log } from "../../log/log.ts";
import type { Redactor } from "../../redact/redact.ts";
import { isObject } from "../../json.ts";
import { isS3, type PathRules } from "./canonical_request.ts";
import { createCredentialSource } from "../credentials/credentials.ts";
import { credentialsFault } from "../credentials/text.ts";
import { type SigningBody, UNSIGNED_PAYLOAD } from "./body.ts";
import type { SignedRequest } from "../refusals/retry.ts";
import type { SigningInput } from "./v4.ts";
import type { Credentials, CredentialSource } from "../credentials/types.ts";

/** `v4`: one region, HMAC. `v4a`: a set of regions, ECDSA over P-256. */
export type SignatureVersion = "v4" | "v4a";

/** What {@linkcode createSigner} is handed. */
export interface SignerOptions {
  /** The service's name in the credential scope: `execute-api`, `lambda`, … */
  readonly service: string;
  /** The region. For `v4a` a region set: `us-east-1,us-west-2` or `*`. */
  readonly region: string;
  /** Default: `v4`. */
  readonly signatureVersion?: SignatureVersion;
  /**
   * Who is asking: asked again for each signature. Default: the credentials of
   * this machine, as the AWS CLI would find them.
   */
  readonly credentials?:
    | CredentialSource
    | Credentials
    | (() => Promise<Credentials>);
  /** Leave the body out of the signature, so that it is not read for it. */
  readonly unsignedPayload?: boolean;
  /** The clock, in milliseconds. Default: `Date.now`. */
  readonly now?: () => number;
  /**
   * How often the path is escaped, the escaping of its URL included. Default:
   * `once` for S3, `twice` for all else.
   */
  readonly pathEncoding?: "once" | "twice";
  /** Leave out empty path segments. Default: `false` for S3, else `true`. */
  readonly normalizePath?: boolean;
  /** Send the body's hash in `x-amz-content-sha256`. Default: `true`. */
  readonly contentHashHeader?: boolean;
  /** Sign the session token along. Default: `true`. */
  readonly signSessionToken?: boolean;
}

export interface UnsignedParts {
  readonly method: string;
  /** As it will be sent. */
  readonly url: URL;
  /** Names and values; of a name that stands twice the values are joined. */
  readonly headers: Iterable<readonly [name: string, value: string]>;
  readonly body: SigningBody;
  /** The host to sign. Default: the URL's. */
  readonly host?: string;
}

/** A signed request's headers, and what the signature was computed over. */
export interface SignedParts extends SignedRequest {
  /** All headers to send by lower-case name, without `host`. */
  readonly headers: { readonly [name: string]: string };
}

/** What the signature brings: a request cannot have them beforehand. */
const OWN_HEADERS: ReadonlySet<string> = new Set(
  ("authorization,date,host,x-amz-content-sha256,x-amz-date," +
    "x-amz-region-set,x-amz-security-token").split(","),
);

/**
 * What a runtime or a proxy may set, change or leave out on the way, beside
 * what `@smithy/signature-v4` leaves out for the same reason.
 */
const CHANGING_HEADERS: readonly string[] =
  ("accept-encoding,baggage,forwarded,traceparent,tracestate," +
    "upgrade-insecure-requests,via,x-forwarded-for,x-forwarded-host," +
    "x-forwarded-port,x-forwarded-proto,x-real-ip").split(",");

export class SigningCore {
  readonly #options: SignerOptions;
  readonly #now: () => number;
  readonly #pathRules: PathRules;
  readonly #changing: Set<string>;
  readonly #loading: ReturnType<typeof loadScheme>;
  #loaded: Awaited<ReturnType<typeof loadScheme>> | undefined;
  #clockOffsetMs = 0;

  /** @throws {ConfigError} There is nothing to sign for, or no such version. */
  constructor(options: SignerOptions) {
    if (options.signatureVersion !== "v4a" && /[*,]/.test(options.region)) {
      throw new ConfigError([
        "region must be one region, unless signatureVersion is v4a",
      ]);
    }
    this.#options = options;
    this.#now = options.now ?? Date.now;
    const s3 = isS3(options.service);
    this.#pathRules = {
      encoding: options.pathEncoding ?? (s3 ? "once" : "twice"),
      normalize: options.normalizePath ?? !s3,
    };
    this.#changing = new Set(CHANGING_HEADERS);
    if (options.signSessionToken === false) {
      this.#changing.add("x-amz-security-token");
    }
    this.#loading = loadScheme(options.signatureVersion === "v4a");
    // Who signs gets the failure; until then nobody awaits it.
    this.#loading.catch(() => {});
  }

  /** Makes signatures as fast as they get. */
  async warmUp(): Promise<void> {
    // Whoever signs gets the failure.
    await this.#loading.then(({ scheme }) => scheme.warmUp?.(), () => {});
  }

  /** Signs in headers. */
  async sign(
    parts: UnsignedParts,
    credentials: Credentials,
  ): Promise<SignedParts> {
    // Without the header a target hashes what came.
    const isHashSent = this.#options.contentHashHeader !== false ||
      parts.body.payloadHash === UNSIGNED_PAYLOAD;
    const input = this.#inputOf(parts, credentials, isHashSent);
    const { signHeaders, scheme } = this.#loaded ??= await this.#loading;
    const { headers, canonicalRequest } = await signHeaders(scheme, input);
    const { host: _fetchSetsIt, ...toSend } = headers;
    const signedAt = input.date.getTime();
    return {
      headers: toSend,
      canonicalRequest,
      signedAt,
      machineTime: signedAt - this.#clockOffsetMs,
      accessKeyId: credentials.accessKeyId,
      service: input.service,
      region: input.region,
      signatureVersion: this.#options.signatureVersion ?? "v4",
    };
  }

  /** Signs in the query. */
  async presign(
    parts: UnsignedParts,
    credentials: Credentials,
    expiresInSeconds: number,
  ): Promise<URL> {
    if (this.#options.signatureVersion === "v4a") {
      throw new TypeError("signature version v4a has no signed links");
    }
    const isHashSent = this.#options.unsignedPayload === true;
    const input = this.#inputOf(parts, credentials, isHashSent);
    const { signQuery, scheme } = await this.#loading;
    return await signQuery(scheme, input, expiresInSeconds);
  }

  /**
   * Sets the clock by a target's: this is its time now, in milliseconds. Gives
   * how far it is ahead of this machine's.
   */
  correctClock(targetTime: number): number {
    return this.#clockOffsetMs = targetTime - this.#now();
  }

  #inputOf(
    parts: UnsignedParts,
    credentials: Credentials,
    isHashSent: boolean,
  ): SigningInput {
    const { method, url, body: { payloadHash } } = parts;
    const { service, region } = this.#options;
    const { headers, unsigned } = signedHeaders(parts, this.#changing);
    if (isHashSent) headers["x-amz-content-sha256"] = payloadHash;
    return {
      method,
      url,
      pathRules: this.#pathRules,
      headers,
      unsignedHeaders: unsigned,
      payloadHash,
      credentials,
      date: new Date(this.#now() + this.#clockOffsetMs),
      region,
      service,
    };
  }
}

/** Credentials in any of their forms, as a source of them. */
export function toSource(
  { credentials, region, now }: SignerOptions,
  told: { log?: Log; redactor?: Redactor } = {},
): CredentialSource {
  if (credentials === undefined) {
    const [first] = region.split(",");
    return createCredentialSource({ region: first, now, ...told });
  }
  return {
    async get(options) {
      let given: Credentials;
      try {
        given = typeof credentials === "function"
          ? await credentials()
          : isSource(credentials)
          ? await credentials.get(options)
          : credentials;
      } catch (error) {
        const isOurs = error instanceof CredentialsError;
        if (isOurs || options?.signal?.aborted) throw error;
        const what = `the credentials could not be loaded: ${messageOf(error)}`;
        throw new CredentialsError(what, { cause: error });
      }
      // A header that cannot be made would look like a request that failed.
      const fault = credentialsFault(given);
      if (fault === undefined) return given;
      throw new CredentialsError(`the credentials cannot be used: ${fault}`);
    },
  };
}

function isSource(
  given: CredentialSource | Credentials,
): given is CredentialSource {
  return isObject(given) && "get" in given;
}

// Smithy's signers take their time to load: it goes by while other things are
// made ready, and a program that signs nothing does without.
async function loadScheme(isV4a: boolean) {
  const { createV4, signHeaders, signQuery } = await import("./v4.ts");
  const scheme = isV4a ? (await import("./v4a.ts")).createV4a() : createV4();
  return { scheme, signHeaders, signQuery };
}

/** The headers by name, and the names of those that are not to be signed. */
function signedHeaders(
  { url, headers, body, host }: UnsignedParts,
  changing: Set<string>,
): { headers: { [name: string]: string }; unsigned: Set<string> } {
  const joined = joinedHeaders(headers);
  let unsigned = changing;
  for (const name in joined) {
    if (OWN_HEADERS.has(name)) delete joined[name];
    else if (/[\u0080-\uffff]/.test(joined[name])) {
      unsigned = new Set([...unsigned, name]);
    }
  }
  // fetch sets the length itself, where it knows it, whatever the caller says.
  if (joined["content-length"] !== undefined) {
    if (body.send instanceof Blob) {
      joined["content-length"] = `${body.send.size}`;
    } else delete joined["content-length"];
  }
  joined.host = host ?? url.host;
  return { headers: joined, unsigned };
}

/** Headers by lower-case name, as `Headers` joins those that stand twice. */
export function joinedHeaders(
  headers: UnsignedParts["headers"],
): { [name: string]: string } {
  // A header may have any name, "__proto__" as well.
  const joined: { [name: string]: string } = Object.create(null);
  for (const [given, value] of headers) {
    const name = given.toLowerCase();
    joined[name] = name in joined ? `${joined[name]}, ${value}` : value;
  }
  return joined;
}
