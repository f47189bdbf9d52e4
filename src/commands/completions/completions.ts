/**
 * `completions`: what makes a shell complete the command line.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import { versionText } from "../../config/help.ts";
import { SCRIPTS } from "./scripts.ts";
import { commandHelp, SHELLS } from "../../config/commands.ts";
import type { CommandContext } from "../context.ts";

/**
 * Runs the subcommand: prints a script for the shell to read.
 *
 * @throws {ConfigError} No shell is named, or one that is not known.
 */
export async function runCompletions(
  args: readonly string[],
  context: Pick<CommandContext, "write">,
): Promise<number> {
  const [word, ...others] = args;
  if (args.includes("--help") || args.includes("-h")) {
    await context.write(commandHelp("completions"));
    return 0;
  }
  if (word === "--version") {
    await context.write(versionText(Deno.version.deno));
    return 0;
  }
  const shell = SHELLS.find((shell) => shell === word);
  if (shell === undefined || others.length > 0) {
    throw new ConfigError([
      `completions needs one shell (${SHELLS.join(", ")})`,
    ]);
  }
  await context.write(SCRIPTS[shell]());
  return 0;
}
