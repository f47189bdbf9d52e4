/**
 * Runs a subcommand by its name. Only the one that is asked for is loaded.
 *
 * @module
 */

import type { CommandName } from "../config/commands.ts";
import type { CommandContext } from "./context.ts";

/**
 * Runs a subcommand.
 *
 * @param name Its name.
 * @param args What follows its name.
 * @param context What it needs of the world.
 * @returns The exit code.
 * @throws {ConfigError} The arguments have faults.
 */
export async function runSubcommand(
  name: CommandName,
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  // No client, shell or target is called so.
  const [word, ...others] = args;
  if (word === "help") {
    return runSubcommand(name, ["--help", ...others], context);
  }
  switch (name) {
    case "doctor":
      return await (await import("./doctor/doctor.ts")).runDoctor(
        args,
        context,
      );
    case "policy":
      return await (await import("./policy/policy.ts")).runPolicy(
        args,
        context,
      );
    case "config":
      return await (await import("./client/config.ts"))
        .runConfig(args, context);
    case "completions":
      return await (await import("./completions/completions.ts"))
        .runCompletions(args, context);
  }
}
