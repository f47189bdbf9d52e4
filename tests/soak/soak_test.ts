/** A short run of what `deno task soak` does for long. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { fateOf, fatesOf, requestOf, type SoakRun } from "./schedule.ts";
import { LAYERS } from "./layers.ts";
import { soak } from "./soak.ts";

/** With its seed each meets, in so many requests, all but what has no end. */
const RUNS: readonly (SoakRun & { readonly requests: number })[] = [
  { era: "legacy", surface: "stdio", seed: 488, requests: 340 },
  { era: "modern", surface: "stdio", seed: 1469, requests: 180 },
  { era: "legacy", surface: "http", seed: 4910, requests: 180 },
  { era: "modern", surface: "http", seed: 4910, requests: 180 },
];

/** A run in which what is rare comes as often as anything else. */
const EVEN: readonly SoakRun[] = [
  { era: "legacy", surface: "stdio", seed: 2785, isEven: true },
  { era: "modern", surface: "stdio", seed: 3358, isEven: true },
  { era: "legacy", surface: "http", seed: 3358, isEven: true },
  { era: "modern", surface: "http", seed: 595, isEven: true },
];
const EVEN_REQUESTS = 100;

for (const run of RUNS) {
  const { era, surface, requests } = run;
  const name =
    `whatever the target does, each request has one end and runs once (${era}, ${surface})`;
  // It is stopped by a signal.
  const ignore = surface === "http" && Deno.build.os === "windows";
  Deno.test({ name, ignore }, async () => {
    const { violations } = await soak({
      ...run,
      segments: [
        { requests: 64, inFlight: 64 },
        { requests: 20, inFlight: 1 },
        { requests: requests - 84, inFlight: requests - 84 },
      ],
    });
    assertEquals(violations, []);
  });
}

Deno.test("so has each when what is rare comes as often as anything else", async () => {
  const isThere = ({ surface }: SoakRun) =>
    surface === "stdio" || Deno.build.os !== "windows";
  // At once, for the limit is long: nothing else is to be over by it.
  const reports = await Promise.all(
    EVEN.filter(isThere).map((run) =>
      soak({
        ...run,
        timeout: "12s",
        segments: [{ requests: EVEN_REQUESTS, inFlight: 32 }],
      })
    ),
  );
  assertEquals(reports.flatMap(({ violations }) => violations), []);
});

Deno.test("nothing that may be met is missing there", () => {
  const even = EVEN.map((run) => ({ ...run, requests: EVEN_REQUESTS }));
  for (const run of [...RUNS, ...even]) {
    const met = Array.from(
      { length: run.requests },
      (_, number) => fateOf(run, number, 0).name,
    );
    const missing = [...fatesOf(run).keys()].filter((name) =>
      !met.includes(name)
    );
    assertEquals(missing, run.isEven ? [] : ["waits for ever"]);
  }
});

/** Each layer, and those that know the eras apart in the other one, too. */
const LAYERED = [
  ...Object.keys(LAYERS).filter((layer) => layer !== "none")
    .map((layer) => [layer, "legacy", "modern"] as const),
  ...["bridge", "read-only", "account-role"].map((layer) =>
    [layer, "modern", "legacy"] as const
  ),
];

for (const [layer, era, other] of LAYERED) {
  Deno.test(`so has each with a layer between: ${layer} (${era})`, async () => {
    const { violations } = await soak({
      // So few requests meet more with it than with others.
      seed: 1749,
      era,
      targetEra: layer === "bridge" ? other : undefined,
      surface: "stdio",
      layer,
      isHere: true,
      segments: [{ requests: 100, inFlight: 32 }],
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
      isHere: true,
      segments: [{ requests: 60, inFlight: 1 }],
    });
  const first = await run();
  const second = await run();
  // What was cancelled may have left before or not.
  assertEquals(second.outcomes, first.outcomes);
});
