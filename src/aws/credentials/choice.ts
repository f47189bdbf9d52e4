/**
 * Whose the credentials are, as the shared files told it, kept from one search
 * to the next: an identity is not left for another because a file is empty or
 * cut for a moment.
 *
 * @module
 */

import type { SharedFiles } from "../shared_files/shared_files.ts";
import { profileWay, WAY_SETTINGS } from "./sources/profile.ts";
import { type Failing, profileUnclear, sourceFailed } from "./search.ts";
import type { Setting, Settings } from "../shared_files/settings.ts";

/** A setting that says whose the credentials are, and where it stands. */
interface Defining extends Setting {
  readonly section: "profiles" | "ssoSessions";
  readonly of: string;
  readonly name: string;
}

/** The source of credentials, as far as it is in the shared files. */
export interface Choice {
  readonly files?: SharedFiles;
  /** Those of the profile, of its SSO session and of its source profiles. */
  readonly defining: readonly Defining[];
}

/** The choice of a source that is not in the shared files. */
export const NOT_OF_FILES: Choice = { defining: [] };

/** What the profile comes to, before anything of it is asked. */
export function choiceOf(files: SharedFiles | undefined, name: string): Choice {
  if (files === undefined) return NOT_OF_FILES;
  return { files, defining: definingSettings(files, name, []) };
}

/** The choice of a web identity of the environment with the profile's role. */
export function roleChoice(
  files: SharedFiles | undefined,
  name: string,
): Choice {
  const settings = files?.profiles.get(name)?.settings;
  return { files, defining: settingsOf(settings, name, ["role_arn"]) };
}

function definingSettings(
  files: SharedFiles,
  name: string,
  seen: readonly string[],
): Defining[] {
  const profile = files.profiles.get(name);
  const way = profile && profileWay(profile, seen.length > 0);
  if (profile === undefined || way === undefined) return [];
  const { settings, inConfig, inCredentials } = profile;
  const own = way === "credentials file"
    ? inCredentials
    : way === "config file"
    ? inConfig
    : settings;
  const defining = settingsOf(own, name, WAY_SETTINGS[way]);
  if (way === "SSO") {
    const session = settings.get("sso_session") ?? "";
    const shared = files.ssoSessions.get(session);
    defining.push(
      ...settingsOf(shared, session, WAY_SETTINGS.SSO, "ssoSessions"),
    );
  }
  const from = way === "role" ? settings.get("source_profile") : undefined;
  if (from === undefined || seen.includes(name)) return defining;
  return [...defining, ...definingSettings(files, from, [...seen, name])];
}

function settingsOf(
  settings: Settings | undefined,
  of: string,
  names: readonly string[],
  section: Defining["section"] = "profiles",
): Defining[] {
  return names.flatMap((name) => {
    const setting = settings?.find(name);
    return setting === undefined ? [] : [{ ...setting, section, of, name }];
  });
}

/**
 * A file that is emptied or cut, be it for the moment of a rewrite, must not
 * hand the requests to another identity: what defined the one in use is still
 * there, or the same file defines a new one.
 *
 * @throws {CredentialsError} A file says less than it did.
 */
export function demandNoLess(
  search: Failing,
  files: SharedFiles,
  earlier: Choice,
  now: Choice,
): void {
  const renewed = new Set(
    now.defining.filter((setting) => isNew(setting, earlier))
      .map(({ path }) => path),
  );
  const lost = earlier.defining
    .filter((setting) => !isThere(setting, files) && !renewed.has(setting.path))
    .map(({ path }) => path);
  if (lost.length === 0) return;
  const where = [...new Set(lost)].join(" and ");
  const outcome = `its credentials are no longer in ${where}: put them back, ` +
    "or restart for another source";
  throw lost.some((path) => !files.present.includes(path))
    ? sourceFailed(search, outcome)
    : profileUnclear(search, outcome);
}

/** Where it stood, or with the same value elsewhere. */
function isThere(before: Defining, files: SharedFiles): boolean {
  const now = inItsFile(before, files);
  if (now !== undefined) return !isCut(now, before);
  const { section, of, name } = before;
  const settings = section === "profiles"
    ? files.profiles.get(of)?.settings
    : undefined;
  return settings?.find(name)?.value === before.value;
}

function isNew(now: Defining, { files }: Choice): boolean {
  const before = files && inItsFile(now, files);
  return before === undefined ||
    before.value !== now.value && !isCut(now, before);
}

/** The file ends in the midst of what the setting said before. */
function isCut({ value, isOpen }: Setting, before: Setting): boolean {
  return isOpen && typeof value === "string" &&
    typeof before.value === "string" && value !== before.value &&
    before.value.startsWith(value);
}

function inItsFile(
  { section, of, name, path }: Defining,
  files: SharedFiles,
): Setting | undefined {
  if (section === "ssoSessions") return files.ssoSessions.get(of)?.find(name);
  const profile = files.profiles.get(of);
  return [profile?.inCredentials, profile?.inConfig]
    .map((settings) => settings?.find(name))
    .find((setting) => setting?.path === path);
}
