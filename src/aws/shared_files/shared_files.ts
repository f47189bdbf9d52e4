/**
 * The shared files, `~/.aws/config` and `~/.aws/credentials`: what is in them,
 * and what they say beside credentials.
 *
 * The format: AWS SDKs and Tools Reference Guide, "Shared config and
 * credentials files".
 */

import { ConfigError, CredentialsError } from "../../errors.ts";
import { lacking, type Need, notGranted } from "../../permissions.ts";
import { parseConfig, type Section } from "./config_parser.ts";
import {
  envReader,
  expandPath,
  followParents,
  hiddenEnvOf,
  OWN_HOME,
  pathNeed,
  pathVariables,
  PROFILE_VARIABLES,
  profileName,
  profileOfEnv,
  type ReadEnv,
  type SharedPaths,
  sharedPaths,
} from "./paths.ts";
import { Settings, UnclearFilesError } from "./settings.ts";
import { shellSplit } from "./shell_split.ts";

/** A profile as the two files make it up. */
export interface Profile {
  /** Both files' settings; the credentials file wins. */
  readonly settings: Settings;
  readonly inConfig: Settings;
  readonly inCredentials: Settings;
}

export interface SharedFiles {
  readonly paths: SharedPaths;
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly ssoSessions: ReadonlyMap<string, Settings>;
  readonly services: ReadonlyMap<string, Settings>;
  readonly present: readonly string[];
  /** Sections of the config file that are none of these, a sentence each. */
  readonly ignored: readonly string[];
  /** Permissions without which a file could not be looked at. */
  readonly missing: readonly Need[];
}

const NOTHING = new Settings();

const MAX_LISTED = 20;

/**
 * Reads both files, as far as they are there and may be read. `see` is told of
 * each before.
 */
export async function readSharedFiles(
  { config: configPath, credentials: credentialsPath }: SharedPaths,
  see: (path: string) => Promise<void> = () => Promise.resolve(),
): Promise<SharedFiles> {
  const paths = {
    config: followParents(configPath),
    credentials: followParents(credentialsPath),
  };
  const missing = notGranted(fileNeeds(paths));
  const read = async (path: string): Promise<Sections | undefined> => {
    if (notGranted([fileNeed(path)]).length > 0) return undefined;
    await see(path);
    return await readSections(path);
  };
  const config = await read(paths.config);
  const credentials = await read(paths.credentials);
  const ignored: string[] = [];
  const kinds: Record<string, Map<string, Settings>> = {
    profile: new Map(),
    "sso-session": new Map(),
    services: new Map(),
  };
  for (const [title, { settings, line }] of config ?? []) {
    const isDefault = title === "default";
    const kind = isDefault
      ? "profile"
      : Object.keys(kinds).find((kind) => title.startsWith(kind));
    const name = isDefault ? title : nameIn(title);
    if (kind !== undefined && name !== undefined) {
      kinds[kind].set(name, settings);
      continue;
    }
    ignored.push(
      `${paths.config} line ${line}: [${title}] is no profile there, write ` +
        `[profile ${kind === "profile" ? "'NAME'" : title}]`,
    );
  }
  const profiles = new Map<string, Profile>();
  const own = credentials ?? new Map<string, Section>();
  for (const name of [...kinds.profile.keys(), ...own.keys()]) {
    const inConfig = kinds.profile.get(name) ?? NOTHING;
    const inCredentials = own.get(name)?.settings ?? NOTHING;
    const settings = inConfig.under(inCredentials);
    profiles.set(name, { settings, inConfig, inCredentials });
  }
  return {
    paths,
    profiles,
    ssoSessions: kinds["sso-session"],
    services: kinds.services,
    present: [
      ...config === undefined ? [] : [paths.config],
      ...credentials === undefined ? [] : [paths.credentials],
    ],
    ignored,
    missing,
  };
}

export function fileNeeds({ config, credentials }: SharedPaths): Need[] {
  return [...new Set([config, credentials].map(followParents))].map(fileNeed);
}

const fileNeed = (path: string): Need =>
  pathNeed({ kind: "read", value: path, why: "read the shared AWS files" });

type Sections = ReadonlyMap<string, Section>;

/** What is no file counts as not there, as for the AWS CLI. */
async function readSections(path: string): Promise<Sections | undefined> {
  const fail = (what: string) => new UnclearFilesError("shared files", what);
  // There is no home, and the directory that we run in is none.
  if (OWN_HOME.test(path)) return undefined;
  if (path.startsWith("~")) {
    const what = "the home of another user is not looked up: write it out";
    throw fail(`${path}: ${what}`);
  }
  try {
    if (!(await Deno.stat(path)).isFile) return undefined;
    return parseConfig(await Deno.readFile(path), path);
  } catch (error) {
    if (error instanceof UnclearFilesError) throw error;
    const { NotADirectory, NotFound } = Deno.errors;
    if (error instanceof NotFound || error instanceof NotADirectory) {
      return undefined;
    }
    const name = error instanceof Error ? error.name : "Error";
    throw fail(`${path}: cannot be read (${name})`);
  }
}

