/** A short run of what `deno task fuzz` does for long. */
import { Random } from "../support/random.ts";
import { FUZZERS } from "./fuzzers.ts";

const SEED = 17;

for (const [name, { fuzz, cases, isSlow }] of Object.entries(FUZZERS)) {
  if (isSlow) continue;
  Deno.test(`whatever is odd of ${name}, nothing crashes, hangs or shows a secret`, async () => {
    await fuzz(new Random(SEED), cases);
  });
}
