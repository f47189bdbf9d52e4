/**
 * Credentials from AWS STS: a role assumed with other credentials, or with a
 * web identity token.
 *
 * @module
 */

import { followParents } from "../../shared_files/paths.ts";
import type { Credentials } from "../types.ts";
import { loadSdk, type SdkClientConfig, SdkHttp, sdkNeeds } from "./sdk.ts";
import { type Need, netNeed } from "../../../permissions.ts";
import {
  demand,
  type Search,
  sourceFailed,
  type SourceQuery,
} from "../search.ts";
import { demandPlain } from "../text.ts";
import { limitedFile } from "../../../limited_text.ts";
import { partitionOfArn } from "../../partition.ts";
import {
  configuredEndpoint,
  type EndpointSettings,
  serviceUrl,
} from "./service_endpoint.ts";

/** What the session is called where nobody says. */
const SESSION_NAME = "sigv4-proxy";

/** What STS is asked. */
export interface RoleRequest {
  readonly roleArn: string;
  readonly sessionName?: string;
  readonly externalId?: string;
  readonly durationSeconds?: number;
  readonly region?: string;
}

/**
 * Assumes a role.
 *
 * @param base The credentials to assume it with.
 * @param settings Where the profile says that STS is.
 * @throws {CredentialsError} STS refused, or was not reached.
 */
export async function assumeRole(
  search: Search,
  role: RoleRequest,
  base: Credentials,
  settings: EndpointSettings = {},
): Promise<Credentials> {
  search.redactor.addCredential(base.secretAccessKey);
  search.redactor.addCredential(base.sessionToken);
  const sdk = await loadSdk(search);
  const http = new SdkHttp(search, "assume the role");
  const provider = sdk.fromTemporaryCredentials({
    masterCredentials: base,
    params: {
      RoleArn: role.roleArn,
      RoleSessionName: role.sessionName ?? SESSION_NAME,
      ExternalId: role.externalId,
      DurationSeconds: role.durationSeconds,
    },
    clientConfig: stsClient(search, role, settings, http),
  });
  return await askSts(search, role.roleArn, http, provider);
}

/**
 * Assumes a role with the token in a file.
 *
 * @param tokenFile Where the token is.
 * @param settings Where the profile says that STS is.
 * @throws {CredentialsError} There is no token, STS refused or was not reached.
 */
export async function assumeRoleWithToken(
  search: Search,
  role: RoleRequest,
  tokenFile: string,
  settings: EndpointSettings = {},
): Promise<Credentials> {
  const path = followParents(tokenFile);
  demand(search, tokenNeeds(path));
  let token: string;
  try {
    token = await limitedFile(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? "is not there"
      : error instanceof RangeError
      ? "is too long for a token"
      : "cannot be read";
    throw sourceFailed(
      search,
      `the web identity token file ${tokenFile} ${why}`,
    );
  }
  if (token.trim() === "") {
    const what = `the web identity token file ${tokenFile} is empty`;
    throw sourceFailed(search, what);
  }
  search.redactor.addCredential(token.trim());
  const sdk = await loadSdk(search);
  const http = new SdkHttp(search, "assume the role");
  const provider = sdk.fromWebToken({
    webIdentityToken: token,
    roleArn: role.roleArn,
    roleSessionName: role.sessionName ?? SESSION_NAME,
    durationSeconds: role.durationSeconds,
    clientConfig: stsClient(search, role, settings, http),
  });
  return await askSts(search, role.roleArn, http, provider);
}

/**
 * The permissions to assume a role, with a token in a file if one is given.
 */
export function roleNeeds(
  query: SourceQuery,
  roleArn: string,
  settings: EndpointSettings = {},
  tokenFile?: string,
): Need[] {
  const needs = [
    ...tokenFile === undefined ? [] : tokenNeeds(tokenFile),
    ...sdkNeeds(),
  ];
  const region = stsRegion(query, { roleArn }, settings);
  try {
    const url = serviceUrl(query.env, "STS", region, settings);
    return [...needs, netNeed(url, "assume the role")];
  } catch {
    // The endpoint is no URL, which loading says.
    return needs;
  }
}

function tokenNeeds(value: string): Need[] {
  const why = "read the web identity token";
  return [{ kind: "read", value: followParents(value), why }];
}

async function askSts(
  search: Search,
  roleArn: string,
  http: SdkHttp,
  provider: () => Promise<Credentials>,
): Promise<Credentials> {
  try {
    return await provider();
  } catch (error) {
    if (http.refusal !== undefined) throw http.refusal;
    const name = error instanceof Error ? error.name : "Error";
    const message = error instanceof Error ? error.message : String(error);
    const isAnswer = error instanceof Error && "$fault" in error;
    throw sourceFailed(
      search,
      isAnswer
        ? `STS refused the role ${roleArn}: ${name}: ${message}${hintFor(name)}`
        : `STS could not be asked for the role ${roleArn}: ${message}`,
      isAnswer ? { awsError: name } : {},
    );
  }
}

/** What to do about the errors of `sts:AssumeRole…`. */
function hintFor(awsError: string): string {
  switch (awsError) {
    case "AccessDenied":
      return " (the role's trust policy must name the caller, the caller's " +
        "policy must allow sts:AssumeRole, and an external ID must match)";
    case "ExpiredToken":
    case "ExpiredTokenException":
      return " (the credentials that the role is assumed with are over)";
    case "InvalidIdentityToken":
    case "IDPRejectedClaim":
      return " (the web identity token is over or not for this role)";
    case "RegionDisabledException":
      return " (name another region for STS: --region or `region`)";
    default:
      return "";
  }
}

function stsClient(
  search: Search,
  role: RoleRequest,
  settings: EndpointSettings,
  http: SdkHttp,
): SdkClientConfig & { region: string; endpoint?: string } {
  const { profile } = settings;
  // A region set may have blanks between its members.
  const own = profile?.get("region")?.replaceAll(" ", "");
  demandPlain(search, own, `region (${profile?.origin("region")})`);
  const endpoint = configuredEndpoint(search.env, "STS", settings);
  return {
    ...http.clientConfig,
    region: stsRegion(search, role, settings),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
}

function stsRegion(
  { env, region }: SourceQuery,
  role: RoleRequest,
  { profile }: EndpointSettings,
): string {
  // A region set (`us-east-1,us-west-2`, `*`) is none that STS is in.
  const isOne = (name?: string) => name !== undefined && /^[\w-]+$/.test(name);
  const named = [
    role.region,
    profile?.get("region"),
    region,
    env("AWS_REGION"),
    env("AWS_DEFAULT_REGION"),
  ].find(isOne);
  return named ?? partitionOfArn(role.roleArn).region;
}
