/**
 * Where log lines go, and how secrets are kept out of them.
 *
 * @module
 */

import { type Redact, REDACTED } from "../redact/redact.ts";

/** A log level, least to most severe. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** The log levels, least to most severe. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** What a line says beside its message. `undefined` fields are left out. */
export type LogFields = {
  readonly [name: string]:
    | string
    | number
    | boolean
    | readonly string[]
    | undefined;
};

/** What a field of a line may hold. */
export type FieldValue = NonNullable<LogFields[string]>;

/** Where lines go. Every part of the package is handed one. */
export interface Log {
  /**
   * Whether lines of a level go anywhere, so that none is made in vain; they
   * all do where this is left out.
   */
  enabled?(level: LogLevel): boolean;
  /** Each exchange, in detail. */
  debug(message: string, fields?: LogFields): void;
  /** What a person wants to know once. */
  info(message: string, fields?: LogFields): void;
  /** Something is wrong but goes on. */
  warn(message: string, fields?: LogFields): void;
  /** Something failed. */
  error(message: string, fields?: LogFields): void;
}

/** Something to be logged once there is a log. */
export interface LogNote {
  /** How severe it is. */
  readonly level: LogLevel;
  /** What is to be said. */
  readonly message: string;
  /** What is to be said beside it. */
  readonly fields?: LogFields;
}

/** A log that says nothing. */
export const SILENT_LOG: Log = {
  enabled: () => false,
  debug() {},
  info() {},
  warn() {},
  error() {},
};

/**
 * A log whose lines have no secrets, whatever takes them, and which never
 * throws. What is redacted so already is not redacted again.
 *
 * @param log Takes the lines.
 * @param redact Takes the secrets out.
 */
export function redactedLog(log: Log, redact: Redact): Log {
  const isDone = log instanceof RedactedLog && log.redact === redact;
  return isDone ? log : new RedactedLog(log, redact);
}

class RedactedLog implements Log {
  readonly redact: Redact;
  readonly #log: Log;

  constructor(log: Log, redact: Redact) {
    this.#log = log;
    this.redact = redact;
  }

  enabled(level: LogLevel): boolean {
    return this.#log.enabled?.(level) ?? true;
  }

  debug(message: string, fields?: LogFields): void {
    this.#write("debug", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write("info", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write("warn", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write("error", message, fields);
  }

  #write(level: LogLevel, message: string, fields?: LogFields): void {
    if (!this.enabled(level)) return;
    // A log that cannot be written must not end what it is about.
    try {
      this.#log[level](this.redact(message), fields && this.#redactAll(fields));
    } catch {
      return;
    }
  }

  #redactAll(fields: LogFields): LogFields {
    return Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        name,
        typeof value === "string"
          ? this.#redactField(name, value)
          : typeof value === "object"
          ? value.map((part) => this.#redactField(name, part))
          : value,
      ]),
    );
  }

  // With its name, since some secrets are known by the name before them.
  #redactField(name: string, text: string): string {
    const prefix = `${name}=`;
    const redacted = this.redact(prefix + text);
    return redacted.startsWith(prefix)
      ? redacted.slice(prefix.length)
      : REDACTED;
  }
}
