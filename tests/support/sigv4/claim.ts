/**
 * What a request says of its own signature, from the Authorization header or
 * from the query of a presigned URL.
 */

import {
  type CanonicalRules,
  headerValues,
  queryPairs,
  type RawRequest,
  splitTarget,
} from "./canonical.ts";

/** The error types that AWS's front ends answer with. */
export type RefusalType =
  | "AccessDeniedException"
  | "ExpiredTokenException"
  | "IncompleteSignatureException"
  | "InvalidSignatureException"
  | "MissingAuthenticationTokenException"
  | "RequestTimeTooSkewed"
  | "UnrecognizedClientException"
  | "XAmzContentSHA256Mismatch";

/** A request is refused, in AWS's words. */
export class Refusal extends Error {
  override name = "Refusal";
  /** AWS's error type. */
  readonly type: RefusalType;

  /**
   * @param type AWS's error type.
   * @param message AWS's wording.
   */
  constructor(type: RefusalType, message: string) {
    super(message);
    this.type = type;
  }
}

/** The two signatures there are. */
export type Algorithm = "AWS4-HMAC-SHA256" | "AWS4-ECDSA-P256-SHA256";

/** What a request says of its signature; nothing of it is proven yet. */
export interface Claim {
  readonly algorithm: Algorithm;
  readonly place: "header" | "query";
  readonly accessKeyId: string;
  /** `YYYYMMDD` of the credential scope. */
  readonly scopeDate: string;
  /** Absent in a v4a scope. */
  readonly scopeRegion: string | undefined;
  readonly scopeService: string;
  readonly scopeTerminator: string;
  /** The credential scope as it goes into the string to sign. */
  readonly scope: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `YYYYMMDDTHHMMSSZ`. */
  readonly date: string;
  /** The same in milliseconds. */
  readonly timeMs: number;
  readonly sessionToken: string | undefined;
  /** v4a only. */
  readonly regionSet: string | undefined;
  /** Presigned URLs only. */
  readonly expiresSeconds: number | undefined;
}

interface Fields {
  readonly place: "header" | "query";
  readonly algorithm: string;
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
  readonly date: string;
  readonly sessionToken: string | undefined;
  readonly regionSet: string | undefined;
  readonly expires: string | undefined;
}

/**
 * Reads the claim of a request.
 *
 * @param request The request as it came.
 * @param rules How the service reads a query.
 * @returns The claim, well formed.
 * @throws {Refusal} When there is none, or it lacks a part.
 */
export function readClaim(request: RawRequest, rules: CanonicalRules): Claim {
  const query = new Map(queryPairs(splitTarget(request.target)[1], rules));
  const authorization = headerValues(request, "authorization");
  if (authorization.length === 0 && !query.has("X-Amz-Algorithm")) {
    throw new Refusal(
      "MissingAuthenticationTokenException",
      "Missing Authentication Token",
    );
  }
  const fields = authorization.length > 0
    ? headerFields(request, authorization.join(","))
    : queryFields(query);
  return claimOf(fields);
}

function headerFields(request: RawRequest, authorization: string): Fields {
  const space = authorization.indexOf(" ");
  const parts = new Map<string, string>();
  const list = space === -1 ? authorization : authorization.slice(space + 1);
  for (const part of list.split(",").map((text) => text.trim())) {
    const mark = part.indexOf("=");
    if (mark === -1) {
      throw new Refusal(
        "IncompleteSignatureException",
        `'${part}' not a valid key=value pair (missing equal-sign) in ` +
          `Authorization header: '${authorization}'.`,
      );
    }
    parts.set(part.slice(0, mark), part.slice(mark + 1));
  }
  const one = (name: string): string | undefined => {
    const values = headerValues(request, name);
    return values.length === 0 ? undefined : values.join(",");
  };
  const date = one("x-amz-date");
  const faults = ["Credential", "Signature", "SignedHeaders"]
    .filter((name) => !parts.get(name))
    .map((name) => `Authorization header requires '${name}' parameter.`);
  if (date === undefined) {
    faults.push(
      "Authorization header requires existence of either a 'X-Amz-Date' or " +
        "a 'Date' header.",
    );
  }
  if (faults.length > 0) {
    throw new Refusal(
      "IncompleteSignatureException",
      `${faults.join(" ")} Authorization=${authorization}`,
    );
  }
  return {
    place: "header",
    algorithm: authorization.slice(0, space),
    credential: parts.get("Credential") ?? "",
    signedHeaders: parts.get("SignedHeaders") ?? "",
    signature: parts.get("Signature") ?? "",
    date: date ?? "",
    sessionToken: one("x-amz-security-token"),
    regionSet: one("x-amz-region-set"),
    expires: undefined,
  };
}

