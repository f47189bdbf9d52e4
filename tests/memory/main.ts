/**
 * Whether memory grows with what has gone through: `deno task memory` sends
 * 10^6 notifications and 10^5 calls through the program to a target on loopback,
 * and compares how large it is after a tenth of them with that at the end. It
 * fails when it is more than 32 MiB larger. `deno task memory sse` does the same
 * over HTTP+SSE.
 *
 * The resident size wanders by some 60 MiB with the garbage that is in it, so
 * that the program collects its garbage before it is measured, after each tenth;
 * what it then still wanders is left out by the lowest of three. What is alive on
 * the heap tells of the smallest leak.
 */

import { type MemorySize, runForMemory } from "./memory_run.ts";

const ALLOWED_MIB = 32;

const [transport, scale = "1"] = Deno.args;
const { sizes, answered, received } = await runForMemory({
  notifications: 1_000_000 * Number(scale),
  calls: 100_000 * Number(scale),
  isOldTransport: transport === "sse",
});
console.log(`${received} messages, ${answered} answers; in MiB, each tenth:`);
const shown = (mib: readonly number[]) =>
  mib.map((mib) => mib.toFixed(1)).join(" ");
console.log(`resident ${shown(sizes.map(({ residentMib }) => residentMib))}`);
console.log(`alive    ${shown(sizes.map(({ liveMib }) => liveMib))}`);
const lowest = (sizes: readonly MemorySize[]): MemorySize => ({
  residentMib: Math.min(...sizes.map(({ residentMib }) => residentMib)),
  liveMib: Math.min(...sizes.map(({ liveMib }) => liveMib)),
});
const [first, last] = [lowest(sizes.slice(0, 3)), lowest(sizes.slice(-3))];
const grownMib = Math.max(
  last.residentMib - first.residentMib,
  last.liveMib - first.liveMib,
);
const hasPassed = grownMib <= ALLOWED_MIB;
console.log(
  `${hasPassed ? "pass" : "fail"}: ${grownMib.toFixed(1)} MiB more at the ` +
    `end than after a tenth; ${ALLOWED_MIB} are allowed`,
);
if (!hasPassed) Deno.exit(1);
