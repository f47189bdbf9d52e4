/**
 * Command line arguments → the texts given for each option.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { nearest } from "./nearest.ts";
import { type Option, remedy } from "./option.ts";
import { parseBoolean } from "./option_value.ts";
import { OPTION_KEYS, type OptionKey, OPTIONS } from "./options.ts";
import { isCommandName } from "./commands.ts";
import { quote } from "./settings.ts";

/** What was given on the command line. */
export interface Arguments {
  /** The texts given for each option; `"true"` and `"false"` for on and off. */
  readonly flags: ReadonlyMap<OptionKey, readonly string[]>;
  /** What belongs to no flag. */
  readonly positional: readonly string[];
  /** What is wrong with the arguments, a sentence each. */
  readonly faults: readonly string[];
  /** The options that flags which are not known may be meant for. */
  readonly meant: ReadonlySet<OptionKey>;
}

const KEYS_BY_FLAG: ReadonlyMap<string, OptionKey> = new Map(
  OPTION_KEYS.flatMap((key) =>
    flagsOf(OPTIONS[key]).map((flag): [string, OptionKey] => [flag, key])
  ),
);

/** What a flag that is not known may be meant to be. */
const CANDIDATES: readonly string[] = [...KEYS_BY_FLAG].flatMap(([flag, key]) =>
  OPTIONS[key].kind === "boolean" ? [flag, `no-${flag}`] : [flag]
);

/**
 * Reads command line arguments.
 *
 * @param args What follows the program's name.
 * @param otherFlags Flags that were taken out of them, and may be meant by one
 * that is not known.
 * @returns The texts, and every fault of form: unknown flags, flags without
 * their value, flags given twice. A flag without its value counts as not given.
 */
export function parseArguments(
  args: readonly string[],
  otherFlags: readonly string[] = [],
): Arguments {
  const faults: string[] = [];
  const candidates = [...CANDIDATES, ...otherFlags];
  const unknown = new Set<string>();
  const swallowed: string[] = [];
  const plain = plainSwitches(args, faults);
  const parsed: Record<string, unknown> = parseArgs(plain, {
    boolean: mainFlags((option) => option.kind === "boolean"),
    string: [...mainFlags((option) => option.kind !== "boolean"), "_"],
    collect: mainFlags(() => true),
    alias: ALIASES,
    unknown: (arg, key, value) => {
      if (key === undefined) return true;
      unknown.add(arg.replace(/=.*$/s, ""));
      // Whether it has a value is not known either: the next argument may be
      // its own, or the target URL.
      if (typeof value === "string" && !arg.includes("=")) {
        swallowed.push(value);
      }
      return false;
    },
  });

  const meant = new Set<OptionKey>();
  for (const name of unknown) {
    const guess = guessFlag(name, candidates);
    faults.push(unknownFlag(name, guess));
    const key = KEYS_BY_FLAG.get(guess ?? "");
    if (key !== undefined) meant.add(key);
  }
  const flags = new Map<OptionKey, readonly string[]>();
  for (const key of OPTION_KEYS) {
    const texts = textsOf(parsed[OPTIONS[key].flag]);
    if (texts.length === 0) continue;
    faults.push(...flagFaults(OPTIONS[key], texts));
    const own = texts.filter((text) => text !== "");
    if (own.length > 0) flags.set(key, own);
  }
  const given = textsOf(parsed._).filter((text) => text !== "");
  const { positional, faults: splitFaults } = splitValues(plain, given);
  faults.push(...splitFaults);
  if (unknown.size === 0) return { flags, positional, faults, meant };
  // What may belong to an unknown flag is not reported as a fault of its own.
  if (flags.has("targetUrl")) {
    return { flags, positional: [], faults, meant };
  }
  const isUrl = (text: string) => /^https?:/i.test(text);
  const urls = [...positional, ...swallowed].filter(isUrl);
  const [target] = [...urls, ...positional];
  const left = target === undefined ? [] : [target];
  return { flags, positional: left, faults, meant };
}

/**
 * Some clients split arguments at blanks, and shells do so without quotes: what
 * follows a flag's value belongs to it, unless it is the target URL.
 */
function splitValues(
  args: readonly string[],
  positional: readonly string[],
): { positional: readonly string[]; faults: readonly string[] } {
  const left = new Set(positional);
  const pieces = new Map<string, string[]>();
  let option: Option | undefined;
  for (const [index, arg] of args.entries()) {
    if (arg === "--") break;
    const [, flag, inline] = /^--([^=]+)(=)?/.exec(arg) ?? [];
    const before = optionOf(/^--([^=]+)$/.exec(args[index - 1] ?? "")?.[1]);
    const isValue = before !== undefined && before.kind !== "boolean";
    if (flag !== undefined) {
      const named = optionOf(flag);
      const hasValue = inline !== undefined || named?.kind !== "boolean";
      option = hasValue ? named : undefined;
    } else if (arg.startsWith("-")) option = undefined;
    else if (!isValue && option !== undefined && left.has(arg)) {
      if (mayBeTarget(arg, positional)) option = undefined;
      else {
        left.delete(arg);
        const known = pieces.get(option.flag) ?? [];
        pieces.set(option.flag, [...known, shownPiece(arg, index)]);
      }
    }
  }
  return {
    positional: positional.filter((text) => left.has(text)),
    faults: [...pieces].map(([flag, texts]) =>
      `${texts.join(" and ")} after the value of --${flag} ` +
      `${texts.length === 1 ? "belongs" : "belong"} to no flag: quote the ` +
      `whole value of --${flag}${variableHint(flag)}`
    ),
  };
}

