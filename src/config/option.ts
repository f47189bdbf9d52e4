/**
 * What an option is: a row of the table, what it means for types and for
 * errors, and how its text becomes a value.
 */

import { MAX_TIMER_MS } from "../time.ts";

export type Env = (name: string) => string | undefined;

interface Row {
  /**
   * The flag, other flags that mean the same, and the variables that stand for
   * it; of these the first that is set counts.
   */
  readonly names: readonly [`--${string}`, ...string[]];
  /** What errors call it; the words of the flag if not given. */
  readonly name?: string;
  readonly help: string;
}

/** What is taken as text. */
interface Text {
  /** What `--help` calls the value; `NAME` if not given. */
  readonly placeholder?: string;
  /** What a value looks like, and how an error says so. */
  readonly form?: { readonly pattern: RegExp; readonly words: string };
  /** Whether a value may hold a secret: then no error shows it. */
  readonly secret?: boolean;
}

/** A time span, read into milliseconds. */
interface Duration {
  /** As it would be given; none means that there is no limit. */
  readonly default?: string;
  readonly range?: readonly [least: string, most?: string];
  /** Whether `0` means that there is no limit; else it is an error. */
  readonly zeroIsNone?: boolean;
}

interface Integer {
  readonly default?: number;
  readonly range: readonly [least: number, most: number];
}

/** What kind of value it takes. */
type Kind =
  | { readonly kind?: undefined; readonly default?: string } & Text
  | { readonly kind: "file" }
  /** From a flag given any number of times, or a variable with commas. */
  | { readonly kind: "list" } & Text
  /** Off if not given. `--no-<flag>` turns one off that is on. */
  | { readonly kind: "boolean"; readonly default?: boolean }
  | { readonly kind: "duration" } & Duration
  /** A number of bytes. */
  | { readonly kind: "size"; readonly default: string }
  | { readonly kind: "integer" } & Integer
  | {
    readonly kind: "enum";
    readonly values: readonly string[];
    readonly default: string;
  };

export type Option = Row & Kind;

/** The names of an option, where they are not those that its flag tells. */
type Names = Partial<Pick<Row, "names" | "name">>;

type RowOf<More> = Pick<Row, "names" | "help"> & More;

/** A row. The variable of `--read-only` is MCP_READ_ONLY, if `names` is not set. */
export function option<const More extends Kind & Names>(
  flag: `--${string}`,
  help: string,
  more: More,
): RowOf<More> {
  const variable = `MCP_${flag.slice(2).replaceAll("-", "_").toUpperCase()}`;
  return { names: [flag, variable], help, ...more };
}

/** A row of what is off unless it is set. */
export function toggle(
  flag: `--${string}`,
  help: string,
  names: Names = {},
): RowOf<{ kind: "boolean" } & Names> {
  return option(flag, help, { kind: "boolean", ...names });
}

/** A row of what is on unless `--no-<flag>` is set. */
export function defaultOn(
  flag: `--${string}`,
  help: string,
): RowOf<{ kind: "boolean"; default: true }> {
  return option(flag, help, { kind: "boolean", default: true });
}

/** A row of what is the path of a file. */
export function file(
  flag: `--${string}`,
  help: string,
  names: Names = {},
): RowOf<{ kind: "file" } & Names> {
  return option(flag, help, { kind: "file", ...names });
}

/** What a row's value is once it is read. */
type ValueOf<O extends Option> = O extends { kind: "boolean" } ? boolean
  : O extends { kind: "duration" | "size" | "integer" } ? number
  : O extends { kind: "enum"; values: readonly (infer Word)[] } ? Word
  : O extends { kind: "list" } ? readonly string[]
  : string;

/** What a row's value is, given or not. */
export type SettingOf<O extends Option> = O extends
  { kind: "list" | "boolean" } | { default: unknown } ? ValueOf<O>
  : ValueOf<O> | undefined;

