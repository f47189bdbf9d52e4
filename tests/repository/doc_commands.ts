/**
 * The command lines of the program that a page of the documentation shows: in a
 * shell, in a client's configuration, and in what containers are given.
 */

import { parse as parseYaml } from "yaml";
import { fencedBlocks } from "./markdown.ts";

/** How a page starts the program. */
export interface DocCommand {
  /** What follows the program's name. */
  readonly args: readonly string[];
  /** The variables that are set for it. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * Finds the command lines.
 *
 * @param text The page.
 * @returns Each of them, in the order of the languages.
 * @throws A block of JSON or YAML cannot be read.
 */
export function commandsIn(text: string): DocCommand[] {
  return [
    ...fencedBlocks(text, "sh").flatMap(shellCommands),
    ...structuresIn(text).flatMap(objectsIn).flatMap(launchOf),
  ];
}

/** What the blocks of JSON and YAML say. */
export function structuresIn(text: string): unknown[] {
  return [
    ...fencedBlocks(text, "json").map((block) => JSON.parse(block)),
    ...fencedBlocks(text, "yaml").map((block) => parseYaml(block)),
  ];
}

const PROGRAM = /^(?:jsr:@scope\/)?sigv4-proxy(?:@\d[^/]*)?$/;

/** Commands that name the program, and do not start it. */
const NAMING = /^(?:deno install|docker build|npm install) /;

/** A redirection, a word with its quotes, or what stands between commands. */
const TOKEN =
  /(\d*[<>]{1,2}&?\s*[^\s()|;&<>]+)|((?:'[^']*'|"[^"]*"|[^\s'"|&;()<>])+)|[|&;()<>]+/g;

/** Each command of a block, those in pipes and substitutions too. */
function shellCommands(block: string): DocCommand[] {
  return block.replaceAll("\\\n", " ").split("\n").flatMap((line) => {
    const commands: string[][] = [[]];
    for (const [, redirection, word] of line.matchAll(TOKEN)) {
      if (redirection !== undefined) continue;
      if (word?.startsWith("#")) break;
      if (word === undefined) commands.push([]);
      else commands.at(-1)?.push(word.replace(/['"]/g, ""));
    }
    return commands.flatMap((words) => afterProgram(words));
  });
}

/** What follows the program's name, if it is started. */
function afterProgram(
  words: readonly string[],
  variables: DocCommand["variables"] = {},
): DocCommand[] {
  if (NAMING.test(words.join(" "))) return [];
  const at = words.findIndex((word) => PROGRAM.test(word));
  if (at < 0) return [];
  const assigned = words.slice(0, at).flatMap((word) => {
    const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(word) ?? [];
    return name === undefined ? [] : [[name, value]];
  });
  return [{
    args: words.slice(at + 1),
    variables: { ...variables, ...Object.fromEntries(assigned) },
  }];
}

type Structure = Readonly<Record<string, unknown>>;

/** An object and all that are in it. */
function objectsIn(value: unknown): Structure[] {
  if (typeof value !== "object" || value === null) return [];
  const inner = Object.values(value).flatMap(objectsIn);
  return Array.isArray(value) ? inner : [{ ...value }, ...inner];
}

const IMAGE = /(?:^|\/)sigv4-proxy(?:[:@]|$)/;

/** The entry of a client, or a container of an image that is the program. */
function launchOf(structure: Structure): DocCommand[] {
  const { image, command, cmd, args } = structure;
  const words = [command, cmd, args].flat().filter((word) =>
    typeof word === "string"
  );
  const variables = Object.fromEntries(
    [structure.env, structure.environment, structure.secrets]
      .flatMap(variablesOf),
  );
  if (typeof image === "string" && IMAGE.test(image)) {
    return [{ args: words, variables }];
  }
  return afterProgram(words, variables);
}

/** `{ NAME: value }`, or a list of names with values or where these are. */
function variablesOf(given: unknown): [string, string][] {
  if (Array.isArray(given)) {
    return given.map(({ name, value }) => [name, value ?? "from-elsewhere"]);
  }
  if (typeof given !== "object" || given === null) return [];
  return Object.entries(given).map(([name, value]) => [name, String(value)]);
}
