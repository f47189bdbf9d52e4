/** A short run of what `deno task soak` does for long. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { FATES } from "./fates.ts";
import { fateOf, requestOf, type SoakRun } from "./schedule.ts";
import { soak } from "./soak.ts";

const RUNS: readonly Omit<SoakRun, "seed">[] = [
  { era: "legacy", surface: "stdio" },
  { era: "modern", surface: "stdio" },
  { era: "legacy", surface: "front" },
  { era: "modern", surface: "front" },
];

for (const { era, surface } of RUNS) {
  Deno.test(`whatever the target does, each request has one end and runs once (${era}, ${surface})`, async () => {
    const { violations } = await soak({
      seed: 17,
      era,
      surface,
      segments: [
        { requests: 400, inFlight: 64 },
        { requests: 30, inFlight: 1 },
        { requests: 400, inFlight: 256 },
      ],
    });
    assertEquals(violations, []);
  });
}
