import { assertEquals } from "@std/assert";
import { Exchange } from "../../../src/mcp/transport/exchange.ts";
import { requestId } from "../../../src/mcp/wire/message.ts";
import { OPTION_NAMES } from "../../../src/naming.ts";
import { Deadlines } from "../../../src/time.ts";
import { Clock } from "../../support/time/clock.ts";

function exchangeWith(deadlines: Deadlines): Exchange {
  const id = requestId(1);
  if (!id) throw new TypeError("1 is no ID");
  const init = { bytes: new Uint8Array(), method: "m", requests: [id] };
  return new Exchange(init, deadlines);
}

Deno.test("silence counts against a target only while it has the request, and nothing of its answer waits for the client", async () => {
  using clock = new Clock();
  const deadlines = new Deadlines();
  const exchange = exchangeWith(deadlines);
  const told: unknown[] = [];
  const limits = {
    timeoutMs: undefined,
    idleTimeoutMs: 1_000,
    names: OPTION_NAMES,
  };
  exchange.limit(limits, ({ data }) => told.push(data.limitMs));
  await clock.pass(5_000);
  exchange.isAtTarget = true;
  const read = Promise.withResolvers<void>();
  const delivered = exchange.delivering(read.promise);
  await clock.pass(5_000);
  read.resolve();
  await delivered;
  exchange.pause();
  await clock.pass(5_000);
  exchange.resume();
  // Over its time by 30 ms, it is looked at once more 50 ms after.
  await clock.pass(1_030);
  assertEquals(told, []);
  await clock.pass(70);
  assertEquals(told, [1_000]);
  deadlines.stop();
});

Deno.test("a target is silent only since what it said is delivered: its right answer may stand behind that", async () => {
  using clock = new Clock();
  const deadlines = new Deadlines();
  const exchange = exchangeWith(deadlines);
  const read = Promise.withResolvers<void>();
  const delivered = exchange.delivering(read.promise);
  await clock.pass(5_000);
  assertEquals(exchange.sinceMessageMs, 0);
  read.resolve();
  await delivered;
  await clock.pass(1_000);
  assertEquals(exchange.sinceMessageMs, 1_000);
  deadlines.stop();
});
