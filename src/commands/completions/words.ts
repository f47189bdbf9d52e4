/** What there is to complete, from the tables of options and subcommands. */

import { HELP_TOPICS } from "../../config/help.ts";
import { flagsOf, type Option, optionName } from "../../config/option.ts";
import { OPTIONS } from "../../config/options.ts";
import {
  COMMAND_NAMES,
  type CommandRow,
  COMMANDS,
} from "../../config/commands.ts";

/** The program, as shells know it. */
export const PROGRAM = "sigv4-proxy";

/** What a flag's value is: one of some words, or of a kind; none for a switch. */
export type FlagValue = "none" | "file" | "profile" | "any" | readonly string[];

export interface CompletionFlag {
  /** Without the hyphens before it. */
  readonly flag: string;
  readonly help: string;
  readonly value: FlagValue;
  readonly isRepeatable: boolean;
}

export interface CompletionCommand extends Omit<CommandRow, "usage" | "flags"> {
  readonly name: string;
  readonly flags: readonly CompletionFlag[];
}

/** The proxy's flags, and the other spellings of some. */
export const PROXY_FLAGS: readonly CompletionFlag[] = flagsIn(OPTIONS);

function flagsIn(
  options: Readonly<Record<string, Option>>,
): CompletionFlag[] {
  return Object.entries(options).flatMap(([key, option]) =>
    spellings(option).map((flag) => ({
      flag,
      help: option.help || optionName(option),
      value: valueOf(key, option),
      isRepeatable: option.kind === "list",
    }))
  );
}

/** A switch that is on is there to be turned off. */
function spellings(option: Option): string[] {
  const flags = flagsOf(option).map((flag) => flag.slice(2));
  const isOn = option.kind === "boolean" && option.default === true;
  return isOn ? flags.map((flag) => `no-${flag}`) : flags;
}

/** The words that a command line may begin with. */
export const COMPLETION_COMMANDS: readonly CompletionCommand[] = [
  ...COMMAND_NAMES.map((name): CompletionCommand => {
    const row: CommandRow = COMMANDS[name];
    return { ...row, name, flags: flagsIn(row.flags) };
  }),
  {
    name: "help",
    help: "show the help of a command or of some options",
    words: [...COMMAND_NAMES, ...HELP_TOPICS],
    flags: [],
    takesOptions: false,
  },
];

/**
 * A command line for a POSIX shell that prints the profiles of the shared
 * files, one a line.
 */
export const LIST_PROFILES =
  "sed -n -e 's/^\\[profile \\(.*\\)\\]$/\\1/p' -e 's/^\\[\\(default\\)\\]$/\\1/p' " +
  '"${AWS_CONFIG_FILE:-$HOME/.aws/config}" 2>/dev/null';

function valueOf(key: string, option: Option): FlagValue {
  if (key === "help") return HELP_TOPICS;
  if (key === "profile") return "profile";
  if (option.kind === "boolean") return "none";
  if (option.kind === "enum") return option.values;
  return option.kind === "file" ? "file" : "any";
}
