/**
 * Keeps one set of credentials in memory, and fresh.
 *
 * A set is handed out until it is about to expire. Then it is renewed once,
 * behind the back of the callers while it is still good, with all of them
 * waiting when it is not. A change of the files it came from, or a caller who
 * says that it was refused, ends it at once.
 */

import { messageOf } from "../../errors.ts";
import { isSameFile } from "../../same_file.ts";
import { delay, orAborted } from "../../time.ts";
import type { Log } from "../../log/log.ts";
import { maskAccessKeyId, type Redactor } from "../../redact/redact.ts";
import { UnclearFilesError } from "../shared_files/settings.ts";
import {
  type Credentials,
  type CredentialSource,
  hideCredentials,
  isSameCredentials,
} from "./types.ts";

/** Temporary credentials are renewed this long before they expire. */
const RENEW_AHEAD_MS = 5 * 60_000;

/** A set that is over when it comes is asked for again after this long. */
const OVERDUE_MS = 60_000;

/** A load that failed slowly is not repeated for ten times as long, at most… */
const FAILURE_KEPT_MS = 20_000;

/** …and this is slow: an address that does not answer, not a refusal. */
const SLOW_FAILURE_MS = 1_000;

/** Files that keep changing under a load are read again this often. */
const MAX_READINGS = 3;

interface Current {
  readonly credentials: Credentials;
  readonly answer: Promise<Credentials>;
  watch: FileWatch;
  readonly expiresAt: number;
  renewAt: number;
}

/** A {@linkcode CredentialSource} over a way to load credentials. */
export class CredentialCache implements CredentialSource {
  readonly #load: (watch: FileWatch) => Promise<Credentials>;
  readonly #now: () => number;
  readonly #log: Log;
  readonly #redactor: Redactor;
  #current: Current | undefined;
  #failure: { error: unknown; watch: FileWatch; until: number } | undefined;
  #pending: Promise<Credentials> | undefined;

  /** @param load Tells the watch which files it reads. */
  constructor(
    load: (watch: FileWatch) => Promise<Credentials>,
    options: { now: () => number; log: Log; redactor: Redactor },
  ) {
    this.#load = load;
    this.#now = options.now;
    this.#log = options.log;
    this.#redactor = options.redactor;
  }

  get(
    { refresh, signal }: { refresh?: Credentials; signal?: AbortSignal } = {},
  ): Promise<Credentials> {
    let current = this.#current;
    if (refresh && current && isSameCredentials(refresh, current.credentials)) {
      current = this.#current = undefined;
    }
    const now = this.#now();
    if (current !== undefined && now < current.expiresAt) {
      if (current.watch.changed()) {
        const renewed = this.#share().catch((error) => {
          this.#current = undefined;
          throw error;
        });
        return orAborted(renewed, signal);
      }
      if (now >= current.renewAt) this.#renewBehind(current);
      return current.answer;
    }
    const failure = this.#failure;
    if (
      failure !== undefined && this.#pending === undefined &&
      now < failure.until && !failure.watch.changed()
    ) return Promise.reject(failure.error);
    return orAborted(this.#share(), signal);
  }

  #renewBehind(current: Current): void {
    if (this.#pending !== undefined) return;
    this.#share().catch((error) => {
      const left = this.#renewLater(current);
      this.#log.warn("credentials could not be renewed, trying again", {
        error: this.#redactor.redact(messageOf(error)),
        validMs: Math.max(0, Math.round(left)),
      });
    });
  }

  #renewLater(current: Current): number {
    const left = current.expiresAt - this.#now();
    const next = this.#now() + Math.max(1_000, left / 4);
    current.renewAt = Math.max(current.renewAt, next);
    return left;
  }

  #share(): Promise<Credentials> {
    if (this.#pending !== undefined) return this.#pending;
    const pending = this.#loadSettled().finally(() => {
      this.#pending = undefined;
    });
    // Whoever waited may have given up; the failure is then nobody's.
    pending.catch(() => {});
    this.#pending = pending;
    return pending;
  }

  async #loadSettled(): Promise<Credentials> {
    this.#failure = undefined;
    for (let reading = 1;; reading++) {
      const startedAt = this.#now();
      const watch = new FileWatch();
      const [loaded] = await Promise.allSettled([this.#load(watch)]);
      const isLoaded = loaded.status === "fulfilled";
      if (isLoaded) hideCredentials(this.#redactor, loaded.value);
      if (reading < MAX_READINGS && watch.changed()) continue;
      if (isLoaded) return this.#keep(loaded.value, watch);
      const { reason: error } = loaded;
      const tookMs = this.#now() - startedAt;
      if (tookMs >= SLOW_FAILURE_MS) {
        const until = this.#now() + Math.min(FAILURE_KEPT_MS, 10 * tookMs);
        this.#failure = { error, watch, until };
      }
      return this.#stayWith(watch, error);
    }
  }

  /**
   * A file that is half written is no reason to drop what is good; nothing is
   * read again before the files change again.
   */
  #stayWith(watch: FileWatch, error: unknown): Credentials {
    const current = this.#current;
    if (!(error instanceof UnclearFilesError) || !current) throw error;
    current.watch = watch;
    if (this.#renewLater(current) <= 0) throw error;
    this.#log.warn("the credentials in memory stay in use", {
      error: this.#redactor.redact(error.message),
    });
    return current.credentials;
  }

  #keep(credentials: Credentials, watch: FileWatch): Credentials {
    const now = this.#now();
    const end = credentials.expiration?.getTime() ?? Infinity;
    const expiration = credentials.expiration?.toISOString();
    const accessKeyId = maskAccessKeyId(credentials.accessKeyId);
    this.#log.debug("credentials loaded", { accessKeyId, expiration });
    const isOver = end <= now;
    if (isOver) {
      this.#log.warn(
        "the credentials are over by this machine's clock: is it right?",
        { expiration },
      );
    }
    const expiresAt = isOver ? now + OVERDUE_MS : end;
    const ahead = isOver ? 0 : Math.min(RENEW_AHEAD_MS, (end - now) / 4);
    const renewAt = expiresAt - ahead;
    const answer = Promise.resolve(credentials);
    this.#current = { credentials, answer, watch, expiresAt, renewAt };
    return credentials;
  }
}

/**
 * A file younger than this may still be being written, and a second write
 * within the file system's clock tick would leave its time as it is.
 */
const QUIET_MS = 20;

/**
 * What one load was made from, as it was then: files, and what else may change.
 *
 * A `stat` takes 2 µs, so it is made at every question: no watcher to close, no
 * directory to be allowed to read, nothing that network homes or an editor's
 * rename could hide, and no interval in which a change goes unseen.
 */
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
        now?.size !== seen.size || !isSameFile(now, seen)
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
