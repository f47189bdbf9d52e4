/** Flags, variables and defaults → one value for each option. */

import type { LogNote } from "../log/log.ts";
import { readEnv } from "../permissions.ts";
import {
  type Env,
  hintFor,
  type Option,
  optionName,
  readValue,
  type SettingOf,
  variablesOf,
} from "./option.ts";
import { OPTION_KEYS, type OptionKey, OPTIONS } from "./options.ts";

export type Settings = {
  readonly [Key in OptionKey]: SettingOf<typeof OPTIONS[Key]>;
};

/** Where the value of an option is from. */
export interface Source {
  readonly kind: "flag" | "variable" | "default";
  /** The flag with its hyphens, or the variable; empty for a default. */
  readonly name: string;
  /** What is said there, as a flag would say it. */
  readonly texts: readonly string[];
}

/** The options, read, and what the checks of them find. */
export interface Reading {
  readonly env: Env;
  /** The value of each. Those with a fault have their default. */
  readonly settings: Settings;
  /** Where each is from. */
  readonly sources: ReadonlyMap<OptionKey, Source>;
  /** The options whose value could not be read. */
  readonly unread: ReadonlySet<OptionKey>;
  /** The variables that would have counted, had Deno not forbidden to read them. */
  readonly forbidden: readonly string[];
  /** What is wrong, a sentence each. */
  readonly faults: string[];
  /** What a person should know. */
  readonly notes: LogNote[];
  /** The variables that values name. */
  readonly variables: Set<string>;
  /** What values hold from variables and files, and is not to be shown. */
  readonly secrets: Set<string>;
}

/**
 * Reads every option: a flag goes before a variable, a variable before the
 * default. A variable that is empty counts as not set.
 */
export function readSettings(
  flags: ReadonlyMap<OptionKey, readonly string[]>,
  env: Env,
): Reading {
  const values: Partial<Record<OptionKey, unknown>> = {};
  const sources = new Map<OptionKey, Source>();
  const unread = new Set<OptionKey>();
  const forbidden: string[] = [];
  const faults: string[] = [];
  const read: Env = (name) => {
    const value = env(name);
    if (value === undefined && !readEnv(name).allowed) forbidden.push(name);
    return value;
  };
  for (const key of OPTION_KEYS) {
    const option: Option = OPTIONS[key];
    const source = findTexts(option, flags.get(key), read);
    // Commas alone would lift a rule that somebody meant to set.
    const isEmpty = source.kind === "variable" && source.texts.length === 0;
    let result = isEmpty ? EMPTY_LIST : readValue(option, source.texts);
    if (!("value" in result)) {
      unread.add(key);
      faults.push(valueFault(option, source, result));
      result = readValue(option, defaultTexts(option));
    }
    sources.set(key, source);
    values[key] = "value" in result ? result.value : undefined;
  }
  return {
    env,
    // The type of each value follows from the kind by which it was read.
    settings: values as Settings,
    sources,
    unread,
    forbidden,
    faults,
    notes: [],
    variables: new Set(),
    secrets: new Set(),
  };
}

/** Whether an option has a value that is no default. */
export function isGiven(key: OptionKey, { sources }: Reading): boolean {
  return (sources.get(key)?.kind ?? "default") !== "default";
}

/** Adds what is wrong with an option, and how to set it. */
export function addFault(
  { faults }: Pick<Reading, "faults">,
  key: OptionKey,
  words: string,
): undefined {
  faults.push(`${words} (${hintFor(OPTIONS[key])})`);
}

/** The flag or the variable that an option is from. */
export function sourceName(key: OptionKey, { sources }: Reading): string {
  return sources.get(key)?.name ?? "";
}

const EMPTY_LIST = {
  text: ",",
  expected: "a list with something between the commas",
} as const;

function findTexts(
  option: Option,
  given: readonly string[] | undefined,
  env: Env,
): Source {
  if (given !== undefined) {
    return { kind: "flag", name: option.names[0], texts: given };
  }
  for (const name of variablesOf(option)) {
    const text = env(name)?.trim();
    if (text === undefined || text === "") continue;
    const texts = option.kind === "list"
      ? text.split(",").map((part) => part.trim()).filter((part) => part)
      : [text];
    return { kind: "variable", name, texts };
  }
  return { kind: "default", name: "", texts: defaultTexts(option) };
}

function defaultTexts(option: Option): readonly string[] {
  return "default" in option && option.default !== undefined
    ? [String(option.default)]
    : [];
}

function valueFault(
  option: Option,
  source: Source,
  { text, expected }: { readonly text: string; readonly expected: string },
): string {
  const isSecret = "secret" in option && option.secret;
  const place = source.kind === "variable" ? ` in ${source.name}` : "";
  const got = isSecret ? "" : `, got ${quote(text)}${place}`;
  return `${optionName(option)} must be ${expected}${got} (${hintFor(option)})`;
}

const SHOWN_LENGTH = 60;

/** A text from outside in a form fit for one line of an error. */
export function quote(text: string): string {
  // Nobody sees them, and they are what is wrong.
  const plain = text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu,
    codeOf,
  );
  return plain.length > SHOWN_LENGTH
    ? `'${plain.slice(0, SHOWN_LENGTH)}…'`
    : `'${plain}'`;
}

function codeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
}
