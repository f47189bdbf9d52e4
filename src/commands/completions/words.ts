/**
 * What there is to complete, from the tables of options and subcommands.
 *
 * @module
 */

import type { HelpTopic } from "../../config/help.ts";
import { type Option, optionName } from "../../config/option.ts";
import { OPTION_KEYS, type OptionKey, OPTIONS } from "../../config/options.ts";
import {
  COMMAND_NAMES,
  type CommandName,
  type CommandRow,
  COMMANDS,
} from "../../config/commands.ts";

/** The program, as shells know it. */
export const PROGRAM = "sigv4-proxy";

/** Placeholders of values that are files. */
const FILE_PLACEHOLDERS: ReadonlySet<string> = new Set(["FILE", "PATH"]);

/** What the help is of, besides the subcommands; the type knows them all. */
const HELP_TOPICS: readonly string[] = Object.keys(
  {
    target: true,
    messages: true,
    signing: true,
    credentials: true,
    http: true,
    limits: true,
    logging: true,
    all: true,
  } satisfies Record<HelpTopic, true>,
);

/** What a flag's value is. */
export type ValueKind =
  | { readonly kind: "none" }
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "file" }
  | { readonly kind: "profile" }
  | { readonly kind: "any" };

/** A flag to complete. */
export interface CompletionFlag {
  /** Without the hyphens before it. */
  readonly flag: string;
  /** A few words on one line. */
  readonly help: string;
  readonly value: ValueKind;
  /** Whether it may be given more than once. */
  readonly isRepeatable: boolean;
}

/** A subcommand to complete. */
export interface CompletionCommand {
  readonly name: string;
  readonly help: string;
  /** The words of which its first argument is one. */
  readonly words: readonly string[];
  readonly flags: readonly CompletionFlag[];
  /** Whether the flags of the proxy follow it, too. */
  readonly takesOptions: boolean;
}

/** The proxy's flags, and the other spellings of some. */
export const PROXY_FLAGS: readonly CompletionFlag[] = OPTION_KEYS.flatMap(
  (key) => {
    const option: Option = OPTIONS[key];
    return spellings(option).map((flag) => ({
      flag,
      help: option.help || optionName(option),
      value: valueOf(key, option),
      isRepeatable: option.kind === "list",
    }));
  },
);

/** A switch that is on is there to be turned off. */
function spellings(option: Option): string[] {
  const flags = [option.flag, ...option.aliases ?? []];
  const isOn = option.kind === "boolean" && option.default === true;
  return isOn ? flags.map((flag) => `no-${flag}`) : flags;
}

/** The words that a command line may begin with. */
export const COMPLETION_COMMANDS: readonly CompletionCommand[] = [
  ...COMMAND_NAMES.map(completionOf),
  {
    name: "help",
    help: "show the help of a command or of some options",
    words: [...COMMAND_NAMES, ...HELP_TOPICS],
    flags: [],
    takesOptions: false,
  },
];

function completionOf(name: CommandName): CompletionCommand {
  const { help, words, flags, takesOptions }: CommandRow = COMMANDS[name];
  return {
    name,
    help,
    words,
    flags: flags.map(({ flag, help, placeholder }) => ({
      flag,
      help,
      value: placeholder === undefined
        ? { kind: "none" }
        : { kind: FILE_PLACEHOLDERS.has(placeholder) ? "file" : "any" },
      isRepeatable: false,
    })),
    takesOptions,
  };
}

/**
 * A command line for a POSIX shell that prints the profiles of the shared
 * files, one a line.
 */
export const LIST_PROFILES =
  "sed -n -e 's/^\\[profile \\(.*\\)\\]$/\\1/p' -e 's/^\\[\\(default\\)\\]$/\\1/p' " +
  '"${AWS_CONFIG_FILE:-$HOME/.aws/config}" 2>/dev/null';

function valueOf(key: OptionKey, option: Option): ValueKind {
  if (key === "help") return { kind: "words", words: HELP_TOPICS };
  if (option.kind === "boolean") return { kind: "none" };
  if (option.kind === "enum") return { kind: "words", words: option.values };
  if (key === "profile") return { kind: "profile" };
  const isFile = "placeholder" in option &&
    FILE_PLACEHOLDERS.has(option.placeholder);
  return { kind: isFile ? "file" : "any" };
}
