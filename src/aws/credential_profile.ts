/**
 * Credentials of a profile of the shared files, by whatever way it names.
 *
 * A profile may name more than one. The order is the AWS CLI's: a role, a web
 * identity, SSO, keys in the credentials file, a console login, a program, keys
 * in the config file.
 *
 * @module
 */

import type { Settings, SharedFiles } from "./credential_files.ts";
import {
  containerCredentials,
  type InstanceMetadata,
} from "./credential_host.ts";
import { environmentKeys, profileKeys } from "./credential_keys.ts";
import { runCredentialProcess } from "./credential_process.ts";
import { assumeRole, assumeRoleWithToken } from "./credential_role.ts";
import { type Search, sourceFailed } from "./credential_search.ts";
import { loginCredentials, ssoCredentials } from "./credential_session.ts";
import type { Credentials } from "./credentials.ts";

/** How many profiles an error lists. */
const MAX_LISTED = 20;

/** A search that has come to the shared files. */
export interface ProfileSearch extends Search {
  readonly files: SharedFiles;
  readonly instance: InstanceMetadata;
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
  const { settings } = profile;
  for (const secret of ["aws_secret_access_key", "aws_session_token"]) {
    search.redactor.addCredential(settings.get(secret));
  }
  if (seen.length > 0) {
    // As a source, a profile's keys come before its own role: it may then be
    // its own source.
    const keys = profileKeys(search, source, profile, "settings");
    if (keys !== undefined) return keys;
  }
  if (seen.includes(name)) {
    throw sourceFailed(
      search,
      source,
      `source_profile goes in a circle: ${[...seen, name].join(" → ")}`,
    );
  }
  const roleArn = settings.get("role_arn");
  const tokenFile = settings.get("web_identity_token_file");
  if (roleArn !== undefined && tokenFile === undefined) {
    return await roleOf(search, name, roleArn, settings, seen);
  }
  if (roleArn !== undefined && tokenFile !== undefined) {
    return await assumeRoleWithToken(
      search,
      source,
      { roleArn, sessionName: settings.get("role_session_name") },
      tokenFile,
      { profile: settings, services: search.files.services },
    );
  }
  if (settings.has("sso_account_id") || settings.has("sso_role_name")) {
    return await ssoCredentials(search, source, name, search.files);
  }
  const keys = profileKeys(search, source, profile, "inCredentials");
  if (keys !== undefined) return keys;
  const loginSession = settings.get("login_session");
  if (loginSession !== undefined) {
    return await loginCredentials(
      search,
      source,
      name,
      loginSession,
      search.files,
    );
  }
  const command = settings.get("credential_process");
  if (command !== undefined) {
    return await runCredentialProcess(search, source, command);
  }
  return profileKeys(search, source, profile, "settings");
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
    const run = `aws configure export-credentials --profile ${name}`;
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
    throw sourceFailed(
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
  const { paths, faults } = search.files;
  const parent = seen.at(-1);
  const asked = parent === undefined
    ? `profile "${name}"`
    : `profile "${parent}"`;
  const what = parent === undefined
    ? "it is"
    : `its source_profile "${name}" is`;
  return sourceFailed(
    search,
    asked,
    [
      `${what} neither in ${paths.config} nor in ${paths.credentials}`,
      listProfiles(search.files),
      ...faults,
    ].join("; "),
    parent === undefined ? { run: `aws configure --profile ${name}` } : {},
  );
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
