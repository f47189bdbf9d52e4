/**
 * Whether the files that credentials were read from have changed since.
 *
 * A `stat` takes 2 µs, so it is made at every question: no watcher to close, no
 * directory to be allowed to read, nothing that network homes or an editor's
 * rename could hide, and no interval in which a change goes unseen.
 */

import { delay } from "../../time.ts";

/**
 * A file younger than this may still be being written, and a second write
 * within the file system's clock tick would leave its time as it is.
 */
const QUIET_MS = 20;

/** What one load was made from, as it was then: files, and what else may change. */
export class FileWatch {
  /** What was not there, or not ours to look at, has nothing to compare. */
  readonly #seen = new Map<string, Deno.FileInfo | undefined>();
  readonly #others: (() => boolean)[] = [];

  /**
   * Notes a file as it is, before it is read. Waits a moment when the file was
   * written just now.
   */
  async see(path: string): Promise<void> {
    // The file's own clock is meant, not one that a caller hands in.
    const age = Date.now() - Number(statOf(path)?.mtime ?? 0);
    if (age < QUIET_MS) {
      await delay(Math.min(QUIET_MS, QUIET_MS - age));
    }
    this.accept(path);
  }

  /** Takes a file that the load itself wrote as it now is. */
  accept(path: string): void {
    this.#seen.set(path, statOf(path));
  }

  /** Adds what is no file, and says itself whether it has changed. */
  add(hasChanged: () => boolean): void {
    this.#others.push(hasChanged);
  }

  /** Whether a file is no longer what it was: written, replaced, gone or new. */
  changed(): boolean {
    if (this.#others.some((hasChanged) => hasChanged())) return true;
    for (const [path, seen] of this.#seen) {
      if (seen === undefined) {
        // A stat that fails costs 7 µs, this question a tenth of it.
        if (process.getBuiltinModule("node:fs").existsSync(path)) return true;
        continue;
      }
      const now = statOf(path);
      // The time of its inode, in whole seconds, no program can set back.
      if (
        now?.mtime?.getTime() !== seen.mtime?.getTime() ||
        now?.ctime?.getTime() !== seen.ctime?.getTime() ||
        now?.size !== seen.size || now.ino !== seen.ino
      ) return true;
    }
    return false;
  }
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}
