/** Command line arguments → the texts given for each option. */

import { parseArgs } from "@std/cli/parse-args";
import { nearest } from "../shape/nearest.ts";
import {
  type CommandName,
  type CommandRow,
  COMMANDS,
  isCommandName,
} from "./commands.ts";
import {
  flagsOf,
  hintFor,
  type Option,
  parseBoolean,
  variablesOf,
} from "./option.ts";
import { type OptionKey, OPTIONS } from "./options.ts";
import { quote } from "./settings.ts";

/** What was given on the command line. */
export interface Arguments {
  /** The texts given for each option; `"true"` and `"false"` for on and off. */
  readonly flags: ReadonlyMap<OptionKey, readonly string[]>;
  /** The same of the subcommand's own flags. */
  readonly own: ReadonlyMap<string, readonly string[]>;
  /** The word that a subcommand takes first. */
  readonly word: string | undefined;
  /** What else belongs to no flag. */
  readonly positional: readonly string[];
  /** What is asked for in place of a run, if anything is. */
  readonly asked: "help" | "version" | undefined;
  /** What is wrong with the arguments, a sentence each. */
  readonly faults: readonly string[];
  /** The options that flags which are not known may be meant for. */
  readonly meant: ReadonlySet<Option | undefined>;
}

/** Options by their flags, hyphens and other spellings included. */
type Flags = ReadonlyMap<string, Option>;

function isOptionKey(key: string): key is OptionKey {
  return Object.hasOwn(OPTIONS, key);
}

/**
 * @returns The texts, and every fault of form: unknown flags, flags without
 * their value, flags given twice. A flag without its value counts as not given.
 */
export function parseArguments(
  args: readonly string[],
  command?: CommandName,
): Arguments {
  const row: CommandRow | undefined = command && COMMANDS[command];
  const options = Object.entries<Option>({ ...OPTIONS, ...row?.flags });
  const known: Flags = new Map(
    options.flatMap(([, option]) =>
      flagsOf(option).map((flag): [string, Option] => [flag, option])
    ),
  );
  const faults: string[] = [];
  const unknown = new Set<string>();
  const swallowed: string[] = [];
  const end = args.indexOf("--");
  const before = end < 0 ? args : args.slice(0, end);
  const plain = [
    ...before.flatMap((arg) => plainFlag(arg, known, faults)),
    ...end < 0 ? [] : args.slice(end),
  ];
  const wordsOf = (isWanted: (option: Option) => boolean) =>
    options.flatMap(([, option]) => isWanted(option) ? wordOf(option) : []);
  const parsed: Record<string, unknown> = parseArgs(plain, {
    boolean: wordsOf(({ kind }) => kind === "boolean"),
    string: [...wordsOf(({ kind }) => kind !== "boolean"), "_"],
    collect: wordsOf(() => true),
    unknown: (arg, key, value) => {
      if (key === undefined) return true;
      unknown.add(arg.replace(/^--(?=[\u2010-\u2015\u2212])|=.*$/gs, ""));
      // Whether it has a value is not known either: the next argument may be
      // its own, or the target URL.
      if (typeof value === "string" && !arg.includes("=")) {
        swallowed.push(value);
      }
      return false;
    },
  });
  const textsOf = (word: string) => [parsed[word] ?? []].flat().map(String);

  const meant = new Set(
    [...unknown].map((name) => unknownFlag(name, known, faults)),
  );
  const flags = new Map<OptionKey, readonly string[]>();
  const own = new Map<string, readonly string[]>();
  for (const [key, option] of options) {
    const texts = textsOf(wordOf(option));
    const [flag] = option.names;
    if (texts.some(isBlank)) {
      const fix = `${hintFor(option)}; one that begins with "-" as ${flag}=`;
      faults.push(`${flag} needs a value (${fix}VALUE)`);
    }
    if (option.kind !== "list" && texts.length > 1) {
      faults.push(`${flag} is given ${texts.length} times (give it once)`);
    }
    const given = texts.filter((text) => !isBlank(text));
    if (given.length === 0) continue;
    if (isOptionKey(key)) flags.set(key, given);
    else own.set(key, given);
  }
  const given = textsOf("_").filter((text) => text !== "");
  const words = row?.words ?? [];
  const lost = swallowed.find((text) => words.includes(text));
  const word = words.length > 0 ? lost ?? given[0] : undefined;
  let positional = withoutPieces(before, given, { word, known, faults })
    .slice(word !== undefined && lost === undefined ? 1 : 0);
  if (unknown.size > 0) {
    // What may belong to an unknown flag is not reported as a fault of its own.
    const target = flags.has("targetUrl")
      ? undefined
      : [...positional, ...swallowed].find(isUrl) ?? positional[0];
    positional = target ? [target] : [];
  }
  const asked = (["help", "version"] as const)
    .find((key) => flags.get(key)?.at(-1) === "true");
  return { flags, own, word, positional, asked, faults, meant };
}

/** What the parser calls an option: to it `--no-x=true` sets another one, x. */
function wordOf({ names }: Option): string {
  return names[0].slice(2).replace(/^no-/, "not-");
}

function isBlank(text: string): boolean {
  return text.trim() === "";
}

function isUrl(text: string): boolean {
  return /^https?:/i.test(text);
}

/**
 * Some clients split arguments at blanks, and shells do so without quotes: what
 * follows a flag's value belongs to it, unless it is the target URL.
 */
