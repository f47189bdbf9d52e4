/**
 * What `--help` and `--version` show.
 *
 * @module
 */

import { type EnumOption, type Option, OPTION_GROUPS } from "./option.ts";
import { COMMANDS } from "./commands/commands.ts";
import { OPTION_KEYS, OPTIONS } from "./options.ts";
import { PROTOCOL_VERSIONS, VERSION } from "./version.ts";

const WIDTH = 80;

/** Where the words of an option begin. */
const COLUMN = 27;

/**
 * The text of `--help`, from the table of options.
 *
 * @returns Lines of at most 80 columns.
 */
export function helpText(): string {
  const lines = [
    "MCP over stdin and stdout to an MCP server that demands AWS IAM (SigV4).",
    "",
    "Usage:   sigv4-proxy [options] <target-url>",
    "         sigv4-proxy <command> [options]     (sigv4-proxy <command> --help)",
    "Example: sigv4-proxy https://aws-mcp.us-east-1.api.aws/mcp",
    "",
    "In brackets: the variable that stands for a flag, and the default. A flag goes",
    "before its variable; --no-<flag> turns off what a variable turned on.",
    "Region and service are read off AWS host names.",
  ];
  lines.push("", "Commands:", ...commandLines());
  const options: Option[] = OPTION_KEYS.map((key) => OPTIONS[key]);
  for (const group of OPTION_GROUPS) {
    const members = options.filter((option) => option.group === group);
    lines.push("", `${group}:`, ...members.flatMap(optionLines));
  }
  return `${lines.join("\n")}\n`;
}

/**
 * The text of `--version`.
 *
 * @param deno The version of the runtime.
 * @returns The program's version, the runtime's, and the protocol's revisions.
 */
export function versionText(deno: string): string {
  return `sigv4-proxy ${VERSION} (Deno ${deno})\nMCP ${
    PROTOCOL_VERSIONS.join(", ")
  }\n`;
}

function commandLines(): string[] {
  return Object.entries(COMMANDS).map(([name, { help }]) =>
    `  ${name}`.padEnd(COLUMN) + help
  );
}

function optionLines(option: Option): string[] {
  const flag = `  ${flagText(option)}`;
  const words = [...option.help.split(" "), bracket(option)]
    .filter((word) => word !== "");
  const [first = "", ...others] = wrap(words, WIDTH - COLUMN);
  const indent = " ".repeat(COLUMN);
  if (flag.length < COLUMN) {
    return [
      flag.padEnd(COLUMN) + first,
      ...others.map((line) => indent + line),
    ];
  }
  return [flag, ...[first, ...others].map((line) => indent + line)];
}

function flagText(option: Option): string {
  const flag = option.kind === "boolean" && option.default
    ? `--no-${option.flag}`
    : `--${option.flag}`;
  switch (option.kind) {
    case "string":
    case "list":
      return `${flag} ${option.placeholder}`;
    case "duration":
      return `${flag} TIME`;
    case "size":
      return `${flag} SIZE`;
    case "integer":
      return `${flag} N`;
    case "enum":
      return `${flag} ${wordsText(option)}`;
    case "boolean":
      return flag;
  }
}

/** The words themselves if they are short. */
function wordsText({ flag, values }: EnumOption): string {
  const words = values.join("|");
  if (words.length <= 10) return words;
  return flag.slice(flag.lastIndexOf("-") + 1).toUpperCase();
}

function bracket(option: Option): string {
  const variable = (option.variables ?? []).join(", ");
  const value = option.kind === "boolean" || option.kind === "list"
    ? undefined
    : option.default;
  if (value !== undefined) return `[${variable}=${value}]`;
  return variable === "" ? "" : `[${variable}]`;
}

function wrap(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length > width && line !== "") {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  lines.push(line);
  return lines;
}
