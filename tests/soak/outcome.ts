/** What a client was told, and whether it may have been. */

import type { ChaosTarget, Trace } from "./chaos_target.ts";
import { type HttpOutcome, KEPT, type Surface } from "./fate.ts";
import { FATES, httpEnds } from "./fates.ts";
import type { PlannedRequest } from "./schedule.ts";

/** How a request ended for the client. */
export interface Told {
  readonly outcome: HttpOutcome;
  /** How many answers there were, where more than one can be seen. */
  readonly answers?: number;
  /** The number in its result. */
  readonly number?: unknown;
  /** How often its progress was told before. */
  readonly progress?: number;
  readonly result?: Readonly<Record<string, unknown>>;
  /** What an error of ours says of the request, if anything. */
  readonly mayHaveRun?: unknown;
}

/** Whether a text has what it must have to the letter, if any of that. */
export function isToTheLetter(text: string): boolean {
  return !text.includes('"kept"') || text.includes(KEPT);
}

/** What a JSON-RPC answer says. */
// deno-lint-ignore no-explicit-any
export function toldBy(frame: Record<string, any>): Told {
  const { result, error } = frame;
  if (!error && result !== undefined) {
    const { number } = result.result ?? result;
    return { outcome: "result", number, result };
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
  { arrivals, runs, progress, last }: Trace,
  surface: Surface,
  { hasRestarted, hasReset, hasForgotten, isHurried }: Meanwhile,
): string | undefined {
  const what = `${method} ${id}, which ${last}`;
  // The HTTP server sends nothing twice that has run, whatever it is.
  if (runs > 1 && (!isIdempotent || surface === "http")) {
    return `${what}, ran ${runs} times`;
  }
  const { outcome, answers } = told;
  if (outcome === "result" && told.number !== number) {
    return `${what}, has the result of ${told.number}`;
  }
  // What an attempt said that broke may be lost with it.
  const isWhole = outcome === "result" && arrivals === 1;
  if (isWhole && (told.progress ?? progress) !== progress) {
    return `${what}, was told ${told.progress} of ${progress} times of it`;
  }
  if (told.mayHaveRun === false && runs > 0) {
    return `${what}, ran, and was told that it did not`;
  }
  if (hasRestarted) return undefined;
  // It has used up its time, and says so, if that can still be said.
  if (outcome === "own:timeout") {
    const isStuck = arrivals === 0 && !isHurried;
    return isStuck ? `${what} before its time was over` : undefined;
  }
  if (isHurried && outcome === "cut") return undefined;
  // A connection that was kept was closed as the request went out on it.
  const mayBeUnread = arrivals === 0 || hasReset;
  if (mayBeUnread && outcome === "own:unreachable") return undefined;
  // What is left of a stream goes with its session.
  if (hasForgotten && outcome === "own:stream-cut") return undefined;
  const fate = FATES[last];
  if (!fate || fate.ends.length === 0) return undefined;
  if (isHurried && outcome === fate.late) return undefined;
  const ends = surface === "http" ? httpEnds(fate) : fate.ends;
  if (!ends.some((end) => end === outcome)) {
    return `${what}, was told ${outcome} in place of ${ends.join(" or ")}`;
  }
  const { copies = 1 } = fate;
  if ((answers ?? copies) !== copies) return `${what}, had ${answers} answers`;
}

/** What any request may suffer from that is under way. */
export interface Meanwhile {
  readonly hasRestarted: boolean;
  readonly hasReset: boolean;
  readonly hasForgotten: boolean;
  /** Whether time limits are short: they may ring where nothing is wrong. */
  readonly isHurried: boolean;
}

/** Tells, later on, what has happened at the target since. */
export function meanwhileAt(
  target: ChaosTarget,
  isHurried: boolean,
): () => Meanwhile {
  const { restarts, isDown, resets, losses } = target;
  return () => ({
    hasRestarted: isDown || target.isDown || target.restarts !== restarts,
    hasReset: target.resets !== resets,
    hasForgotten: target.losses !== losses,
    isHurried,
  });
}
