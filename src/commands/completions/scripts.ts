/** The scripts that make shells complete the command line, and their words. */

import {
  COMMAND_NAMES,
  type CommandRow,
  COMMANDS,
  type Shell,
} from "../../config/commands.ts";
import { HELP_TOPICS } from "../../config/help.ts";
import { flagsOf, type Option, optionName } from "../../config/option.ts";
import { OPTIONS } from "../../config/options.ts";

const PROGRAM = "sigv4-proxy";

interface CompletionFlag {
  /** Without the hyphens before it. */
  readonly flag: string;
  readonly help: string;
  /** What completes its value; nothing for a switch. */
  readonly value: Readonly<Record<Shell, string>> | undefined;
  readonly isRepeatable: boolean;
}

interface CompletionCommand extends Omit<CommandRow, "usage" | "flags"> {
  readonly name: string;
  /** Whether it takes a file, after its word if there is one. */
  readonly takesFile?: boolean;
  readonly flags: readonly CompletionFlag[];
}

/** By option, how sed prints what the shared files have for it, one a line. */
const LISTS = {
  profile: "-e 's/^\\[profile \\(.*\\)\\]$/\\1/p' " +
    "-e 's/^\\[\\(default\\)\\]$/\\1/p'",
  region: "-e 's/^region *= *//p'",
};

export const PROXY_FLAGS: readonly CompletionFlag[] = flagsIn(OPTIONS);

function flagsIn(options: CommandRow["flags"]): CompletionFlag[] {
  return Object.entries(options).flatMap(([key, option]) => {
    // A switch that is on is there to be turned off.
    const isOn = option.kind === "boolean" && option.default === true;
    return flagsOf(option).map((flag) => ({
      flag: flag.replace("--", isOn ? "no-" : ""),
      help: option.help || optionName(option),
      value: valueOf(key, option),
      isRepeatable: option.kind === "list",
    }));
  });
}

function valueOf(key: string, option: Option): CompletionFlag["value"] {
  if (key === "help") return oneOf(HELP_TOPICS);
  if (option.kind === "enum") return oneOf(option.values);
  if (option.kind === "boolean") return undefined;
  if (option.placeholder?.includes("|")) {
    return oneOf(option.placeholder.split("|"));
  }
  if (Object.hasOwn(LISTS, key)) {
    return {
      bash: `_sigv4_proxy_${key}; `,
      fish: ` -x -a '(__sigv4_proxy_${key})'`,
      zsh: `:${key}:_sigv4_proxy_${key}`,
    };
  }
  return option.kind === "file" || /\bFILE\b/.test(option.help)
    ? {
      bash: "compopt -o default 2>/dev/null; ",
      fish: " -r -F",
      zsh: ":file:_files",
    }
    : { bash: "", fish: " -x", zsh: ":value: " };
}

function oneOf(words: readonly string[]): CompletionFlag["value"] {
  return {
    bash: `COMPREPLY=($(compgen -W ${list(words)} -- "$cur")); `,
    fish: ` -x -a '${words.join(" ")}'`,
    zsh: `:value:(${words.join(" ")})`,
  };
}

/** The words that a command line may begin with. */
const COMPLETION_COMMANDS: readonly CompletionCommand[] = [
  ...COMMAND_NAMES.map((name): CompletionCommand => {
    const row: CommandRow = COMMANDS[name];
    const takesFile = row.usage.endsWith("<file>");
    return { ...row, name, flags: flagsIn(row.flags), takesFile };
  }),
  {
    name: "help",
    help: "show the help of a command or of some options",
    words: [...COMMAND_NAMES, ...HELP_TOPICS],
    flags: [],
    takesOptions: false,
  },
];

/** A function for each list, as a shell has it, over a POSIX shell's line. */
function listFunctions(of: (key: string, list: string) => string): string {
  const file = '"${AWS_CONFIG_FILE:-$HOME/.aws/config}" 2>/dev/null | sort -u';
  return Object.entries(LISTS)
    .map(([key, script]) => of(key, `sed -n ${script} ${file}`)).join("\n");
}

