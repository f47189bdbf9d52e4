/**
 * Times as programs and token files write them. The AWS CLI reads them with
 * dateutil, which takes far more than ISO 8601; `Date` takes a time without a
 * zone for local time, and dateutil's `UTC` not at all.
 *
 * @module
 */

/** ISO 8601, extended and basic, and what is written in its likeness. */
const ISO =
  /^(\d{4})([-/.]?)(\d{2})\2(\d{2})(?:[T ]\s?(\d{2}):?(\d{2})(?::?(\d{2})(?:[.,](\d{1,9}))?)?)?\s?(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$/i;

/** RFC 9110, section 5.6.7, and `date -u`: the day before its month, or after. */
const NAMED =
  /^(?:[a-z]{3,9},? +)?(?:(\d{1,2})[ -]([a-z]{3,9})|([a-z]{3,9}) +(\d{1,2}),?)(?:[ -](\d{4}))? +(\d{2}):(\d{2})(?::(\d{2}))?(?: (Z|UTC|GMT|[+-]\d{2}:?\d{2}))?(?: (\d{4}))?$/i;

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
  return parseIso(text) ?? parseNamed(text);
}

function parseIso(text: string): Date | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, year, , month, day, hour, minute, second, fraction, zone] = match;
  return dateOf([year, month, day, hour, minute, second], fraction, zone);
}

function parseNamed(text: string): Date | undefined {
  const match = NAMED.exec(text);
  if (match === null) return undefined;
  const [, day1, month1, month2, day2, year1, hour, minute, second, zone] =
    match;
  const year = year1 ?? match[10];
  const name = (month1 ?? month2).slice(0, 3).toLowerCase();
  const month = MONTHS.indexOf(name) + 1;
  if (month === 0 || year === undefined) return undefined;
  const day = day1 ?? day2;
  return dateOf([year, `${month}`, day, hour, minute, second], "", zone);
}

function dateOf(
  parts: readonly (string | undefined)[],
  fraction: string | undefined,
  zone: string | undefined,
): Date | undefined {
  const [year, month, day, hour, minute, second] = parts.map((part) =>
    Number(part ?? 0)
  );
  const utc = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // `Date.UTC` makes 1 March of 29 February, and 2 January of 24:00.
  const isReal = utc.getUTCMonth() === month - 1 &&
    utc.getUTCDate() === day && utc.getUTCHours() === hour &&
    utc.getUTCMinutes() === minute;
  if (!isReal) return undefined;
  const ms = Math.trunc(Number(`0.${fraction || 0}`) * 1000);
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
