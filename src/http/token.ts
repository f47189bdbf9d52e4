/** The bearer token that guards the HTTP server: made, and kept in a file. */

import { isAbsolute, join } from "node:path";
import { ConfigError, messageOf } from "../errors.ts";
import type { Log } from "../log/log.ts";

const TOKEN_BYTES = 32;

/** A token that nobody can guess. */
export function makeToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** A file that holds a token for its owner alone, until it is disposed of. */
export interface TokenFile extends AsyncDisposable {
  readonly path: string;
}

/**
 * Writes a token to a new file of mode 0600. Nothing else is in it, no newline
 * either.
 *
 * @param log Is told when the directory is another one after all.
 * @param directory Where to. The system's temporary directory is taken in place
 * of one that is not there, takes no file of this user's, or lets others in:
 * under sudo, from cron and in containers the one of a login is not at hand.
 * @throws {ConfigError} It cannot be written.
 */
export async function writeTokenFile(
  token: string,
  log: Log,
  directory: string | undefined,
): Promise<TokenFile> {
  if (directory !== undefined) {
    try {
      return await writeIn(directory, token);
    } catch (cause) {
      // What Deno itself forbids is for its user to fix.
      if (cause instanceof Deno.errors.NotCapable) {
        throw cannotWrite(directory, cause);
      }
      log.warn(
        "the directory for the token takes no file: the temporary one is taken in its place",
        { directory, error: messageOf(cause) },
      );
    }
  }
  return await writeIn(undefined, token).catch((cause) => {
    throw cannotWrite("the temporary directory", cause);
  });
}

/**
 * Writes to a file in a directory of its own: the temporary one is everybody's,
 * and under narrow permissions it cannot be looked at.
 */
async function writeIn(
  directory: string | undefined,
  token: string,
): Promise<TokenFile> {
  const prefix = "sigv4-proxy-";
  const own = await Deno.makeTempDir({ prefix, dir: directory });
  const path = join(own, "listen.token");
  const remove = async (): Promise<void> => {
    // Gone already is as well.
    for (const made of [path, own]) await Deno.remove(made).catch(() => {});
  };
  try {
    const options = { write: true, createNew: true, mode: 0o600 };
    using file = await Deno.open(path, options);
    if (directory !== undefined) {
      const fault = await directoryFault(directory, await file.stat());
      if (fault !== undefined) throw new Error(fault);
    }
    let rest = new TextEncoder().encode(token);
    while (rest.length > 0) rest = rest.subarray(await file.write(rest));
  } catch (cause) {
    await remove();
    throw cause;
  }
  return { path, [Symbol.asyncDispose]: remove };
}

function cannotWrite(where: string, cause: unknown): ConfigError {
  return new ConfigError([
    `the listen token that was made cannot be written to a file in ${where}: ${
      messageOf(cause)
    } (set --listen-token or MCP_LISTEN_TOKEN)`,
  ]);
}

export const RUNTIME_DIRECTORY_VARIABLE = "XDG_RUNTIME_DIR";

/** The user's own directory for files that live no longer than a login. */
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
 * @param file What this process has just made there, with mode 0600.
 */
async function directoryFault(
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
