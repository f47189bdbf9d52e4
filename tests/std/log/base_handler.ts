import {
  getLevelByName,
  getLevelName,
  type LevelName,
  type LogLevel,
} from "./levels.ts";
import type { LogRecord } from "./logger.ts";

export type { LevelName, LogLevel, LogRecord };

/** Makes a record into a line. */
export type FormatterFunction = (logRecord: LogRecord) => string;

/** What a {@linkcode BaseHandler} can be given. */
export interface BaseHandlerOptions {
  /** Makes a record into a line; level and message, if not given. */
  formatter?: FormatterFunction;
}

/** Where records end: what it means to log a line is for a subclass to say. */
export abstract class BaseHandler {
  /** Makes a record into a line. */
  formatter: FormatterFunction;
  #level: LogLevel;

  /** A handler of records from this level upwards. */
  constructor(levelName: LevelName, options?: BaseHandlerOptions) {
    this.#level = getLevelByName(levelName);
    this.formatter = options?.formatter ??
      (({ levelName, msg }): string => `${levelName} ${msg}`);
  }

  /** The lightest level that is handled. */
  get level(): LogLevel {
    return this.#level;
  }

  set level(level: LogLevel) {
    getLevelName(level);
    this.#level = level;
  }

  /** The name of the lightest level that is handled. */
  get levelName(): LevelName {
    return getLevelName(this.#level);
  }

  set levelName(name: LevelName) {
    this.#level = getLevelByName(name);
  }

  /** Logs a record, if it is severe enough. */
  handle(logRecord: LogRecord): void {
    if (logRecord.level >= this.#level) this.log(this.format(logRecord));
  }

  /** The line of a record. */
  format(logRecord: LogRecord): string {
    return this.formatter(logRecord);
  }

  /** Writes a line to wherever this handler writes. */
  abstract log(msg: string): void;

  /** Called before first use. */
  setup(): void {}

  /** Called after last use. */
  destroy(): void {}

  /** Ends the handler at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}
