/**
 * Verifies Signature Version 4 and 4A from a raw request, as an AWS front end
 * does: the request is taken as it came on the wire and everything is computed
 * anew after AWS's documentation, "Create a signed AWS API request".
 */

import { Buffer } from "node:buffer";
import {
  createHash,
  createHmac,
  type KeyObject,
  timingSafeEqual,
  verify,
} from "node:crypto";
import {
  canonicalRequest,
  type CanonicalRules,
  headerValues,
  queryPairs,
  type RawRequest,
  readable,
  splitTarget,
  wireBytes,
} from "./canonical.ts";
import { type Claim, readClaim, Refusal, type RefusalType } from "./claim.ts";
import { publicKey, publicPoint } from "./v4a_key.ts";

export type { RawRequest, RefusalType };

/** Who may sign. */
export interface Principal {
  readonly secretAccessKey: string;
  /** With temporary credentials: the token that each request must carry. */
  readonly sessionToken?: string;
  /** When the temporary credentials end. */
  readonly expires?: Date;
}

/** What a service demands of a signature. */
export interface VerifierOptions {
  /** By access key ID; read anew at each request, so it may be changed. */
  readonly principals: { readonly [accessKeyId: string]: Principal };
  /** The region that the credential scope must name. */
  readonly region: string;
  /** The service that the credential scope must name. */
  readonly service: string;
  /** Resolve dot segments and repeated slashes: `false` for S3. Default `true`. */
  readonly normalizePath?: boolean;
  /** Encode the path once more: `false` for S3. Default `true`. */
  readonly doubleEncodePath?: boolean;
  /** What a bare `+` in a query stands for. Default `"plus"`. */
  readonly plusInQuery?: "plus" | "space";
  /** Accept `x-amz-content-sha256: UNSIGNED-PAYLOAD`. Default `false`. */
  readonly allowUnsignedPayload?: boolean;
  /** Accept a session token that was added after signing. Default `false`. */
  readonly allowUnsignedToken?: boolean;
  /** How far the signer's clock may be off. Default 5 minutes. */
  readonly clockSkewMs?: number;
  /** The service's clock, in milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
}

/** A request is who it says it is. */
export interface Accepted {
  readonly ok: true;
  /** The access key ID. */
  readonly principal: string;
  readonly signedHeaders: readonly string[];
  readonly canonicalRequest: string;
  readonly stringToSign: string;
}

/** A request is refused, in AWS's words. */
export interface Refused {
  readonly ok: false;
  readonly type: RefusalType;
  readonly message: string;
  /** Empty when the request does not say what was signed. */
  readonly canonicalRequest: string;
  /** Empty when the request does not say what was signed. */
  readonly stringToSign: string;
}

/** The answer of a {@linkcode SigV4Verifier}. */
export type Verdict = Accepted | Refused;

/** Whether requests came, and each was rightly signed. */
export function allSigned(
  requests: readonly { readonly verdict: Verdict | undefined }[],
): boolean {
  return requests.length > 0 && requests.every(({ verdict }) => verdict?.ok);
}

const MISMATCH = "The request signature we calculated does not match the " +
  "signature you provided. Check your AWS Secret Access Key and signing " +
  "method. Consult the service documentation for details.";

/** A service's end of Signature Version 4 and 4A. */
export class SigV4Verifier {
  readonly #options: VerifierOptions;
  readonly #rules: CanonicalRules;
  readonly #skewMs: number;
  readonly #publicKeys = new Map<string, KeyObject>();
  /** The service's clock, in milliseconds. */
  readonly clock: () => number;

  /** @param options What the service demands. */
  constructor(options: VerifierOptions) {
    this.#options = options;
    this.#rules = {
      normalizePath: options.normalizePath ?? true,
      doubleEncodePath: options.doubleEncodePath ?? true,
      plusInQuery: options.plusInQuery ?? "plus",
    };
    this.#skewMs = options.clockSkewMs ?? 300_000;
    this.clock = options.clock ?? Date.now;
  }

