/** MCP's conformance suite, as a program. */

import manifest from "../../deno.json" with { type: "json" };
import { type Outcome, outcomeOf } from "../support/program/outcome.ts";

/** What the suite says of one thing that it looked at. */
export interface Check {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly errorMessage?: string;
}

/** Runs its scenarios of one side. */
export async function runSuite(
  side: "client" | "server",
  ...args: readonly string[]
): Promise<Outcome> {
  const suite = manifest.imports["@modelcontextprotocol/conformance"];
  return await outcomeOf(Deno.execPath(), {
    args: ["run", "-A", "--frozen", "--cached-only", suite, side, ...args],
    cwd: new URL("../..", import.meta.url),
    env: { NO_COLOR: "1" },
  });
}
