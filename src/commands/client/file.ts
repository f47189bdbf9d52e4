/**
 * A client's file on disk: read whole, kept in a backup, replaced at once. Who
 * may read it, and whose it is, stays as it was. What is written goes through
 * handles: whoever owns the directory may put a link where a path led before.
 */

import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf } from "../../errors.ts";
import { isSameFile } from "../../same_file.ts";

export interface ClientFile {
  /** Where it is, links followed. */
  readonly path: string;
  /** What it says; `undefined` if it is not there. */
  readonly text: string | undefined;
}

export class FileError extends Error {
  override name = "FileError";
}

/** Only its owner reads a new file: entries may hold secrets. */
const NEW_FILE_MODE = 0o600;

const ANYONE_WRITES = 0o222;

/**
 * Reads a client's file.
 *
 * @throws {FileError} It is no text, may not be read, or is a link that leads
 * nowhere.
 */
export async function readClientFile(path: string): Promise<ClientFile> {
  try {
    const real = await Deno.realPath(path);
    const { isFile, isDirectory } = await Deno.stat(real);
    // A pipe would be waited for, and a device read, without an end.
    if (!isFile && !isDirectory) {
      throw new FileError(
        `${real} is a pipe, a socket or a device, and no file: name another ` +
          "--file",
      );
    }
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { path: real, text: decoder.decode(await Deno.readFile(real)) };
  } catch (error) {
    if (error instanceof TypeError) {
      throw new FileError(`${path} is no UTF-8 text: save it as UTF-8 first`);
    }
    if (!(error instanceof Deno.errors.NotFound)) throw fileError(error, path);
    const found = await Deno.lstat(path).catch(() => undefined);
    if (!found?.isSymlink) return { path, text: undefined };
    // It is somebody's, and no place for a new file.
    throw new FileError(
      `${path} is a link to a file that is not there: make that file, or ` +
        "remove the link",
    );
  }
}

/**
 * Replaces a client's file: at no time is there half a file. A file with more
 * than one name, and one whose owner cannot be kept, is written where it is.
 *
 * @returns Where the backup is; `undefined` if there was no file.
 * @throws {FileError} It has changed since it was read, or may not be written.
 */
export async function replaceClientFile(
  file: ClientFile,
  text: string,
  now: number,
): Promise<string | undefined> {
  const { path } = file;
  try {
    if (file.text === undefined) {
      await makeDirectory(dirname(path));
      await swapIn(file, text, undefined);
      return undefined;
    }
    const original = await Deno.stat(path);
    // Renaming asks for no permission of the file that it replaces.
    if (original.mode !== null && (original.mode & ANYONE_WRITES) === 0) {
      throw new FileError(
        `${path} is not to be written by anyone: chmod u+w it first, or name ` +
          "another --file",
      );
    }
    const time = new Date(now).toISOString().replace(/[:.]/g, "-");
    const backup = `${path}.${time}.bak`;
    const isKept = await writeNew(backup, file.text, original);
    if (isKept && (original.nlink ?? 1) === 1) {
      await swapIn(file, text, original);
    } else await overwrite(file, text, { original, backup });
    return backup;
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Makes a directory. What root makes for somebody else would be root's. */
async function makeDirectory(path: string): Promise<void> {
  const found = await Deno.stat(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  if (found) return;
  const parent = dirname(path);
  await makeDirectory(parent);
  const { uid } = await Deno.stat(parent);
  await Deno.mkdir(path);
  if (uid === 0 || (await Deno.stat(path)).uid !== 0) return;
  await Deno.remove(path);
  throw new FileError(
    `${path} is not there, and ${parent} belongs to another user: make it as ` +
      "that user first",
  );
}

/** Puts a new file in the place of the one that was read, or of none. */
async function swapIn(
  file: ClientFile,
  text: string,
  original: Deno.FileInfo | undefined,
): Promise<void> {
  const directory = dirname(file.path);
  const temporary = join(
    directory,
    `.${basename(file.path)}.${crypto.randomUUID()}.tmp`,
  );
  try {
    // What root makes in another user's directory belongs to that user.
    const like = original ??
      { ...await Deno.stat(directory), mode: NEW_FILE_MODE };
    await writeNew(temporary, text, like);
    await ensureUnchanged(file);
    await Deno.rename(temporary, file.path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** Writes into the file that was read, whatever its names. */
async function overwrite(
  file: ClientFile,
  text: string,
  { original, backup }: { original: Deno.FileInfo; backup: string },
): Promise<void> {
  const { path } = file;
  await ensureUnchanged(file);
  await using handle = await open(path, "r+");
  if (!isSameFile(await handle.stat(), original)) throw changed(path);
  try {
    const bytes = new TextEncoder().encode(text);
    await handle.writeFile(bytes);
    await handle.truncate(bytes.length);
    await handle.sync();
  } catch (error) {
    throw new FileError(
      `${path} may be written in part (${messageOf(error)}): as it was, ` +
        `it is in ${backup}`,
    );
  }
}

/** Another program may have written it in between; its words are not lost. */
async function ensureUnchanged({ path, text }: ClientFile): Promise<void> {
  const current = await readClientFile(path);
  if (current.text !== text) throw changed(path);
}

function changed(path: string): FileError {
  return new FileError(
    `${path} has just been changed by somebody else: try again`,
  );
}

/**
 * Writes a new file for the owner of another one; whether it is as much that
 * owner's as it should be. If not, nobody else may read it.
 */
async function writeNew(
  path: string,
  text: string,
  { uid, gid, mode }: Pick<Deno.FileInfo, "uid" | "gid" | "mode">,
): Promise<boolean> {
  await using handle = await open(path, "wx", NEW_FILE_MODE);
  await handle.writeFile(text);
  await handle.sync();
  // Windows has neither: there a file is as open as its directory.
  if (uid === null || gid === null || mode === null) return true;
  const made = await handle.stat();
  const isOwners = made.uid === uid && made.gid === gid ||
    await handle.chown(uid, gid).then(() => true, () => false);
  if (isOwners) await handle.chmod(mode & 0o777);
  return isOwners;
}

function fileError(error: unknown, path: string): FileError {
  if (error instanceof FileError) return error;
  if (error instanceof Deno.errors.NotCapable) {
    const directory = dirname(path);
    return new FileError(
      `no permission for ${path}: add --allow-read=${directory} ` +
        `--allow-write=${directory}`,
    );
  }
  const words = WORDS_FOR.find(([kind]) => error instanceof kind)?.[1] ??
    `cannot be read or replaced (${messageOf(error)}): fix that, or name ` +
      "another --file";
  return new FileError(`${path} ${words}`);
}

/** What the system's own words leave open. */
const WORDS_FOR: readonly (readonly [new () => Error, string])[] = [
  [Deno.errors.IsADirectory, "is a directory: name a file in it with --file"],
  [
    Deno.errors.NotADirectory,
    "is below a file, where nothing can be: name another --file",
  ],
  [
    Deno.errors.FilesystemLoop,
    "is a link that leads back to itself: remove the link, or name another " +
    "--file",
  ],
];

/**
 * Whether a file is in a repository, as far as may be seen; then what is beside
 * it may get there, too.
 */
export async function isInRepository(path: string): Promise<boolean> {
  for (let at = dirname(path), below = path; at !== below;) {
    for (const name of [".git", ".hg", ".jj", ".svn"]) {
      if (await Deno.lstat(join(at, name)).catch(() => undefined)) return true;
    }
    [at, below] = [dirname(at), at];
  }
  return false;
}
