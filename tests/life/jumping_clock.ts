/**
 * Loaded before a program (`--preload`): its clock jumps an hour ahead at
 * SIGUSR2 and an hour back at SIGUSR1, and it says so on stderr.
 */

const HOUR_MS = 3_600_000;

let offsetMs = 0;

const RealDate = Date;

globalThis.Date = new Proxy(RealDate, {
  construct(real, given, target) {
    const args = given.length === 0 ? [real.now() + offsetMs] : given;
    return Reflect.construct(real, args, target);
  },
  get(real, name, receiver) {
    if (name === "now") return () => real.now() + offsetMs;
    return Reflect.get(real, name, receiver);
  },
});

function jump(byMs: number): void {
  offsetMs += byMs;
  console.error(JSON.stringify({ clockOffsetMs: offsetMs }));
}

Deno.addSignalListener("SIGUSR2", () => jump(HOUR_MS));
Deno.addSignalListener("SIGUSR1", () => jump(-HOUR_MS));
