/**
 * Keeps one set of credentials in memory, and fresh.
 *
 * A set is handed out until it is about to expire. Then it is renewed once,
 * behind the back of the callers while it is still good, with all of them
 * waiting when it is not. A change of the files it came from, or a caller who
 * says that it was refused, ends it at once.
 */

import { messageOf } from "../../errors.ts";
import { orAborted } from "../../time.ts";
import type { Log } from "../../log/log.ts";
import { maskAccessKeyId, type Redactor } from "../../redact/redact.ts";
import { UnclearFilesError } from "../shared_files/settings.ts";
import {
  type Credentials,
  type CredentialSource,
  hideCredentials,
  isSameCredentials,
} from "./types.ts";
import { FileWatch } from "./watch.ts";

/** Loads credentials, telling the watch which files it reads. */
export type LoadCredentials = (watch: FileWatch) => Promise<Credentials>;

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

interface Failure {
  readonly error: unknown;
  readonly watch: FileWatch;
  readonly until: number;
}

/** A {@linkcode CredentialSource} over a way to load credentials. */
export class CredentialCache implements CredentialSource {
  readonly #load: LoadCredentials;
  readonly #now: () => number;
  readonly #log: Log;
  readonly #redactor: Redactor;
  #current: Current | undefined;
  #failure: Failure | undefined;
  #pending: Promise<Credentials> | undefined;

  constructor(
    load: LoadCredentials,
    options: { now: () => number; log: Log; redactor: Redactor },
  ) {
    this.#load = load;
    this.#now = options.now;
    this.#log = options.log;
    this.#redactor = options.redactor;
  }

  get(
    options: { refresh?: Credentials; signal?: AbortSignal } = {},
  ): Promise<Credentials> {
    const { refresh, signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    let current = this.#current;
    if (refresh && current && isSameCredentials(refresh, current.credentials)) {
      current = this.#current = undefined;
    }
    const now = this.#now();
    if (current !== undefined && now < current.expiresAt) {
      if (!current.watch.changed()) {
        if (now >= current.renewAt) this.#renewBehind(current);
        return current.answer;
      }
      const old = current;
      const renewed = this.#share().catch((error) => this.#stay(old, error));
      return orAborted(renewed, signal);
    }
    const failure = this.#failure;
    if (
      failure !== undefined && this.#pending === undefined &&
      now < failure.until && !failure.watch.changed()
    ) return Promise.reject(failure.error);
    return orAborted(this.#share(), signal);
  }

  /** A file that is half written is no reason to drop what is good. */
  #stay(current: Current, error: unknown): Promise<Credentials> {
    const isUnclear = error instanceof UnclearFilesError;
    if (isUnclear && this.#now() < current.expiresAt) return current.answer;
    if (this.#current === current) this.#current = undefined;
    return Promise.reject(error);
  }

  #renewBehind(current: Current): void {
    if (this.#pending !== undefined) return;
    this.#share().catch((error) => {
      const left = current.expiresAt - this.#now();
      current.renewAt = this.#now() + Math.max(1_000, left / 4);
      this.#log.warn("credentials could not be renewed, trying again", {
        error: this.#redactor.redact(messageOf(error)),
        validMs: Math.max(0, Math.round(left)),
      });
    });
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
      const moved = () => reading < MAX_READINGS && watch.changed();
      try {
        const credentials = await this.#load(watch);
        hideCredentials(this.#redactor, credentials);
        if (moved()) continue;
        this.#keep(credentials, watch);
        return credentials;
      } catch (error) {
        if (moved()) continue;
        const tookMs = this.#now() - startedAt;
        if (tookMs >= SLOW_FAILURE_MS) {
          const until = this.#now() + Math.min(FAILURE_KEPT_MS, 10 * tookMs);
          this.#failure = { error, watch, until };
        }
        if (error instanceof UnclearFilesError) this.#stayWith(watch, error);
        throw error;
      }
    }
  }

  /** Nothing is read again before the files change again. */
  #stayWith(watch: FileWatch, { message }: UnclearFilesError): void {
    if (this.#current === undefined) return;
    this.#current.watch = watch;
    this.#log.warn("the credentials in memory stay in use", {
      error: this.#redactor.redact(message),
    });
  }

  #keep(credentials: Credentials, watch: FileWatch): void {
    const now = this.#now();
    const expiration = credentials.expiration?.getTime() ?? Infinity;
    const lifetime = expiration - now;
    this.#log.debug("credentials loaded", {
      accessKeyId: maskAccessKeyId(credentials.accessKeyId),
      expiration: credentials.expiration?.toISOString(),
    });
    if (lifetime <= 0) {
      this.#log.warn(
        "the credentials are over by this machine's clock: is it right?",
        { expiration: credentials.expiration?.toISOString() },
      );
    }
    const expiresAt = lifetime > 0 ? expiration : now + OVERDUE_MS;
    this.#current = {
      credentials,
      answer: Promise.resolve(credentials),
      watch,
      expiresAt,
      renewAt: lifetime > 0
        ? expiresAt - Math.min(RENEW_AHEAD_MS, lifetime / 4)
        : expiresAt,
    };
  }
}
