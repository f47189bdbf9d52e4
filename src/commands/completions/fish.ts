/**
 * Completions for fish.
 *
 * @module
 */

import {
  COMPLETION_COMMANDS,
  type CompletionCommand,
  type CompletionFlag,
  LIST_PROFILES,
  PROGRAM,
  PROXY_FLAGS,
} from "./words.ts";

/** The script that fish is to read, or to find among its completions. */
export function fishCompletions(): string {
  const others = COMPLETION_COMMANDS.filter(({ takesOptions }) => !takesOptions)
    .map(({ name }) => name);
  const proxy = `not ${isCommand(others)}`;
  return `# ${PROGRAM} completions for fish, to be read by it:
#   ${PROGRAM} completions fish | source
# or to be kept as ${PROGRAM}.fish in ~/.config/fish/completions.

function __sigv4_proxy_profiles
    # Without a description of their own they would have the flag's.
    sh -c ${quoted(LIST_PROFILES)} | string replace -r '$' \\tprofile
end

# Whether the first word is one of these.
function __sigv4_proxy_command
    set -l words (commandline -opc)
    contains -- "$words[2]" $argv
end

# Whether so many words stand before the one that is typed.
function __sigv4_proxy_after
    test (count (commandline -opc)) -eq $argv[1]
end

complete -c ${PROGRAM} -f
${COMPLETION_COMMANDS.map(commandLines).join("\n")}
${PROXY_FLAGS.map((flag) => flagLine(flag, proxy)).join("\n")}
`;
}

function commandLines(
  { name, help, words, flags }: CompletionCommand,
): string {
  const here = isCommand([name]);
  const lines = [
    `complete -c ${PROGRAM} -n '${after(1)}' -a ${name} -d ${quoted(help)}`,
  ];
  if (words.length > 0) {
    lines.push(
      `complete -c ${PROGRAM} -n '${here}; and ${after(2)}' ` +
        `-a '${words.join(" ")}'`,
    );
  }
  return [...lines, ...flags.map((flag) => flagLine(flag, here))].join("\n");
}

function flagLine(
  { flag, help, value }: CompletionFlag,
  condition: string,
): string {
  const values = typeof value === "string"
    ? VALUES[value]
    : ` -x -a '${value.join(" ")}'`;
  return `complete -c ${PROGRAM} -n '${condition}' -l ${flag}${values} ` +
    `-d ${quoted(help)}`;
}

const VALUES = {
  none: "",
  file: " -r -F",
  profile: " -x -a '(__sigv4_proxy_profiles)'",
  any: " -x",
} as const;

function isCommand(names: readonly string[]): string {
  return `__sigv4_proxy_command ${names.join(" ")}`;
}

function after(words: number): string {
  return `__sigv4_proxy_after ${words}`;
}

/** Between single quotes of fish. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, (character) => `\\${character}`)}'`;
}
