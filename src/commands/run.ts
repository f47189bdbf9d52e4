/** Runs a subcommand, and gives its exit code. */

import type { CommandName } from "../config/commands.ts";
import type { CommandContext } from "./context.ts";

type Subcommand = (
  args: readonly string[],
  context: CommandContext,
) => Promise<number>;

const LOADERS: Readonly<Record<CommandName, () => Promise<Subcommand>>> = {
  doctor: async () => (await import("./doctor/doctor.ts")).runDoctor,
  policy: async () => (await import("./policy/policy.ts")).runPolicy,
  config: async () => (await import("./client/config.ts")).runConfig,
  record: async () => (await import("./record/record.ts")).runRecord,
  replay: async () => (await import("./replay/replay.ts")).runReplay,
  completions: async () =>
    (await import("./completions/completions.ts")).runCompletions,
};

/**
 * Runs a subcommand.
 *
 * @returns The exit code.
 * @throws {ConfigError} The arguments have faults.
 */
export async function runSubcommand(
  name: CommandName,
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  const run = await LOADERS[name]();
  const [word, ...others] = args;
  // No client, shell or target is called so.
  return await run(word === "help" ? ["--help", ...others] : args, context);
}
