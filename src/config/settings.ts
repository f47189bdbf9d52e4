/**
 * Flags, variables and defaults → one value for each option.
 *
 * @module
 */

import { readEnv } from "../permissions.ts";
import { type Option, optionName, remedy } from "./option.ts";
import { readValue } from "./option_value.ts";
import {
  OPTION_KEYS,
  type OptionKey,
  OPTIONS,
  type Settings,
} from "./options.ts";

/** Where the value of an option is from. */
export interface Source {
  /** What kind of place. */
  readonly kind: "flag" | "variable" | "default";
  /** The flag with its hyphens, or the variable; empty for a default. */
  readonly name: string;
  /** What is said there, as a flag would say it. */
  readonly texts: readonly string[];
}

/** The options, read. */
export interface Reading {
  /** The value of each. Those with a fault have their default. */
  readonly settings: Settings;
  /** Where each is from. */
  readonly sources: ReadonlyMap<OptionKey, Source>;
  /** A sentence for each option whose value could not be read. */
  readonly faults: ReadonlyMap<OptionKey, string>;
  /** The variables that would have counted, had Deno not forbidden to read them. */
  readonly forbidden: readonly string[];
}

/**
 * Reads every option: a flag goes before a variable, a variable before the
 * default. A variable that is empty counts as not set.
 *
 * @param flags The texts given on the command line.
 * @param env Looks up a variable.
 * @returns The values, and a fault for each text that is not of its kind.
 */
export function readSettings(
  flags: ReadonlyMap<OptionKey, readonly string[]>,
  env: (name: string) => string | undefined,
): Reading {
  const values: Partial<Record<OptionKey, unknown>> = {};
  const sources = new Map<OptionKey, Source>();
  const faults = new Map<OptionKey, string>();
  const forbidden: string[] = [];
  const read = (name: string): string | undefined => {
    const value = env(name);
    if (value === undefined && !readEnv(name).allowed) forbidden.push(name);
    return value;
  };
  for (const key of OPTION_KEYS) {
    const option: Option = OPTIONS[key];
    const source = findTexts(option, flags.get(key), read);
    const { texts } = source;
    // Commas alone would lift a rule that somebody meant to set.
    const isEmpty = source.kind === "variable" && texts.length === 0;
    let result = isEmpty ? EMPTY_LIST : readValue(option, texts);
    if (!("value" in result)) {
      faults.set(key, valueFault(option, source, result));
      result = readValue(option, defaultTexts(option));
    }
    sources.set(key, source);
    values[key] = "value" in result ? result.value : undefined;
  }
  // The type of each value follows from the kind by which it was read.
  return { settings: values as Settings, sources, faults, forbidden };
}

/** Whether an option has a value that is no default. */
export function isGiven(key: OptionKey, { sources }: Reading): boolean {
  return (sources.get(key)?.kind ?? "default") !== "default";
}

const EMPTY_LIST = {
  text: ",",
  expected: "a list with something between the commas",
} as const;

function findTexts(
  option: Option,
  given: readonly string[] | undefined,
  env: (name: string) => string | undefined,
): Source {
  if (given !== undefined) {
    return { kind: "flag", name: `--${option.flag}`, texts: given };
  }
  for (const name of option.variables ?? []) {
    const text = env(name)?.trim();
    if (text === undefined || text === "") continue;
    const texts = option.kind === "list" ? splitList(text) : [text];
    return { kind: "variable", name, texts };
  }
  return { kind: "default", name: "", texts: defaultTexts(option) };
}

/** The parts of a list in a variable, without the commas. */
function splitList(text: string): string[] {
  return text.split(",").map((part) => part.trim()).filter((part) => part);
}

function defaultTexts(option: Option): readonly string[] {
  if (option.kind === "list" || option.default === undefined) return [];
  return [String(option.default)];
}

function valueFault(
  option: Option,
  source: Source,
  { text, expected }: { readonly text: string; readonly expected: string },
): string {
  const isSecret = "secret" in option && option.secret;
  const place = source.kind === "variable" ? ` in ${source.name}` : "";
  const got = isSecret ? "" : `, got ${quote(text)}${place}`;
  return `${optionName(option)} must be ${expected}${got} (${remedy(option)})`;
}

const SHOWN_LENGTH = 60;

/** A text from outside in a form fit for one line of an error. */
export function quote(text: string): string {
  // deno-lint-ignore no-control-regex
  const plain = text.replace(/[\0-\x1f\x7f-\x9f\u2028\u2029]/g, "?")
    // Nobody sees them, and they are what is wrong.
    .replace(/\p{Cf}/gu, codeOf);
  return plain.length > SHOWN_LENGTH
    ? `'${plain.slice(0, SHOWN_LENGTH)}…'`
    : `'${plain}'`;
}

function codeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
}
