/**
 * Loaded before a program (`--preload`): at SIGUSR2 a minute has passed for it,
 * and it says so on stderr.
 */

const now = performance.now.bind(performance);
let passedMs = 0;

performance.now = () => now() + passedMs;

Deno.addSignalListener("SIGUSR2", () => {
  passedMs += 60_000;
  console.error(JSON.stringify({ passedMs }));
});
