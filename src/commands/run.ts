/** Runs a subcommand, and gives its exit code. */

import { parseArguments } from "../config/arguments.ts";
import type { CommandName } from "../config/commands.ts";
import { commandHelp, versionText } from "../config/help.ts";
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

/** @throws {ConfigError} The arguments have faults. */
export async function runSubcommand(
  name: CommandName,
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  const [word, ...others] = args;
  // No client, shell or target is called so.
  const own = word === "help" ? ["--help", ...others] : args;
  const { asked } = parseArguments(own, name);
  if (asked !== undefined) {
    const text = asked === "help" ? commandHelp(name) : versionText();
    await context.write(text);
    return 0;
  }
  const run = await LOADERS[name]();
  return await run(own, context);
}
