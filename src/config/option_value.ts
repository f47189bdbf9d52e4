/**
 * The text of an option → its value, by the kind of the option.
 *
 * @module
 */

import type {
  DurationOption,
  EnumOption,
  IntegerOption,
  ListOption,
  Option,
  StringOption,
} from "./option.ts";
import { formatDuration, parseDuration, parseSize } from "./units.ts";
import { MAX_TIMER_MS } from "../time.ts";

/** A value, or the text that is none and what it should have been. */
export type ValueResult =
  | { readonly value: unknown }
  | { readonly text: string; readonly expected: string };

/**
 * Reads the value of an option.
 *
 * @param option The row.
 * @param texts What was given; of several, a list takes all, others the last.
 * @returns The value, of the type that the kind says, or what is wrong.
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
    case "string":
      return readString(option, text);
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
      return readEnum(option, text);
  }
}

/**
 * Reads what stands for on and off.
 *
 * @param text `true`, `false`, `1` or `0`, in any case.
 * @returns The value, or `undefined` for any other text.
 */
export function parseBoolean(text: string): boolean | undefined {
  if (/^(?:true|1)$/i.test(text)) return true;
  if (/^(?:false|0)$/i.test(text)) return false;
  return undefined;
}

function found(text: string, value: unknown, expected: string): ValueResult {
  return value === undefined ? { text, expected } : { value };
}

function readString(
  { form }: StringOption | ListOption,
  text: string,
): ValueResult {
  if (form === undefined || form.pattern.test(text)) return { value: text };
  return { text, expected: form.words };
}

function readList(option: ListOption, texts: readonly string[]): ValueResult {
  // What has a form has no white space around it that means something.
  const given = option.form ? texts.map((text) => text.trim()) : texts;
  for (const text of given) {
    const result = readString(option, text);
    if (!("value" in result)) return result;
  }
  return { value: given };
}

function readDuration(option: DurationOption, text: string): ValueResult {
  const ms = parseDuration(text);
  if (ms === undefined) {
    return { text, expected: "a duration such as 500ms, 30s or 1m30s" };
  }
  if (ms === 0 && option.zeroIsNone) return { value: undefined };
  const min = limit(option.min, 1);
  const max = limit(option.max, MAX_TIMER_MS);
  if (ms >= min && ms <= max) return { value: Math.round(ms) };
  const none = option.zeroIsNone ? ", or 0 for none" : "";
  const hour = 3_600_000;
  const highest = max < hour ? max : Math.floor(max / hour) * hour;
  return {
    text,
    expected: `from ${formatDuration(min)} to ${
      formatDuration(highest)
    }${none}`,
  };
}

function limit(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : parseDuration(text) ?? otherwise;
}

function readInteger({ min, max }: IntegerOption, text: string): ValueResult {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return { value };
  return { text, expected: `a whole number from ${min} to ${max}` };
}

function readEnum({ values }: EnumOption, text: string): ValueResult {
  const value = values.find((value) => value === text.toLowerCase());
  const quoted = values.map((value) => `'${value}'`);
  const last = quoted.pop();
  return found(text, value, `${quoted.join(", ")} or ${last}`);
}
