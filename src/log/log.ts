/** Where log lines go, and how secrets are kept out of them. */

import { type Redact, REDACTED } from "../redact/redact.ts";

/** A log level, least to most severe. */
export type LogLevel = "debug" | "info" | "warn" | "error";

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
  readonly level: LogLevel;
  readonly message: string;
  readonly fields?: LogFields;
}

export function logOf(
  enabled: (level: LogLevel) => boolean,
  write: (level: LogLevel, message: string, fields?: LogFields) => void,
): Log {
  return {
    enabled,
    debug: (message, fields) => write("debug", message, fields),
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
  };
}

/** A log that says nothing. */
export const SILENT_LOG: Log = logOf(() => false, () => {});

const redacted = new WeakMap<Log, Redact>();

/**
 * A log whose lines have no secrets, whatever takes them, and which never
 * throws. What is redacted so already is not redacted again.
 *
 * @param log Takes the lines.
 * @param redact Takes the secrets out.
 */
export function redactedLog(log: Log, redact: Redact): Log {
  if (redacted.get(log) === redact) return log;
  const enabled = (level: LogLevel): boolean => log.enabled?.(level) ?? true;
  const own = logOf(enabled, (level, message, fields) => {
    if (!enabled(level)) return;
    // A log that cannot be written must not end what it is about.
    try {
      log[level](redact(message), fields && redactAll(fields, redact));
    } catch {
      return;
    }
  });
  redacted.set(own, redact);
  return own;
}

function redactAll(fields: LogFields, redact: Redact): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "string"
        ? redactField(name, value, redact)
        : typeof value === "object"
        ? value.map((part) => redactField(name, part, redact))
        : value,
    ]),
  );
}

// With its name, since some secrets are known by the name before them.
function redactField(name: string, text: string, redact: Redact): string {
  const prefix = `${name}=`;
  const shown = redact(prefix + text);
  return shown.startsWith(prefix) ? shown.slice(prefix.length) : REDACTED;
}
