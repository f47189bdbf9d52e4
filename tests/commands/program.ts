/** Subcommands as subprocesses with permissions of their own. */

import {
  commandLine,
  type LaunchOptions,
  SOURCE,
} from "../support/program/launch.ts";
import type { Outcome } from "./command_world.ts";

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
  const { code, stdout, stderr } = await new Deno.Command(line.command, {
    args: line.args,
    env: line.env,
    clearEnv: true,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}
