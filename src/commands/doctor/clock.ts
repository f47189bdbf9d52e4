/**
 * The doctor's look at the clock: a signature names its time, and AWS takes
 * none that is off by more than five minutes.
 *
 * @module
 */

import { offsetOf } from "../caller.ts";
import { reasonOf, withLimit } from "../../limit.ts";
import type { Checkup } from "./checkup.ts";
import { SET_CLOCK } from "./hints.ts";
import { failed, note } from "./report.ts";

/** AWS Signature Version 4, "Time-based authentication": five minutes. */
const TOLERANCE_MS = 5 * 60_000;

/** More than this is worth a word. */
const WORTH_A_WORD_MS = 60_000;

/**
 * Compares this machine's clock with AWS's, or else with the target's.
 *
 * @param checkup What the steps share.
 * @param stsOffsetMs How far AWS's clock is ahead, if STS said.
 * @param isReached Whether the target can be asked instead.
 */
export async function checkClock(
  checkup: Checkup,
  stsOffsetMs: number | undefined,
  isReached: boolean,
): Promise<void> {
  const { report } = checkup;
  if (stsOffsetMs === undefined && !isReached) {
    return await report.skip(["clock"], "the target was not reached");
  }
  await report.take("clock", async () => {
    const offsetMs = stsOffsetMs ?? await askTarget(checkup);
    if (typeof offsetMs === "string") {
      return note(`not known: ${offsetMs}`);
    }
    const other = stsOffsetMs === undefined ? "the target" : "STS";
    const facts = { offsetMs, comparedWith: other };
    const off = Math.abs(offsetMs);
    if (off < 1000) return { detail: `the same as ${other}'s`, facts };
    const direction = offsetMs < 0 ? "ahead of" : "behind";
    const detail = `${Math.round(off / 1000)} s ${direction} ${other}'s`;
    if (off > TOLERANCE_MS) {
      return { ...failed(detail, SET_CLOCK), facts };
    }
    const advice = off > WORTH_A_WORD_MS
      ? ["from five minutes on, AWS refuses it"]
      : [];
    return { detail, advice, facts };
  });
}

/** A `HEAD` says what time it is, whatever else it is answered with. */
async function askTarget(
  { config, fetches, limitMs }: Checkup,
): Promise<number | string> {
  const send = fetches?.toTarget ?? fetch;
  try {
    return await withLimit(limitMs, async (signal) => {
      const sentAt = Date.now();
      const response = await send(config.targetUrl, {
        method: "HEAD",
        redirect: "manual",
        signal,
      });
      await response.body?.cancel();
      return offsetOf(response, sentAt) ??
        "the target does not say what time it has";
    });
  } catch (error) {
    return reasonOf(error);
  }
}
