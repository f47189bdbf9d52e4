/**
 * Credentials of a profile of the shared files, by whatever way it names.
 *
 * A profile may name more than one. The order is the AWS CLI's: a role, a web
 * identity, SSO, keys in the credentials file, a console login, a program, keys
 * in the config file.
 *
 * @module
 */

import {
  type Profile,
  type SharedFiles,
  whereNot,
} from "../../shared_files/shared_files.ts";
import { containerCredentials, containerNeeds } from "./container.ts";
import { type InstanceMetadata, instanceNeeds } from "./instance.ts";
import { environmentKeys, profileKeys } from "./keys.ts";
import { processNeeds, runCredentialProcess } from "./process.ts";
import { assumeRole, roleNeeds } from "./role.ts";
import type { Need } from "../../../permissions.ts";
import {
  profileUnclear,
  type Search,
  sourceFailed,
  type SourceQuery,
} from "../search.ts";
import { loginCredentials, loginNeeds } from "./login.ts";
import { ssoCredentials, ssoNeeds } from "./sso.ts";
import { shellWords } from "../../../shell_words.ts";
import type { Settings } from "../../shared_files/settings.ts";
import type { Credentials } from "../types.ts";

/** STS's own limit. */
const MIN_ARN_LENGTH = 20;

/** A search that has come to the shared files. */
export interface ProfileSearch extends Search {
  readonly files: SharedFiles;
  readonly instance: InstanceMetadata;
}

const KEYS = [
  "aws_access_key_id",
  "aws_secret_access_key",
  "aws_session_token",
  "aws_security_token",
];

/**
 * The ways of a profile to credentials, in the order in which they count, and
 * the settings that say whose these are, the most telling one first.
 */
export const WAY_SETTINGS = {
  "role": [
    "role_arn",
    "source_profile",
    "credential_source",
    "external_id",
    "role_session_name",
  ],
  "web identity": ["web_identity_token_file", "role_arn", "role_session_name"],
  "SSO": [
    "sso_account_id",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "sso_region",
  ],
  "credentials file": KEYS,
  "login": ["login_session"],
  "credential process": ["credential_process"],
  "config file": KEYS,
} as const satisfies Record<string, readonly string[]>;

/** One of them. */
export type ProfileWay = keyof typeof WAY_SETTINGS;

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

/**
 * The credentials of a profile.
 *
 * @returns `undefined` if the profile says nothing of credentials.
 */
export async function profileCredentials(
  given: ProfileSearch,
  name: string,
  seen: readonly string[] = [],
): Promise<Credentials | undefined> {
  const search = { ...given, source: `profile "${name}"` };
  const { files } = search;
  const profile = files.profiles.get(name);
  if (profile === undefined) throw profileMissing(search, name, seen);
  const { settings, inConfig, inCredentials } = profile;
  for (const secret of KEYS.slice(1)) {
    search.redactor.addCredential(settings.get(secret));
  }
  // A profile with keys may be the source of its own role, and of no other's.
  const isOwn = seen.at(-1) === name && hasKeys(settings);
  if (seen.includes(name) && !isOwn) {
    const circle = [...seen, name].join(" → ");
    throw sourceFailed(search, `source_profile goes in a circle: ${circle}`);
  }
  const text = (setting: string) => settings.get(setting) ?? "";
  switch (profileWay(profile, seen.length > 0)) {
    case "role":
      return await profileRole(search, name, settings, seen);
    case "web identity": {
      const tokenFile = text("web_identity_token_file");
      const role = {
        roleArn: roleArnOf(search, settings),
        sessionName: settings.get("role_session_name"),
      };
      const endpoints = { profile: settings, services: files.services };
      return await assumeRole(search, role, tokenFile, endpoints);
    }
    case "SSO":
      return await ssoCredentials(search, name, files);
    case "credentials file":
      return profileKeys(search, inCredentials);
    case "login":
      return await loginCredentials(search, name, text("login_session"), files);
    case "credential process":
      return await runCredentialProcess(search, text("credential_process"));
    case "config file":
      return profileKeys(search, inConfig);
    case undefined:
      return undefined;
  }
}

