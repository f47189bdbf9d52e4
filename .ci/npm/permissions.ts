/**
 * Prints the permissions of a run as JSON, for the command of the npm package:
 * found by what `policy` finds them by, and loaded without all else.
 */

import { ANY_RUN_FLAGS } from "../any_run_flags.ts";
import { findNeeds, permissionFlags } from "../../src/commands/needs.ts";
import { isCommandName } from "../../src/config/commands.ts";
import { parseCommand } from "../../src/config/config.ts";
import type { ProfileRegion } from "../../src/config/scope.ts";
import { ConfigError } from "../../src/errors.ts";

/** To print help, or what is wrong with the configuration. */
const PARSING_FLAGS = ["--no-prompt", "--allow-env", "--allow-read"];

/**
 * Finds the flags for Deno: the narrowest for the proxy; those of a compiled
 * program for a subcommand, which looks at more than the proxy does.
 */
export async function flagsFor(
  args: readonly string[],
  env: (name: string) => string | undefined,
  profileRegion?: ProfileRegion,
): Promise<readonly string[]> {
  if (isCommandName(args[0])) return ANY_RUN_FLAGS;
  try {
    const command = await parseCommand(args, env, {
      profileRegion,
      // The program looks into them itself.
      loadTls: () => Promise.resolve(undefined),
    });
    if (command.kind !== "run") return PARSING_FLAGS;
    const where = { env, os: Deno.build.os };
    const hereOnly = !command.usesSharedFiles;
    return permissionFlags(
      await findNeeds(command.config, where, { hereOnly }),
    );
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return PARSING_FLAGS;
  }
}

if (import.meta.main) {
  const flags = await flagsFor(Deno.args, (name) => Deno.env.get(name));
  console.log(JSON.stringify(flags));
}
