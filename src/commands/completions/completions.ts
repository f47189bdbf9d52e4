/** `completions`: what makes a shell complete the command line. */

import { SHELLS } from "../../config/commands.ts";
import { ConfigError } from "../../errors.ts";
import type { CommandContext } from "../context.ts";
import { bash, fish, zsh } from "./scripts.ts";

/** @throws {ConfigError} No shell is named, or one that is not known. */
export async function runCompletions(
  [word, ...others]: readonly string[],
  { write }: Pick<CommandContext, "write">,
): Promise<number> {
  const shell = SHELLS.find((shell) => shell === word);
  if (shell === undefined || others.length > 0) {
    const known = SHELLS.join(", ");
    throw new ConfigError([`completions needs one shell (${known})`]);
  }
  await write({ bash, zsh, fish }[shell]());
  return 0;
}
