import { assertEquals } from "@std/assert";
import { runPolicy } from "../../../src/commands/policy/policy.ts";
import type { Statement } from "../../../src/aws/policy/statement.ts";
import { CommandWorld } from "../command_world.ts";
import type { Outcome } from "../../support/program/outcome.ts";

export async function policy(...args: string[]): Promise<Outcome> {
  await using world = await CommandWorld.make();
  return await world.run(runPolicy, args);
}

export function statementsOf({ stdout }: Outcome): Statement[] {
  const document = JSON.parse(stdout);
  assertEquals(document.Version, "2012-10-17");
  return document.Statement;
}
