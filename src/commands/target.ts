/**
 * The target as it is configured: who asks it, for what, and over which
 * network.
 */

import {
  credentialSource,
  type CredentialSourceOptions,
} from "../aws/credentials/credentials.ts";
import {
  createSignedFetch,
  type SignedFetch,
  type SignedFetchOptions,
} from "../aws/signing/signed_fetch.ts";
import type { Config } from "../config/config.ts";
import { FLAG_NAMES } from "../config/settings.ts";
import { CredentialsError } from "../errors.ts";
import type { ProxyOptions } from "../config/proxy_options.ts";
import type { Naming } from "../naming.ts";
import type { Log } from "../log/log.ts";
import type { Logins } from "../aws/credentials/sso_login/logins.ts";
import type { TlsFetches } from "../net/http_client.ts";
import { hideSettings, type Redactor } from "../redact/redact.ts";
import { isTelemetryOn } from "../telemetry/switch.ts";
import type {
  CredentialSource,
  RoleSession,
} from "../aws/credentials/types.ts";

/** What the parts that talk to AWS share. */
export interface Surroundings {
  readonly log: Log;
  readonly redactor: Redactor;
  /** What sends requests, where the global `fetch` will not do. */
  readonly fetches?: Partial<Pick<TlsFetches, "toTarget" | "toOthers">>;
  /** The logins that the program can begin, if it is to. */
  readonly logins?: Logins;
  /** Where credentials come from, if not from this environment. */
  readonly context?: {
    readonly createCredentialSource: typeof credentialSource;
  };
}

export function credentialOptions(
  config: Config,
  profile: string | undefined,
): CredentialSourceOptions {
  const { assumeRole: roleArn, externalId } = config;
  const durationSeconds = Math.round(config.roleDurationMs / 1000);
  const sessionName = config.roleSessionName;
  return {
    profile,
    region: config.region.split(",")[0],
    session: firstSession(config),
    ...roleArn !== undefined && {
      assumeRole: { roleArn, sessionName, externalId, durationSeconds },
    },
  };
}

/**
 * What the first identity's session is bound to. Where calls name accounts, what
 * nobody asked for by `--session-policy` is for the roles in these alone.
 */
export function firstSession(
  { session, accounts, assumeRole, sessionPolicy }: Config,
): RoleSession | undefined {
  const isForAccounts = accounts !== undefined && assumeRole === undefined &&
    sessionPolicy.length === 0;
  return isForAccounts ? undefined : session;
}

/** The credentials that the configuration names; nothing is read yet. */
export function credentialsOf(
  config: Config,
  { log, redactor, fetches, context, logins }: Surroundings,
  own: Pick<CredentialSourceOptions, "profile" | "onFound" | "base"> = {},
): CredentialSource {
  const create = context?.createCredentialSource ?? credentialSource;
  const options = credentialOptions(config, own.profile ?? config.profile);
  const fetch = fetches?.toOthers;
  return create({ ...options, ...own, log, redactor, fetch }, {
    logins,
    names: FLAG_NAMES,
  });
}

/** An identity that calls may go with, beside the first. */
export interface Identity {
  readonly kind: "profile" | "role";
  readonly name: string;
  readonly source: CredentialSource;
  /** What binds its session. */
  readonly session: RoleSession | undefined;
}

