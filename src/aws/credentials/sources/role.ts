/**
 * Credentials from AWS STS: a role assumed with other credentials, or with a
 * web identity token.
 */

import { followParents } from "../../shared_files/paths.ts";
import {
  type AssumeRoleOptions,
  type Credentials,
  hideCredentials,
  type RoleSession,
} from "../types.ts";
import { demandSdk, SDK_SETTINGS, SdkHttp, sdkNeeds } from "./sdk.ts";
import { type Need, netNeed } from "../../../permissions.ts";
import type { Search, SourceQuery } from "../search.ts";
import { demandPlain } from "../text.ts";
import { limitedFile } from "../../../limited_text.ts";
import { messageOf } from "../../../errors.ts";
import type { OptionNames } from "../../../naming.ts";
import { partitionOfArn } from "../../partition.ts";
import { demandUrl, serviceRegion, serviceUrl } from "./service.ts";

const SESSION_NAME = "sigv4-proxy";

/** What STS is asked for; completes "no permission to …". */
const ROLE_PURPOSE = "assume the role";

const STS_ANSWER = /<(?:Assume\w+|Error)Response[\s>]/;

/** Why a session of a web identity is given no name and no tags. */
export const TOKEN_SAYS =
  "a web identity's source identity and tags are what its token says: " +
  "AssumeRoleWithWebIdentity takes no others";

type RoleRequest = AssumeRoleOptions & { readonly session?: RoleSession };

/** Assumes a role by credentials, or by the file of a web identity's token. */
export async function assumeRole(
  search: Search,
  role: RoleRequest,
  by: Credentials | string,
): Promise<Credentials> {
  const { settings, inUse = settings } = search;
  const { roleArn, externalId, durationSeconds, session = {} } = role;
  const sessionName = role.sessionName ?? SESSION_NAME;
  if (typeof by === "string" && (session.sourceIdentity || session.tags)) {
    throw search.failed(TOKEN_SAYS);
  }
  const token = typeof by === "string" ? await readToken(search, by) : "";
  if (typeof by !== "string") hideCredentials(search.redactor, by);
  // A region set may have blanks between its members.
  const own = role.region
    ? undefined
    : inUse?.get("region")?.replaceAll(" ", "");
  demandPlain(search, own, `region (${inUse?.origin("region")})`);
  demandSdk(search);
  if ((role.region ?? own ?? search.region) === undefined) {
    for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION"]) {
      demandPlain(search, search.env(name)?.replaceAll(" ", ""), name);
    }
  }
  const requestHandler = new SdkHttp(search, ROLE_PURPOSE, STS_ANSWER);
  const region = stsRegion(search, role);
  const endpoint = demandUrl(search, "STS", region).href;
  const clientConfig = {
    ...SDK_SETTINGS,
    region,
    endpoint,
    maxAttempts: 3,
    requestHandler,
  };
  const PolicyArns = session.policyArns?.map((arn) => ({ arn }));
  const sdk = await import("@aws-sdk/credential-providers");
  const provider = typeof by === "string"
    ? sdk.fromWebToken({
      webIdentityToken: token,
      roleArn,
      roleSessionName: sessionName,
      durationSeconds,
      policyArns: PolicyArns,
      policy: session.policy,
      clientConfig,
    })
    : sdk.fromTemporaryCredentials({
      masterCredentials: by,
      params: {
        RoleArn: roleArn,
        RoleSessionName: sessionName,
        ExternalId: externalId,
        DurationSeconds: durationSeconds,
        PolicyArns,
        Policy: session.policy,
        SourceIdentity: session.sourceIdentity,
        Tags: session.tags?.map(([Key, Value]) => ({ Key, Value })),
      },
      clientConfig,
    });
  return await provider().catch((error: unknown) => {
    throw requestHandler.refusal ?? stsFailed(search, roleArn, error);
  });
}

async function readToken(search: Search, tokenFile: string): Promise<string> {
  const path = followParents(tokenFile);
  search.demand(tokenNeeds(path));
  const fail = (what: string) =>
    search.failed(`the web identity token file ${tokenFile} ${what}`);
  const token = await limitedFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) throw fail("is not there");
    throw fail("cannot be read");
  });
  if (token.trim() === "") throw fail("is empty");
  search.redactor.addCredential(token.trim());
  return token;
}

/** The permissions to assume a role, with a token in a file if one is given. */
export function roleNeeds(
  query: SourceQuery,
  role: Pick<AssumeRoleOptions, "roleArn" | "region">,
  tokenFile?: string,
): Need[] {
  // One that is no URL, loading says.
  const url = serviceUrl(query, "STS", stsRegion(query, role));
  return [
    ...tokenFile === undefined ? [] : tokenNeeds(tokenFile),
    ...sdkNeeds(),
    ...url === undefined ? [] : [netNeed(url, ROLE_PURPOSE)],
  ];
}

function tokenNeeds(value: string): Need[] {
  const why = "read the web identity token";
  return [{ kind: "read", value: followParents(value), why }];
}

/** What to do about the errors of `sts:AssumeRole…`. */
function hintFor(name: string, { region }: OptionNames): string | undefined {
  switch (name.replace(/Exception$/, "")) {
    case "AccessDenied":
      return "the role's trust policy must name the caller, the caller's " +
        "policy must allow sts:AssumeRole, and an external ID must match; " +
        "session tags need sts:TagSession and a source identity " +
        "sts:SetSourceIdentity in both";
    case "PackedPolicyTooLarge":
      return "AWS packs session policies and tags into one space: take fewer " +
        "or shorter ones";
    case "MalformedPolicyDocument":
      return "a session policy is wrong, or a managed one is not in the " +
        "role's account";
    case "ExpiredToken":
      return "the credentials that the role is assumed with are over";
    case "InvalidIdentityToken":
    case "IDPRejectedClaim":
      return "the web identity token is over or not for this role";
    case "RegionDisabled":
      return `name another region for STS: ${region} or \`region\``;
  }
}

function stsFailed(search: Search, roleArn: string, error: unknown): Error {
  const name = error instanceof Error ? error.name : "Error";
  // The SDK adds a line about its own fields.
  const [message] = messageOf(error).split("\n");
  if (!(error instanceof Error && "$fault" in error)) {
    const what = `STS could not be asked for the role ${roleArn}: ${message}`;
    return search.failed(what);
  }
  const hint = hintFor(name, search.names);
  const more = hint === undefined ? "" : ` (${hint})`;
  const what = `STS refused the role ${roleArn}: ${name}: ${message}${more}`;
  return search.failed(what, { awsError: name });
}

function stsRegion(query: SourceQuery, role: RoleRequest): string {
  return serviceRegion(query, role.region) ??
    partitionOfArn(role.roleArn).region;
}