/** The flags of an option, first the one that errors name. */
export function flagsOf({ names }: Option): string[] {
  return names.filter((name) => name.startsWith("--"));
}

export function variablesOf({ names }: Option): string[] {
  return names.filter((name) => !name.startsWith("--"));
}

/** What errors call an option. */
export function optionName({ name, names }: Option): string {
  return name ?? names[0].slice(2).replaceAll("-", " ");
}

/** How to fix a fault of an option: `set --region or AWS_REGION`. */
export function hintFor(option: Option): string {
  const variables = variablesOf(option);
  const last = variables.pop();
  const ways = [option.names[0], ...variables].join(", ");
  return last === undefined ? `set ${ways}` : `set ${ways} or ${last}`;
}

/** A value, or the text that is none and what it should have been. */
export type ValueResult =
  | { readonly value: unknown }
  | { readonly text: string; readonly expected: string };

/**
 * The value of an option, of the type that its kind says, or what is wrong. Of
 * several texts a list takes all, others the last.
 */
export function readValue(
  option: Option,
  texts: readonly string[],
): ValueResult {
  if (option.kind === "list") return readList(option, texts);
  const text = texts.at(-1)?.trim();
  if (text === undefined) {
    return { value: option.kind === "boolean" ? false : undefined };
  }
  switch (option.kind) {
    case "file":
      return { value: text };
    case "boolean":
      return found(text, parseBoolean(text), "true or false");
    case "duration":
      return readDuration(option, text);
    case "size":
      return found(
        text,
        parseSize(text) || undefined,
        "a size such as 64MiB, 10MB or 4096",
      );
    case "integer":
      return readInteger(option, text);
    case "enum":
      return readWord(option.values, text);
    default:
      return readText(option, text);
  }
}

/** `true`, `false`, `1` or `0`, in any case. */
export function parseBoolean(text: string): boolean | undefined {
  if (/^(?:true|1)$/i.test(text)) return true;
  if (/^(?:false|0)$/i.test(text)) return false;
  return undefined;
}

function found(text: string, value: unknown, expected: string): ValueResult {
  return value === undefined ? { text, expected } : { value };
}

function readText({ form }: Text, text: string): ValueResult {
  if (form === undefined || form.pattern.test(text)) return { value: text };
  return { text, expected: form.words };
}

function readList(option: Text, texts: readonly string[]): ValueResult {
  // What has a form has no white space around it that means something.
  const given = option.form ? texts.map((text) => text.trim()) : texts;
  const wrong = given.map((text) => readText(option, text))
    .find((result) => "expected" in result);
  return wrong ?? { value: given };
}

function readDuration(option: Duration, text: string): ValueResult {
  const ms = parseDuration(text);
  if (ms === undefined) {
    return { text, expected: "a duration such as 500ms, 30s or 1m30s" };
  }
  if (ms === 0 && option.zeroIsNone) return { value: undefined };
  const [least = "1ms", most = ""] = option.range ?? [];
  const min = parseDuration(least) ?? 1;
  const max = parseDuration(most) ?? MAX_TIMER_MS;
  if (ms >= min && ms <= max) return { value: Math.round(ms) };
  const none = option.zeroIsNone ? ", or 0 for none" : "";
  const hour = 3_600_000;
  const highest = max < hour ? max : Math.floor(max / hour) * hour;
  const range = `from ${formatDuration(min)} to ${formatDuration(highest)}`;
  return { text, expected: range + none };
}

function readInteger(
  { range: [min, max] }: Integer,
  text: string,
): ValueResult {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return { value };
  return { text, expected: `a whole number from ${min} to ${max}` };
}

function readWord(values: readonly string[], text: string): ValueResult {
  const value = values.find((value) => value === text.toLowerCase());
  const quoted = values.map((value) => `'${value}'`);
  const last = quoted.pop();
  return found(text, value, `${quoted.join(", ")} or ${last}`);
}

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
