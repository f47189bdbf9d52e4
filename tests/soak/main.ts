/**
 * `deno task soak [SCALE] [SEED] [RUN]`: 10^5 requests, times the scale, to a
 * target that does its worst, in both eras and from one to the other, over stdio
 * and HTTP, with the options that put a layer between, 1 to 256 in flight; or
 * only the runs whose name has RUN in it.
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

const [scale = "1", seedText, only = ""] = Deno.args;
const seed = seedText === undefined
  ? crypto.getRandomValues(new Uint32Array(1))[0]
  : Number(seedText);
type Run =
  & Omit<SoakOptions, "seed" | "segments">
  & { readonly requests: number };
const layered = (layer: string, requests = 1_000): readonly Run[] =>
  (["legacy", "modern"] as const).map((era) => ({
    surface: "stdio",
    era,
    requests,
    layer,
  }));
const RUNS: readonly Run[] = [
  { surface: "stdio", era: "legacy", requests: 28_000 },
  { surface: "stdio", era: "modern", requests: 22_000 },
  { surface: "http", era: "legacy", requests: 15_000 },
  { surface: "http", era: "modern", requests: 15_000 },
  ...layered("small options"),
  ...layered("read-only"),
  ...layered("recorder"),
  ...layered("receipt"),
  ...layered("account-role"),
  ...layered("profiles"),
  { surface: "stdio", era: "legacy", requests: 1_000, layer: "login" },
  { surface: "http", era: "legacy", requests: 1_000, layer: "recorder" },
  { surface: "http", era: "modern", requests: 1_000, layer: "read-only" },
  ...layered("bridge", 2_500).map((run): Run => ({
    ...run,
    targetEra: run.era === "legacy" ? "modern" : "legacy",
  })),
];
const nameOf = ({ surface, era, targetEra, layer }: Run) =>
  [surface, era, targetEra && `to ${targetEra}`, layer].filter(Boolean)
    .join(" ");
/** In a shorter run the heap has not come to its size. */
const MEASURED_FROM = 15_000;

console.log(`seed ${seed}`);
let isGood = true;
for (const { requests, ...run } of RUNS) {
  const name = nameOf({ ...run, requests });
  if (!name.includes(only)) continue;
  const startedAt = performance.now();
  const { violations, outcomes, met, restarts, sizesMib } = await soak({
    seed,
    ...run,
    logLevel: "info",
    // Over HTTP an answer that has begun can only be cut when it is over.
    timeout: run.surface === "http" ? "1m" : "10s",
    segments: SHARES.map(([share, inFlight]) => ({
      requests: Math.ceil(requests * Number(scale) * share),
      inFlight,
    })),
  });
  const alike = sizesMib.slice(-LIKE);
  const grownMib = mean(alike.slice(LIKE / 2)) - mean(alike.slice(0, LIKE / 2));
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(
    `\n${name}: ${outcomes.length} requests in ${seconds} s, ` +
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
