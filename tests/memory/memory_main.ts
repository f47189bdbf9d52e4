/**
 * The program, which on SIGUSR2 collects its garbage, and says on stderr how
 * large it is without. It needs `--v8-flags=--expose-gc`.
 */

import { runCommand } from "../../cli.ts";

/** Finalizers run between two collections, and free what a third one finds. */
const ROUNDS = 4;
const PAUSE_MS = 250;

const collect: unknown = Reflect.get(globalThis, "gc");

Deno.addSignalListener("SIGUSR2", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    if (typeof collect === "function") collect();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  const { rss, heapUsed, external } = Deno.memoryUsage();
  console.error(JSON.stringify({ rss, heapUsed, external }));
});

await runCommand();
