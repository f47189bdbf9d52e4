/**
 * Permissions that are given up at start. Wide ones (`-A`, a compiled program)
 * cannot be narrowed to a host or a file any more: Deno takes back a kind of
 * permission as a whole, or not at all.
 */

import { environmentDecides } from "../aws/credentials/sources/keys.ts";
import type { Config } from "./config.ts";
import type { Env } from "./option.ts";

type PermissionKind = Deno.PermissionDescriptor["name"];

/** What nothing in the program ever needs. */
export const NEVER_NEEDED: readonly PermissionKind[] = ["ffi", "import"];

/**
 * The kinds of permission that a run of the proxy can never need; none that a
 * source of credentials could need later, when a shared file names another one.
 */
export function needlessPermissions(
  { profile, listen, record }: Pick<Config, "profile" | "listen" | "record">,
  env: Env,
): PermissionKind[] {
  const needless: PermissionKind[] = [...NEVER_NEEDED];
  // Then these keys are all that will ever be used: a variable does not change.
  if (!environmentDecides(profile, env)) return needless;
  needless.push("run");
  // The HTTP server writes a token or a socket, and takes it away at its end.
  if (listen === undefined && record === undefined) needless.push("write");
  return needless;
}

/** Gives permissions up for good. What was not granted is no fault. */
export function dropPermissions(
  names: readonly PermissionKind[],
  permissions: Pick<Deno.Permissions, "revokeSync"> = Deno.permissions,
): void {
  for (const name of names) permissions.revokeSync({ name });
}