/** The name in `profile NAME`; quotes count as in a shell. */
function nameIn(title: string): string | undefined {
  try {
    const words = shellSplit(title);
    return words.length === 2 ? words[1] : undefined;
  } catch {
    return undefined;
  }
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

export interface CaBundle {
  readonly path: string;
  readonly from: string;
  /** Whether a profile names it, and no variable. */
  readonly isProfiles?: boolean;
}

/** The profile in use as the files have it, for one look at a setting. */
export async function lookUp(
  profile: string | undefined,
  env: ReadEnv,
  hiddenEnv: (names: readonly string[]) => string[] = () => [],
): Promise<{ files: SharedFiles; settings?: Settings }> {
  const needs = hiddenEnv(pathVariables(env)).map((value): Need => (
    { kind: "env", value, why: "find the shared AWS files" }
  ));
  if (needs.length > 0) {
    throw new UnclearFilesError("shared files", lacking(needs));
  }
  const files = await readSharedFiles(sharedPaths(env));
  const { settings } = files.profiles.get(profileName({ profile, env })) ?? {};
  return { files, settings };
}

/**
 * The certificates that requests are to trust besides the usual ones: the file
 * of AWS_CA_BUNDLE, else the profile's `ca_bundle`, else that of
 * REQUESTS_CA_BUNDLE, as for the AWS CLI.
 *
 * @throws {ConfigError} A shared file cannot be understood.
 */
export async function findCaBundle(
  profile: string | undefined,
  env: ReadEnv,
): Promise<CaBundle | undefined> {
  const given = env("AWS_CA_BUNDLE");
  if (given) return { path: placeOf(given, env), from: "AWS_CA_BUNDLE" };
  const ofProfile = await caBundleOfProfile(profile, env).catch((error) => {
    const what = error.message.slice(error.message.indexOf(": ") + 2);
    throw new ConfigError([`ca_bundle cannot be looked up: ${what}`]);
  });
  if (ofProfile) return ofProfile;
  const from = "REQUESTS_CA_BUNDLE";
  const named = env(from);
  return named ? { path: followParents(named), from } : undefined;
}

async function caBundleOfProfile(
  profile: string | undefined,
  env: ReadEnv,
): Promise<CaBundle | undefined> {
  const found = await lookUp(profile, env).catch((error) => {
    // Without keys in the environment the credentials fail by it, and tell.
    const isTold = profile !== undefined || !env("AWS_ACCESS_KEY_ID");
    if (!isTold || !(error instanceof UnclearFilesError)) throw error;
  });
  const path = found?.settings?.get("ca_bundle");
  if (!path) return undefined;
  const from = `ca_bundle (${found?.settings?.origin("ca_bundle")})`;
  return { path: placeOf(path, env), from, isProfiles: true };
}

function placeOf(path: string, env: ReadEnv): string {
  return followParents(expandPath(path, env));
}

/**
 * The profile in use, the variable that names it (none for `default`, or one
 * asked for outright), and the file and the line of one of its settings.
 */
export async function findProfilePlace(
  profile: string | undefined,
  setting: string,
  env: ReadEnv,
): Promise<{ name: string; variable?: string; setting?: string }> {
  const found = await lookUp(profile, env).catch(() => undefined);
  const name = profileName({ profile, env });
  const variable = profile === undefined
    ? PROFILE_VARIABLES.find((name) => env(name))
    : undefined;
  return { name, variable, setting: found?.settings?.origin(setting) };
}

/** A profile that somebody named is not there. */
export class ProfileMissingError extends CredentialsError {}

/**
 * The `region` of the profile in use; none where reading is not permitted.
 *
 * @throws {CredentialsError} The profile that was named is not there, or a
 * shared file cannot be understood.
 */
export async function profileRegion(
  profile?: string,
  env?: (name: string) => string | undefined,
): Promise<string | undefined> {
  const read = envReader(env);
  const { files, settings } = await lookUp(profile, read, hiddenEnvOf(env));
  const named = profile ?? profileOfEnv(read);
  const isMissing = settings === undefined && files.missing.length === 0;
  if (named !== undefined && isMissing) {
    const what = `profile "${named}" is ${whereNot(files)}`;
    throw new ProfileMissingError(what, { data: { configured: true } });
  }
  return settings?.get("region") || undefined;
}
