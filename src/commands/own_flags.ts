/**
 * The flags that only a subcommand has, taken out from among the proxy's.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import type { OwnFlag } from "../config/commands.ts";

/** What was found. */
export interface OwnFlags {
  /** The arguments that are left. */
  readonly rest: readonly string[];
  /** The value of each flag that was given; of a switch, `"true"`. */
  readonly given: ReadonlyMap<string, string>;
}

/** The names of flags, without the hyphens before them. */
export function flagNames(flags: readonly OwnFlag[]): string[] {
  return flags.map(({ flag }) => flag);
}

/**
 * Takes a subcommand's own flags out of its arguments. What stands after `--`
 * is left alone.
 *
 * @param args The arguments.
 * @param flags The flags to take.
 * @returns The flags that were given, and all that is not of them.
 * @throws {ConfigError} A flag lacks its value, has one that it does not take,
 * or is given twice.
 */
export function takeOwnFlags(
  args: readonly string[],
  flags: readonly OwnFlag[],
): OwnFlags {
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
