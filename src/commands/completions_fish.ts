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
} from "./completion_words.ts";

/** The script that fish is to read, or to find among its completions. */
export function fishCompletions(): string {
  const others = COMPLETION_COMMANDS.filter(({ takesOptions }) => !takesOptions)
    .map(({ name }) => name);
  const proxy = `not ${seen(others)}`;
  return `# ${PROGRAM} completions for fish, to be read by it:
#   ${PROGRAM} completions fish | source
# or to be kept as ${PROGRAM}.fish in ~/.config/fish/completions.

function __sigv4_proxy_profiles
    sh -c '${quoted(LIST_PROFILES)}'
end

complete -c ${PROGRAM} -f
${COMPLETION_COMMANDS.map(commandLines).join("\n")}
${PROXY_FLAGS.map((flag) => flagLine(flag, proxy)).join("\n")}
`;
}

function commandLines(
  { name, help, words, flags }: CompletionCommand,
): string {
  const here = seen([name]);
  const lines = [
    `complete -c ${PROGRAM} -n __fish_use_subcommand -a ${name} -d '${help}'`,
  ];
  if (words.length > 0) {
    lines.push(
      `complete -c ${PROGRAM} -n '${here}; and not ${seen(words)}' ` +
        `-a '${words.join(" ")}'`,
    );
  }
  return [...lines, ...flags.map((flag) => flagLine(flag, here))].join("\n");
}

function flagLine(
  { flag, help, value }: CompletionFlag,
  condition: string,
): string {
  const head = `complete -c ${PROGRAM} -n '${condition}' -l ${flag}`;
  return `${head}${valueFlags(value)} -d '${help}'`;
}

function valueFlags(value: CompletionFlag["value"]): string {
  switch (value.kind) {
    case "none":
      return "";
    case "words":
      return ` -x -a '${value.words.join(" ")}'`;
    case "file":
      return " -r -F";
    case "profile":
      return " -x -a '(__sigv4_proxy_profiles)'";
    case "any":
      return " -x";
  }
}

function seen(words: readonly string[]): string {
  return `__fish_seen_subcommand_from ${words.join(" ")}`;
}

/** Between single quotes of fish. */
function quoted(text: string): string {
  return text.replace(/[\\']/g, (character) => `\\${character}`);
}
