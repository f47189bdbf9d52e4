/** Pings that fail: given up, refused, in a session that is lost. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { SILENT_LOG } from "../../../src/log/log.ts";
import { Clock } from "../../support/clock.ts";
import { type McpHandler, result } from "../../support/raw_mcp.ts";
import type { SeenRequest } from "../../support/raw_server.ts";
import { StreamWorld } from "../../support/stream_world.ts";

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
  w.client.request(1, "m");
  assertEquals((await w.client.answer(1)).json.result, {});
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