function withoutPieces(
  args: readonly string[],
  positional: readonly string[],
  { word, known, faults }: {
    word: string | undefined;
    known: Flags;
    faults: string[];
  },
): readonly string[] {
  const left = new Set(positional);
  const pieces = new Map<Option, string[]>();
  let option: Option | undefined;
  for (const [index, arg] of args.entries()) {
    const before = known.get(args[index - 1] ?? "");
    const isValue = before !== undefined && before.kind !== "boolean";
    if (arg.startsWith("-")) {
      const named = known.get(arg.replace(/=.*$/s, ""));
      option = named?.kind === "boolean" ? undefined : named;
    } else if (!isValue && option !== undefined && left.has(arg)) {
      // The target URL, however it is written, or a command in a wrong place.
      const isOther = arg === word || isUrl(arg) || isCommandName(arg) ||
        !positional.some(isUrl) && /[./:]/.test(arg);
      if (isOther) option = undefined;
      else {
        left.delete(arg);
        // A piece of a value may be one of a secret, unless it is a plain word.
        const shown = /^[a-z]{1,15}$/i.test(arg)
          ? quote(arg)
          : `argument ${index + 1} (it may be a secret)`;
        pieces.set(option, [...pieces.get(option) ?? [], shown]);
      }
    }
  }
  for (const [option, texts] of pieces) {
    const [flag] = option.names;
    const [variable] = variablesOf(option);
    const verb = texts.length === 1 ? "belongs" : "belong";
    const hint = variable === undefined
      ? ""
      : `, or set ${variable}, if a client splits it at blanks all the same`;
    faults.push(
      `${texts.join(" and ")} after the value of ${flag} ${verb} to no flag: ` +
        `quote the whole value of ${flag}${hint}`,
    );
  }
  return positional.filter((text) => left.has(text));
}

/**
 * Brings a flag into the one form that the parser reads: it would take
 * `--sse=maybe` for on, and forget a `--sse` at a `--no-sse`.
 */
function plainFlag(arg: string, known: Flags, faults: string[]): string[] {
  // With a word, it asks for help on that.
  const topic = /^--help=([a-z]+)$/.exec(arg)?.[1];
  if (arg === "-h" || topic && parseBoolean(topic) === undefined) {
    return ["--help"];
  }
  if (/^-[Vv]$/.test(arg)) return ["--version"];
  // The parser keeps what belongs to no flag under `_`, and takes each letter
  // after a single hyphen for a flag.
  if (/^-(?!-)[^=]*_/.test(arg)) return plainFlag(`-${arg}`, known, faults);
  // To the parser it is no flag: with hyphens before it, an unknown one.
  const meant = arg.replace(DASHES, "--").replace(/[\s=:].*$/s, "");
  if (/^[^-]/.test(arg) && known.has(meant)) return [`--${arg}`];
  const [, flag = "", value]: (string | undefined)[] =
    /^(--[^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
  if (/^--(?:no-)?_$/.test(flag)) {
    unknownFlag(flag, known, faults);
    return [];
  }
  const option = known.get(flag);
  const negated = known.get(flag.replace(/^--no-/, "--"));
  const fault = (words: string, about: Option) => {
    faults.push(`${words} (${hintFor(about)})`);
    return [];
  };
  if (option?.kind === "boolean" && value !== undefined) {
    const on = parseBoolean(value);
    return on !== undefined
      ? [`--${wordOf(option)}=${on}`]
      : fault(`${flag} must be true or false, got ${quote(value)}`, option);
  }
  if (option !== undefined) {
    return [`--${wordOf(option)}${arg.slice(flag.length)}`];
  }
  if (negated === undefined) return [arg];
  const [positive] = negated.names;
  if (negated.kind !== "boolean") {
    return fault(`${flag} is no flag: ${positive} takes a value`, negated);
  }
  if (value === undefined) return [`--${wordOf(negated)}=false`];
  return fault(`${flag} takes no value`, negated);
}

/** What other programs call some of the flags. */
const MEANINGS: ReadonlyMap<string, string> = new Map([
  ["--debug", "--log-level"],
  ["--endpoint", "--target-url"],
  ["--quiet", "--log-level"],
  ["--verbose", "--log-level"],
]);

/** What text programs make of hyphens. */
const DASHES = /^[-\u2010-\u2015\u2212]+/;

/**
 * Says that a flag is unknown, and gives the option that may be meant. Behind
 * its name may be a value, and so a secret: that is not shown.
 */
function unknownFlag(
  name: string,
  known: Flags,
  faults: string[],
): Option | undefined {
  const dashed = name.replace(DASHES, "--");
  const flag = dashed.replace(/^(--[\p{L}\d_-]*).*$/su, "$1");
  const candidates = [...known].flatMap(([flag, { kind }]) => {
    const word = flag.slice(2);
    return kind === "boolean" ? [word, `no-${word}`] : [word];
  });
  const word = nearest(flag.slice(2), candidates);
  const guess = MEANINGS.get(flag) ??
    (known.has(flag) ? flag : word && `--${word}`);
  const hint = known.has(flag) && flag !== dashed
    ? "its value is an argument of its own"
    : guess === undefined
    ? "see --help"
    : `did you mean ${guess}?`;
  const shown = name.slice(0, name.length - dashed.length + flag.length);
  faults.push(`unknown flag ${shown} (${hint})`);
  return known.get(guess ?? "");
}
