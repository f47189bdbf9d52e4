/** What a request may meet at the chaos target: one table. */

import { ANSWERED } from "./answered.ts";
import { FAILED } from "./failed.ts";
import type { Fate, HttpOutcome } from "./fate.ts";

/** How what a client over stdio is told ends over HTTP, which fixes nothing. */
export function httpEnds({ ends, overHttp }: Fate): readonly HttpOutcome[] {
  return overHttp ?? ends.flatMap((end): readonly HttpOutcome[] => {
    switch (end) {
      case "own:http-status":
      case "own:no-answer":
        return ["passed"];
      case "own:stream-cut":
        return ["cut"];
      case "own:bad-answer":
        return ["passed", "cut", end];
      default:
        return [end];
    }
  });
}

/** All fates, by name. */
export const FATES: Readonly<Record<string, Fate>> = {
  ...ANSWERED,
  ...FAILED,
};
