/**
 * How AWS refuses a request, as data: the error types and texts by which a
 * refusal is known, what it means, and whether signing once more can help.
 *
 * After "Common Error Types" (each service's API reference), "Gateway response
 * types" (API Gateway), "Error responses" (S3), "Troubleshoot Signature Version
 * 4 signing" (IAM User Guide) and what the services send.
 */

import type { AwsError } from "./parse.ts";

export type RefusalCause =
  | "clock-skew"
  | "expired-token"
  | "unknown-key"
  | "wrong-scope"
  | "signature-mismatch"
  | "missing-signature"
  | "not-authorized"
  | "forbidden";

export interface Refusal {
  readonly cause: RefusalCause;
  /** Error types that mean it, whatever the text, with blanks between them. */
  readonly types: string;
  /** Texts that mean it, whatever the type. */
  readonly message: RegExp;
  /**
   * What to fix before the request is signed once more. Only where the target
   * refuses before it runs anything.
   */
  readonly secondTry?: "clock" | "credentials";
  /** Declared types that mean it too, if the text does. */
  readonly withMessage?: string;
  /** What the refusal is to the program: no fit credentials, or a refusal. */
  readonly reason: "credentials" | "signature";
}

/** The first row that fits holds. */
export const REFUSALS: readonly Refusal[] = [
  {
    cause: "clock-skew",
    types: "RequestTimeTooSkewed RequestExpired RequestInTheFuture",
    message: /\bsignature (?:expired:|not yet current)/i,
    secondTry: "clock",
    withMessage:
      "InvalidSignature InvalidSignatureException SignatureDoesNotMatch",
    reason: "signature",
  },
  {
    cause: "expired-token",
    types: "ExpiredToken ExpiredTokenException TokenRefreshRequired",
    message: /\b(?:security|provided) token\b.{0,80}\bexpired\b/i,
    secondTry: "credentials",
    reason: "credentials",
  },
  {
    cause: "unknown-key",
    types: "InvalidAccessKeyId InvalidClientTokenId InvalidToken " +
      "UnrecognizedClientException",
    message: /\bsecurity token included in the request is invalid\b/i,
    secondTry: "credentials",
    reason: "credentials",
  },
  {
    cause: "wrong-scope",
    types: "AuthorizationHeaderMalformed",
    message: /\bcredential should be scoped\b|\bregion '[^']*' is wrong\b/i,
    reason: "signature",
  },
  {
    cause: "missing-signature",
    types: "IncompleteSignature IncompleteSignatureException " +
      "MissingAuthenticationToken MissingAuthenticationTokenException",
    message: /\bmissing authentication token\b/i,
    reason: "signature",
  },
  {
    cause: "signature-mismatch",
    types: "InvalidSignature InvalidSignatureException SignatureDoesNotMatch " +
      "XAmzContentSHA256Mismatch",
    message: /\bsignature we calculated does not match\b/i,
    reason: "signature",
  },
  {
    cause: "forbidden",
    types: "ForbiddenException",
    message: /^forbidden(?:$|\. for troubleshooting function url)/i,
    reason: "signature",
  },
  {
    cause: "not-authorized",
    types: "AccessDenied AccessDeniedException NotAuthorized " +
      "UnauthorizedException UnauthorizedOperation",
    message: /\bis not authorized to (?:perform|access)\b/i,
    reason: "signature",
  },
];

/** Whether AWS refuses a signature with this status. */
export function mayBeRefusal(status: number): boolean {
  return [400, 401, 403].includes(status);
}

/**
 * What to fix before the request is signed once more. Only a type where AWS's
 * own errors have it tells: a text, or a type elsewhere in the body, may be
 * that of the application behind, which has run the request then.
 */
export function secondTryOf(error: AwsError): Refusal["secondTry"] {
  const { type, isDeclared } = error;
  if (type === undefined || !isDeclared) return undefined;
  const { types = "", withMessage = "", secondTry } = refusalOf(error) ?? {};
  const names = `${types} ${withMessage}`.split(" ");
  return names.includes(type) ? secondTry : undefined;
}

export function refusalOf(
  { type = "", message: text }: AwsError,
): Refusal | undefined {
  return REFUSALS.find(({ types, message }) =>
    types.split(" ").includes(type) || message.test(text)
  );
}
