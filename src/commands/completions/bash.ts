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
} from "./words.ts";

/** The script that bash is to read. */
export function bashCompletions(): string {
  const names = COMPLETION_COMMANDS.map(({ name }) => name);
  const flags = [
    ...PROXY_FLAGS,
    ...COMPLETION_COMMANDS.flatMap(({ flags }) => flags),
  ];
  return `# ${PROGRAM} completions for bash, to be read by it:
#   eval "$(${PROGRAM} completions bash)"

# Compared as text, and quoted: compgen -W would run what a name holds.
_sigv4_proxy_profiles() {
  local name
  while IFS= read -r name; do
    printf -v name '%q' "$name"
    if [[ $name == "$cur"* ]]; then COMPREPLY+=("$name"); fi
  done < <(${LIST_PROFILES})
}

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

# Where nothing is offered, bash itself completes files: only after the flags
# that want one, if it can be told so (from 4.0 on).
if type compopt >/dev/null 2>&1; then
  complete -F _sigv4_proxy ${PROGRAM}
else
  complete -o default -F _sigv4_proxy ${PROGRAM}
fi
`;
}

const VALUES = {
  profile: "_sigv4_proxy_profiles; ",
  file: "compopt -o default 2>/dev/null; ",
  any: "",
} as const;

/** What completes the value after a flag. */
function valueCase({ flag, value }: CompletionFlag): string[] {
  if (value === "none") return [];
  const values = typeof value === "string"
    ? VALUES[value]
    : `COMPREPLY=($(compgen -W ${list(value)} -- "$cur")); `;
  return [`    --${flag}) ${values}return ;;`];
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