/** The permissions for that; `undefined` if there is nothing to ask. */
export function profileNeeds(
  query: SourceQuery,
  files: SharedFiles,
  name: string,
  seen: readonly string[] = [],
): Need[] | undefined {
  const profile = files.profiles.get(name);
  if (profile === undefined) return undefined;
  const { settings } = profile;
  const endpoints = { profile: settings, services: files.services };
  const text = (setting: string) => settings.get(setting) ?? "";
  switch (profileWay(profile, seen.length > 0)) {
    case "role": {
      if (seen.includes(name)) return undefined;
      const kind = settings.get("credential_source");
      const base = kind === "EcsContainer"
        ? containerNeeds(query)
        : kind === "Ec2InstanceMetadata"
        ? instanceNeeds(query, settings)
        : profileNeeds(query, files, text("source_profile"), [...seen, name]);
      const own = roleNeeds(query, text("role_arn"), endpoints);
      return [...own, ...base ?? []];
    }
    case "web identity": {
      const tokenFile = text("web_identity_token_file");
      return roleNeeds(query, text("role_arn"), endpoints, tokenFile);
    }
    case "SSO":
      return ssoNeeds(query, settings, files);
    case "login":
      return loginNeeds(query, settings, files);
    case "credential process":
      return processNeeds(text("credential_process"));
    case "credentials file":
    case "config file":
      return [];
    case undefined:
      return undefined;
  }
}

/** STS would be asked three times for no ARN. */
function roleArnOf(search: Search, settings: Settings): string {
  const roleArn = settings.get("role_arn");
  if (roleArn === undefined) {
    const what = "web_identity_token_file is set, role_arn is not";
    throw profileUnclear(search, what);
  }
  if (roleArn.length >= MIN_ARN_LENGTH) return roleArn;
  const what = `role_arn (${settings.origin("role_arn")}) is no ARN of a role`;
  throw profileUnclear(search, what);
}

async function profileRole(
  search: ProfileSearch,
  name: string,
  settings: Settings,
  seen: readonly string[],
): Promise<Credentials> {
  const role = {
    roleArn: roleArnOf(search, settings),
    sessionName: settings.get("role_session_name"),
    externalId: settings.get("external_id"),
    durationSeconds: secondsIn(settings.get("duration_seconds")),
  };
  if (settings.has("mfa_serial")) {
    const words = ["aws", "configure", "export-credentials", "--profile", name];
    const run = shellWords(words);
    throw sourceFailed(
      search,
      "the role asks for an MFA code, and there is no one here to type it: " +
        `put \`${run}\` behind a credential_process, or its output into the ` +
        "environment",
      { run },
    );
  }
  const base = await sourceOf(search, name, settings, seen);
  const { services } = search.files;
  return await assumeRole(search, role, base, { profile: settings, services });
}

/** As Python's `int` reads it; the AWS CLI leaves out what that refuses. */
function secondsIn(text = ""): number | undefined {
  if (!/^\s*[+-]?\d+(?:_\d+)*\s*$/.test(text)) return undefined;
  return Number(text.replaceAll("_", ""));
}

async function sourceOf(
  search: ProfileSearch,
  name: string,
  settings: Settings,
  seen: readonly string[],
): Promise<Credentials> {
  const from = settings.get("source_profile");
  const kind = settings.get("credential_source");
  if ((from === undefined) === (kind === undefined)) {
    throw sourceFailed(
      search,
      "role_arn needs either source_profile or credential_source, and not both",
    );
  }
  if (from !== undefined) {
    const base = await profileCredentials(search, from, [...seen, name]);
    if (base !== undefined) return base;
    const what = `its source_profile "${from}" has no credentials`;
    throw profileUnclear(search, what);
  }
  const as = (source: string) => ({ ...search, source });
  const found = kind === "Environment"
    ? environmentKeys(as("environment"))
    : kind === "EcsContainer"
    ? await containerCredentials(as("container"))
    : kind === "Ec2InstanceMetadata"
    ? await search.instance.credentials(as("instance"), settings)
    : "must be Environment, EcsContainer or Ec2InstanceMetadata";
  if (typeof found !== "string") return found;
  throw sourceFailed(search, `credential_source ${kind}: ${found}`);
}

function profileMissing(
  { redactor, files }: ProfileSearch,
  name: string,
  seen: readonly string[],
): Error {
  const parent = seen.at(-1);
  const search = { redactor, source: `profile "${parent ?? name}"` };
  const what = parent === undefined
    ? "it is"
    : `its source_profile "${name}" is`;
  const outcome = `${what} ${whereNot(files)}`;
  const run = shellWords(["aws", "configure", "--profile", name]);
  const facts = parent === undefined ? { run } : {};
  return files.present.length === 0
    ? sourceFailed(search, outcome, facts)
    : profileUnclear(search, outcome, facts);
}
