/**
 * The region of a profile.
 *
 * @module
 */

import { loadSharedFiles } from "./profile_settings.ts";
import { profileOfEnv } from "./shared_files.ts";
import { profileName } from "../credentials/choice.ts";
import { readEnv } from "../../permissions.ts";
import { envReader, ProfileMissingError } from "../credentials/search.ts";
import { whereNot } from "../credentials/sources/profile.ts";

/**
 * The `region` of a profile of the shared files.
 *
 * @param profile The profile asked for outright; else that of
 * AWS_DEFAULT_PROFILE or AWS_PROFILE, else `default`.
 * @param env Reads an environment variable. Default: `Deno.env.get`.
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
