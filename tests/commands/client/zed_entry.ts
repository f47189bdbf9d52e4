/** The entry that `config` prints, read. */

import { assertEquals } from "@std/assert";
import { runConfig } from "../../../src/commands/client/config.ts";
import type { CommandContext } from "../../../src/commands/context.ts";
import type { CommandWorld } from "../command_world.ts";
import type { Outcome } from "../../support/program/outcome.ts";

/** How a compiled program was started: its entry has no flags for Deno. */
export const COMPILED = { command: "/opt/sigv4-proxy", module: undefined };

/** The entry, and all that was printed with it. */
export interface ZedEntry extends Outcome {
  /** The command and its arguments. */
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>> | undefined;
}

/** Has `config` print the entry for Zed. */
export async function zedEntry(
  world: CommandWorld,
  args: readonly string[],
  changes: Partial<CommandContext> = {},
): Promise<ZedEntry> {
  const outcome = await world.run(runConfig, ["zed", ...args], changes);
  assertEquals(outcome.code, 0, outcome.stderr);
  const [{ command, args: own, env }] = Object.values<
    { command: string; args: string[]; env?: Record<string, string> }
  >(JSON.parse(outcome.stdout).context_servers);
  return { ...outcome, words: [command, ...own], env };
}
