/**
 * Settings of a profile that are no credentials, and where they stand.
 *
 * @module
 */

import {
  expandPath,
  followParents,
  pathVariables,
  PROFILE_VARIABLES,
  profileOfEnv,
  readSharedFiles,
  type SharedFiles,
  sharedPaths,
} from "./shared_files.ts";
import type { Need } from "../../permissions.ts";
import {
  lacking,
  type ReadEnv,
  UnclearFilesError,
} from "../credentials/search.ts";

/** A file of certificates, and where it is named. */
export interface CaBundle {
  readonly path: string;
  readonly from: string;
}

/**
 * The shared files, for one look.
 *
 * @param env Reads a variable.
 * @param hiddenEnv Those of some variables that may not be read.
 * @returns `undefined` where there is no home to look in.
 * @throws {UnclearFilesError} A file cannot be found or understood.
 */
export async function loadSharedFiles(
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
 * @param profile The profile asked for outright.
 * @param env Reads a variable.
 * @returns The file, and where it is named; `undefined` if it is nowhere.
 */
export async function findCaBundle(
  profile: string | undefined,
  env: ReadEnv,
): Promise<CaBundle | undefined> {
  const given = env("AWS_CA_BUNDLE");
  if (given) {
    return { path: placeOf(given, env), from: "AWS_CA_BUNDLE" };
  }
  // A file that cannot be understood is what the credentials fail by.
  const files = await loadSharedFiles(env).catch(() => undefined);
  const name = profile ?? profileOfEnv(env) ?? "default";
  const settings = files?.profiles.get(name)?.settings;
  const path = settings?.get("ca_bundle");
  if (path) {
    const from = `ca_bundle (${settings?.origin("ca_bundle")})`;
    return { path: placeOf(path, env), from };
  }
  const last = "REQUESTS_CA_BUNDLE";
  const named = env(last);
  return named ? { path: followParents(named), from: last } : undefined;
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

/**
 * Where the profile in use has a setting.
 *
 * @param profile The profile asked for outright.
 * @param setting The setting's name.
 * @param env Reads a variable.
 */
export async function findProfilePlace(
  profile: string | undefined,
  setting: string,
  env: ReadEnv,
): Promise<ProfilePlace> {
  const variable = PROFILE_VARIABLES.find((name) => env(name));
  const files = await loadSharedFiles(env).catch(() => undefined);
  const name = profile ?? profileOfEnv(env) ?? "default";
  return {
    name,
    variable: profile === undefined ? variable : undefined,
    setting: files?.profiles.get(name)?.settings.origin(setting),
  };
}
