/**
 * Credentials of a profile of the shared files, by whatever way it names.
 *
 * A profile may name more than one. The order is the AWS CLI's: a role, a web
 * identity, SSO, keys in the credentials file, a console login, a program, keys
 * in the config file.
 */

import {
  type Profile,
  type SharedFiles,
  whereNot,
} from "../../shared_files/shared_files.ts";
import {
  containerCredentials,
  containerNeeds,
  instanceCredentials,
  instanceNeeds,
} from "./machine.ts";
import { environmentKeys, profileKeys } from "./keys.ts";
import { processNeeds, runCredentialProcess } from "./process.ts";
import { assumeRole, roleNeeds } from "./role.ts";
import type { Need } from "../../../permissions.ts";
import type { ProfileQuery, Search, SourceQuery } from "../search.ts";
import { loginCredentials, loginNeeds } from "./login.ts";
import { ssoCredentials, ssoNeeds } from "./sso.ts";
import { shellWords } from "../../shared_files/shell_words.ts";
import type { Settings } from "../../shared_files/settings.ts";
import type { Credentials } from "../types.ts";

/** STS's own limit. */
const MIN_ARN_LENGTH = 20;

const SESSION_SECONDS = { min: 900, max: 43_200 };

type FileSearch = Search & Pick<ProfileQuery, "files">;

type ProfileSearch = Search & ProfileQuery;

/** A way of a profile to credentials. */
interface Way {
  /** Those that say whose the credentials are, the most telling one first. */
  readonly settings: readonly string[];
  /** The one file in which they count. */
  readonly from?: "inConfig" | "inCredentials";
  load(of: ProfileSearch, profile: Profile): Credentials | Promise<Credentials>;
  needs(query: ProfileQuery): Need[];
}

const KEYS = [
  "aws_access_key_id",
  "aws_secret_access_key",
  "aws_session_token",
  "aws_security_token",
];

/** The ways, in the order in which they count. */
const TABLE = {
  "role": {
    settings: [
      "role_arn",
      "source_profile",
      "credential_source",
      "external_id",
      "role_session_name",
    ],
    load: profileRole,
    needs: profileRoleNeeds,
  },
  "web identity": {
    settings: ["web_identity_token_file", "role_arn", "role_session_name"],
    load(search) {
      const sessionName = search.settings.get("role_session_name");
      const { session } = search;
      const role = { roleArn: roleArnOf(search), sessionName, session };
      const tokenFile = textOf(search, "web_identity_token_file");
      return assumeRole(search, role, tokenFile);
    },
    needs(query) {
      const tokenFile = textOf(query, "web_identity_token_file");
      const roleArn = textOf(query, "role_arn");
      return roleNeeds(query, { roleArn }, tokenFile);
    },
  },
  "SSO": {
    settings: [
      "sso_account_id",
      "sso_role_name",
      "sso_session",
      "sso_start_url",
      "sso_region",
    ],
    load: ssoCredentials,
    needs: ssoNeeds,
  },
  "credentials file": keysOf("inCredentials"),
  "login": {
    settings: ["login_session"],
    load: loginCredentials,
    needs: loginNeeds,
  },
  "credential process": {
    settings: ["credential_process"],
    load: (search) =>
      runCredentialProcess(search, textOf(search, "credential_process")),
    needs: (query) => processNeeds(textOf(query, "credential_process")),
  },
  "config file": keysOf("inConfig"),
} satisfies { readonly [way: string]: Way };

export type ProfileWay = keyof typeof TABLE;

export const WAYS: { readonly [way in ProfileWay]: Way } = TABLE;

function keysOf(from: "inConfig" | "inCredentials"): Way {
  const load: Way["load"] = (search, profile) =>
    profileKeys(search, profile[from]);
  return { settings: KEYS, from, load, needs: () => [] };
}

function textOf({ settings }: ProfileQuery, name: string): string {
  return settings.get(name) ?? "";
}

const hasKeys = (settings: Settings): boolean =>
  settings.has("aws_access_key_id") || settings.has("aws_secret_access_key");

/**
 * The way of a profile that counts; `undefined` if it has none.
 *
 * @param isSource As the source of a role, a profile's keys come before its own
 * role: it may then be its own source.
 */
export function profileWay(
  { settings, inConfig, inCredentials }: Profile,
  isSource = false,
): ProfileWay | undefined {
  const isRole = settings.has("role_arn") &&
    !settings.has("web_identity_token_file");
  if (isRole && !(isSource && hasKeys(settings))) return "role";
  if (settings.get("web_identity_token_file")) return "web identity";
  if (settings.has("sso_account_id") || settings.has("sso_role_name")) {
    return "SSO";
  }
  if (hasKeys(inCredentials)) return "credentials file";
  if (settings.has("login_session")) return "login";
  if (settings.has("credential_process")) return "credential process";
  return hasKeys(inConfig) ? "config file" : undefined;
}

