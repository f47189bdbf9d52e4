/** A short run of what `deno task soak` does for long. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { fateOf, requestOf, type SoakRun } from "./schedule.ts";
import { soak } from "./soak.ts";

/** Seeds that have a restart and, where there are sessions, a lost one. */
const RUNS: readonly SoakRun[] = [
  { era: "legacy", surface: "stdio", seed: 25 },
  { era: "modern", surface: "stdio", seed: 25 },
  { era: "legacy", surface: "front", seed: 20 },
  { era: "modern", surface: "front", seed: 20 },
];

for (const run of RUNS) {
  const { era, surface } = run;
  const name =
    `whatever the target does, each request has one end and runs once (${era}, ${surface})`;
  // It is stopped by a signal.
  const ignore = surface === "front" && Deno.build.os === "windows";
  Deno.test({ name, ignore }, async () => {
    const { violations } = await soak({
      ...run,
      segments: [
        { requests: 400, inFlight: 64 },
        { requests: 30, inFlight: 1 },
        { requests: 400, inFlight: 256 },
      ],
    });
    assertEquals(violations, []);
  });
}

for (
  const [era, targetEra] of [["modern", "legacy"], [
    "legacy",
    "modern",
  ]] as const
) {
  Deno.test(`so has each across the eras (a ${era} client, a ${targetEra} target)`, async () => {
    const { violations } = await soak({
      seed: 25,
      era,
      targetEra,
      surface: "stdio",
      args: ["--bridge"],
      segments: [{ requests: 300, inFlight: 64 }],
    });
    assertEquals(violations, []);
  });
}

/** What a run asks for and meets, request by request. */
function scheduleOf(run: SoakRun): string[] {
  return Array.from({ length: 500 }, (_, number) => {
    const { message } = requestOf(run, number);
    const fates = [0, 1].map((arrival) => fateOf(run, number, arrival));
    const met = fates.map(({ name, random }) => [name, random.below(1e6)]);
    return JSON.stringify([message, met]);
  });
}

Deno.test("the same seed asks for the same and meets the same, and another one does not", () => {
  for (const run of RUNS) {
    const schedule = scheduleOf(run);
    assertEquals(scheduleOf(run), schedule);
    assertNotEquals(scheduleOf({ ...run, seed: 1 }), schedule);
  }
});

Deno.test("with one request at a time the same seed tells the client the same, request by request", async () => {
  const run = () =>
    soak({
      seed: 25,
      era: "modern",
      surface: "stdio",
      segments: [{ requests: 60, inFlight: 1 }],
    });
  const first = await run();
  const second = await run();
  // What was cancelled may have left before or not.
  assertEquals(second.outcomes, first.outcomes);
});
