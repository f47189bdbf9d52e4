/**
 * `deno task soak [SCALE] [SEED]`: 10^5 requests, times the scale, to a target
 * that does its worst, in both eras and from one to the other, over stdio and
 * HTTP, 1 to 256 in flight.
 * It fails when one is not answered once, runs twice, or memory grows; the
 * seed, which is printed, brings the same requests and fates again.
 */

import { soak, type SoakOptions } from "./soak.ts";

const ALLOWED_MIB = 32;
const SHOWN = 20;

/** In what share of the requests, and with how many in flight. */
const SHARES: readonly (readonly [share: number, inFlight: number])[] = [
  [0.1, 256],
  [0.005, 1],
  [0.02, 4],
  [0.075, 16],
  [0.2, 64],
  // The size after each of these says whether memory grows.
  ...Array.from({ length: 6 }, () => [0.1, 256] as const),
];
const LIKE = 6;

const [scale = "1", seedText] = Deno.args;
const seed = seedText === undefined
  ? crypto.getRandomValues(new Uint32Array(1))[0]
  : Number(seedText);
const LAYERS = ["--sse", "--keep-alive=5s", "--deny-tool=x", "--metadata=a=b"];
const RUNS: readonly (Omit<SoakOptions, "seed" | "segments"> & {
  readonly requests: number;
})[] = [
  { surface: "stdio", era: "legacy", requests: 30_000 },
  { surface: "stdio", era: "modern", requests: 25_000 },
  { surface: "front", era: "legacy", requests: 15_000 },
  { surface: "front", era: "modern", requests: 15_000 },
  { surface: "stdio", era: "legacy", requests: 5_000, args: LAYERS },
  {
    surface: "stdio",
    era: "modern",
    targetEra: "legacy",
    requests: 5_000,
    args: ["--bridge"],
  },
  {
    surface: "stdio",
    era: "legacy",
    targetEra: "modern",
    requests: 5_000,
    args: ["--bridge"],
  },
];
/** In a shorter run the heap has not come to its size. */
const MEASURED_FROM = 15_000;

console.log(`seed ${seed}`);
let isGood = true;
for (const { requests, ...run } of RUNS) {
  const startedAt = performance.now();
  const { violations, outcomes, met, restarts, sizesMib } = await soak({
    seed,
    ...run,
    logLevel: "info",
    timeout: "10s",
    segments: SHARES.map(([share, inFlight]) => ({
      requests: Math.ceil(requests * Number(scale) * share),
      inFlight,
    })),
  });
  const alike = sizesMib.slice(-LIKE);
  const grownMib = mean(alike.slice(LIKE / 2)) - mean(alike.slice(0, LIKE / 2));
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const { surface, era, args = [] } = run;
  console.log(
    `\n${
      [surface, era, ...args].join(" ")
    }: ${outcomes.length} requests in ${seconds} s, ` +
      `${restarts} restarts, MiB after each part: ` +
      sizesMib.map((mib) => mib.toFixed(0)).join(", "),
  );
  for (const [name, count] of sorted(met)) console.log(`  ${count} ${name}`);
  console.log("  told:");
  for (const [name, count] of sorted(countOf(outcomes))) {
    console.log(`  ${count} ${name}`);
  }
  for (const text of violations.slice(0, SHOWN)) console.log(`WRONG: ${text}`);
  if (violations.length > 0) console.log(`${violations.length} are wrong`);
  const hasGrown = requests * Number(scale) >= MEASURED_FROM &&
    grownMib > ALLOWED_MIB;
  if (hasGrown) console.log("WRONG: its memory has grown");
  isGood &&= violations.length === 0 && !hasGrown;
}
console.log(isGood ? "\nall is well" : `\nfailed; seed ${seed}`);
if (!isGood) Deno.exit(1);

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function countOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function sorted(
  counts: ReadonlyMap<string, number>,
): (readonly [string, number])[] {
  return [...counts].sort(([, one], [, other]) => other - one);
}
