/**
 * Many requests through the program to a target that does its worst.
 *
 * The law: every request is answered once, or ends as its target ends it; none
 * hangs; none runs twice unless that does no harm; no secret is shown; memory
 * does not grow with what has gone through.
 */

import { ChaosTarget } from "./chaos_target.ts";
import {
  FrontSoakClient,
  type SoakClient,
  StdioSoakClient,
} from "./clients.ts";
import { faultOf, restartMark } from "./outcome.ts";
import { requestOf, type SoakRun } from "./schedule.ts";

/** A part of a run: so many requests, so many of them in flight. */
export interface Segment {
  readonly requests: number;
  readonly inFlight: number;
}

/** What a run does. */
export interface SoakOptions extends SoakRun {
  readonly segments: readonly Segment[];
  readonly logLevel?: string;
  /** The program's `--timeout`: one minute, unless it is to ring. */
  readonly timeout?: string;
  /** What else the program is told. */
  readonly args?: readonly string[];
}

/** What came of a run. */
export interface SoakReport {
  /** What must not have happened. */
  readonly violations: readonly string[];
  /** What each request was told, in the order of their numbers. */
  readonly outcomes: readonly string[];
  /** How often each fate was met at the target. */
  readonly met: ReadonlyMap<string, number>;
  readonly restarts: number;
  /** In MiB, after each segment; nothing where the system does not tell. */
  readonly sizesMib: readonly number[];
}

/** Runs the program. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { segments, logLevel = "debug", timeout = "1m", args = [] } = options;
  await using target = await ChaosTarget.start(options);
  const start = options.surface === "stdio" ? StdioSoakClient : FrontSoakClient;
  await using client: SoakClient = await start.start({
    target,
    run: options,
    logLevel,
    timeout,
    args,
  });
  const violations: string[] = [];
  const outcomes: string[] = [];
  const sizesMib: number[] = [];
  let number = 0;
  for (const { requests, inFlight } of segments) {
    const end = number + requests;
    await Promise.all(Array.from({ length: inFlight }, async () => {
      while (number < end) {
        const at = number++;
        const { outcome, fault } = await askOne(options, at, client, target);
        outcomes[at] = outcome;
        if (fault !== undefined) violations.push(fault);
      }
    }));
    const sizeMib = await client.program.residentMib();
    if (sizeMib !== undefined) sizesMib.push(sizeMib);
  }
  await client.stop();
  return {
    violations: [...violations, ...client.violations, ...target.violations],
    outcomes,
    met: target.met,
    restarts: target.restarts,
    sizesMib,
  };
}

async function askOne(
  run: SoakRun,
  number: number,
  client: SoakClient,
  target: ChaosTarget,
): Promise<{ readonly outcome: string; readonly fault?: string }> {
  const request = requestOf(run, number);
  const before = restartMark(target);
  const told = await client.ask(request);
  if (told === undefined) return { outcome: "cancelled" };
  const hasRestarted = restartMark(target) !== before;
  const trace = target.take(number);
  return {
    outcome: told.outcome,
    fault: faultOf(request, told, trace, run.surface, hasRestarted),
  };
}
