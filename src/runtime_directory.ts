/**
 * Where a user's files are kept that live no longer than a login.
 *
 * @module
 */

import { isAbsolute } from "node:path";

/** The variable that names the directory. */
export const RUNTIME_DIRECTORY_VARIABLE = "XDG_RUNTIME_DIR";

/**
 * The user's own directory for such files.
 *
 * @param env Looks up a variable.
 * @returns Its path, or `undefined` when none is named.
 */
export function runtimeDirectory(
  env: (name: string) => string | undefined,
): string | undefined {
  const directory = env(RUNTIME_DIRECTORY_VARIABLE) ?? "";
  // Any other is invalid, and to be ignored (XDG Base Directory Specification).
  return isAbsolute(directory) ? directory : undefined;
}
