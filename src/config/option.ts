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
  /** What `--help` calls the value; what its kind says if not given. */
  readonly placeholder?: string;
  /** Whether a value may hold a secret: then no error shows it. */
  readonly secret?: boolean;
}

/** What a text looks like, and how an error says so. */
interface Text {
  readonly form?: { readonly pattern: RegExp; readonly words: string };
}

/** A time span, read into milliseconds. */
interface Duration {
  /** As it would be given; none means that there is no limit. */
  readonly default?: string;
  readonly range?: readonly [least: string, most?: string];
  /** Whether `0` means that there is no limit; else it is an error. */
  readonly zeroIsNone?: boolean;
}

/** What kind of value it takes. */
type Kind =
  | { readonly kind?: undefined; readonly default?: string } & Text
  | { readonly kind: "file"; readonly default?: undefined }
  /** From a flag given any number of times, or a variable with commas. */
  | { readonly kind: "list"; readonly default?: undefined } & Text
  /** Off if not given. `--no-<flag>` turns one off that is on. */
  | { readonly kind: "boolean"; readonly default?: boolean }
  | { readonly kind: "duration" } & Duration
  /** A number of bytes. */
  | {
    readonly kind: "size";
    readonly default: string;
    readonly least?: number;
  }
  | {
    readonly kind: "integer";
    readonly default?: number;
    readonly range: readonly [least: number, most: number];
  }
  | {
    readonly kind: "enum";
    readonly values: readonly string[];
    readonly default: string;
  };

export type Option = Row & Kind;

type RowOf<More> = Pick<Row, "names" | "help"> & More;

/** A row. The variable of `--read-only` is MCP_READ_ONLY, if `names` is not set. */
export function option<const More extends Kind & Partial<Row>>(
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
  more: Partial<Row> = {},
): RowOf<{ kind: "boolean" }> {
  return option(flag, help, { kind: "boolean", ...more });
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
  more: Partial<Row> = {},
): RowOf<{ kind: "file" }> {
  return option(flag, help, { kind: "file", ...more });
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
export function parseValue(
  option: Option,
  texts: readonly string[],
): ValueResult {
  if (option.kind === "list") {
    const { form } = option;
    // What has a form has no white space around it that means something.
    const value = form ? texts.map((text) => text.trim()) : texts;
    const text = value.find((text) => form?.pattern.test(text) === false);
    return form && text !== undefined
      ? { text, expected: form.words }
      : { value };
  }
  const text = texts.at(-1)?.trim();
  if (text === undefined) {
    return { value: option.kind === "boolean" ? false : undefined };
  }
  const found = (value: unknown, expected: string): ValueResult =>
    value === undefined ? { text, expected } : { value };
  switch (option.kind) {
    case "file":
      return { value: text };
    case "boolean":
      return found(parseBoolean(text), "true or false");
    case "duration":
      return parseDurationIn(option, text);
    case "size": {
      const { least } = option;
      const bytes = parseSize(text) ?? 0;
      const expected = least === undefined
        ? "a size such as 64MiB, 10MB or 4096"
        : `a size of at least ${least} bytes, such as 64MiB`;
      return found(bytes >= (least ?? 1) ? bytes : undefined, expected);
    }
    case "integer": {
      const [min, max] = option.range;
      const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
      const expected = `a whole number from ${min} to ${max}`;
      return found(value >= min && value <= max ? value : undefined, expected);
    }
    case "enum": {
      const word = text.toLowerCase();
      const quoted = option.values.map((value) => `'${value}'`);
      const expected = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
      return found(option.values.find((value) => value === word), expected);
    }
    default: {
      const { pattern, words = "" } = option.form ?? {};
      return found(pattern?.test(text) === false ? undefined : text, words);
    }
  }
}

/** `true`, `false`, `1` or `0`, in any case. */
export function parseBoolean(text: string): boolean | undefined {
  if (/^(?:true|1)$/i.test(text)) return true;
  return /^(?:false|0)$/i.test(text) ? false : undefined;
}

function parseDurationIn(
  { range: [least, most = ""] = ["1ms"], zeroIsNone = false }: Duration,
  text: string,
): ValueResult {
  const ms = parseDuration(text);
  if (ms === undefined) {
    return { text, expected: "a duration such as 500ms, 30s or 1m30s" };
  }
  if (ms === 0 && zeroIsNone) return { value: undefined };
  const min = parseDuration(least) ?? 1;
  const max = parseDuration(most) ?? MAX_TIMER_MS;
  if (ms >= min && ms <= max) return { value: Math.round(ms) };
  const none = zeroIsNone ? ", or 0 for none" : "";
  const hour = 3_600_000;
  const highest = max < hour ? max : Math.floor(max / hour) * hour;
  const range = `from ${formatDuration(min)} to ${formatDuration(highest)}`;
  return { text, expected: range + none };
}

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

const PART = `(\\d+(?:\\.\\d*)?|\\.\\d+)(${[...UNITS_MS.keys()].join("|")})`;
const PARTS = new RegExp(PART, "gy");
const DURATION = new RegExp(`^([+-]?)((?:${PART})+)$`);

/** Go holds a duration in a signed 64-bit count of nanoseconds. */
const MAX_MS = 2 ** 63 / 1e6;

const NS_PER_MS = 1e6;

/**
 * Milliseconds of a duration as Go's `time.ParseDuration` reads it (`500ms`,
 * `1m30s`, `1.5h`); `undefined` when the text is none.
 */
export function parseDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  const [, sign, parts]: (string | undefined)[] = DURATION.exec(text) ?? [];
  if (parts === undefined) return undefined;
  let ms = 0;
  for (const [, amount, unit] of parts.matchAll(PARTS)) {
    ms += Number(amount) * (UNITS_MS.get(unit) ?? NaN);
  }
  if (ms > MAX_MS) return undefined;
  const rounded = Math.round(ms * NS_PER_MS) / NS_PER_MS;
  return sign === "-" ? 0 - rounded : rounded;
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

/** A size in bytes; `undefined` when the text is no whole number of them. */
export function parseSize(text: string): number | undefined {
  const [, amount, unit = ""]: (string | undefined)[] =
    /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text) ?? [];
  const bytes = Number(amount) * (UNITS_BYTES.get(unit.toLowerCase()) ?? NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