/** 3.2, which is what macOS has, can do with it. */
export function bash(): string {
  const names = COMPLETION_COMMANDS.map(({ name }) => name);
  const flags = [
    ...PROXY_FLAGS,
    ...COMPLETION_COMMANDS.flatMap(({ flags }) => flags),
  ];
  return `# ${PROGRAM} completions for bash, to be read by it:
#   eval "$(${PROGRAM} completions bash)"

# Compared as text, and quoted: compgen -W would run what a name holds.
${
    listFunctions((key, list) =>
      `_sigv4_proxy_${key}() {
  local name
  while IFS= read -r name; do
    printf -v name '%q' "$name"
    if [[ $name == "$cur"* ]]; then COMPREPLY+=("$name"); fi
  done < <(${list})
}`
    )
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
${
    flags.flatMap(({ flag, value }) =>
      value ? [`    --${flag}) ${value.bash}return ;;`] : []
    ).join("\n")
  }
  esac

  options=${list(flagWords(PROXY_FLAGS))}
  command=
  if ((COMP_CWORD > 1)); then command=\${COMP_WORDS[1]}; fi
  case $command in
${COMPLETION_COMMANDS.map(bashCommand).join("\n")}
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

function bashCommand(
  { name, words, flags, takesOptions, takesFile }: CompletionCommand,
): string {
  const own = list(flagWords(flags));
  const all = takesOptions ? `${own}$'\\n'$options` : own;
  const first = words.length === 0
    ? ""
    : `\n      if ((COMP_CWORD == 2)); then words=${list(words)}; fi`;
  const file = takesFile
    ? `
      if [[ $words != show && $cur != -* ]]; then
        words=
        compopt -o default 2>/dev/null
      fi`
    : "";
  return `    ${name})
      words=${all}${first}${file}
      ;;`;
}

function flagWords(flags: readonly CompletionFlag[]): string[] {
  return flags.map(({ flag }) => `--${flag}`);
}

/** Words, one a line, as one word of bash. */
function list(words: readonly string[]): string {
  return `$'${words.join("\\n")}'`;
}

export function fish(): string {
  const others = COMPLETION_COMMANDS.filter(({ takesOptions }) => !takesOptions)
    .map(({ name }) => name);
  const proxy = `not __sigv4_proxy_command ${others.join(" ")}`;
  return `# ${PROGRAM} completions for fish, to be read by it:
#   ${PROGRAM} completions fish | source
# or to be kept as ${PROGRAM}.fish in ~/.config/fish/completions.

# Without a description of their own they would have the flag's.
${
    listFunctions((key, list) =>
      `function __sigv4_proxy_${key}
    sh -c ${fishQuoted(list)} | string replace -r '$' \\t${key}
end`
    )
  }

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
${COMPLETION_COMMANDS.map(fishCommand).join("\n")}
${PROXY_FLAGS.map((flag) => fishFlag(flag, proxy)).join("\n")}
`;
}

function fishCommand(
  { name, help, words, flags, takesFile }: CompletionCommand,
): string {
  const line = (condition: string, rest: string) =>
    `complete -c ${PROGRAM} -n '${condition}' ${rest}`;
  const here = `__sigv4_proxy_command ${name}`;
  const later = `${here}; and not __sigv4_proxy_after 2`;
  return [
    line("__sigv4_proxy_after 1", `-a ${name} -d ${fishQuoted(help)}`),
    ...words.length === 0 ? [] : [
      line(`${here}; and __sigv4_proxy_after 2`, `-a '${words.join(" ")}'`),
    ],
    ...takesFile ? [line(words.length === 0 ? here : later, "-F")] : [],
    ...flags.map((flag) => fishFlag(flag, here)),
  ].join("\n");
}

function fishFlag(
  { flag, help, value }: CompletionFlag,
  condition: string,
): string {
  const values = value?.fish ?? "";
  return `complete -c ${PROGRAM} -n '${condition}' -l ${flag}${values} ` +
    `-d ${fishQuoted(help)}`;
}

function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

/** The argument without a flag, in zsh. */
const TARGET = "'*:target URL:_urls'";

export function zsh(): string {
  const names = COMPLETION_COMMANDS.map(({ name, help }) =>
    `    ${zshQuoted(`${name}:${help}`)}`
  );
  return `#compdef ${PROGRAM}
# ${PROGRAM} completions for zsh, to be read by it:
#   source <(${PROGRAM} completions zsh)
# or to be kept as _${PROGRAM} in a directory of fpath.

${
    listFunctions((key, list) =>
      `_sigv4_proxy_${key}() {
  local -a found
  found=(\${(f)"$(${list})"})
  compadd -a found
}`
    )
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
${zshFlags(PROXY_FLAGS)}
  )
  local command=
  if ((CURRENT > 2)); then command=$words[2]; fi
  case $command in
${COMPLETION_COMMANDS.map(zshCommand).join("\n")}
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

function zshCommand(
  { name, words, flags, takesOptions, takesFile }: CompletionCommand,
): string {
  const first = words.length === 0 ? "" : ` '1: :(${words.join(" ")})'`;
  const file = takesFile ? " '*:file:_files'" : "";
  const rest = takesOptions ? ` $proxy_flags${first} ${TARGET}` : first + file;
  return `    (${name})
      shift words
      ((CURRENT--))
      local -a own
      own=(
${zshFlags(flags, "        ")}
      )
      _arguments -S $own${rest}
      ;;`;
}

function zshFlags(flags: readonly CompletionFlag[], indent = "    "): string {
  return flags.map(({ flag, help, value, isRepeatable }) => {
    const star = isRepeatable ? "*" : "";
    // A value is the next word, or behind an equals sign.
    const equals = value ? "=" : "";
    const text = `${star}--${flag}${equals}[${
      help.replace(/[\\[\]]/g, "\\$&")
    }]`;
    return indent + zshQuoted(text + (value?.zsh ?? ""));
  }).join("\n");
}

function zshQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
