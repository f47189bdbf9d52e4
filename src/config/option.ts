/**
 * What an option is: a row of the table, and what it means for types and for
 * errors.
 *
 * @module
 */

/** The groups of `--help`, in order. */
export const OPTION_GROUPS = [
  "Target",
  "Messages",
  "Signing",
  "Credentials",
  "HTTP front",
  "Limits",
  "Logging",
  "Other",
] as const;

/** A group of `--help`. */
export type OptionGroup = typeof OPTION_GROUPS[number];

interface Row {
  /** The flag, without the hyphens before it. */
  readonly flag: string;
  /** What errors call it; the words of the flag if not given. */
  readonly name?: string;
  /** Other flags that mean the same. */
  readonly aliases?: readonly string[];
  /** The variables that stand for the flag; the first that is set counts. */
  readonly variables?: readonly string[];
  /** Where `--help` shows it. */
  readonly group: OptionGroup;
  /** Its line of `--help`. */
  readonly help: string;
}

interface Text extends Row {
  /** What `--help` calls the value. */
  readonly placeholder: string;
  /** What a value looks like, and how an error says so. */
  readonly form?: { readonly pattern: RegExp; readonly words: string };
  /** Whether a value may hold a secret: then no error shows it. */
  readonly secret?: boolean;
}

/** A single text. */
export interface StringOption extends Text {
  readonly kind: "string";
  readonly default?: string;
}

/** Texts, from a flag given any number of times or a variable with commas. */
export interface ListOption extends Text {
  readonly kind: "list";
}

/** On or off; off if not given. `--no-<flag>` turns one off that is on. */
export interface BooleanOption extends Row {
  readonly kind: "boolean";
  readonly default?: boolean;
}

/** A time span, read into milliseconds. */
export interface DurationOption extends Row {
  readonly kind: "duration";
  /** As it would be given; none means that there is no limit. */
  readonly default?: string;
  readonly min?: string;
  readonly max?: string;
  /** Whether `0` means that there is no limit; else it is an error. */
  readonly zeroIsNone?: boolean;
}

/** A number of bytes. */
export interface SizeOption extends Row {
  readonly kind: "size";
  /** As it would be given. */
  readonly default: string;
}

/** A whole number. */
export interface IntegerOption extends Row {
  readonly kind: "integer";
  readonly default?: number;
  readonly min: number;
  readonly max: number;
}

/** One of a few words. */
export interface EnumOption extends Row {
  readonly kind: "enum";
  readonly values: readonly string[];
  readonly default: string;
}

/** A row of the table. */
export type Option =
  | StringOption
  | ListOption
  | BooleanOption
  | DurationOption
  | SizeOption
  | IntegerOption
  | EnumOption;

/** What a row's value is once it is read. */
export type ValueOf<O extends Option> = O extends { kind: "boolean" } ? boolean
  : O extends { kind: "duration" | "size" | "integer" } ? number
  : O extends { kind: "enum"; values: readonly (infer Word)[] } ? Word
  : O extends { kind: "list" } ? readonly string[]
  : string;

/** What a row's value is, given or not. */
export type SettingOf<O extends Option> = O extends
  { kind: "list" | "boolean" } | { default: unknown } ? ValueOf<O>
  : ValueOf<O> | undefined;

/** What errors call an option. */
export function optionName(option: Option): string {
  return option.name ?? option.flag.replaceAll("-", " ");
}

/**
 * How to mend a fault of an option.
 *
 * @param option The row.
 * @returns The flag and the variables, such as `set --region or AWS_REGION`.
 */
export function remedy(option: Option): string {
  const ways = [`--${option.flag}`, ...option.variables ?? []];
  if (ways.length === 1) return `set ${ways[0]}`;
  return `set ${ways.slice(0, -1).join(", ")} or ${ways[ways.length - 1]}`;
}
