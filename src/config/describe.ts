/** The configuration as it may be shown. */

import type { RoleSession } from "../aws/credentials/types.ts";
import type { LogFields } from "../log/log.ts";
import { nameOf } from "../net/listen_address.ts";
import { REDACTED } from "../redact/redact.ts";
import type { Config } from "./config.ts";

/** What a session is bound to, in words: no policy's text, no tag's value. */
export function describeSession(
  { policyArns = [], policy, sourceIdentity, tags = [] }: RoleSession,
): string[] {
  return [
    ...policyArns,
    ...policy === undefined ? [] : ["inline policy"],
    ...sourceIdentity === undefined ? [] : [`sourceIdentity ${sourceIdentity}`],
    ...tags.map(([key]) => `tag ${key}`),
  ];
}

/**
 * The configuration as it may be shown: no header values, no query of the
 * target, no external ID.
 *
 * @param config The configuration.
 * @returns Fields for the start line of the log.
 */
export function describeConfig(config: Config): LogFields {
  const {
    targetUrl,
    headers,
    metadata,
    profileMetadata: _profileMetadata,
    listen,
    externalId,
    session,
    accounts,
    sessionPolicy: _sessionPolicy,
    tls: _tls,
    secrets: _secrets,
    ...shown
  } = config;
  const query = targetUrl.search === "" ? "" : "?…";
  return {
    targetUrl: targetUrl.origin + targetUrl.pathname + query,
    ...shown,
    externalId: externalId === undefined ? undefined : REDACTED,
    session: session && describeSession(session),
    accountRole: accounts?.template,
    allowRole: accounts?.allowRole,
    listen: listen && nameOf(listen.address),
    headers: headers.map(([name]) => name),
    metadata: metadata.map(([key]) => key),
  };
}
