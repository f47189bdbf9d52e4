/**
 * Whether the files that credentials were read from have changed since.
 *
 * A `stat` takes 2 µs, so it is made at every question: no watcher to close, no
 * directory to be allowed to read, nothing that network homes or an editor's
 * rename could hide, and no interval in which a change goes unseen.
 *
 * @module
 */

/**
 * A file younger than this may still be being written, and a second write
 * within the file system's clock tick would leave its time as it is.
 */
const QUIET_MS = 20;

interface Fingerprint {
  readonly modifiedMs: number;
  /** Of its inode, in whole seconds: no program can set it back. */
  readonly changedMs: number;
  readonly size: number;
  readonly inode: number;
}

const ABSENT: Fingerprint = { modifiedMs: 0, changedMs: 0, size: -1, inode: 0 };

/** The files of one load, as they were when it read them. */
export class FileWatch {
  readonly #seen = new Map<string, Fingerprint>();

  /**
   * Notes a file as it is, before it is read. Waits a moment when the file was
   * written just now.
   */
  async see(path: string): Promise<void> {
    // The file's own clock is meant, not one that a caller hands in.
    const age = Date.now() - fingerprint(path).modifiedMs;
    if (age < QUIET_MS) {
      const wait = Math.min(QUIET_MS, QUIET_MS - age);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    this.#seen.set(path, fingerprint(path));
  }

  /** Takes a file that the load itself wrote as it now is. */
  accept(path: string): void {
    this.#seen.set(path, fingerprint(path));
  }

  /** Whether a file is no longer what it was: written, replaced, gone or new. */
  changed(): boolean {
    for (const [path, seen] of this.#seen) {
      if (seen === ABSENT) {
        // A stat that fails costs 7 µs, this question a tenth of it.
        if (process.getBuiltinModule("node:fs").existsSync(path)) return true;
        continue;
      }
      const now = fingerprint(path);
      if (
        now.modifiedMs !== seen.modifiedMs ||
        now.changedMs !== seen.changedMs || now.size !== seen.size ||
        now.inode !== seen.inode
      ) return true;
    }
    return false;
  }
}

function fingerprint(path: string): Fingerprint {
  try {
    const { mtime, ctime, size, ino } = Deno.statSync(path);
    return {
      modifiedMs: mtime?.getTime() ?? 0,
      changedMs: ctime?.getTime() ?? 0,
      size,
      inode: ino ?? 0,
    };
  } catch {
    // Not there, or not ours to look at: either way nothing to compare.
    return ABSENT;
  }
}