/** The target URL, however it is written, or a subcommand in a wrong place. */
function mayBeTarget(text: string, all: readonly string[]): boolean {
  if (/^https?:/i.test(text) || isCommandName(text)) return true;
  const hasUrl = all.some((other) => /^https?:/i.test(other));
  return !hasUrl && /[./:]/.test(text);
}

/** A piece of a value may be a piece of a secret, unless it is a plain word. */
function shownPiece(text: string, index: number): string {
  return /^[a-z]{1,15}$/i.test(text)
    ? quote(text)
    : `argument ${index + 1} (it may be a secret)`;
}

function variableHint(flag: string): string {
  const variable = optionOf(flag)?.variables?.[0];
  return variable === undefined
    ? ""
    : `, or set ${variable}, if a client splits it at blanks all the same`;
}

const ALIASES: Record<string, string[]> = Object.fromEntries(
  OPTION_KEYS.flatMap((key) => {
    const [flag, ...aliases] = flagsOf(OPTIONS[key]);
    return aliases.length > 0 ? [[flag, aliases]] : [];
  }),
);

function mainFlags(wanted: (option: Option) => boolean): string[] {
  return OPTION_KEYS.map((key): Option => OPTIONS[key])
    .filter(wanted)
    .map((option) => option.flag);
}

function flagsOf(option: Option): string[] {
  return [option.flag, ...option.aliases ?? []];
}

/**
 * Brings what stands for on and off into the one form that the parser reads:
 * it would take `--sse=maybe` for on, and forget a `--sse` at a `--no-sse`.
 */
function plainSwitches(args: readonly string[], faults: string[]): string[] {
  const end = args.indexOf("--");
  const before = end < 0 ? args : args.slice(0, end);
  const after = end < 0 ? [] : args.slice(end);
  return [...before.flatMap((arg) => plainSwitch(arg, faults)), ...after];
}

function plainSwitch(arg: string, faults: string[]): string[] {
  // With a word, it asks for help on that.
  if (arg === "-h" || /^--help=[a-z]+$/.test(arg) && !isSwitchWord(arg)) {
    return ["--help"];
  }
  if (arg === "-V" || arg === "-v") return ["--version"];
  // The parser keeps what belongs to no flag under this name.
  if (/^--(?:no-)?_(?:=|$)/.test(arg)) {
    faults.push(unknownFlag(arg.replace(/=.*$/s, "")));
    return [];
  }
  const match = /^--([^=]+)(?:=(.*))?$/s.exec(arg);
  if (match === null) return [arg];
  const [, flag, value]: (string | undefined)[] = match;
  const option = optionOf(flag);
  if (option?.kind === "boolean" && value !== undefined) {
    const on = parseBoolean(value);
    if (on !== undefined) return [`--${flag}=${on}`];
    faults.push(
      `--${flag} must be true or false, got ${quote(value)} (${
        remedy(option)
      })`,
    );
    return [];
  }
  const negated = option ?? optionOf(flag?.replace(/^no-/, ""));
  if (option !== undefined || negated === undefined) return [arg];
  if (negated.kind === "boolean" && value === undefined) {
    return [`--${negated.flag}=false`];
  }
  faults.push(
    negated.kind === "boolean"
      ? `--${flag} takes no value (${remedy(negated)})`
      : `--${flag} is no flag: --${negated.flag} takes a value (${
        remedy(negated)
      })`,
  );
  return [];
}

function isSwitchWord(arg: string): boolean {
  return parseBoolean(arg.slice(arg.indexOf("=") + 1)) !== undefined;
}

function optionOf(flag: string | undefined): Option | undefined {
  const key = flag === undefined ? undefined : KEYS_BY_FLAG.get(flag);
  return key === undefined ? undefined : OPTIONS[key];
}

/** What other programs call some of the flags. */
const MEANINGS: ReadonlyMap<string, string> = new Map([
  ["debug", "log-level"],
  ["endpoint", "target-url"],
  ["quiet", "log-level"],
  ["verbose", "log-level"],
]);

function guessFlag(
  name: string,
  candidates: readonly string[],
): string | undefined {
  const word = name.replace(/^-+/, "");
  return MEANINGS.get(word) ?? nearest(word, candidates);
}

function unknownFlag(name: string, guess?: string): string {
  const hint = guess === undefined ? "see --help" : `did you mean --${guess}?`;
  return `unknown flag ${name} (${hint})`;
}

function flagFaults(option: Option, texts: readonly string[]): string[] {
  const faults: string[] = [];
  const flag = `--${option.flag}`;
  if (texts.includes("")) {
    faults.push(
      `${flag} needs a value (${
        remedy(option)
      }; one that begins with "-" as ${flag}=VALUE)`,
    );
  }
  if (option.kind !== "list" && texts.length > 1) {
    faults.push(`${flag} is given ${texts.length} times (give it once)`);
  }
  return faults;
}

function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  return value === undefined ? [] : [String(value)];
}