/** The identities beside the first; nothing is read yet. */
export function identitiesOf(
  config: Config,
  around: Surroundings,
  first: CredentialSource,
): {
  readonly profiles: readonly Identity[];
  /** A role that may write: what binds the others does not bind it. */
  readonly writer: Identity | undefined;
  readonly role: (roleArn: string) => Identity;
} {
  const { profiles, session, writeRole } = config;
  const ofFirst = firstSession(config);
  // Roles are assumed with what the first is assumed with, too, or where calls
  // name accounts with its session, which nothing binds then.
  const assumeRole = writeRole === undefined ? config.assumeRole : undefined;
  const base = writeRole === undefined && ofFirst === undefined
    ? first
    : credentialsOf({ ...config, assumeRole, session: undefined }, around);
  const role = (name: string, bounds = session): Identity => {
    const own = { assumeRole: name, session: bounds, accounts: undefined };
    const source = credentialsOf({ ...config, ...own }, around, { base });
    return { kind: "role", name, source, session: bounds };
  };
  const { policy: _policy, policyArns: _policyArns, ...named } = session ?? {};
  return {
    profiles: profiles.slice(1).map((name) => {
      const source = credentialsOf(config, around, { profile: name });
      return { kind: "profile", name, source, session: ofFirst };
    }),
    writer: writeRole ? role(writeRole, session && named) : undefined,
    role,
  };
}

export function isUnconfigured(error: unknown): error is CredentialsError {
  return error instanceof CredentialsError && error.data.configured === false;
}

export function openTarget(
  config: Config,
  credentials: CredentialSource,
  { log, redactor, fetches }: Surroundings,
  onResponse?: SignedFetchOptions["onResponse"],
): SignedFetch {
  return createSignedFetch({
    origin: config.targetUrl,
    service: config.service,
    region: config.region,
    signatureVersion: config.signatureVersion,
    unsignedPayload: config.unsignedPayload,
    signHost: config.signHost,
    skipAuth: config.skipAuth,
    credentials,
    onResponse,
    fetch: fetches?.toTarget,
    log,
    redactor,
  });
}

/** What the configuration says to every proxy to the target. */
export function proxyOptions(
  config: Config,
  profile: string = "",
): Pick<
  ProxyOptions & Naming,
  "headers" | "metadata" | "clientInfo" | "maxAnswerBytes" | "tools" | "names"
> {
  const { headers, clientInfo, maxAnswerBytes } = config;
  const { readOnly, allowTool, denyTool } = config;
  const tools = { readOnly, allow: allowTool, deny: denyTool };
  const metadata = config.profileMetadata.get(profile) ?? config.metadata;
  const names = FLAG_NAMES;
  return { headers, metadata, clientInfo, maxAnswerBytes, tools, names };
}

/**
 * The one header by which an AgentCore runtime knows what is of one client, and
 * gives it one machine (Amazon Bedrock AgentCore, "MCP protocol contract" and
 * "Use isolated sessions for agents"), where there are no sessions of MCP.
 */
export function sessionHeaderOf(
  { service, targetUrl: { pathname } }: Config,
): string | undefined {
  return service === "bedrock-agentcore" && pathname.startsWith("/runtimes/")
    ? "x-amzn-bedrock-agentcore-runtime-session-id"
    : undefined;
}

/** What sends requests, if the global `fetch` will not do. */
export async function openFetches(
  { tls, signHost, record, listen, accounts }: Pick<
    Config,
    "tls" | "signHost" | "record" | "listen" | "accounts"
  >,
): Promise<TlsFetches | undefined> {
  const sendsOtherHost = signHost !== undefined;
  // A connection of HTTP/2 has room for some hundred streams at once. Where each
  // client or account has one open, all else would wait for their end.
  const isHttp1 = listen !== undefined || accounts !== undefined;
  // The signed fetch sends another Host over a fetch of its own, and of that
  // there would be more told than may be.
  const isNeeded = tls !== undefined || isHttp1 ||
    (sendsOtherHost && (record !== undefined || isTelemetryOn()));
  if (!isNeeded) return undefined;
  const { openTls } = await import("../net/http_client.ts");
  const none = { caCerts: [], client: undefined };
  return openTls(tls ?? none, { sendsOtherHost, isHttp1 });
}

/** Keeps what is configured and may be secret out of all that is shown. */
export function hideSecrets(
  { secrets, headers, targetUrl }: Config,
  redactor: Redactor,
): void {
  for (const secret of secrets) redactor.addCredential(secret);
  hideSettings(redactor, targetUrl, headers);
}
