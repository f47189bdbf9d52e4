/**
 * Durations as Go's `time.ParseDuration` reads them (`500ms`, `1m30s`, `1.5h`),
 * and sizes as people write them (`64MiB`, `10MB`, `4096`).
 */

/** Milliseconds in each unit. Both letters for micro are the units of Go. */
const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["\u00b5s", 1e-3],
  ["\u03bcs", 1e-3],
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);

const DURATION =
  /^([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$/;
const PART = /(\d+(?:\.\d*)?|\.\d+)([a-z\u00b5\u03bc]+)/gy;

/** Go holds a duration in a signed 64-bit count of nanoseconds. */
const MAX_MS = 2 ** 63 / 1e6;

const NS_PER_MS = 1e6;

/** A duration in milliseconds; `undefined` when the text is none. */
export function parseDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  const match = DURATION.exec(text);
  if (match === null) return undefined;
  const [, sign, parts] = match;
  let ms = 0;
  for (const [, amount, unit] of parts.matchAll(PART)) {
    ms += Number(amount) * (UNITS_MS.get(unit) ?? NaN);
  }
  if (ms > MAX_MS) return undefined;
  const whole = Math.round(ms * NS_PER_MS) / NS_PER_MS;
  return sign === "-" ? 0 - whole : whole;
}

/** A duration, not negative, in the shortest usual form, such as `1m30s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  if (ms < 1000) return `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms % 3_600_000 / 60_000);
  const seconds = ms % 60_000 / 1000;
  return (hours > 0 ? `${hours}h` : "") +
    (minutes > 0 ? `${minutes}m` : "") +
    (seconds > 0 ? `${seconds}s` : "");
}

/** Bytes in each unit, without regard to case. */
const UNITS_BYTES: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["b", 1],
  ["kb", 1e3],
  ["mb", 1e6],
  ["gb", 1e9],
  ["kib", 2 ** 10],
  ["mib", 2 ** 20],
  ["gib", 2 ** 30],
]);

const SIZE = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i;

/** A size in bytes; `undefined` when the text is no whole number of them. */
export function parseSize(text: string): number | undefined {
  const match = SIZE.exec(text);
  if (match === null) return undefined;
  const unit = UNITS_BYTES.get(match[2].toLowerCase());
  if (unit === undefined) return undefined;
  const bytes = Number(match[1]) * unit;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