/** The credentials of a profile, unless it says nothing of them. */
export async function profileCredentials(
  given: FileSearch,
  name: string,
  seen: readonly string[] = [],
): Promise<Credentials | undefined> {
  const profile = given.files.profiles.get(name);
  if (profile === undefined) throw profileMissing(given, name, seen);
  const { settings } = profile;
  const source = `profile "${name}"`;
  const { inUse = settings } = given;
  const search = { ...given, source, name, settings, inUse, seen };
  for (const secret of KEYS.slice(1)) {
    search.redactor.addCredential(settings.get(secret));
  }
  // A profile with keys may be the source of its own role, and of no other's.
  const isOwn = seen.at(-1) === name && hasKeys(settings);
  if (seen.includes(name) && !isOwn) {
    const circle = [...seen, name].join(" → ");
    throw search.failed(`source_profile goes in a circle: ${circle}`);
  }
  const way = profileWay(profile, seen.length > 0);
  return way && await WAYS[way].load(search, profile);
}

/** The permissions for that; `undefined` if there is nothing to ask. */
export function profileNeeds(
  query: SourceQuery,
  files: SharedFiles,
  name: string,
  seen: readonly string[] = [],
): Need[] | undefined {
  const profile = files.profiles.get(name);
  const way = profile && profileWay(profile, seen.length > 0);
  if (profile === undefined || way === undefined) return undefined;
  if (way === "role" && seen.includes(name)) return undefined;
  const { settings } = profile;
  const { inUse = settings } = query;
  return WAYS[way].needs({ ...query, files, name, settings, inUse, seen });
}

function profileRoleNeeds(query: ProfileQuery): Need[] {
  const { name, files, seen } = query;
  const kind = textOf(query, "credential_source");
  const from = textOf(query, "source_profile");
  const base = kind === "EcsContainer"
    ? containerNeeds(query)
    : kind === "Ec2InstanceMetadata"
    ? instanceNeeds(query)
    : profileNeeds(query, files, from, [...seen, name]);
  const roleArn = textOf(query, "role_arn");
  return [...roleNeeds(query, { roleArn }), ...base ?? []];
}

/** STS would be asked three times for no ARN. */
function roleArnOf(search: ProfileSearch): string {
  const { settings } = search;
  const roleArn = settings.get("role_arn") ?? "";
  if (roleArn.length >= MIN_ARN_LENGTH) return roleArn;
  throw search.unclear(
    settings.has("role_arn")
      ? `role_arn (${settings.origin("role_arn")}) is no ARN of a role`
      : "web_identity_token_file is set, role_arn is not",
  );
}

async function profileRole(search: ProfileSearch): Promise<Credentials> {
  const { name, settings } = search;
  const role = {
    roleArn: roleArnOf(search),
    sessionName: settings.get("role_session_name"),
    externalId: settings.get("external_id"),
    durationSeconds: durationOf(search),
    session: search.session,
  };
  if (settings.has("mfa_serial")) {
    const words = ["aws", "configure", "export-credentials", "--profile", name];
    const run = shellWords(words);
    throw search.failed(
      "the role asks for an MFA code, and there is no one here to type it: " +
        `put \`${run}\` behind a credential_process, or its output into the ` +
        "environment",
      { run },
    );
  }
  // Only the last role of a chain is bound: those before have to assume it.
  const source = await sourceOf({ ...search, session: undefined });
  return await assumeRole(search, role, source);
}

/**
 * How long the role's session lasts, as Python's `int` reads it: the AWS CLI
 * leaves out what that refuses, and does not ask for less than 15 minutes.
 */
function durationOf(search: ProfileSearch): number | undefined {
  const { settings } = search;
  const text = settings.get("duration_seconds") ?? "";
  if (!/^\s*[+-]?\d+(?:_\d+)*\s*$/.test(text)) return undefined;
  const seconds = Number(text.replaceAll("_", ""));
  const { min, max } = SESSION_SECONDS;
  if (seconds >= min && seconds <= max) return seconds;
  const place = `duration_seconds (${settings.origin("duration_seconds")})`;
  throw search.unclear(`${place} must be from ${min} to ${max}`);
}

async function sourceOf(search: ProfileSearch): Promise<Credentials> {
  const { name, settings, seen } = search;
  const from = settings.get("source_profile");
  const kind = settings.get("credential_source");
  if ((from === undefined) === (kind === undefined)) {
    throw search.failed(
      "role_arn needs either source_profile or credential_source, and not both",
    );
  }
  if (from !== undefined) {
    const base = await profileCredentials(search, from, [...seen, name]);
    if (base !== undefined) return base;
    const what = `its source_profile "${from}" has no credentials`;
    throw search.unclear(what);
  }
  const as = (source: string) => ({ ...search, source });
  const found = kind === "Environment"
    ? environmentKeys(as("environment"))
    : kind === "EcsContainer"
    ? await containerCredentials(as("container"))
    : kind === "Ec2InstanceMetadata"
    ? await instanceCredentials(as("instance"))
    : "must be Environment, EcsContainer or Ec2InstanceMetadata";
  if (typeof found !== "string") return found;
  throw search.failed(`credential_source ${kind}: ${found}`);
}

function profileMissing(
  given: FileSearch,
  name: string,
  seen: readonly string[],
): Error {
  const { files } = given;
  const parent = seen.at(-1);
  const search = { ...given, source: `profile "${parent ?? name}"` };
  const isIt = parent === undefined;
  const what = isIt ? "it is" : `its source_profile "${name}" is`;
  const outcome = `${what} ${whereNot(files)}`;
  const run = shellWords(["aws", "configure", "--profile", name]);
  const facts = isIt ? { run } : {};
  return files.present.length === 0
    ? search.failed(outcome, facts)
    : search.unclear(outcome, facts);
}
