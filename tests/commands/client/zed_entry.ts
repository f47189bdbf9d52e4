/** The entry that `config` prints, read. */

import { assertEquals } from "@std/assert";
import { runConfig } from "../../../src/commands/client/config.ts";
import type { CommandContext } from "../../../src/commands/context.ts";
import type { CommandWorld } from "../command_world.ts";

/** How a compiled program was started: its entry has no flags for Deno. */
export const COMPILED = { command: "/opt/sigv4-proxy", module: undefined };

/** Has `config` print the entry for Zed; `words` start the proxy by it. */
export async function zedEntry(
  world: CommandWorld,
  args: readonly string[],
  changes: Partial<CommandContext> = {},
) {
  const { code, stdout, stderr } = await world
    .run(runConfig, ["zed", ...args], changes);
  assertEquals(code, 0, stderr);
  const [{ command, args: own, env }] = Object.values<
    { command: string; args: string[]; env?: Record<string, string> }
  >(JSON.parse(stdout).context_servers);
  return { words: [command, ...own], env, stdout, stderr };
}
