/** How the bridge finds out what both sides speak, and what waits meanwhile. */
import { assertEquals } from "@std/assert";
import {
  bridged,
  legacyTarget,
  modernParams,
  modernTarget,
} from "../../support/stream/bridge_world.ts";
import { INITIALIZED, messages, result } from "../../support/raw/mcp.ts";

Deno.test("an initialize that a target of neither era refuses is answered with its refusal", async () => {
  for (const versions of [["2099-01-01"], "2026-07-28", undefined]) {
    await using w = await bridged(modernTarget({
      "server/discover": (message, reply) =>
        reply.json(result(message, { supportedVersions: versions })),
    }));
    const params = { protocolVersion: "2025-11-25", capabilities: {} };
    const { error } = await w.client.ask(1, "initialize", params);
    assertEquals([error.code, error.message], [-32022, "Unsupported version"]);
  }
});

Deno.test("what comes between two initialize before either is answered is answered, too", async () => {
  const turn = Promise.withResolvers<void>();
  await using w = await bridged(legacyTarget({
    initialize: async (message, reply) => {
      await turn.promise;
      await reply.json(result(message, INITIALIZED));
    },
  }));
  const params = { protocolVersion: "2025-11-25", capabilities: {} };
  w.client.request(1, "initialize", params);
  w.client.request(2, "ping");
  w.client.request(3, "initialize", params);
  turn.resolve();
  for (const id of [1, 3, 2]) await w.client.answer(id);
});

Deno.test("requests made at once find out together what the target speaks", async () => {
  await using w = await bridged(legacyTarget());
  for (const id of [1, 2]) w.client.request(id, "tools/list", modernParams());
  for (const id of [1, 2]) await w.client.answer(id);
  const posted = messages(w.server.requests.all).map(({ method }) => method);
  assertEquals(posted, [
    "server/discover",
    "initialize",
    "notifications/initialized",
    "tools/list",
    "tools/list",
  ]);
});

Deno.test("a client that does not wait for its probe and initialises has a session of its own", async () => {
  const probed = Promise.withResolvers<void>();
  const turn = Promise.withResolvers<void>();
  await using w = await bridged(legacyTarget({
    "server/discover": async (_message, reply) => {
      probed.resolve();
      await turn.promise;
      await reply.status(404, {}, "no");
    },
  }));
  w.client.request(1, "server/discover", modernParams());
  await probed.promise;
  w.client.request(2, "initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
  });
  turn.resolve();
  await w.client.answer(2);
  w.client.notify("notifications/initialized");
  const { result } = await w.client.ask(3, "tools/list");
  assertEquals(result, {});
});
