/** The log of the program: structured lines on stderr, JSON or text. */

import { BaseHandler } from "@std/log/base-handler";
import type { LevelName } from "@std/log/levels";
import { Logger, type LogRecord } from "@std/log/logger";
import type { Redact } from "../redact/redact.ts";
import { within } from "../time.ts";
import {
  type FieldValue,
  type Log,
  LOG_LEVELS,
  type LogLevel,
  logOf,
  redactedLog,
} from "./log.ts";

/** How a line looks: JSON for programs, text for people. */
export type LogFormat = "json" | "text";

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Takes each line, newline included. What it throws is lost. */
  readonly write: (line: string) => void;
  readonly redact: Redact;
  /** The clock, in milliseconds since 1970; the machine's if not given. */
  readonly now?: () => number;
}

/** Makes a log of one line per entry. It never throws. */
export function createLog(options: LogOptions): Log {
  const logger = new Logger("sigv4-proxy", LEVEL_NAMES[options.level], {
    handlers: [new LineHandler(options)],
  });
  const least = LOG_LEVELS.indexOf(options.level);
  const lines = logOf(
    (level) => LOG_LEVELS.indexOf(level) >= least,
    (level, message, fields) => void logger[level](message, fields),
  );
  return redactedLog(lines, options.redact);
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

class LineHandler extends BaseHandler {
  readonly #options: LogOptions;

  constructor(options: LogOptions) {
    super(LEVEL_NAMES[options.level]);
    this.#options = options;
  }

  override format({ levelName, msg, args }: LogRecord): string {
    const time = new Date(this.#options.now?.() ?? Date.now()).toISOString();
    const level = levelName.toLowerCase();
    const fields = fieldsOf(args[0]);
    if (this.#options.format === "text") {
      const pairs = fields.map(([name, value]) =>
        `${plainOrQuoted(name)}=${plainOrQuoted(value)}`
      );
      return [time, level.padEnd(5), escapeControls(msg), ...pairs].join(" ");
    }
    const own = [["time", time], ["level", level], ["message", msg]] as const;
    const members = [...own, ...fields].map(([name, value]) =>
      `${jsonText(name)}:${jsonText(value)}`
    );
    return `{${members.join(",")}}`;
  }

  override log(line: string): void {
    this.#options.write(`${line}\n`);
  }
}

function fieldsOf(given: unknown): (readonly [string, FieldValue])[] {
  return Object.entries(given ?? {})
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [
      OWN_NAMES.has(name) ? `field.${name}` : name,
      value,
    ]);
}

function plainOrQuoted(value: FieldValue): string {
  const isPlain = typeof value === "string" && /^[^\s"'=\\]+$/.test(value) &&
    escapeControls(value) === value;
  return isPlain ? value : jsonText(value);
}

function jsonText(value: FieldValue): string {
  return escapeControls(JSON.stringify(value));
}

// JSON leaves some of these as they are: line ends to some readers, commands
// to some terminals, marks that turn the order of what is shown around, and
// what nobody sees but a model that reads the log: zero-width and tag characters.
const CONTROLS =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Cs}\p{Co}]/gu;

/** A text whose characters are all to be seen, and none of which commands. */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, (character) => {
    let escaped = "";
    for (let at = 0; at < character.length; at++) {
      const code = character.charCodeAt(at);
      escaped += `\\u${code.toString(16).padStart(4, "0")}`;
    }
    return escaped;
  });
}

/** How many lines wait for a sink that does not take them. */
const MAX_WAITING_LINES = 1000;

/**
 * Writes lines in the background. When the sink takes none for long, lines
 * are dropped and counted: a client that never reads stderr must not stop the
 * messages on stdout.
 */
export class LineSink {
  readonly #sink: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  #waiting: string[] = [];
  #dropped = 0;
  #writing: Promise<void> | undefined;

  constructor(sink: WritableStream<Uint8Array>) {
    this.#sink = sink.getWriter();
    // A sink that is gone has no reader who could be told.
    this.#sink.closed.catch(() => {});
  }

  write(line: string): void {
    if (this.#waiting.length >= MAX_WAITING_LINES) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(line);
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when all lines are written, or the time is over. */
  async flush(limitMs: number): Promise<void> {
    if (this.#writing) await within(limitMs, this.#writing);
  }

  async #writeAll(): Promise<void> {
    await null;
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.join("");
      const dropped = this.#dropped;
      this.#waiting = [];
      this.#dropped = 0;
      const note = dropped === 0 ? "" : `[${dropped} log lines were dropped]\n`;
      await this.#sink.write(this.#encoder.encode(lines + note))
        .catch(() => {});
    }
    this.#writing = undefined;
  }
}
