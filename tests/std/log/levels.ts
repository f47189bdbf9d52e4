/** The levels and their weights. */
export const LogLevels = {
  NOTSET: 0,
  DEBUG: 10,
  INFO: 20,
  WARN: 30,
  ERROR: 40,
  CRITICAL: 50,
} as const;

/** The name of a level. */
export type LevelName = keyof typeof LogLevels;

/** The weight of a level. */
export type LogLevel = typeof LogLevels[LevelName];

/** The names, lightest first. */
export const LogLevelNames: LevelName[] = [
  "NOTSET",
  "DEBUG",
  "INFO",
  "WARN",
  "ERROR",
  "CRITICAL",
];

/** The weight of a named level. */
export function getLevelByName(name: LevelName): LogLevel {
  if (LogLevelNames.includes(name)) return LogLevels[name];
  throw new Error(`no level is named ${name}`);
}

/** The name of a level by its weight. */
export function getLevelName(level: LogLevel): LevelName {
  const name = LogLevelNames.find((name) => LogLevels[name] === level);
  if (name) return name;
  throw new Error(`no level weighs ${level}`);
}
