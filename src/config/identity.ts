/**
 * The configuration as what signs takes it: who asks, and for what.
 *
 * @module
 */

import type { CredentialSourceOptions } from "../aws/credentials/credentials.ts";
import type { SignedFetchOptions } from "../aws/signing/signed_fetch.ts";
import type { Config } from "./config.ts";
import { hideSettings, type Redactor } from "../redact/redact.ts";

/** Where the credentials of a profile come from, as it is configured. */
export function credentialOptions(
  config: Config,
  profile: string | undefined,
): CredentialSourceOptions {
  return {
    profile,
    region: config.region.split(",")[0],
    ...(config.assumeRole !== undefined && {
      assumeRole: {
        roleArn: config.assumeRole,
        sessionName: config.roleSessionName,
        externalId: config.externalId,
        durationSeconds: Math.round(config.roleDurationMs / 1000),
      },
    }),
  };
}

/** What the requests to the target are signed for, as it is configured. */
export function signingOptions(
  config: Config,
): Omit<SignedFetchOptions, "credentials"> {
  return {
    origin: config.targetUrl,
    service: config.service,
    region: config.region,
    signatureVersion: config.signatureVersion,
    unsignedPayload: config.unsignedPayload,
    signHost: config.signHost,
    skipAuth: config.skipAuth,
  };
}

/** Keeps what is configured and may be secret out of all that is shown. */
export function hideSecrets(
  { secrets, headers, targetUrl }: Config,
  redactor: Redactor,
): void {
  for (const secret of secrets) redactor.addCredential(secret);
  hideSettings(redactor, targetUrl, headers);
}
