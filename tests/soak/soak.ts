/**
 * Many requests through the program to a target that does its worst.
 *
 * The law: every request is answered once, or ends as its target ends it; none
 * hangs; none runs twice unless that does no harm; no secret is shown; memory
 * does not grow with what has gone through.
 */

import { ChaosTarget } from "./chaos_target.ts";
import { HttpSoakClient, type SoakClient, StdioSoakClient } from "./clients.ts";
import { type Layer, LAYERS } from "./layers.ts";
import { faultOf, meanwhileAt } from "./outcome.ts";
import { type PlannedRequest, requestOf, type SoakRun } from "./schedule.ts";

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
  /** What else the program is told to do: a name of {@linkcode LAYERS}. */
  readonly layer?: string;
  /** Runs the program in this process, which is far cheaper. */
  readonly isHere?: boolean;
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

const CANCELLED = "cancelled";

/** Runs the program. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { segments, logLevel = "debug", timeout = "1m", layer: name = "none" } =
    options;
  await using stack = new AsyncDisposableStack();
  const layer = await LAYERS[name](stack);
  await using target = await ChaosTarget.start(options, layer);
  const start = options.surface === "stdio" ? StdioSoakClient : HttpSoakClient;
  await using client: SoakClient = await start.start({
    target,
    run: options,
    logLevel,
    timeout,
    layer,
    isHere: options.isHere,
  });
  const violations: string[] = [];
  const cancelled: PlannedRequest[] = [];
  const outcomes: string[] = [];
  const sizesMib: number[] = [];
  let number = 0;
  for (const { requests, inFlight } of segments) {
    const end = number + requests;
    await Promise.all(Array.from({ length: inFlight }, async () => {
      while (number < end) {
        const at = number++;
        await layer.before?.(at);
        const request = requestOf(options, at, layer);
        const { outcome, fault } = await askOne(
          request,
          options,
          layer,
          client,
          target,
        );
        outcomes[at] = outcome;
        if (outcome === CANCELLED) cancelled.push(request);
        if (fault !== undefined) violations.push(fault);
      }
    }));
    const sizeMib = await client.program.residentMib();
    if (sizeMib !== undefined) sizesMib.push(sizeMib);
  }
  await client.stop();
  for (const { number, isIdempotent } of cancelled) {
    const { runs } = target.take(number);
    const isRepeated = runs > 1 && !isIdempotent;
    if (isRepeated) violations.push(`${number} ran ${runs} times, cancelled`);
  }
  return {
    violations: [
      ...violations,
      ...client.violations,
      ...target.violations,
      ...await layer.violations?.() ?? [],
    ],
    outcomes,
    met: target.met,
    restarts: target.restarts,
    sizesMib,
  };
}

async function askOne(
  request: PlannedRequest,
  { surface, timeout }: SoakOptions,
  layer: Layer,
  client: SoakClient,
  target: ChaosTarget,
): Promise<{ readonly outcome: string; readonly fault?: string }> {
  const meanwhile = meanwhileAt(target, timeout !== undefined);
  const told = await client.ask(request);
  if (told === undefined) return { outcome: CANCELLED };
  const trace = target.take(request.number);
  const { outcome } = told;
  if (layer.refuses?.(request)) {
    const { hasReset, hasRestarted } = meanwhile();
    // The list of tools that says so meets what any request may meet.
    const isUnlisted = outcome === "own:unreachable" &&
      (hasReset || hasRestarted);
    const isRight = trace.arrivals === 0 &&
      (outcome === "own:blocked" || isUnlisted);
    const fault = `${request.message.id} was not to be sent: ${outcome}`;
    return isRight ? { outcome } : { outcome, fault };
  }
  if (outcome === layer.mayEnd) return { outcome };
  return {
    outcome,
    fault: faultOf(request, told, trace, surface, meanwhile()) ??
      (told.result && layer.faultIn?.(told.result)),
  };
}
