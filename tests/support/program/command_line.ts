/**
 * Command lines as the program reads them, with a world of their own: no
 * variable and no profile but what a test gives.
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  type Command,
  type Config,
  parseCommand,
} from "../../../src/config/config.ts";
import { ConfigError } from "../../../src/errors.ts";
import type { LogNote } from "../../../src/log/log.ts";
import { OPTION_KEYS, type OptionKey } from "../../../src/config/options.ts";
import { ParsedOptions } from "../../../src/config/settings.ts";

/** Variables by name. */
export type Env = Readonly<Record<string, string>>;

/** A URL that tells its region, us-west-2, and its service. */
export const AGENTCORE = "https://bedrock-agentcore.us-west-2.amazonaws.com/x";

/** A whole command line for a URL that tells neither. */
export const ELSEWHERE: readonly string[] = [
  "https://mcp.example/mcp",
  "--region",
  "us-east-1",
  "--service",
  "execute-api",
];

/** What a command line asks for. */
export function parse(
  args: readonly string[],
  env: Env = {},
  profileRegion: (profile?: string) => Promise<string | undefined> = () =>
    Promise.resolve(undefined),
): Promise<Command> {
  const variableNames = () => Object.keys(env);
  return parseCommand(args, (name) => env[name], {
    profileRegion,
    variableNames,
  });
}

/** Options with these texts given by flags, beside variables. */
export function parsedOf(
  flags: { readonly [Key in OptionKey]?: string | readonly string[] },
  env: Env = {},
): ParsedOptions {
  const texts = new Map<OptionKey, readonly string[]>();
  for (const key of OPTION_KEYS) {
    const given = flags[key];
    if (given !== undefined) texts.set(key, [given].flat());
  }
  return new ParsedOptions(texts, (name) => env[name]);
}

/** What a command line that runs the proxy asks for. */
export async function run(
  args: readonly string[],
  env?: Env,
): Promise<{ config: Config; notes: readonly LogNote[] }> {
  const command = await parse(args, env);
  assert(command.kind === "run");
  return command;
}

/** The configuration alone. */
export async function configOf(
  args: readonly string[],
  env?: Env,
): Promise<Config> {
  return (await run(args, env)).config;
}

/** What is wrong with a command line. */
export async function faultsOf(
  args: readonly string[],
  env?: Env,
): Promise<readonly string[]> {
  return (await assertRejects(() => parse(args, env), ConfigError)).faults;
}

/** The one thing that is wrong with {@linkcode ELSEWHERE} and what is added. */
export async function faultOf(
  args: readonly string[],
  env?: Env,
): Promise<string> {
  const faults = await faultsOf([...ELSEWHERE, ...args], env);
  assertEquals(faults.length, 1, faults.join("\n"));
  return faults[0];
}

/** A command line, blanks between its arguments, and what is wrong with it. */
export type FaultRow = readonly [
  args: string | readonly string[],
  fault: string | RegExp,
  env?: Env,
];

/** Sees that each has this fault alone, beside {@linkcode ELSEWHERE}. */
export async function assertFaults(
  ...rows: readonly FaultRow[]
): Promise<void> {
  for (const [args, said, env] of rows) {
    const words = typeof args === "string" ? args.split(" ") : args;
    const fault = await faultOf(words, env);
    if (typeof said === "string") assertEquals(fault, said);
    else assertMatch(fault, said);
  }
}
