/** What a client was told, and whether it may have been. */

import type { ChaosTarget, Trace } from "./chaos_target.ts";
import { FATES, type Outcome, type Surface } from "./fates.ts";
import type { PlannedRequest } from "./schedule.ts";

/** How a request ended for the client. */
export interface Told {
  /** At the front an answer may also break off, or pass as another page. */
  readonly outcome: Outcome | "cut" | "passed";
  /** The number in its result. */
  readonly number?: unknown;
  /** What an error of ours says of the request, if anything. */
  readonly mayHaveRun?: unknown;
}

/** What a JSON-RPC answer says. */
// deno-lint-ignore no-explicit-any
export function toldBy(frame: Record<string, any>): Told {
  const { result, error } = frame;
  if (!error && result !== undefined) {
    return { outcome: "result", number: (result.result ?? result).number };
  }
  const { source, reason, mayHaveRun } = error?.data ?? {};
  if (source === "sigv4-proxy") {
    return { outcome: `own:${reason}`, mayHaveRun };
  }
  return { outcome: `target:${error?.code}` };
}

/** What is wrong with how a request ended, if anything is. */
export function faultOf(
  { message: { id, method }, number, isIdempotent }: PlannedRequest,
  told: Told,
  { arrivals, runs, last }: Trace,
  surface: Surface,
  hasRestarted: boolean,
): string | undefined {
  const what = `${method} ${id}, which ${last}`;
  // The front sends nothing twice that has run, whatever it is.
  if (runs > 1 && (!isIdempotent || surface === "front")) {
    return `${what}, ran ${runs} times`;
  }
  const { outcome } = told;
  if (outcome === "result" && told.number !== number) {
    return `${what}, has the result of ${told.number}`;
  }
  if (told.mayHaveRun === false && runs > 0) {
    return `${what}, ran, and was told that it did not`;
  }
  // It has used up its time, and says so.
  if (hasRestarted || outcome === "own:timeout") return undefined;
  // A connection that was kept was closed as the request went out on it.
  if (arrivals === 0 && outcome === "own:unreachable") return undefined;
  const ends = FATES[last]?.ends ?? [];
  if (ends.length === 0) return undefined;
  const mayBe: readonly string[] = surface === "stdio" || isGood(ends)
    ? ends
    : [outcome];
  if (mayBe.includes(outcome)) return undefined;
  return `${what}, was told ${outcome} in place of ${ends.join(" or ")}`;
}

const isGood = (ends: readonly Outcome[]) =>
  ends.length === 1 && ends[0] === "result";

/** Whether the target has restarted since, or does so now. */
export function restartMark({ restarts, isDown }: ChaosTarget): number {
  return isDown ? NaN : restarts;
}
