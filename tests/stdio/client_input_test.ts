/** What the client sends that there is no room for, as the log tells of it. */
import { assertEquals } from "@std/assert";
import { ClientInput } from "../../src/stdio/client_input.ts";
import { OPTION_NAMES } from "../../src/naming.ts";
import { keptLog } from "../support/kept_log.ts";
import { Clock } from "../support/time/clock.ts";

/** Input for a target that takes nothing until `end` is called. */
function inputOf() {
  const { log, lines } = keptLog();
  let target = Promise.withResolvers<void>();
  const stop = new AbortController();
  const accepted: unknown[] = [];
  const emitted: string[] = [];
  const input = new ClientInput({
    accept(_frame, message) {
      accepted.push(message);
      return target.promise;
    },
    emit(frame) {
      emitted.push(new TextDecoder().decode(frame));
      return Promise.resolve();
    },
    log,
    maxFrameBytes: 1024,
    names: OPTION_NAMES,
    signal: stop.signal,
  });
  const send = (message: unknown) =>
    input.take(new TextEncoder().encode(JSON.stringify(message)));
  const end = () => {
    target.resolve();
    target = Promise.withResolvers();
  };
  return { send, end, stop, lines, accepted, emitted };
}

Deno.test("a large request that is being read at a stop is still taken, so that it is answered", async () => {
  const { send, stop, accepted } = inputOf();
  const params = { x: "x".repeat(100_000) };
  const taken = send({ jsonrpc: "2.0", id: 1, method: "m", params });
  stop.abort();
  assertEquals(accepted, []);
  await taken;
  assertEquals(accepted.length, 1);
});

Deno.test("that requests are overloaded is logged once, and again when there was room meanwhile", async () => {
  const { send, end, lines, emitted } = inputOf();
  const fill = async () => {
    for (let id = 0; id < 16_384 + 3; id++) {
      await send({ jsonrpc: "2.0", id, method: "m" });
    }
  };
  await fill();
  assertEquals([emitted.length, lines.length], [3, 1]);
  end();
  // What is over is counted in the turns that follow.
  await new Promise((resolve) => setTimeout(resolve));
  await fill();
  assertEquals([emitted.length, lines.length], [6, 2]);
});

Deno.test("notifications of which the target takes none are dropped in the end, which is logged once", async () => {
  using clock = new Clock();
  const { send, lines } = inputOf();
  const note = { jsonrpc: "2.0", method: "notifications/n" };
  for (let sent = 0; sent < 2_048; sent++) await send(note);
  const first = send(note);
  await clock.pass(29_999);
  assertEquals(lines, []);
  await clock.pass(1);
  await first;
  await send(note);
  assertEquals(lines.map((line) => line.slice(0, 7)), ["dropped"]);
});
