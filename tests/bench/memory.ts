/**
 * Whether memory grows with what has gone through: `deno task memory` sends
 * 10^6 notifications and 10^5 calls through the program to a target on loopback,
 * and compares its resident size after a tenth of them with that at the end. It
 * fails when it is more than 32 MiB larger. `deno task memory sse` does the same
 * over HTTP+SSE. Linux alone tells the size.
 */

import { runForMemory } from "../support/memory_run.ts";

const ALLOWED_MIB = 32;

const [transport, scale = "1"] = Deno.args;
const { afterTenthMib = NaN, atEndMib = NaN, answered, received } =
  await runForMemory({
    notifications: 1_000_000 * Number(scale),
    calls: 100_000 * Number(scale),
    isOldTransport: transport === "sse",
  });
console.log(`${received} messages, ${answered} answers`);
console.log(`after a tenth: ${afterTenthMib.toFixed(1)} MiB`);
console.log(`at the end:    ${atEndMib.toFixed(1)} MiB`);
if (!(atEndMib - afterTenthMib <= ALLOWED_MIB)) Deno.exit(1);
