/**
 * The Deno permissions that credentials need, told before any source is asked:
 * those of the first source that is configured.
 *
 * @module
 */

import {
  homeNeeds,
  pathVariables,
  profileName,
  sharedPaths,
} from "../shared_files/paths.ts";
import { UnclearFilesError } from "../shared_files/settings.ts";
import { sourceOrder, webIdentity } from "./chain.ts";
import type { Need } from "../../permissions.ts";
import type { SourceQuery } from "./search.ts";
import { containerNeeds } from "./sources/container.ts";
import { instanceNeeds } from "./sources/instance.ts";
import { environmentDecides } from "./sources/keys.ts";
import { profileNeeds } from "./sources/profile.ts";
import { roleNeeds } from "./sources/role.ts";
import {
  fileNeeds,
  readSharedFiles,
  type SharedFiles,
} from "../shared_files/shared_files.ts";

/** Whose credentials are wanted. */
export interface CredentialQuery extends SourceQuery {
  /** A role to assume over whatever credentials are found. */
  readonly assumeRole?: { readonly roleArn: string };
}

/**
 * Finds the permissions that credentials need.
 *
 * @param options `hereOnly`: leave out the shared files if the keys are in
 * this very environment, which another one may not have.
 * @returns The permissions, each with what it is wanted for. Files that may
 * not be read are taken to say nothing.
 */
export async function credentialNeeds(
  query: CredentialQuery,
  { hereOnly = false }: { hereOnly?: boolean } = {},
): Promise<Need[]> {
  const { env, profile, assumeRole } = query;
  const isDecided = environmentDecides(profile, env);
  const needs = pathVariables(env).map((value): Need => (
    { kind: "env", value, why: "find the shared AWS files" }
  ));
  if (!hereOnly || !isDecided) needs.push(...homeNeeds(env));
  if (assumeRole) needs.push(...roleNeeds(query, assumeRole.roleArn));
  const paths = sharedPaths(env);
  if (paths && !(hereOnly && isDecided)) needs.push(...fileNeeds(paths));
  if (isDecided) return needs;
  try {
    const files = paths && await readSharedFiles(paths);
    return [...needs, ...sourceNeeds(query, files)];
  } catch (error) {
    // The proxy gets no further than to read them.
    if (error instanceof UnclearFilesError) return needs;
    throw error;
  }
}

function sourceNeeds(
  asked: SourceQuery,
  files: SharedFiles | undefined,
): Need[] {
  const name = profileName(asked);
  const profile = files?.profiles.get(name);
  const query = { ...asked, files, settings: profile?.settings };
  const neededBy = {
    "web identity"(): Need[] | undefined {
      const { tokenFile, roleArn = "" } = webIdentity(query);
      return tokenFile && roleNeeds(query, roleArn, tokenFile) || undefined;
    },
    profile: () => files && profileNeeds(asked, files, name),
    container: () => containerNeeds(query),
    instance: () => instanceNeeds(query),
  };
  for (const source of sourceOrder(query, profile)) {
    const needs = neededBy[source]();
    if (needs !== undefined) return needs;
  }
  return [];
}
