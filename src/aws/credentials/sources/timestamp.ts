/**
 * Times as programs and token files write them. The AWS CLI reads them with
 * dateutil, which takes far more than ISO 8601; `Date` takes a time without a
 * zone for local time, and dateutil's `UTC` not at all.
 *
 * @module
 */

const TIME =
  "(\\d{1,2})(?::?(\\d{1,2})(?::?(\\d{1,2})(?:[.,](\\d{1,9}))?)?)? ?(AM|PM)?";
const ZONE = "(Z|UTC|GMT|[+-]\\d{2}(?::?\\d{2})?)?";

/** ISO 8601, extended and basic, and what is written in its likeness. */
const ISO = new RegExp(
  `^(\\d{4})(?:([-/.])(\\d{1,2})\\2(\\d{1,2})|(\\d{2})(\\d{2}))` +
    `(?:[T ] ?${TIME})? ?${ZONE}$`,
  "i",
);

/** The month before its day, or after where it can be no month. */
const AMERICAN = new RegExp(
  `^(\\d{1,2})([-/.])(\\d{1,2})\\2(\\d{4})(?:[T ] ?${TIME})? ?${ZONE}$`,
  "i",
);

/** RFC 9110, section 5.6.7, and `date -u`: the day before its month, or after. */
const NAMED = new RegExp(
  "^(?:[a-z]{3,9},? +)?" +
    "(?:(\\d{1,2})[ -]([a-z]{3,9})|([a-z]{3,9}) +(\\d{1,2}),?)" +
    `(?:[ -](\\d{4}),?)? +${TIME} ?${ZONE}(?: (\\d{4}))?$`,
  "i",
);

const MONTHS = [
  ...["jan", "feb", "mar", "apr", "may", "jun"],
  ...["jul", "aug", "sep", "oct", "nov", "dec"],
];

/** Greater numbers are milliseconds: as seconds this one is the year 5138. */
const MIN_MILLISECONDS = 1e11;

/**
 * Parses a time. Without a zone it is UTC, whatever this machine's zone is; a
 * number is seconds or milliseconds since 1970.
 *
 * @param value What stands where a time should.
 * @returns The time, or `undefined` if it is none.
 */
export function parseTimestamp(value: unknown): Date | undefined {
  if (typeof value === "number") {
    const ms = Math.abs(value) < MIN_MILLISECONDS ? value * 1000 : value;
    return validDate(ms);
  }
  if (typeof value !== "string" || value.length > 64) return undefined;
  const text = value.trim();
  return parseIso(text) ?? parseAmerican(text) ?? parseNamed(text);
}

function parseIso(text: string): Date | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, year, , month, day, month2, day2, ...time] = match;
  return dateOf([year, month ?? month2, day ?? day2], time);
}

function parseAmerican(text: string): Date | undefined {
  const match = AMERICAN.exec(text);
  if (match === null) return undefined;
  const [, first, , second, year, ...time] = match;
  const [month, day] = Number(first) > 12 ? [second, first] : [first, second];
  return dateOf([year, month, day], time);
}

function parseNamed(text: string): Date | undefined {
  const match = NAMED.exec(text);
  if (match === null) return undefined;
  const [, day1, month1, month2, day2, year1, ...time] = match;
  const year = year1 ?? time.at(-1);
  const name = (month1 ?? month2).slice(0, 3).toLowerCase();
  const month = MONTHS.indexOf(name) + 1;
  if (month === 0 || year === undefined) return undefined;
  return dateOf([year, `${month}`, day1 ?? day2], time);
}

function dateOf(
  date: readonly string[],
  time: readonly (string | undefined)[],
): Date | undefined {
  const [year, month, day] = date.map(Number);
  const [clock = 0, minute, second] = time.slice(0, 3)
    .map((part) => Number(part ?? 0));
  const [, , , fraction = "0", half, zone] = time;
  if (half !== undefined && (clock < 1 || clock > 12)) return undefined;
  const hour = half === undefined
    ? clock
    : clock % 12 + (half.toUpperCase() === "PM" ? 12 : 0);
  const utc = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // `Date.UTC` makes 1 March of 29 February, and 2 January of 24:00.
  const isReal = utc.getUTCMonth() === month - 1 &&
    utc.getUTCDate() === day && utc.getUTCHours() === hour &&
    utc.getUTCMinutes() === minute;
  if (!isReal) return undefined;
  const ms = Math.trunc(Number(`0.${fraction}`) * 1000);
  return validDate(utc.getTime() + ms - offsetMs(zone));
}

function offsetMs(zone: string | undefined): number {
  const match = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone ?? "");
  if (match === null) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? 0);
  return (match[1] === "-" ? -1 : 1) * minutes * 60_000;
}

function validDate(ms: number): Date | undefined {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
