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

/**
 * Why a directory is no place for a secret, if it is none: another user who may
 * write there can put a link or a file in place of ours.
 *
 * @param directory The directory.
 * @param file What this process has just made there, with mode 0600.
 * @returns What is wrong with it.
 */
export async function directoryFault(
  directory: string,
  file: Deno.FileInfo,
): Promise<string | undefined> {
  const { isSymlink, isDirectory, uid, mode } = await Deno.lstat(directory);
  if (isSymlink) return "it is a link; name the directory itself";
  if (!isDirectory) return "it is no directory";
  // Windows has neither owners of this kind nor modes.
  if (uid === null || mode === null || file.mode === null) return undefined;
  if (uid !== file.uid) {
    return `it belongs to the user ${uid}, not to ${file.uid}, who runs this; name a directory of one's own`;
  }
  if (mode & 0o022) {
    return "others may write there; make it private with chmod 700";
  }
  return file.mode & 0o077
    ? "the file system there keeps no file to its owner alone"
    : undefined;
}
