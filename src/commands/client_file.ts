/**
 * A client's file on disk: read whole, kept in a backup, replaced at once.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";

/** A client's file as it is. */
export interface ClientFile {
  /** Where it is, links followed. */
  readonly path: string;
  /** What it says; `undefined` if it is not there. */
  readonly text: string | undefined;
}

/** A client's file cannot be read or replaced. */
export class FileError extends Error {
  override name = "FileError";
}

/** Only its owner reads a new file: entries may hold secrets. */
const NEW_FILE_MODE = 0o600;

const ANYONE_WRITES = 0o222;

const BYTE_ORDER_MARK = "\uFEFF";

/**
 * Reads a client's file.
 *
 * @param path Where it is, or is to be.
 * @returns What is there.
 * @throws {FileError} It is no text, may not be read, or is a link that leads
 * nowhere.
 */
export async function readClientFile(path: string): Promise<ClientFile> {
  try {
    const real = await Deno.realPath(path);
    return { path: real, text: decode(await Deno.readFile(real), real) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw fileError(error, path);
    await demandNoLink(path);
    return { path, text: undefined };
  }
}

/** A link that leads nowhere is somebody's, and no place for a new file. */
async function demandNoLink(path: string): Promise<void> {
  const found = await Deno.lstat(path).catch(() => undefined);
  if (!found?.isSymlink) return;
  throw new FileError(
    `${path} is a link to a file that is not there: make that file, or ` +
      "remove the link",
  );
}

/**
 * Replaces a client's file: at no time is there half a file.
 *
 * @param file The file, as it was read.
 * @param text What it is to say.
 * @param now The time, in milliseconds since 1970, for the backup's name.
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
    await Deno.mkdir(dirname(path), { recursive: true });
    await demandWritable(file);
    const backup = file.text === undefined
      ? undefined
      : await backUp(path, now);
    const temporary = join(
      dirname(path),
      `.${basename(path)}.${crypto.randomUUID()}.tmp`,
    );
    try {
      await writeWhole(temporary, path, text);
      await demandUnchanged(file);
      await Deno.rename(temporary, path);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw error;
    }
    return backup;
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Another program may have written it in between; its words are not lost. */
async function demandUnchanged({ path, text }: ClientFile): Promise<void> {
  const current = await readClientFile(path);
  if (current.text === text) return;
  throw new FileError(
    `${path} has just been changed by somebody else: try again`,
  );
}

/** Renaming asks for no permission of the file that it replaces. */
async function demandWritable({ path, text }: ClientFile): Promise<void> {
  if (text === undefined) return;
  const { mode } = await Deno.stat(path);
  if (mode === null || (mode & ANYONE_WRITES) !== 0) return;
  throw new FileError(
    `${path} is not to be written by anyone: chmod u+w it first, or name ` +
      "another --file",
  );
}

async function backUp(path: string, now: number): Promise<string> {
  const time = new Date(now).toISOString().replace(/[:.]/g, "-");
  const backup = `${path}.${time}.bak`;
  // A copy has the mode of its original, and so hides what that hid.
  await Deno.copyFile(path, backup);
  return backup;
}

async function writeWhole(
  temporary: string,
  original: string,
  text: string,
): Promise<void> {
  using file = await Deno.open(temporary, {
    write: true,
    createNew: true,
    mode: NEW_FILE_MODE,
  });
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    at += await file.write(bytes.subarray(at));
  }
  await file.syncData();
  await likeOriginal(temporary, original);
}

/** Gives a file the mode and the owner that another one has. */
async function likeOriginal(path: string, original: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  try {
    const { mode, uid, gid } = await Deno.stat(original);
    const own = await Deno.stat(path);
    if (mode !== null) await Deno.chmod(path, mode & 0o7777);
    if (uid !== own.uid || gid !== own.gid) await Deno.chown(path, uid, gid);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
  } catch {
    throw new FileError(`${path} is no UTF-8 text: save it as UTF-8 first`);
  }
}

/** A text without its byte order mark, and what to put before it again. */
export function withoutMark(text: string): { mark: string; rest: string } {
  return text.startsWith(BYTE_ORDER_MARK)
    ? { mark: BYTE_ORDER_MARK, rest: text.slice(1) }
    : { mark: "", rest: text };
}

function fileError(error: unknown, path: string): FileError {
  if (error instanceof FileError) return error;
  const cause = error instanceof Error ? error.message : String(error);
  if (error instanceof Deno.errors.NotCapable) {
    const directory = dirname(path);
    return new FileError(
      `no permission for ${path}: add --allow-read=${directory} ` +
        `--allow-write=${directory}`,
    );
  }
  const words = WORDS_FOR.find(([kind]) => error instanceof kind)?.[1] ??
    `cannot be read or replaced (${cause}): mend that, or name another --file`;
  return new FileError(`${path} ${words}`);
}

/** What the system's own words leave open. */
const WORDS_FOR: readonly (readonly [new () => Error, string])[] = [
  [
    Deno.errors.IsADirectory,
    "is a directory: name a file in it with --file",
  ],
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

/** What marks the directory of a repository. */
const OF_REPOSITORIES: readonly string[] = [".git", ".hg", ".jj", ".svn"];

/**
 * Whether a file is in a repository, and what is beside it may get there, too.
 *
 * @param path The file.
 * @returns Whether it is, as far as may be seen.
 */
export async function isInRepository(path: string): Promise<boolean> {
  for (let at = dirname(path), below = path; at !== below;) {
    for (const name of OF_REPOSITORIES) {
      if (await Deno.lstat(join(at, name)).catch(() => undefined)) return true;
    }
    [at, below] = [dirname(at), at];
  }
  return false;
}