function queryFields(query: ReadonlyMap<string, string>): Fields {
  const faults = ["Credential", "Signature", "SignedHeaders", "Date"]
    .filter((name) => !query.get(`X-Amz-${name}`))
    .map((name) => `AWS query-string parameters must include 'X-Amz-${name}'.`);
  if (faults.length > 0) {
    throw new Refusal(
      "IncompleteSignatureException",
      `${faults.join(" ")} Re-examine the query-string parameters.`,
    );
  }
  return {
    place: "query",
    algorithm: query.get("X-Amz-Algorithm") ?? "",
    credential: query.get("X-Amz-Credential") ?? "",
    signedHeaders: query.get("X-Amz-SignedHeaders") ?? "",
    signature: query.get("X-Amz-Signature") ?? "",
    date: query.get("X-Amz-Date") ?? "",
    sessionToken: query.get("X-Amz-Security-Token"),
    regionSet: query.get("X-Amz-Region-Set"),
    expires: query.get("X-Amz-Expires"),
  };
}

function claimOf(fields: Fields): Claim {
  const { algorithm, credential, date } = fields;
  if (
    algorithm !== "AWS4-HMAC-SHA256" && algorithm !== "AWS4-ECDSA-P256-SHA256"
  ) {
    throw new Refusal(
      "IncompleteSignatureException",
      `Unsupported AWS 'algorithm': '${algorithm}'.`,
    );
  }
  const isV4a = algorithm === "AWS4-ECDSA-P256-SHA256";
  const [accessKeyId, ...scope] = credential.split("/");
  if (accessKeyId === undefined || scope.length !== (isV4a ? 3 : 4)) {
    throw new Refusal(
      "IncompleteSignatureException",
      `Credential must have exactly ${isV4a ? 4 : 5} slash-delimited ` +
        `elements, e.g. keyid/date/${isV4a ? "" : "region/"}service/term, ` +
        `got '${credential}'`,
    );
  }
  const timeMs = Date.parse(
    date.replace(
      /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/,
      "$1-$2-$3T$4:$5:$6Z",
    ),
  );
  if (!/^\d{8}T\d{6}Z$/.test(date) || Number.isNaN(timeMs)) {
    throw new Refusal(
      "IncompleteSignatureException",
      `Date must be in ISO-8601 'basic format'. Got '${date}'. ` +
        "See http://en.wikipedia.org/wiki/ISO_8601",
    );
  }
  const [scopeDate = "", ...rest] = scope;
  const scopeRegion = isV4a ? undefined : rest.shift();
  const [scopeService = "", scopeTerminator = ""] = rest;
  return {
    algorithm,
    place: fields.place,
    accessKeyId,
    scopeDate,
    scopeRegion,
    scopeService,
    scopeTerminator,
    scope: scope.join("/"),
    signedHeaders: fields.signedHeaders.split(";"),
    signature: fields.signature,
    date,
    timeMs,
    sessionToken: fields.sessionToken,
    regionSet: fields.regionSet,
    expiresSeconds: readExpires(fields),
  };
}

function readExpires({ place, expires }: Fields): number | undefined {
  if (place === "header" || expires === undefined) return undefined;
  const seconds = Number(expires);
  if (!/^\d+$/.test(expires) || seconds > 604_800) {
    throw new Refusal(
      "IncompleteSignatureException",
      "X-Amz-Expires must be a number less than 604800 seconds, " +
        `got '${expires}'`,
    );
  }
  return seconds;
}
