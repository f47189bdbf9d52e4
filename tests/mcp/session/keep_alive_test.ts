/** Pings that fail: given up, refused, in a session that is lost. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { SILENT_LOG } from "../../../src/log/log.ts";
import { Clock } from "../../support/time/clock.ts";
import { type McpHandler, result } from "../../support/raw/mcp.ts";
import type { SeenRequest } from "../../support/raw/server.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import { within } from "../../support/time/deadline.ts";

/** No other timer has this delay: an error's body is read for 3,000 ms. */
const IDLE_MS = 3_100;

/** A target with sessions, and a client whose idle session is pinged. */
async function world(script: Record<string, McpHandler>) {
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  const w = await StreamWorld.start(script, {
    keepAliveMs: IDLE_MS,
    log: { ...SILENT_LOG, warn },
  });
  return Object.assign(w, {
    warnings,
    /** The first ping, past or to come, after another. */
    pingAfter: (index: number): Promise<SeenRequest> =>
      w.server.requests.find((request) =>
        request.index > index && request.text().includes('"method":"ping"')
      ),
  });
}

Deno.test("a ping that is not answered is given up, and the next one goes over another connection", async () => {
  let pings = 0;
  using clock = new Clock();
  await using w = await world({
    ping: (message, reply) =>
      ++pings === 1 ? reply.hang() : reply.json(result(message)),
  });
  await w.client.initialize();
  await clock.ring(IDLE_MS);
  const first = await w.pingAfter(-1);
  const second = await clock.until(w.pingAfter(first.index));
  assertNotEquals(second.connection, first.connection);
  assertEquals(w.warnings, ["the target did not answer a ping in time"]);
  await clock.ring(IDLE_MS);
  await w.pingAfter(second.index);
  assertEquals(await w.client.close(), []);
});

Deno.test("a ping that finds the session lost makes a new one before the client calls", async () => {
  using clock = new Clock();
  await using w = await world({});
  await w.client.initialize();
  await clock.ring(IDLE_MS);
  const first = await w.pingAfter(-1);
  w.sessions.known.clear();
  await clock.ring(IDLE_MS);
  const lost = await w.server.requests.find((request) =>
    request.index > first.index && request.text().includes('"initialize"')
  );
  await clock.ring(IDLE_MS);
  const next = await w.pingAfter(lost.index);
  assertNotEquals(
    next.header("mcp-session-id"),
    first.header("mcp-session-id"),
  );
  assertEquals((await w.client.ask(1, "m")).result, {});
  assertEquals(await w.client.close(), []);
});

Deno.test("a ping that the target refuses, or breaks, is followed by another", async () => {
  let pings = 0;
  using clock = new Clock();
  await using w = await world({
    ping: (message, reply) => {
      pings++;
      if (pings === 1) {
        return reply.json({
          jsonrpc: "2.0",
          id: message.id,
          error: { code: -32601, message: "no pings here" },
        });
      }
      if (pings === 2) return reply.status(400);
      return reply.json(result(message));
    },
  });
  await w.client.initialize();
  await clock.ring(IDLE_MS);
  const first = await w.pingAfter(-1);
  await clock.ring(IDLE_MS);
  const second = await w.pingAfter(first.index);
  await clock.ring(IDLE_MS);
  await w.pingAfter(second.index);
  assertEquals(await w.client.close(), []);
});

Deno.test("an idle session is pinged, and the client does not see it", async () => {
  const pinged = Promise.withResolvers<void>();
  let pings = 0;
  using clock = new Clock();
  await using w = await StreamWorld.start({
    ping: async (message, reply) => {
      if (++pings === 3) pinged.resolve();
      await reply.json(result(message));
    },
  }, { keepAliveMs: 3_000 });
  await w.client.initialize();
  for (let ping = 0; ping < 3; ping++) await clock.ring(3_000);
  await within(pinged.promise, "the third ping");
  assertEquals(await w.client.close(), []);
});

for (
  const [how, pong] of [
    ["in an array", (message: unknown) => [result(message)]],
    [
      "that is large",
      (message: unknown) => result(message, { x: "x".repeat(9 * 1024 * 1024) }),
    ],
  ] as const
) {
  Deno.test(`a pong ${how} is not for the client to see, and the next ping follows`, async () => {
    const pinged = Promise.withResolvers<void>();
    let pings = 0;
    using clock = new Clock();
    await using w = await StreamWorld.start({
      ping: async (message, reply) => {
        if (++pings === 2) pinged.resolve();
        await reply.json(pong(message));
      },
    }, { keepAliveMs: 3_000, maxAnswerBytes: 512 * 1024 * 1024 });
    await w.client.initialize();
    for (let ping = 0; ping < 2; ping++) await clock.ring(3_000);
    await within(pinged.promise, "the second ping");
    assertEquals(await w.client.close(), []);
  });
}

Deno.test("without a session nothing is pinged", async () => {
  using clock = new Clock();
  await using w = await StreamWorld.start({}, {
    keepAliveMs: 3_000,
  });
  await w.client.ask(1, "m");
  await clock.pass(200_000);
  await w.client.ask(2, "m");
  assertEquals(w.posted, ["m", "m"]);
});
