/**
 * Times as programs and token files write them. The AWS CLI reads them with
 * dateutil, which takes far more than ISO 8601; `Date` takes a time without a
 * zone for local time, and dateutil's `UTC` not at all.
 */

const TIME = "(?<hour>\\d{1,2})(?::?(?<minute>\\d{1,2})" +
  "(?::?(?<second>\\d{1,2})(?:[.,](?<fraction>\\d{1,9}))?)?)?" +
  " ?(?<half>AM|PM)?";
const ZONE =
  "(?:Z|UTC|GMT|(?<sign>[+-])(?<hours>\\d{2})(?::?(?<minutes>\\d{2}))?)?";

const FORMS = [
  // ISO 8601, extended and basic, and what is written in its likeness.
  new RegExp(
    "^(?<year>\\d{4})(?:(?<mark>[-/.])(?<month>\\d{1,2})\\k<mark>" +
      "(?<day>\\d{1,2})|(?<month>\\d{2})(?<day>\\d{2}))" +
      `(?:[T ] ?${TIME})? ?${ZONE}$`,
    "i",
  ),
  // The month before its day, or after where it can be no month.
  new RegExp(
    "^(?<first>\\d{1,2})(?<mark>[-/.])(?<then>\\d{1,2})\\k<mark>" +
      `(?<year>\\d{4})(?:[T ] ?${TIME})? ?${ZONE}$`,
    "i",
  ),
  // RFC 9110, section 5.6.7, and `date -u`: the day before its month, or after.
  new RegExp(
    "^(?:[a-z]{3,9},? +)?(?:(?<day>\\d{1,2})[ -](?<month>[a-z]{3,9})|" +
      "(?<month>[a-z]{3,9}) +(?<day>\\d{1,2}),?)(?:[ -](?<year>\\d{4}),?)?" +
      ` +${TIME} ?${ZONE}(?: (?<lastYear>\\d{4}))?$`,
    "i",
  ),
];

const MONTHS = [
  ...["jan", "feb", "mar", "apr", "may", "jun"],
  ...["jul", "aug", "sep", "oct", "nov", "dec"],
];

/** Greater numbers are milliseconds: as seconds this one is the year 5138. */
const MIN_MILLISECONDS = 1e11;

/**
 * Parses a time. Without a zone it is UTC, whatever this machine's zone is; a
 * number is seconds or milliseconds since 1970.
 */
export function parseTimestamp(value: unknown): Date | undefined {
  if (typeof value === "number") {
    const ms = Math.abs(value) < MIN_MILLISECONDS ? value * 1000 : value;
    return validDate(ms);
  }
  if (typeof value !== "string" || value.length > 64) return undefined;
  const text = value.trim();
  const parts = FORMS.map((form) => form.exec(text)?.groups)
    .find((groups) => groups !== undefined);
  return parts && dateOf(parts);
}

function dateOf(
  parts: { readonly [name: string]: string | undefined },
): Date | undefined {
  const number = (name: string) => Number(parts[name] ?? 0);
  const named = MONTHS.indexOf(parts.month?.slice(0, 3).toLowerCase() ?? "");
  const [month, day] = parts.first === undefined
    ? [named < 0 ? number("month") : named + 1, number("day")]
    : number("first") > 12
    ? [number("then"), number("first")]
    : [number("first"), number("then")];
  const { year = parts.lastYear, half, fraction = "0", sign } = parts;
  const clock = number("hour");
  if (half !== undefined && (clock < 1 || clock > 12)) return undefined;
  const hour = half === undefined
    ? clock
    : clock % 12 + (half.toUpperCase() === "PM" ? 12 : 0);
  const minute = number("minute");
  const second = number("second");
  const utc = new Date(
    Date.UTC(Number(year), month - 1, day, hour, minute, second),
  );
  // `Date.UTC` makes 1 March of 29 February, and 2 January of 24:00.
  const isReal = utc.getUTCMonth() === month - 1 &&
    utc.getUTCDate() === day && utc.getUTCHours() === hour &&
    utc.getUTCMinutes() === minute;
  if (!isReal) return undefined;
  const ms = Math.trunc(Number(`0.${fraction}`) * 1000);
  const ahead = number("hours") * 60 + number("minutes");
  const offset = (sign === "-" ? -1 : 1) * ahead * 60_000;
  return validDate(utc.getTime() + ms - offset);
}

function validDate(ms: number): Date | undefined {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
