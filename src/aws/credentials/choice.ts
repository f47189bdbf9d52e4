/**
 * Which source had the credentials, kept from one search to the next: an
 * identity is not left for another because a shared file is empty or cut for a
 * moment.
 *
 * @module
 */

import {
  profileOfEnv,
  type SharedFiles,
} from "../shared_files/shared_files.ts";
import { PROFILE_WAYS, profileWay } from "./sources/profile.ts";
import { profileUnclear, type Search, sourceFailed } from "./search.ts";

/** The source that had the credentials. */
export interface Choice {
  /** Its place in the order: the lower, the sooner it is asked. */
  readonly rank: number;
  /** The shared files in which the profile had settings; none elsewhere. */
  readonly files: readonly string[];
}

const BELOW_FILES = PROFILE_WAYS.length;

/** The choice of a source that is not in the shared files. */
export const NOT_OF_FILES: Choice = { rank: BELOW_FILES, files: [] };

/** What the profile comes to, before anything of it is asked. */
export function choiceOf(files: SharedFiles | undefined, name: string): Choice {
  const profile = files?.profiles.get(name);
  const way = profile === undefined ? undefined : profileWay(profile);
  if (files === undefined || profile === undefined || way === undefined) {
    return NOT_OF_FILES;
  }
  return { rank: PROFILE_WAYS.indexOf(way), files: filesWith(files, name) };
}

/** The files in which a profile has settings. */
function filesWith({ paths, profiles }: SharedFiles, name: string): string[] {
  const profile = profiles.get(name);
  return [
    ...profile?.inConfig.names().length ? [paths.config] : [],
    ...profile?.inCredentials.names().length ? [paths.credentials] : [],
  ];
}

/**
 * A file that is emptied or cut, be it for the moment of a rewrite, must not
 * hand the requests to the next source.
 *
 * @throws {CredentialsError} The profile comes to less than it did.
 */
export function demandNoLess(
  search: Search,
  files: SharedFiles,
  earlier: Choice,
  now: Choice,
): void {
  const name = profileName(search);
  const left = filesWith(files, name);
  const lost = earlier.files.filter((path) => !left.includes(path));
  const isLess = now.rank > earlier.rank &&
    (now.rank === BELOW_FILES || lost.length > 0);
  if (!isLess) return;
  const source = `profile "${name}"`;
  const isGone = lost.some((path) => !files.present.includes(path));
  const where = earlier.files.join(" and ");
  const outcome = `its credentials are no longer in ${where}: put them back, ` +
    "or restart for another source";
  throw isGone
    ? sourceFailed(search, source, outcome)
    : profileUnclear(search, source, outcome);
}

/** The profile in use: the explicit one, that of a variable, `default`. */
export function profileName(
  { profile, env }: Pick<Search, "profile" | "env">,
): string {
  return profile ?? profileOfEnv(env) ?? "default";
}
