/** Subcommands as subprocesses with permissions of their own. */

import {
  commandLine,
  type LaunchOptions,
  SOURCE,
} from "../support/program/launch.ts";
import { type Outcome, outcomeOf } from "../support/program/outcome.ts";

/**
 * Runs a subcommand in a process of its own.
 *
 * @param args Its name and its arguments.
 * @param options Target, permissions and environment.
 * @returns What it did.
 */
export async function runProgram(
  args: readonly string[],
  options: Omit<LaunchOptions, "bareArgs" | "entry">,
): Promise<Outcome> {
  await using line = await commandLine({
    ...options,
    entry: SOURCE,
    bareArgs: args,
  });
  const { command, args: its, env } = line;
  return await outcomeOf(command, { args: its, env, clearEnv: true });
}
