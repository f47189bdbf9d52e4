/** `completions`: what makes a shell complete the command line. */

import { ConfigError } from "../../errors.ts";
import { commandHelp, versionText } from "../../config/help.ts";
import { SCRIPTS } from "./scripts.ts";
import { SHELLS } from "../../config/commands.ts";
import type { CommandContext } from "../context.ts";

export async function runCompletions(
  args: readonly string[],
  context: Pick<CommandContext, "write">,
): Promise<number> {
  await context.write(textFor(args));
  return 0;
}

function textFor(args: readonly string[]): string {
  const [word, ...others] = args;
  if (args.includes("--help") || args.includes("-h")) {
    return commandHelp("completions");
  }
  if (word === "--version") return versionText();
  const shell = SHELLS.find((shell) => shell === word);
  if (shell !== undefined && others.length === 0) return SCRIPTS[shell]();
  const known = SHELLS.join(", ");
  throw new ConfigError([`completions needs one shell (${known})`]);
}