  /**
   * Verifies one request.
   *
   * @param request The request as it came on the wire.
   * @returns Who signed it, or why it is refused.
   */
  verify(request: RawRequest): Verdict {
    let canonical = "";
    let stringToSign = "";
    try {
      const claim = readClaim(request, this.#rules);
      canonical = this.#canonical(request, claim);
      stringToSign = [
        claim.algorithm,
        claim.date,
        claim.scope,
        sha256(wireBytes(canonical)),
      ].join("\n");
      this.#checkSignedHeaders(request, claim);
      this.#checkScope(claim);
      this.#checkDate(claim);
      const principal = this.#principal(claim);
      if (!this.#isSignedBy(principal, claim, stringToSign)) {
        throw new Refusal(
          "InvalidSignatureException",
          `${MISMATCH}\n\nThe Canonical String for this request should have ` +
            `been\n'${readable(canonical)}'\n\nThe String-to-Sign should ` +
            `have been\n'${readable(stringToSign)}'\n`,
        );
      }
      this.#checkPayload(request);
      return {
        ok: true,
        principal: claim.accessKeyId,
        signedHeaders: claim.signedHeaders,
        canonicalRequest: readable(canonical),
        stringToSign: readable(stringToSign),
      };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return {
        ok: false,
        type: error.type,
        message: error.message,
        canonicalRequest: readable(canonical),
        stringToSign: readable(stringToSign),
      };
    }
  }

  #canonical(request: RawRequest, claim: Claim): string {
    const leftOut = claim.place === "query" ? ["X-Amz-Signature"] : [];
    if (claim.place === "query" && this.#options.allowUnsignedToken) {
      leftOut.push("X-Amz-Security-Token");
    }
    return canonicalRequest(
      request,
      claim.signedHeaders,
      this.#payloadHash(request, claim),
      this.#rules,
      leftOut,
    );
  }

  #payloadHash(request: RawRequest, claim: Claim): string {
    const declared = this.#declaredPayload(request);
    if (declared === "UNSIGNED-PAYLOAD" && this.#options.allowUnsignedPayload) {
      return declared;
    }
    const actual = sha256(request.body);
    if (this.#options.service !== "s3") return actual;
    // S3 believes what is declared and compares afterwards; a presigned URL is
    // made before its body is known.
    return declared ?? (claim.place === "query" ? "UNSIGNED-PAYLOAD" : actual);
  }

  #declaredPayload(request: RawRequest): string | undefined {
    const query = queryPairs(splitTarget(request.target)[1], this.#rules);
    return headerValues(request, "x-amz-content-sha256").at(0) ??
      new Map(query).get("X-Amz-Content-Sha256");
  }

