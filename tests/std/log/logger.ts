import type { BaseHandler } from "./base_handler.ts";
import {
  getLevelByName,
  getLevelName,
  type LevelName,
  type LogLevel,
  LogLevels,
} from "./levels.ts";

/** Any function. */
export type GenericFunction = (...args: never[]) => unknown;

/** What a {@linkcode LogRecord} is made of. */
export interface LogRecordOptions {
  /** The message. */
  msg: string;
  /** What was handed over beside it. */
  args: unknown[];
  /** How severe it is. */
  level: LogLevel;
  /** Whose it is. */
  loggerName: string;
}

/** One message on its way to the handlers. */
export class LogRecord {
  /** The message. */
  readonly msg: string;
  /** How severe it is. */
  readonly level: number;
  /** The name of that level. */
  readonly levelName: string;
  /** Whose it is. */
  readonly loggerName: string;
  readonly #args: readonly unknown[];
  readonly #time = Date.now();

  /** A record of this moment. */
  constructor({ msg, args, level, loggerName }: LogRecordOptions) {
    this.msg = msg;
    this.level = level;
    this.levelName = getLevelName(level);
    this.loggerName = loggerName;
    this.#args = args.slice();
  }

  /** What was handed over beside the message; a copy. */
  get args(): unknown[] {
    return this.#args.slice();
  }

  /** When it was made; a copy. */
  get datetime(): Date {
    return new Date(this.#time);
  }
}

/** What a {@linkcode Logger} can be given. */
export interface LoggerOptions {
  /** Where its records go. */
  handlers?: BaseHandler[];
}

/** A message: a value, or a function for one, which is called only when it is wanted. */
type Message<T> = (T extends GenericFunction ? never : T) | (() => T);

/** Makes records and hands them on, from one level upwards. */
export class Logger {
  /** Where its records go. */
  handlers: BaseHandler[];
  readonly #name: string;
  #level: LogLevel;

  /** A logger of this name, from this level upwards. */
  constructor(name: string, levelName: LevelName, options?: LoggerOptions) {
    this.#name = name;
    this.#level = getLevelByName(levelName);
    this.handlers = options?.handlers ?? [];
  }

  /** The lightest level that passes. */
  get level(): LogLevel {
    return this.#level;
  }

  set level(level: LogLevel) {
    if (!Object.values(LogLevels).includes(level)) {
      throw new TypeError(`Invalid log level: ${level}`);
    }
    this.#level = level;
  }

  /** The name of the lightest level that passes. */
  get levelName(): LevelName {
    return getLevelName(this.#level);
  }

  set levelName(name: LevelName) {
    this.#level = getLevelByName(name);
  }

  /** Its name. */
  get loggerName(): string {
    return this.#name;
  }

  /** Logs at `DEBUG`. */
  debug<T>(msg: () => T, ...args: unknown[]): T | undefined;
  debug<T>(msg: T extends GenericFunction ? never : T, ...args: unknown[]): T;
  debug<T>(msg: Message<T>, ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.DEBUG, msg, args);
  }

  /** Logs at `INFO`. */
  info<T>(msg: () => T, ...args: unknown[]): T | undefined;
  info<T>(msg: T extends GenericFunction ? never : T, ...args: unknown[]): T;
  info<T>(msg: Message<T>, ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.INFO, msg, args);
  }

  /** Logs at `WARN`. */
  warn<T>(msg: () => T, ...args: unknown[]): T | undefined;
  warn<T>(msg: T extends GenericFunction ? never : T, ...args: unknown[]): T;
  warn<T>(msg: Message<T>, ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.WARN, msg, args);
  }

  /** Logs at `ERROR`. */
  error<T>(msg: () => T, ...args: unknown[]): T | undefined;
  error<T>(msg: T extends GenericFunction ? never : T, ...args: unknown[]): T;
  error<T>(msg: Message<T>, ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.ERROR, msg, args);
  }

  /** Logs at `CRITICAL`. */
  critical<T>(msg: () => T, ...args: unknown[]): T | undefined;
  critical<T>(
    msg: T extends GenericFunction ? never : T,
    ...args: unknown[]
  ): T;
  critical<T>(msg: Message<T>, ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.CRITICAL, msg, args);
  }

  #log<T>(
    level: LogLevel,
    msg: Message<T>,
    args: unknown[],
  ): T | undefined {
    const lazy = msg instanceof Function;
    if (level < this.#level) return lazy ? undefined : msg;

    const value = lazy ? msg() : msg;
    const record = new LogRecord({
      msg: text(value),
      args,
      level,
      loggerName: this.#name,
    });
    for (const handler of this.handlers) handler.handle(record);
    return value;
  }
}

function text(value: unknown): string {
  if (typeof value === "function") return "undefined";
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Error) return value.stack ?? String(value);
  const properties = Object.entries(value).map(([name, value]) =>
    `"${name}":${typeof value === "string" ? `"${value}"` : text(value)}`
  );
  return `{${properties.join(",")}}`;
}
