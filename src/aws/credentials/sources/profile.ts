/**
 * Credentials of a profile of the shared files, by whatever way it names.
 *
 * A profile may name more than one. The order is the AWS CLI's: a role, a web
 * identity, SSO, keys in the credentials file, a console login, a program, keys
 * in the config file.
 *
 * @module
 */

import type {
  Profile,
  Settings,
  SharedFiles,
} from "../../shared_files/shared_files.ts";
import {
  containerCredentials,
  containerNeeds,
  type InstanceMetadata,
  instanceNeeds,
} from "./host.ts";
import { environmentKeys, profileKeys } from "./keys.ts";
import { processNeeds, runCredentialProcess } from "./process.ts";
import { assumeRole, assumeRoleWithToken, roleNeeds } from "./role.ts";
import type { Need } from "../permissions.ts";
import {
  profileUnclear,
  type Search,
  sourceFailed,
  type SourceQuery,
} from "../search.ts";
import { loginCredentials, loginNeeds } from "./login.ts";
import { ssoCredentials, ssoNeeds } from "./session.ts";
import { shellWords } from "../../../shell_words.ts";
import type { Credentials } from "../credentials.ts";

const SECRETS = [
  "aws_secret_access_key",
  "aws_session_token",
  "aws_security_token",
];

/** How many profiles an error lists. */
const MAX_LISTED = 20;

/** A search that has come to the shared files. */
export interface ProfileSearch extends Search {
  readonly files: SharedFiles;
  readonly instance: InstanceMetadata;
}

/** The ways of a profile to credentials, in the order in which they count. */
export const PROFILE_WAYS = [
  "role",
  "web identity",
  "SSO",
  "credentials file",
  "login",
  "credential process",
  "config file",
] as const;

/** One of them. */
export type ProfileWay = typeof PROFILE_WAYS[number];

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
 * @param search What the search shares.
 * @param name The profile.
 * @param seen The profiles that led here, for a chain of roles.
 * @returns `undefined` if the profile says nothing of credentials.
 * @throws {CredentialsError} There is no such profile, or its way fails.
 */
export async function profileCredentials(
  search: ProfileSearch,
  name: string,
  seen: readonly string[] = [],
): Promise<Credentials | undefined> {
  const source = `profile "${name}"`;
  const profile = search.files.profiles.get(name);
  if (profile === undefined) throw profileMissing(search, name, seen);
  const { settings, inConfig, inCredentials } = profile;
  for (const secret of SECRETS) {
    search.redactor.addCredential(settings.get(secret));
  }
  const way = profileWay(profile, seen.length > 0);
  if (way === "role" && seen.includes(name)) {
    throw sourceFailed(
      search,
      source,
      `source_profile goes in a circle: ${[...seen, name].join(" → ")}`,
    );
  }
  const text = (setting: string) => settings.get(setting) ?? "";
  switch (way) {
    case "role":
      return await roleOf(search, name, text("role_arn"), settings, seen);
    case "web identity":
      if (text("role_arn") === "") {
        throw profileUnclear(
          search,
          source,
          "web_identity_token_file is set, role_arn is not",
        );
      }
      return await assumeRoleWithToken(
        search,
        source,
        {
          roleArn: text("role_arn"),
          sessionName: settings.get("role_session_name"),
        },
        text("web_identity_token_file"),
        { profile: settings, services: search.files.services },
      );
    case "SSO":
      return await ssoCredentials(search, source, name, search.files);
    case "credentials file":
      return profileKeys(search, source, inCredentials);
    case "login": {
      const session = text("login_session");
      return await loginCredentials(
        search,
        source,
        name,
        session,
        search.files,
      );
    }
    case "credential process":
      return await runCredentialProcess(
        search,
        source,
        text("credential_process"),
      );
    case "config file":
      return profileKeys(search, source, inConfig);
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

async function roleOf(
  search: ProfileSearch,
  name: string,
  roleArn: string,
  settings: Settings,
  seen: readonly string[],
): Promise<Credentials> {
  const source = `profile "${name}"`;
  if (settings.has("mfa_serial")) {
    const run = shellWords(
      ["aws", "configure", "export-credentials", "--profile", name],
    );
    throw sourceFailed(
      search,
      source,
      "the role asks for an MFA code, and there is no one here to type it: " +
        `put \`${run}\` behind a credential_process, or its output into the ` +
        "environment",
      { run },
    );
  }
  const base = await sourceOf(search, name, settings, seen);
  const seconds = Number(settings.get("duration_seconds") ?? NaN);
  return await assumeRole(
    search,
    source,
    {
      roleArn,
      sessionName: settings.get("role_session_name"),
      externalId: settings.get("external_id"),
      durationSeconds: Number.isInteger(seconds) ? seconds : undefined,
    },
    base,
    { profile: settings, services: search.files.services },
  );
}

async function sourceOf(
  search: ProfileSearch,
  name: string,
  settings: Settings,
  seen: readonly string[],
): Promise<Credentials> {
  const source = `profile "${name}"`;
  const from = settings.get("source_profile");
  const kind = settings.get("credential_source");
  if ((from === undefined) === (kind === undefined)) {
    throw sourceFailed(
      search,
      source,
      "role_arn needs either source_profile or credential_source, and not both",
    );
  }
  if (from !== undefined) {
    const base = await profileCredentials(search, from, [...seen, name]);
    if (base !== undefined) return base;
    throw profileUnclear(
      search,
      source,
      `its source_profile "${from}" has no credentials`,
    );
  }
  const none = (outcome: string) =>
    sourceFailed(search, source, `credential_source ${kind}: ${outcome}`);
  switch (kind) {
    case "Environment": {
      const keys = environmentKeys(search);
      if (keys !== undefined) return keys;
      throw none("AWS_ACCESS_KEY_ID is not set");
    }
    case "EcsContainer": {
      const found = await containerCredentials(search);
      if (found !== undefined) return found;
      throw none("no AWS_CONTAINER_CREDENTIALS_… variable is set");
    }
    case "Ec2InstanceMetadata": {
      const found = await search.instance.credentials(search, settings);
      if ("accessKeyId" in found) return found;
      throw none(found.outcome);
    }
    default:
      throw none("must be Environment, EcsContainer or Ec2InstanceMetadata");
  }
}

function profileMissing(
  search: ProfileSearch,
  name: string,
  seen: readonly string[],
): Error {
  const { present } = search.files;
  const parent = seen.at(-1);
  const asked = parent === undefined
    ? `profile "${name}"`
    : `profile "${parent}"`;
  const what = parent === undefined
    ? "it is"
    : `its source_profile "${name}" is`;
  const outcome = `${what} ${whereNot(search.files)}`;
  const facts = parent === undefined
    ? { run: shellWords(["aws", "configure", "--profile", name]) }
    : {};
  return present.length === 0
    ? sourceFailed(search, asked, outcome, facts)
    : profileUnclear(search, asked, outcome, facts);
}

/** Where a profile is not, and which there are; completes "it is …". */
export function whereNot(files: SharedFiles): string {
  const { paths, ignored } = files;
  return [
    `neither in ${paths.config} nor in ${paths.credentials}`,
    listProfiles(files),
    ...ignored,
  ].join("; ");
}

/** Which profiles there are, for a person who named another. */
export function listProfiles({ profiles }: SharedFiles): string {
  const names = [...profiles.keys()].sort();
  if (names.length === 0) return "there are no profiles";
  const more = names.length - MAX_LISTED;
  return `there are: ${names.slice(0, MAX_LISTED).join(", ")}${
    more > 0 ? ` and ${more} more` : ""
  }`;
}
