/**
 * Settings of the shared files, and the error of files that cannot be used.
 */

import { CredentialsError } from "../../errors.ts";

export interface FailureFacts {
  /** The command that fixes it. */
  readonly run?: string;
  /** The Deno flags that fix it. */
  readonly flags?: readonly string[];
  /** The error type that AWS answered with. */
  readonly awsError?: string;
}

/** How every message begins. */
export const FAILED = "failed to load AWS credentials";

/** A source is configured, and yields nothing. */
export class SourceError extends CredentialsError {
  constructor(source: string, outcome: string, facts: FailureFacts = {}) {
    super(`${FAILED}: ${source}: ${outcome}`, {
      data: { configured: true, sources: [{ source, outcome }], ...facts },
    });
  }
}

/**
 * A shared file is there that cannot be understood, or says less of the profile
 * than it has to. It may be half written: keys in memory stay in use. What is
 * wrong must not repeat what the file says.
 */
export class UnclearFilesError extends SourceError {}

export interface Setting {
  /** A text, or the settings nested in it (`s3 =`). */
  readonly value: string | ReadonlyMap<string, string>;
  readonly path: string;
  /** The line of its name, from 1. */
  readonly line: number;
  /** Nothing comes after it in the file: lines of it may have been cut. */
  readonly isLast: boolean;
  /** The file ends in it, without a line break: it may have been cut. */
  readonly isOpen: boolean;
}

/** The settings of a profile or another section, names in lower case. */
export class Settings {
  readonly #settings: ReadonlyMap<string, Setting>;

  constructor(settings: Iterable<readonly [string, Setting]> = []) {
    this.#settings = new Map(settings);
  }

  find(name: string): Setting | undefined {
    return this.#settings.get(name);
  }

  /** Whether it is set, be it to nothing. */
  has(name: string): boolean {
    return this.#settings.has(name);
  }

  /**
   * What a setting says, be it nothing.
   *
   * @throws {UnclearFilesError} It has settings of its own in place of a text.
   */
  get(name: string): string | undefined {
    const setting = this.#settings.get(name);
    if (typeof setting?.value !== "object") return setting?.value;
    throw new UnclearFilesError(
      "shared files",
      `${placeOf(setting)}: ${name} has settings indented under it where its ` +
        "value belongs",
    );
  }

  /** The settings nested in one (`s3 =`), names as they are written. */
  nested(name: string): ReadonlyMap<string, string> | undefined {
    const value = this.#settings.get(name)?.value;
    return typeof value === "string" ? undefined : value;
  }

  /** Where a setting stands: the file and the line. */
  origin(name: string): string | undefined {
    const setting = this.#settings.get(name);
    return setting === undefined ? undefined : placeOf(setting);
  }

  /** These, with another's before them. */
  under(other: Settings): Settings {
    return new Settings([...this.#settings, ...other.#settings]);
  }

  names(): string[] {
    return [...this.#settings.keys()];
  }
}

function placeOf({ path, line }: Setting): string {
  return `${path} line ${line}`;
}
