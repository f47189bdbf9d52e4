/** Settings of a profile that are no credentials, and where they stand. */

import { ConfigError, CredentialsError } from "../../errors.ts";
import { readSharedFiles, type SharedFiles, whereNot } from "./shared_files.ts";
import { lacking, type Need, readEnv } from "../../permissions.ts";
import {
  envReader,
  expandPath,
  followParents,
  pathVariables,
  PROFILE_VARIABLES,
  profileName,
  profileOfEnv,
  type ReadEnv,
  sharedPaths,
} from "./paths.ts";
import { UnclearFilesError } from "./settings.ts";

/** A file of certificates, and where it is named. */
export interface CaBundle {
  readonly path: string;
  readonly from: string;
  /** Whether a profile names it, and no variable. */
  readonly isProfiles?: boolean;
}

/** The shared files, for one look. */
async function loadSharedFiles(
  env: ReadEnv,
  hiddenEnv: (names: readonly string[]) => string[] = () => [],
): Promise<SharedFiles | undefined> {
  const paths = sharedPaths(env);
  if (paths === undefined) return undefined;
  const hidden = hiddenEnv(pathVariables(env));
  if (hidden.length === 0) return await readSharedFiles(paths);
  const why = "find the shared AWS files";
  const needs = hidden.map((value): Need => ({ kind: "env", value, why }));
  throw new UnclearFilesError("shared files", lacking(needs));
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
  if (given) {
    return { path: placeOf(given, env), from: "AWS_CA_BUNDLE" };
  }
  const files = await loadSharedFiles(env).catch((error) => {
    if (!(error instanceof UnclearFilesError)) throw error;
    // Without keys in the environment the credentials fail by it, and tell.
    if (profile !== undefined || !env("AWS_ACCESS_KEY_ID")) return undefined;
    const what = error.message.slice(error.message.indexOf(": ") + 2);
    throw new ConfigError([`ca_bundle cannot be looked up: ${what}`]);
  });
  const name = profileName({ profile, env });
  const settings = files?.profiles.get(name)?.settings;
  const path = settings?.get("ca_bundle");
  if (path) {
    const from = `ca_bundle (${settings?.origin("ca_bundle")})`;
    return { path: placeOf(path, env), from, isProfiles: true };
  }
  const from = "REQUESTS_CA_BUNDLE";
  const named = env(from);
  return named ? { path: followParents(named), from } : undefined;
}

function placeOf(path: string, env: ReadEnv): string {
  return followParents(expandPath(path, env) ?? path);
}

/** The profile in use, by whom it is named, and where one of its settings is. */
export interface ProfilePlace {
  readonly name: string;
  /** The variable that names it; none for `default`, or one asked for outright. */
  readonly variable?: string;
  /** The file and the line of the setting. */
  readonly setting?: string;
}

/** Where the profile in use has a setting. */
export async function findProfilePlace(
  profile: string | undefined,
  setting: string,
  env: ReadEnv,
): Promise<ProfilePlace> {
  const files = await loadSharedFiles(env).catch(() => undefined);
  const name = profileName({ profile, env });
  return {
    name,
    variable: profile === undefined
      ? PROFILE_VARIABLES.find((name) => env(name))
      : undefined,
    setting: files?.profiles.get(name)?.settings.origin(setting),
  };
}

/** A profile that somebody named is not there. */
export class ProfileMissingError extends CredentialsError {
  /** @param message Where it was looked for, and which there are. */
  constructor(message: string) {
    super(message, { data: { configured: true } });
  }
}

/**
 * The `region` of a profile of the shared files.
 *
 * @param profile The profile asked for outright; else that of
 * AWS_DEFAULT_PROFILE or AWS_PROFILE, else `default`.
 * @returns `undefined` if the profile has none, or reading is not permitted.
 * @throws {CredentialsError} The profile that was named is not there, or a
 * shared file cannot be understood.
 */
export async function profileRegion(
  profile?: string,
  env?: (name: string) => string | undefined,
): Promise<string | undefined> {
  const read = envReader(env);
  const hiddenEnv = (names: readonly string[]) =>
    env === undefined ? names.filter((name) => !readEnv(name).allowed) : [];
  const files = await loadSharedFiles(read, hiddenEnv);
  if (files === undefined) return undefined;
  const name = profileName({ profile, env: read });
  const known = files.profiles.get(name);
  const isNamed = (profile ?? profileOfEnv(read)) !== undefined;
  if (known === undefined && isNamed && files.missing.length === 0) {
    throw new ProfileMissingError(`profile "${name}" is ${whereNot(files)}`);
  }
  return known?.settings.get("region") || undefined;
}
