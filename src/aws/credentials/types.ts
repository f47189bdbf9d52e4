/** Credentials, and where they come from. */

import type { Redactor } from "../../redact/redact.ts";

/** One set of AWS credentials. */
export interface Credentials {
  /** The access key ID: `AKIA…` for a user, `ASIA…` for a session. */
  readonly accessKeyId: string;
  /** The secret access key. */
  readonly secretAccessKey: string;
  /** The session token of temporary credentials. */
  readonly sessionToken?: string;
  /** When temporary credentials end. */
  readonly expiration?: Date;
}

/** What a role's session is bound to, and what is known of it by its name. */
export interface RoleSession {
  /** The ARNs of managed policies: of what the role may do, it may do these. */
  readonly policyArns?: readonly string[];
  /** The same by a policy of its own, in JSON of at most 2,048 characters. */
  readonly policy?: string;
  /** Who stands behind it, for CloudTrail; no later role can change that. */
  readonly sourceIdentity?: string;
  /** Its tags, for conditions on `aws:PrincipalTag`. */
  readonly tags?: readonly (readonly [key: string, value: string])[];
}

/** A role to assume with the credentials found. */
export interface AssumeRoleOptions {
  /** The role's ARN. */
  readonly roleArn: string;
  /** What the session is called in CloudTrail. Default: `sigv4-proxy`. */
  readonly sessionName?: string;
  /** The external ID that the role's trust policy asks for. */
  readonly externalId?: string;
  /** How long the session lasts, in seconds. Default: one hour. */
  readonly durationSeconds?: number;
  /** The region of the STS endpoint. */
  readonly region?: string;
}

/** Where credentials come from, as often as they are wanted. */
export interface CredentialSource {
  /**
   * The current credentials: from memory, unless there are none yet, they are
   * about to expire, or the files they come from have changed.
   *
   * @param options `refresh`: a set that was refused; it is dropped, if it is
   * still the current one, and loaded anew. Concurrent calls share one load.
   * `signal` gives up waiting.
   * @returns The credentials to sign with now.
   * @throws {CredentialsError} None could be had; the message says what to run.
   */
  get(
    options?: { refresh?: Credentials; signal?: AbortSignal },
  ): Promise<Credentials>;
}

/** Whether two sets are the same. */
export function isSameCredentials(a: Credentials, b: Credentials): boolean {
  return a.accessKeyId === b.accessKeyId &&
    a.secretAccessKey === b.secretAccessKey &&
    a.sessionToken === b.sessionToken;
}

/** Has a set kept out of what is shown, as far as it is known. */
export function hideCredentials(
  redactor: Redactor,
  { accessKeyId, secretAccessKey, sessionToken }: Partial<Credentials>,
): void {
  if (accessKeyId !== undefined) redactor.addAccessKeyId(accessKeyId);
  redactor.addCredential(secretAccessKey);
  redactor.addCredential(sessionToken);
}

/**
 * Whether a session token is of version 1, as the global endpoint of STS gives
 * out unless the account is set to version 2 (IAM User Guide, "Manage AWS STS in
 * an AWS Region"). By what is seen of them: AWS documents no form of a token.
 */
export function isFirstVersionToken(sessionToken: string): boolean {
  // In Base64, "er/aws" after three bytes.
  return /^F.oGZXIvYXdz/.test(sessionToken);
}
