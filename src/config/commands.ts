/**
 * The subcommands: one row each. What runs them, what completes them in a
 * shell and what lists them all read this table.
 *
 * @module
 */

/** A flag that only one subcommand has. */
export interface OwnFlag {
  /** The flag, without the hyphens before it. */
  readonly flag: string;
  /** What its value is called; without one, the flag is a switch. */
  readonly placeholder?: string;
  /** What it does, in a few words. */
  readonly help: string;
}

/** A subcommand. */
export interface CommandRow {
  /** What it does, in a few words. */
  readonly help: string;
  /** What comes after its name. */
  readonly usage: string;
  /** The words of which its first argument is one, if it takes any. */
  readonly words: readonly string[];
  /** Flags of its own. */
  readonly flags: readonly OwnFlag[];
  /** Whether it takes the proxy's flags and a target URL, too. */
  readonly takesOptions: boolean;
}

/** The names by which `config` knows the clients, in alphabetical order. */
export const CLIENT_NAMES = [
  "claude-code",
  "claude-desktop",
  "cline",
  "cursor",
  "goose",
  "kiro",
  "vscode",
  "windsurf",
  "zed",
] as const;

/** The name by which `config` knows a client. */
export type ClientName = typeof CLIENT_NAMES[number];

/** The shells for which there are completions. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell for which there are completions. */
export type Shell = typeof SHELLS[number];

/** The subcommands, by name. */
export const COMMANDS = {
  doctor: {
    help: "check every step on the way to the target",
    usage: "[--json] [options] <target-url>",
    words: [],
    flags: [{ flag: "json", help: "one JSON document, for programs" }],
    takesOptions: true,
  },
  policy: {
    help: "print the least IAM policy for the target",
    usage: "[--flags] [options] <target-url>",
    words: [],
    flags: [{ flag: "flags", help: "print the Deno permission flags instead" }],
    takesOptions: true,
  },
  config: {
    help: "print or write the configuration of a client",
    usage: "<client> [--write] [options] <target-url>",
    words: CLIENT_NAMES,
    flags: [
      { flag: "write", help: "merge it into the file of the client" },
      {
        flag: "name",
        placeholder: "NAME",
        help: "what the client calls the server",
      },
      {
        flag: "file",
        placeholder: "PATH",
        help: "another file than the usual one",
      },
      { flag: "replace", help: "replace an entry that is set otherwise" },
    ],
    takesOptions: true,
  },
  completions: {
    help: "print completions for a shell",
    usage: "<bash|zsh|fish>",
    words: SHELLS,
    flags: [],
    takesOptions: false,
  },
} as const satisfies Record<string, CommandRow>;

/** The name of a subcommand. */
export type CommandName = keyof typeof COMMANDS;

/** The names of the subcommands, in order. */
export const COMMAND_NAMES: readonly CommandName[] = Object.keys(COMMANDS)
  .filter(isCommandName);

/** Whether a word is the name of a subcommand. */
export function isCommandName(word: string | undefined): word is CommandName {
  return word !== undefined && Object.hasOwn(COMMANDS, word);
}

const WORDS_A_LINE = 5;

/** What `--help` shows of a subcommand. */
export function commandHelp(name: CommandName): string {
  const row: CommandRow = COMMANDS[name];
  const lines = [
    `sigv4-proxy ${name}: ${row.help}.`,
    "",
    `Usage: sigv4-proxy ${name} ${row.usage}`,
  ];
  if (row.words.length > 0 && !row.usage.includes(row.words[0])) {
    lines.push("", "Clients:");
    for (let at = 0; at < row.words.length; at += WORDS_A_LINE) {
      lines.push(`  ${row.words.slice(at, at + WORDS_A_LINE).join(", ")}`);
    }
  }
  if (row.flags.length > 0) lines.push("");
  for (const { flag, placeholder, help } of row.flags) {
    const words = placeholder === undefined ? "" : ` ${placeholder}`;
    lines.push(`  ${`--${flag}${words}`.padEnd(14)} ${help}`);
  }
  if (row.takesOptions) {
    lines.push("", "The options are the proxy's: sigv4-proxy --help all.");
  }
  return `${lines.join("\n")}\n`;
}
