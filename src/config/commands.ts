/**
 * The subcommands: one row each. What runs them, what completes them in a
 * shell and what lists them all read this table.
 */

import { file, type Option, option, toggle } from "./option.ts";

export interface CommandRow {
  readonly help: string;
  /** What comes after its name. */
  readonly usage: string;
  /** The words of which its first argument is one, if it takes any. */
  readonly words: readonly string[];
  /** Flags of its own, by the names that the code uses. */
  readonly flags: Readonly<Record<string, Option>>;
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

export type ClientName = typeof CLIENT_NAMES[number];

/** Flags of a subcommand's own: no variable stands for them. */
function own(flags: CommandRow["flags"]): CommandRow["flags"] {
  const rows = Object.entries(flags).map(([key, row]): [string, Option] => [
    key,
    { ...row, names: [row.names[0]] },
  ]);
  return Object.fromEntries(rows);
}

/** The shells for which there are completions. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

export type Shell = typeof SHELLS[number];

export const COMMANDS = {
  doctor: {
    help: "check every step on the way to the target",
    usage: "[--json] [options] <target-url>",
    words: [],
    flags: own({ json: toggle("--json", "one JSON document, for programs") }),
    takesOptions: true,
  },
  policy: {
    help: "print the least IAM policy for the target",
    usage: "[--flags] [options] <target-url>",
    words: [],
    flags: own({
      flags: toggle("--flags", "print the Deno permission flags instead"),
    }),
    takesOptions: true,
  },
  config: {
    help: "print or write the configuration of a client",
    usage: "<client> [--write] [options] <target-url>",
    words: CLIENT_NAMES,
    flags: own({
      write: toggle("--write", "merge it into the file of the client"),
      launch: option("--launch", "how the client is to start the proxy", {
        placeholder: "npx|deno",
      }),
      name: option("--name", "what the client calls the server", {}),
      file: file("--file", "another file than the usual one"),
      replace: toggle("--replace", "replace an entry that is set otherwise"),
    }),
    takesOptions: true,
  },
  record: {
    help: "show a recording as a timeline",
    usage: "show [--html FILE] <file>",
    words: ["show"],
    flags: own({
      html: file("--html", "write a page for the browser, in place of text"),
    }),
    takesOptions: false,
  },
  replay: {
    help: "play a recording, and say where today's run differs",
    usage: "[--fast] <file>",
    words: [],
    flags: own({
      fast: toggle("--fast", "at once, not at the times at which it was said"),
    }),
    takesOptions: false,
  },
  completions: {
    help: "print completions for a shell",
    usage: "<bash|zsh|fish>",
    words: SHELLS,
    flags: {},
    takesOptions: false,
  },
} as const satisfies Record<string, CommandRow>;

export type CommandName = keyof typeof COMMANDS;

export const COMMAND_NAMES: readonly CommandName[] = Object.keys(COMMANDS)
  .filter(isCommandName);

export function isCommandName(word: string | undefined): word is CommandName {
  return word !== undefined && Object.hasOwn(COMMANDS, word);
}
