/**
 * The bearer token that guards the HTTP front.
 *
 * @module
 */

import { isAbsolute, join } from "node:path";
import { createHash, timingSafeEqual } from "node:crypto";
import { ConfigError } from "../errors.ts";
import type { Log } from "../log/log.ts";

const TOKEN_BYTES = 32;

/** A token that nobody can guess. */
export function makeToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Tells a token from others in a time that says nothing about it. */
export class TokenCheck {
  readonly #digest: Uint8Array;

  /** @param token The right one. */
  constructor(token: string) {
    this.#digest = digestOf(token);
  }

  /**
   * Whether a request brings the token.
   *
   * @param authorization Its `Authorization` header.
   * @returns `missing` when it names no bearer token at all.
   */
  check(authorization = ""): "right" | "wrong" | "missing" {
    const [, token] = /^bearer +(\S+) *$/i.exec(authorization) ?? [];
    if (token === undefined) return "missing";
    // Of digests all lengths are equal, and no prefix tells anything.
    return timingSafeEqual(digestOf(token), this.#digest) ? "right" : "wrong";
  }
}

function digestOf(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}

/** Where a token is written to. */
export interface TokenPlace {
  /** The directory, if not the system's temporary one. */
  readonly directory: string | undefined;
  /** Is told when it is another one after all. */
  readonly log: Log;
}

/** A file that holds a token for its owner alone, until it is disposed of. */
export class TokenFile implements AsyncDisposable {
  /** Where it is. */
  readonly path: string;
  /** A directory that was made for it. */
  readonly #directory: string | undefined;

  private constructor(path: string, directory?: string) {
    this.path = path;
    this.#directory = directory;
  }

  /**
   * Writes a token to a new file of mode 0600.
   *
   * @param token The token. Nothing else is in the file, no newline either.
   * @param where Where to. The system's temporary directory is taken in place
   * of one that is not there, takes no file of this user's, or lets others in:
   * under sudo, from cron and in containers the one of a login is not at hand.
   * @throws {ConfigError} It cannot be written.
   */
  static async create(
    token: string,
    { directory, log }: TokenPlace,
  ): Promise<TokenFile> {
    if (directory === undefined) return await TokenFile.#create(token);
    try {
      return await TokenFile.#create(token, directory);
    } catch (error) {
      if (!(error instanceof ConfigError) || isForbidden(error)) throw error;
      log.warn(
        "the directory for the token takes no file: the temporary one is taken in its place",
        { directory, error: textOf(error.cause) },
      );
      return await TokenFile.#create(token);
    }
  }

  static async #create(token: string, directory?: string): Promise<TokenFile> {
    try {
      if (directory !== undefined) {
        const path = join(directory, `sigv4-proxy-${makeToken()}.token`);
        await writeNew(path, token, directory);
        return new TokenFile(path);
      }
      // One of our own: the temporary one is everybody's, and under narrow
      // permissions it cannot be looked at.
      const own = await Deno.makeTempDir({ prefix: "sigv4-proxy-" });
      const file = new TokenFile(join(own, "listen.token"), own);
      await writeNew(file.path, token).catch(async (cause) => {
        await file[Symbol.asyncDispose]();
        throw cause;
      });
      return file;
    } catch (cause) {
      throw cannotWrite(directory, cause);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Gone already is as well.
    await Deno.remove(this.path).catch(() => {});
    if (this.#directory === undefined) return;
    await Deno.remove(this.#directory).catch(() => {});
  }
}

/**
 * Writes to a file that nobody else has made, and through no link: what the
 * path leads to afterwards does not matter.
 */
async function writeNew(
  path: string,
  token: string,
  directory?: string,
): Promise<void> {
  const options = { write: true, createNew: true, mode: 0o600 };
  using file = await Deno.open(path, options);
  try {
    if (directory !== undefined) {
      const fault = await directoryFault(directory, await file.stat());
      if (fault !== undefined) throw new Error(fault);
    }
    let rest = new TextEncoder().encode(token);
    while (rest.length > 0) rest = rest.subarray(await file.write(rest));
  } catch (cause) {
    await Deno.remove(path).catch(() => {});
    throw cause;
  }
}

const REMEDY = "set --listen-token or MCP_LISTEN_TOKEN";

function cannotWrite(
  directory: string | undefined,
  cause: unknown,
): ConfigError {
  const where = directory ?? "the temporary directory";
  const error = new ConfigError([
    `the listen token that was made cannot be written to a file in ${where}: ${
      textOf(cause)
    } (${REMEDY})`,
  ]);
  error.cause = cause;
  return error;
}

/** Whether Deno itself forbids it, which is for its user to mend. */
function isForbidden({ cause }: ConfigError): boolean {
  return cause instanceof Deno.errors.NotCapable;
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** The variable that names the directory. */
export const RUNTIME_DIRECTORY_VARIABLE = "XDG_RUNTIME_DIR";

/**
 * The user's own directory for files that live no longer than a login.
 *
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
