/** The part of `@std/log` that the package uses. */

export {
  BaseHandler,
  type BaseHandlerOptions,
  type FormatterFunction,
} from "./base_handler.ts";
export {
  getLevelByName,
  getLevelName,
  type LevelName,
  type LogLevel,
  LogLevels,
} from "./levels.ts";
export {
  Logger,
  type LoggerOptions,
  LogRecord,
  type LogRecordOptions,
} from "./logger.ts";
