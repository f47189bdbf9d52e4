/**
 * The arguments of a subcommand: its own flags, taken out from among the
 * proxy's, and what is left, parsed as the proxy parses it.
 *
 * @module
 */

import {
  commandHelp,
  type CommandName,
  COMMANDS,
  type OwnFlag,
} from "../config/commands.ts";
import { parseCommand, type RunCommand } from "../config/config.ts";
import { versionText } from "../config/help.ts";
import { ConfigError } from "../errors.ts";
import type { CommandContext } from "./context.ts";

/**
 * Takes a subcommand's own flags out of its arguments. What stands after `--`
 * is left alone.
 *
 * @returns The value of each flag that was given, `"true"` for a switch, and all
 * arguments that are not of them.
 * @throws {ConfigError} A flag lacks its value, has one that it does not take,
 * or is given twice.
 */
export function takeOwnFlags(
  args: readonly string[],
  flags: readonly OwnFlag[],
): {
  readonly rest: readonly string[];
  readonly given: ReadonlyMap<string, string>;
} {
  const end = args.indexOf("--");
  const before = end < 0 ? args : args.slice(0, end);
  const rest: string[] = [];
  const given = new Map<string, string>();
  const faults: string[] = [];
  for (let place = 0; place < before.length; place++) {
    const arg = before[place];
    const [, name, , inline] = /^--([^=]+)(=(.*))?$/s.exec(arg) ?? [];
    const flag = flags.find((flag) => flag.flag === name);
    if (flag === undefined) {
      rest.push(arg);
      continue;
    }
    if (given.has(flag.flag)) faults.push(`--${name} is given twice`);
    if (flag.placeholder === undefined) {
      if (inline !== undefined) faults.push(`--${name} takes no value`);
      given.set(flag.flag, "true");
      continue;
    }
    const next = inline ?? before[place + 1];
    const isMissing = inline === undefined && next?.startsWith("--");
    if (next === undefined || next === "" || isMissing) {
      faults.push(`--${name} needs a value (--${name} ${flag.placeholder})`);
      continue;
    }
    given.set(flag.flag, next);
    if (inline === undefined) place++;
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return { rest: end < 0 ? rest : [...rest, ...args.slice(end)], given };
}

/**
 * Parses the proxy's arguments of a subcommand.
 *
 * @param args The arguments without its own flags.
 * @returns What is configured; `undefined` if help or the version was asked
 * for, which is printed then.
 * @throws {ConfigError} The arguments have faults.
 */
export async function parseOptions(
  name: CommandName,
  args: readonly string[],
  context: CommandContext,
): Promise<RunCommand | undefined> {
  const command = await parseCommand(args, context.env, {
    profileRegion: context.profileRegion,
    findCaBundle: context.findCaBundle,
    ownFlags: COMMANDS[name].flags.map(({ flag }) => flag),
  });
  if (command.kind === "run") return command;
  const isHelp = command.kind === "help";
  await context.write(isHelp ? commandHelp(name) : versionText());
  return undefined;
}
