/**
 * `deno task fuzz [MINUTES] [SEED] [NAME]`: every fuzzer by turns, or one, with
 * a new seed each time, for ten minutes. What fails is printed with its seed:
 * `deno task fuzz 0 SEED NAME` does it again.
 */

import { within } from "../support/time/deadline.ts";
import { Random } from "../support/random.ts";
import { FUZZERS } from "./fuzzers.ts";

/** What takes longer hangs. */
const HANG_MS = 300_000;

const [minutes = "10", seedText, only] = Deno.args;
const until = performance.now() + Number(minutes) * 60_000;
const chosen = Object.entries(FUZZERS).filter(([name]) =>
  name === (only ?? name)
);
if (chosen.length === 0) throw new Error(`there is no fuzzer of ${only}`);
let seed = seedText === undefined
  ? crypto.getRandomValues(new Uint32Array(1))[0]
  : Number(seedText);
const done = new Map<string, number>();
let failed = 0;
do {
  for (const [name, { fuzz, cases }] of chosen) {
    try {
      await within(fuzz(new Random(seed), cases), name, HANG_MS);
    } catch (error) {
      failed++;
      console.log(`FAILED, ${name}, seed ${seed}:`);
      console.log(error instanceof Error ? error.stack : error);
    }
    done.set(name, (done.get(name) ?? 0) + cases);
  }
  seed++;
} while (performance.now() < until);
for (const [name, cases] of done) console.log(`${cases} ${name}`);
console.log(failed === 0 ? "nothing was found" : `${failed} failed`);
if (failed > 0) Deno.exit(1);
