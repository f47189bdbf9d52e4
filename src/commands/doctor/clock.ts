/**
 * The doctor's look at the clock: a signature names its time, and AWS takes
 * none that is off by more than five minutes.
 *
 * @module
 */

import type { Checkup } from "./checkup.ts";
import { SET_CLOCK } from "./hints.ts";
import { reasonOf, withLimit } from "../limit.ts";
import { offsetOf } from "../caller.ts";

/** AWS Signature Version 4, "Time-based authentication": five minutes. */
const TOLERANCE_MS = 5 * 60_000;

/** More than this is worth a word. */
const WORTH_A_WORD_MS = 60_000;

/** What is known so far. */
export interface ClockKnowledge {
  /** How far AWS's clock is ahead, in milliseconds, if STS said. */
  readonly clockOffsetMs: number | undefined;
  /** Whether the target can be asked instead. */
  readonly isReached: boolean;
}

/** Compares this machine's clock with AWS's, or else with the target's. */
export async function checkClock(
  checkup: Checkup,
  { clockOffsetMs, isReached }: ClockKnowledge,
): Promise<void> {
  const { report } = checkup;
  if (clockOffsetMs === undefined && !isReached) {
    return await report.skip(["clock"], "the target was not reached");
  }
  await report.take("clock", async () => {
    const isKnown = clockOffsetMs !== undefined;
    const offsetMs = isKnown ? clockOffsetMs : await askTarget(checkup);
    const other = isKnown ? "STS" : "the target";
    if (typeof offsetMs === "string") {
      return { status: "note", detail: `not known: ${offsetMs}` };
    }
    const facts = { offsetMs, comparedWith: other };
    const off = Math.abs(offsetMs);
    if (off < 1000) return { detail: `the same as ${other}'s`, facts };
    const detail = `${Math.round(off / 1000)} s ${
      offsetMs < 0 ? "ahead of" : "behind"
    } ${other}'s`;
    if (off > TOLERANCE_MS) {
      return {
        status: "failed",
        detail,
        advice: [SET_CLOCK],
        facts,
      };
    }
    return off > WORTH_A_WORD_MS
      ? { detail, advice: ["from five minutes on, AWS refuses it"], facts }
      : { detail, facts };
  });
}

/** A `HEAD` says what time it is, whatever else it is answered with. */
async function askTarget(
  { context, config, ways, limitMs }: Checkup,
): Promise<number | string> {
  const send = ways.toTarget ?? fetch;
  try {
    return await withLimit(limitMs, async (signal) => {
      const sentAt = context.now();
      const response = await send(config.targetUrl, {
        method: "HEAD",
        redirect: "manual",
        signal,
      });
      await response.body?.cancel();
      return offsetOf(response, sentAt, context.now()) ??
        "the target does not say what time it has";
    });
  } catch (error) {
    return reasonOf(error);
  }
}
