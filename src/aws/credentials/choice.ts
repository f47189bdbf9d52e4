/**
 * Whose the credentials are, as the shared files told it, kept from one search
 * to the next: an identity is not left for another because a file is empty or
 * cut for a moment.
 */

import type { SharedFiles } from "../shared_files/shared_files.ts";
import type { ReadEnv } from "../shared_files/paths.ts";
import { type ProfileWay, profileWay, WAYS } from "./sources/profile.ts";
import type { Search } from "./search.ts";
import type { Setting, Settings } from "../shared_files/settings.ts";

/** A setting that says whose the credentials are, and where it stands. */
interface Defining extends Setting {
  readonly section: "profiles" | "ssoSessions";
  readonly of: string;
  readonly name: string;
}

/** The role of a web identity that the environment names. */
type Way = ProfileWay | "environment role";

interface Identity {
  readonly of: string;
  /** As the source of a role, it may come to something else. */
  readonly isSource: boolean;
  /** `undefined` if it says nothing of credentials, or is not there. */
  readonly way?: Way;
  /** Those of the profile and of its SSO session. */
  readonly defining: readonly Defining[];
}

/** The source of credentials, as far as it is in the shared files. */
export interface Choice {
  readonly files: SharedFiles;
  /** The profile's, and those of its source profiles. */
  readonly identities: readonly Identity[];
}

/** Where a profile's say in a web identity of the environment ends. */
const ROLE_VARIABLES = [
  ["role_arn", "AWS_ROLE_ARN"],
  ["role_session_name", "AWS_ROLE_SESSION_NAME"],
];

/** The settings of all ways: one that is gone may have ruled out another way. */
const ALL_SETTINGS = [
  ...new Set(Object.values(WAYS).flatMap(({ settings }) => settings)),
];

/**
 * What the profile comes to, before anything of it is asked.
 *
 * @param env The environment, where that names a web identity: of the profile
 * counts what it adds to it.
 */
export function choiceOf(
  files: SharedFiles,
  name: string,
  env?: ReadEnv,
): Choice {
  if (env === undefined) {
    return { files, identities: identitiesOf(files, name) };
  }
  const names = ROLE_VARIABLES
    .flatMap(([name, variable]) => env(variable) === undefined ? [name] : []);
  const { settings } = files.profiles.get(name) ?? {};
  const defining = settingsOf(settings, name, names);
  const way = "environment role";
  return { files, identities: [{ of: name, isSource: false, way, defining }] };
}

function identitiesOf(
  files: SharedFiles,
  name: string,
  seen: readonly string[] = [],
): Identity[] {
  const isSource = seen.length > 0;
  const profile = files.profiles.get(name);
  const way = profile && profileWay(profile, isSource);
  if (profile === undefined || way === undefined) {
    return [{ of: name, isSource, defining: [] }];
  }
  const { settings } = profile;
  const own = profile[WAYS[way].from ?? "settings"];
  const defining = settingsOf(own, name, WAYS[way].settings);
  if (way === "SSO") {
    const session = settings.get("sso_session") ?? "";
    const shared = files.ssoSessions.get(session);
    const names = WAYS.SSO.settings;
    defining.push(...settingsOf(shared, session, names, "ssoSessions"));
  }
  const identity = { of: name, isSource, way, defining };
  const from = way === "role" ? settings.get("source_profile") : undefined;
  if (from === undefined || seen.includes(name)) return [identity];
  return [identity, ...identitiesOf(files, from, [...seen, name])];
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
 * there, in each profile that it comes from, or that profile defines a new one.
 */
export function demandNoLess(
  search: Search,
  files: SharedFiles,
  earlier: Choice,
  now: Choice,
): void {
  const lost = earlier.identities
    .flatMap((before) => lostOf(before, earlier, files, now))
    .map(({ path }) => path);
  if (lost.length === 0) return;
  const where = [...new Set(lost)].join(" and ");
  const outcome = `its credentials are no longer in ${where}: put them back, ` +
    "or restart for another source";
  throw lost.some((path) => !files.present.includes(path))
    ? search.failed(outcome)
    : search.unclear(outcome);
}

function lostOf(
  before: Identity,
  earlier: Choice,
  files: SharedFiles,
  { identities }: Choice,
): Defining[] {
  const { of, isSource, way, defining } = before;
  const now = identities.find((other) =>
    other.of === of && other.isSource === isSource
  );
  // The profile that named it as its source names another one, or is faulty.
  if (now === undefined || isRenewed(now, before, earlier)) return [];
  const others = now.way === way
    ? []
    : settingsOf(earlier.files.profiles.get(of)?.settings, of, ALL_SETTINGS);
  return [...defining, ...others]
    .filter((setting) => !isThere(setting, files, now));
}

/**
 * Whether a profile has a new value for its way's main setting. For another way
 * than before it has to be new in the file, since a cut file keeps the old ones.
 */
function isRenewed(now: Identity, { way }: Identity, { files }: Choice) {
  if (now.way === undefined) return false;
  const telling = now.way === "environment role"
    ? "role_arn"
    : WAYS[now.way].settings[0];
  const setting = now.defining.find(({ name }) => name === telling);
  if (setting === undefined) return false;
  const before = inItsFile(setting, files);
  if (before === undefined) return true;
  return now.way === way && before.value !== setting.value &&
    !isCut(setting, before);
}

/** Where it stood, or with the same value elsewhere. */
function isThere(
  before: Defining,
  files: SharedFiles,
  { defining }: Identity,
): boolean {
  const now = inItsFile(before, files);
  if (now !== undefined) return !isCut(now, before);
  const { section, of, name, value } = before;
  const settings = section === "profiles"
    ? files.profiles.get(of)?.settings
    : undefined;
  return settings?.find(name)?.value === value ||
    defining.some((other) => other.name === name && other.value === value);
}

/** The file ends in the midst of what the setting said before. */
function isCut({ value, isLast, isOpen }: Setting, before: Setting): boolean {
  return isLast && typeof value === "string" &&
    typeof before.value === "string" && value !== before.value &&
    before.value.startsWith(isOpen ? value : `${value}\n`);
}

function inItsFile(
  { section, of, name, path }: Defining,
  files: SharedFiles,
): Setting | undefined {
  if (section === "ssoSessions") return files.ssoSessions.get(of)?.find(name);
  const { inCredentials, inConfig } = files.profiles.get(of) ?? {};
  return [inCredentials, inConfig].map((settings) => settings?.find(name))
    .find((setting) => setting?.path === path);
}
