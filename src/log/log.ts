/**
 * Structured lines on stderr; secrets never reach them.
 *
 * @module
 */

import { BaseHandler } from "@std/log/base-handler";
import type { LevelName } from "@std/log/levels";
import { Logger, type LogRecord } from "@std/log/logger";
import { type Redact, REDACTED } from "../redact/redact.ts";

/** A log level, least to most severe. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** The log levels, least to most severe. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** How a line looks: JSON for programs, text for people. */
export type LogFormat = "json" | "text";

/** What a line says beside its message. `undefined` fields are left out. */
export type LogFields = {
  readonly [name: string]:
    | string
    | number
    | boolean
    | readonly string[]
    | undefined;
};

/** Where lines go. Every part of the package is handed one. */
export interface Log {
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
  debug() {},
  info() {},
  warn() {},
  error() {},
};

/** What {@linkcode createLog} needs. */
export interface LogOptions {
  /** The least severe level that is written. */
  readonly level: LogLevel;
  /** How a line looks. */
  readonly format: LogFormat;
  /** Takes each line, newline included. What it throws is lost. */
  readonly write: (line: string) => void;
  /** Takes the secrets out of a text. */
  readonly redact: Redact;
  /** The clock, in milliseconds since 1970; the machine's if not given. */
  readonly now?: () => number;
}

/**
 * Makes a log of one line per entry.
 *
 * @param options Level, format, and where lines go.
 * @returns The log. It never throws, whatever becomes of its lines.
 */
export function createLog(options: LogOptions): Log {
  const handler = new LineHandler(options);
  const logger = new Logger("sigv4-proxy", LEVEL_NAMES[options.level], {
    handlers: [handler],
  });
  return {
    debug: (message, fields) => void logger.debug(message, fields),
    info: (message, fields) => void logger.info(message, fields),
    warn: (message, fields) => void logger.warn(message, fields),
    error: (message, fields) => void logger.error(message, fields),
  };
}

/** The levels as `@std/log` names them. */
const LEVEL_NAMES: Readonly<Record<LogLevel, LevelName>> = {
  debug: "DEBUG",
  info: "INFO",
  warn: "WARN",
  error: "ERROR",
};

/** What an entry is made of besides its fields. */
const OWN_NAMES: ReadonlySet<string> = new Set(["time", "level", "message"]);

type FieldValue = string | number | boolean | readonly string[];

class LineHandler extends BaseHandler {
  readonly #options: LogOptions;

  constructor(options: LogOptions) {
    super(LEVEL_NAMES[options.level]);
    this.#options = options;
  }

  // A log that cannot be written must not end what it is about.
  override handle(record: LogRecord): void {
    try {
      super.handle(record);
    } catch {
      return;
    }
  }

  override format(record: LogRecord): string {
    const time = new Date(this.#options.now?.() ?? Date.now()).toISOString();
    const level = record.levelName.toLowerCase();
    const message = this.#options.redact(record.msg);
    const fields = this.#fields(record.args[0]);
    return this.#options.format === "json"
      ? jsonLine(
        [["time", time], ["level", level], ["message", message]],
        fields,
      )
      : textLine([time, level.padEnd(5), escapeControls(message)], fields);
  }

  override log(line: string): void {
    this.#options.write(`${line}\n`);
  }

  #fields(given: unknown): [string, FieldValue][] {
    if (typeof given !== "object" || given === null) return [];
    const fields: [string, FieldValue][] = [];
    for (const [name, value] of Object.entries(given)) {
      if (value === undefined) continue;
      const key = OWN_NAMES.has(name) ? `field.${name}` : name;
      fields.push([key, this.#redactValue(name, value)]);
    }
    return fields;
  }

  #redactValue(name: string, value: FieldValue): FieldValue {
    if (typeof value === "string") return this.#redactText(name, value);
    if (typeof value !== "object") return value;
    return value.map((part) => this.#redactText(name, part));
  }

  // Before it is escaped, since escapes would hide a secret; with its name,
  // since some secrets are known by the name before them.
  #redactText(name: string, text: string): string {
    const prefix = `${name}=`;
    const redacted = this.#options.redact(prefix + text);
    return redacted.startsWith(prefix)
      ? redacted.slice(prefix.length)
      : REDACTED;
  }
}

function jsonLine(
  head: readonly [string, string][],
  fields: readonly [string, FieldValue][],
): string {
  const members = [...head, ...fields].map(([name, value]) =>
    `${jsonText(name)}:${jsonText(value)}`
  );
  return `{${members.join(",")}}`;
}

function textLine(
  head: readonly string[],
  fields: readonly [string, FieldValue][],
): string {
  const pairs = fields.map(([name, value]) =>
    `${plainOrQuoted(name)}=${
      typeof value === "string" ? plainOrQuoted(value) : jsonText(value)
    }`
  );
  return [...head, ...pairs].join(" ");
}

function plainOrQuoted(text: string): string {
  return /^[^\s"'=\\]+$/.test(text) && escapeControls(text) === text
    ? text
    : jsonText(text);
}

function jsonText(value: FieldValue): string {
  return escapeControls(JSON.stringify(value));
}

// JSON leaves some of these as they are: line ends to some readers, commands
// to some terminals, marks that turn the order of what is shown around, and
// what nobody sees but a model that reads the log: zero-width and tag characters.
const CONTROLS =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Cs}\p{Co}]/gu;

function escapeControls(text: string): string {
  return text.replace(CONTROLS, (character) => {
    let escaped = "";
    for (let at = 0; at < character.length; at++) {
      const code = character.charCodeAt(at);
      escaped += `\\u${code.toString(16).padStart(4, "0")}`;
    }
    return escaped;
  });
}
