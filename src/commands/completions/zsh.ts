/**
 * Completions for zsh.
 *
 * @module
 */

import {
  COMPLETION_COMMANDS,
  type CompletionCommand,
  type CompletionFlag,
  type FlagValue,
  LIST_PROFILES,
  PROGRAM,
  PROXY_FLAGS,
} from "./words.ts";

/** The argument without a flag. */
const TARGET = "'*:target URL:_urls'";

/** The script that zsh is to read, or to find on its \`fpath\`. */
export function zshCompletions(): string {
  const names = COMPLETION_COMMANDS.map(({ name, help }) =>
    `    ${quoted(`${name}:${help}`)}`
  );
  return `#compdef ${PROGRAM}
# ${PROGRAM} completions for zsh, to be read by it:
#   source <(${PROGRAM} completions zsh)
# or to be kept as _${PROGRAM} in a directory of fpath.

_sigv4_proxy_profiles() {
  local -a profiles
  profiles=(\${(f)"$(${LIST_PROFILES})"})
  compadd -a profiles
}

_sigv4_proxy_first() {
  local -a subcommands
  subcommands=(
${names.join("\n")}
  )
  _describe -t commands command subcommands
}

_${PROGRAM}() {
  local -a proxy_flags
  proxy_flags=(
${specs(PROXY_FLAGS)}
  )
  local command=
  if ((CURRENT > 2)); then command=$words[2]; fi
  case $command in
${COMPLETION_COMMANDS.map(commandCase).join("\n")}
    (*)
      _arguments -S $proxy_flags '1::command:_sigv4_proxy_first' ${TARGET}
      ;;
  esac
}

if [[ $funcstack[1] == _${PROGRAM} ]]; then
  _${PROGRAM} "$@"
else
  compdef _${PROGRAM} ${PROGRAM}
fi
`;
}

function commandCase(
  { name, words, flags, takesOptions }: CompletionCommand,
): string {
  const own = flags.length === 0 ? "" : `\n${specs(flags, "        ")}`;
  const first = words.length === 0 ? "" : ` '1: :(${words.join(" ")})'`;
  const options = takesOptions ? " $proxy_flags" : "";
  const target = takesOptions ? ` ${TARGET}` : "";
  const list = own === ""
    ? `_arguments -S${options}${first}${target}`
    : `local -a own
      own=(${own}
      )
      _arguments -S $own${options}${first}${target}`;
  return `    (${name})
      shift words
      ((CURRENT--))
      ${list}
      ;;`;
}

function specs(flags: readonly CompletionFlag[], indent = "    "): string {
  return flags.map(({ flag, help, value, isRepeatable }) => {
    const star = isRepeatable ? "*" : "";
    // A value is the next word, or behind an equals sign.
    const equals = value === "none" ? "" : "=";
    const text = `${star}--${flag}${equals}[${inBrackets(help)}]`;
    return indent + quoted(text + action(value));
  }).join("\n");
}

function inBrackets(text: string): string {
  return text.replace(/[\\[\]]/g, (character) => `\\${character}`);
}

/** Between single quotes of zsh. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const VALUES = {
  none: "",
  file: ":file:_files",
  profile: ":profile:_sigv4_proxy_profiles",
  any: ":value: ",
} as const;

function action(value: FlagValue): string {
  return typeof value === "string"
    ? VALUES[value]
    : `:value:(${value.join(" ")})`;
}
