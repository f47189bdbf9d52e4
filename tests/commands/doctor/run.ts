/** The doctor's findings, for tests. */

import { assert, assertEquals } from "@std/assert";
import { runDoctor } from "../../../src/commands/doctor/doctor.ts";
import type { Step } from "../../../src/commands/doctor/report.ts";
import { TEST_SCOPE } from "../../support/aws/test_identity.ts";
import { CommandWorld, type Variables } from "../command_world.ts";
import type { Outcome } from "../../support/program/outcome.ts";

/** What the test targets are signed for. */
export const SCOPE: readonly string[] = [
  "--region",
  TEST_SCOPE.region,
  "--service-name",
  TEST_SCOPE.service,
];

/** What the doctor found; no failure in it is without advice. */
export class Findings {
  readonly code: number;
  readonly stdout: string;
  /** Every step, in order. */
  readonly steps: readonly Step[];

  /** @param outcome What the doctor printed with `--json`. */
  constructor({ code, stdout }: Outcome) {
    this.code = code;
    this.stdout = stdout;
    this.steps = JSON.parse(stdout).steps;
    assertAdvised(this.steps);
  }

  /** The names of the steps that failed. */
  get failed(): readonly string[] {
    return this.steps.filter(({ status }) => status === "failed")
      .map(({ id }) => id);
  }

  /** The step of that name. */
  step(id: string): Step {
    const found = this.steps.find((step) => step.id === id);
    assert(found !== undefined, `there is no step ${id}`);
    return found;
  }
}

/**
 * Each step that failed has advice, and one at least that its detail does not
 * give already.
 */
function assertAdvised(steps: readonly Step[]): void {
  const unadvised = steps.filter(({ status, detail, advice }) =>
    status === "failed" && advice.every((text) => detail.includes(text))
  );
  assertEquals(unadvised, []);
}

/**
 * Has the doctor look at a target.
 *
 * @param world Where it looks, or the variables of a world for it alone.
 * @param target The target.
 * @param args More arguments.
 * @returns What it found.
 */
export async function diagnose(
  world: CommandWorld | Variables,
  target: URL | string,
  ...args: string[]
): Promise<Findings> {
  const line = [String(target), ...SCOPE, "--json", ...args];
  if (world instanceof CommandWorld) {
    return new Findings(await world.run(runDoctor, line));
  }
  await using own = await CommandWorld.make(world);
  return new Findings(await own.run(runDoctor, line));
}
