/**
 * Completions for bash. They do with bash 3.2, which is what macOS has.
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

/** The script that bash is to read. */
export function bashCompletions(): string {
  const names = COMPLETION_COMMANDS.map(({ name }) => name);
  const flags = [
    ...PROXY_FLAGS,
    ...COMPLETION_COMMANDS.flatMap(({ flags }) => flags),
  ];
  return `# ${PROGRAM} completions for bash, to be read by it:
#   source <(${PROGRAM} completions bash)

_sigv4_proxy() {
  local IFS=$'\\n' cur prev command words options
  cur=\${COMP_WORDS[COMP_CWORD]}
  prev=\${COMP_WORDS[COMP_CWORD-1]}
  # --flag=value is three words to bash.
  if [[ $cur == "=" ]]; then
    cur=
  elif [[ $prev == "=" ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  COMPREPLY=()

  case $prev in
${flags.flatMap(valueCase).join("\n")}
  esac

  options=${list(flagWords(PROXY_FLAGS))}
  command=
  if ((COMP_CWORD > 1)); then command=\${COMP_WORDS[1]}; fi
  case $command in
${COMPLETION_COMMANDS.map(commandCase).join("\n")}
    *)
      words=$options
      if ((COMP_CWORD == 1)); then words+=$'\\n'${list(names)}; fi
      ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}

complete -F _sigv4_proxy ${PROGRAM}
`;
}

/** What completes the value after a flag. */
function valueCase({ flag, value }: CompletionFlag): string[] {
  switch (value.kind) {
    case "none":
      return [];
    case "words":
      return [answer(flag, `compgen -W ${list(value.words)} -- "$cur"`)];
    case "profile":
      return [answer(flag, `compgen -W "$(${LIST_PROFILES})" -- "$cur"`)];
    case "file":
      return [answer(flag, `compgen -f -- "$cur"`)];
    case "any":
      return [`    --${flag}) return ;;`];
  }
}

function answer(flag: string, compgen: string): string {
  return `    --${flag}) COMPREPLY=($(${compgen})); return ;;`;
}

function commandCase(
  { name, words, flags, takesOptions }: CompletionCommand,
): string {
  const own = list(flagWords(flags));
  const all = takesOptions ? `${own}$'\\n'$options` : own;
  const first = words.length === 0
    ? ""
    : `\n      if ((COMP_CWORD == 2)); then words=${list(words)}; fi`;
  return `    ${name})
      words=${all}${first}
      ;;`;
}

function flagWords(flags: readonly CompletionFlag[]): string[] {
  return flags.map(({ flag }) => `--${flag}`);
}

/** Words, one a line, as one word of bash. */
function list(words: readonly string[]): string {
  return `$'${words.join("\\n")}'`;
}