  #checkPayload(request: RawRequest): void {
    const declared = this.#declaredPayload(request);
    if (declared === undefined || declared === "UNSIGNED-PAYLOAD") return;
    if (declared === sha256(request.body)) return;
    throw new Refusal(
      "XAmzContentSHA256Mismatch",
      "The provided 'x-amz-content-sha256' header does not match what was " +
        "computed.",
    );
  }

  /** "Include the host header and any x-amz-* headers in the request." */
  #checkSignedHeaders(request: RawRequest, claim: Claim): void {
    const demand = (name: string, label: string): void => {
      if (claim.signedHeaders.includes(name)) return;
      throw new Refusal(
        "InvalidSignatureException",
        `${label} must be a 'SignedHeader' in the AWS Authorization.`,
      );
    };
    demand("host", "'Host' or ':authority'");
    for (const [field] of request.headers) {
      const name = field.toLowerCase();
      if (!name.startsWith("x-amz-")) continue;
      const isLateToken = name === "x-amz-security-token" &&
        this.#options.allowUnsignedToken;
      if (!isLateToken) demand(name, `'${field}'`);
    }
  }

  #checkScope(claim: Claim): void {
    const { region, service } = this.#options;
    const regions = claim.algorithm === "AWS4-HMAC-SHA256"
      ? claim.scopeRegion ?? ""
      : claim.regionSet;
    if (regions === undefined) {
      throw new Refusal(
        "IncompleteSignatureException",
        "Authorization header requires existence of a 'X-Amz-Region-Set' " +
          "header.",
      );
    }
    const day = claim.date.slice(0, 8);
    const isRegionMeant = claim.algorithm === "AWS4-HMAC-SHA256"
      ? regions === region
      : regions.split(",").some((pattern) => covers(pattern.trim(), region));
    const faults = [
      isRegionMeant ||
      `Credential should be scoped to a valid region, not '${regions}'. `,
      claim.scopeService === service ||
      `Credential should be scoped to correct service: '${service}'. `,
      claim.scopeTerminator === "aws4_request" ||
      "Credential should be scoped with a valid terminator: " +
        `'aws4_request', not '${claim.scopeTerminator}'. `,
      claim.scopeDate === day ||
      "Date in Credential scope does not match YYYYMMDD from ISO-8601 " +
        `version of date from HTTP: '${claim.scopeDate}' != '${day}', ` +
        `from '${claim.date}'. `,
    ].filter((fault) => fault !== true);
    if (faults.length === 0) return;
    throw new Refusal("InvalidSignatureException", faults.join(""));
  }

  #checkDate(claim: Claim): void {
    const now = this.clock();
    const lifeMs = claim.expiresSeconds === undefined
      ? this.#skewMs
      : claim.expiresSeconds * 1000;
    if (claim.timeMs < now - lifeMs) {
      throw new Refusal(
        "InvalidSignatureException",
        `Signature expired: ${claim.date} is now earlier than ` +
          `${formatDate(now - lifeMs)} (${formatDate(now)} - ` +
          `${lifeMs / 60_000} min.)`,
      );
    }
    if (claim.timeMs > now + this.#skewMs) {
      throw new Refusal(
        "InvalidSignatureException",
        `Signature not yet current: ${claim.date} is still later than ` +
          `${formatDate(now + this.#skewMs)} (${formatDate(now)} + ` +
          `${this.#skewMs / 60_000} min.)`,
      );
    }
  }

  #principal(claim: Claim): Principal {
    const { principals } = this.#options;
    const principal = Object.hasOwn(principals, claim.accessKeyId)
      ? principals[claim.accessKeyId]
      : undefined;
    if (
      principal === undefined || principal.sessionToken !== claim.sessionToken
    ) {
      throw new Refusal(
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
      );
    }
    if (principal.expires && principal.expires.getTime() <= this.clock()) {
      throw new Refusal(
        "ExpiredTokenException",
        "The security token included in the request is expired",
      );
    }
    return principal;
  }

  #isSignedBy(
    { secretAccessKey }: Principal,
    claim: Claim,
    stringToSign: string,
  ): boolean {
    const signature = Buffer.from(claim.signature, "hex");
    if (signature.toString("hex") !== claim.signature) return false;
    const signed = wireBytes(stringToSign);
    if (claim.algorithm === "AWS4-HMAC-SHA256") {
      const key = claim.scope.split("/").reduce(
        (key: string | Buffer, step) => hmac(key, step),
        `AWS4${secretAccessKey}`,
      );
      const expected = hmac(key, signed);
      return signature.length === expected.length &&
        timingSafeEqual(signature, expected);
    }
    const key = this.#publicKey(claim.accessKeyId, secretAccessKey);
    return verify("sha256", signed, { key, dsaEncoding: "der" }, signature);
  }

  #publicKey(accessKeyId: string, secretAccessKey: string): KeyObject {
    const name = `${accessKeyId}/${secretAccessKey}`;
    const known = this.#publicKeys.get(name);
    if (known !== undefined) return known;
    const key = publicKey(publicPoint(accessKeyId, secretAccessKey));
    this.#publicKeys.set(name, key);
    return key;
  }
}

/** Whether an entry of a region set, `*` and `us-*` included, means a region. */
function covers(pattern: string, region: string): boolean {
  if (!pattern.endsWith("*")) return pattern === region;
  return region.startsWith(pattern.slice(0, -1));
}

function hmac(key: string | Buffer, data: string | Uint8Array): Buffer {
  return createHmac("sha256", key).update(data).digest();
}

function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

function formatDate(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/[-:]|\.\d{3}/g, "");
}
