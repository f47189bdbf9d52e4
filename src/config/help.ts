/** What `--help` and `--version` show. */

import { type Option, variablesOf } from "./option.ts";
import {
  COMMAND_NAMES,
  type CommandName,
  type CommandRow,
  COMMANDS,
} from "./commands.ts";
import {
  OPTION_GROUPS,
  type OptionGroup,
  type OptionKey,
  OPTIONS,
} from "./options.ts";
import { PROTOCOL_VERSIONS } from "../mcp/wire/era.ts";
import { VERSION } from "../version.ts";

/** Where the words of an option begin, in lines of 80. */
const COLUMN = 27;

/** The options that most people need, in the order of the first screen. */
const EVERYDAY: readonly OptionKey[] = [
  "region",
  "service",
  "profile",
  "assumeRole",
  "readOnly",
  "bridge",
  "listen",
];

/** The words after `--help` for the groups that have a screen of their own. */
const TOPICS = {
  target: { group: "Target", about: "transport, headers, certificates" },
  messages: { group: "Messages", about: "tool rules, metadata, eras of MCP" },
  signing: { group: "Signing", about: "region, service, SigV4A" },
  credentials: { group: "Credentials", about: "profiles, roles" },
  http: {
    group: "HTTP server",
    about: "a local endpoint in place of stdio",
  },
  limits: { group: "Limits", about: "time, size, number" },
  logging: { group: "Logging", about: "how much, and in which form" },
} as const satisfies Record<string, { group: OptionGroup; about: string }>;

/** What `--help` may be asked for: a group of options, or all of them. */
export type HelpTopic = keyof typeof TOPICS | "all";

export const HELP_TOPICS: readonly string[] = [...Object.keys(TOPICS), "all"];

export function isHelpTopic(word: string | undefined): word is HelpTopic {
  return word === "all" || (word !== undefined && Object.hasOwn(TOPICS, word));
}

/**
 * The text of `--help`: of a group of options, of all, or a screen of what most
 * people need, which says where the rest is. All but `all` fit 24 rows.
 */
export function helpText(topic?: HelpTopic): string {
  const lines = topic === undefined
    ? firstScreen()
    : topic === "all"
    ? everyOption()
    : [...BRACKETS, ...groupLines(TOPICS[topic].group)];
  return `${lines.join("\n")}\n`;
}

const USAGE: readonly string[] = [
  "MCP over stdin and stdout to an MCP server that demands AWS IAM (SigV4).",
  "",
  "Usage:   sigv4-proxy [options] <target-url>",
  `         sigv4-proxy ${COMMAND_NAMES.join("|")} --help`,
  "Example: sigv4-proxy https://aws-mcp.us-east-1.api.aws/mcp",
  "Region and service are read off AWS host names.",
];

const BRACKETS: readonly string[] = [
  "In brackets: the variable that stands for a flag, and the default. A flag goes",
  "before its variable; --no-<flag> turns off what a variable turned on.",
];

function firstScreen(): string[] {
  return [
    ...USAGE,
    "",
    ...EVERYDAY.flatMap((key) => optionLines(OPTIONS[key])),
    "",
    "In brackets: the variable of a flag, and its default. All options: --help all",
    ...Object.entries(TOPICS).map(([topic, { about }]) =>
      `  --help ${topic}`.padEnd(COLUMN) + about
    ),
  ];
}

function everyOption(): string[] {
  return [
    ...USAGE,
    "",
    ...BRACKETS,
    "",
    "Commands:",
    ...COMMAND_NAMES.map((name) =>
      `  ${name}`.padEnd(COLUMN) + COMMANDS[name].help
    ),
    ...Object.keys(OPTION_GROUPS).flatMap(groupLines),
  ];
}

const GROUPS: Readonly<Record<string, Readonly<Record<string, Option>>>> =
  OPTION_GROUPS;

function groupLines(group: string): string[] {
  const lines = Object.values(GROUPS[group]).flatMap(optionLines);
  return ["", `${group}:`, ...lines];
}

const WORDS_A_LINE = 5;

export function commandHelp(name: CommandName): string {
  const { help, usage, words, flags, takesOptions }: CommandRow =
    COMMANDS[name];
  const lines = [
    `sigv4-proxy ${name}: ${help}.`,
    "",
    `Usage: sigv4-proxy ${name} ${usage}`,
  ];
  if (words.length > 0 && !usage.includes(words[0])) {
    lines.push("", "Clients:");
    for (let at = 0; at < words.length; at += WORDS_A_LINE) {
      lines.push(`  ${words.slice(at, at + WORDS_A_LINE).join(", ")}`);
    }
  }
  const own = Object.values(flags).flatMap(optionLines);
  if (own.length > 0) lines.push("", ...own);
  if (takesOptions) {
    lines.push("", "The options are the proxy's: sigv4-proxy --help all.");
  }
  return `${lines.join("\n")}\n`;
}

/** The text of `--version`: the program's, the runtime's, the protocol's. */
export function versionText(deno: string = Deno.version.deno): string {
  return `sigv4-proxy ${VERSION} (Deno ${deno})\nMCP ${
    PROTOCOL_VERSIONS.join(", ")
  }\n`;
}

function optionLines(option: Option): string[] {
  const flag = `  ${flagText(option)}`;
  // What is in brackets stands in one line.
  const kept = bracket(option).replaceAll(" ", "\xa0");
  const lines = `${option.help} ${kept}`.match(/\S.{0,52}(?= |$)/g) ?? [];
  const indented = lines.map((line) =>
    " ".repeat(COLUMN) + line.trimEnd().replaceAll("\xa0", " ")
  );
  if (flag.length >= COLUMN) return [flag, ...indented];
  const [first = "", ...others] = indented;
  return [flag.padEnd(COLUMN) + first.trimStart(), ...others];
}

/** What stands for a value; what is not here says it itself. */
const PLACEHOLDERS: { readonly [kind in string]?: string } = {
  file: "FILE",
  duration: "TIME",
  size: "SIZE",
  integer: "N",
};

function flagText(option: Option): string {
  const [flag] = option.names;
  if (option.kind === "boolean") {
    return option.default ? flag.replace("--", "--no-") : flag;
  }
  if (option.kind === "enum") {
    // The words themselves if they are short.
    const words = option.values.join("|");
    const name = flag.slice(flag.lastIndexOf("-") + 1).toUpperCase();
    return `${flag} ${words.length <= 10 ? words : name}`;
  }
  const said = option.placeholder ?? PLACEHOLDERS[option.kind ?? ""];
  return `${flag} ${said ?? "NAME"}`;
}

function bracket(option: Option): string {
  const variable = variablesOf(option).join(", ");
  if (option.kind !== "boolean" && option.default !== undefined) {
    return `[${variable}=${option.default}]`;
  }
  return variable === "" ? "" : `[${variable}]`;
}
