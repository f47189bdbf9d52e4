/** With read-only, what a tool said of itself holds for its session alone. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { within } from "../../support/time/deadline.ts";
import { error, type McpHandler, result } from "../../support/raw/mcp.ts";
import type { StreamClientOptions } from "../../support/stream/client.ts";
import { hinting, ToolWorld } from "./tool_world.ts";

/** A client that has called the tool once. */
async function world(
  options: Partial<StreamClientOptions> = {},
  script: Record<string, McpHandler> = {},
): Promise<ToolWorld> {
  const w = await ToolWorld.make(script, options);
  await w.client.initialize();
  await w.call(1);
  return w;
}

for (const maxConcurrency of [1, 64]) {
  Deno.test(`a call that finds its session lost is not sent again when its tool says otherwise in the new one (${maxConcurrency} at once)`, async () => {
    await using w = await world({ maxConcurrency });
    w.restart(false);
    const json = await w.client.ask(2, "tools/call", { name: "x" });
    assertEquals([json.error?.code, json.error?.data.tool], [-31019, "x"]);
    w.client.request(3, "tools/call", { name: "x" });
    assertEquals((await w.client.answer(3)).json.error?.code, -31019);
    assertEquals(w.ran, [1]);
    // The second call was refused by what was learnt for the first.
    assertEquals(w.methods, [
      "tools/list",
      "tools/call",
      "tools/call",
      "tools/list",
    ]);
  });
}

Deno.test("calls that find their session lost are sent again after one list that still allows them", async () => {
  const together = Promise.withResolvers<void>();
  const came: number[] = [];
  await using w = await world({}, {
    "tools/call": async (message, reply) => {
      came.push(message.id);
      const isLost = came.length > 1 && came.length <= 4;
      if (!isLost) return await reply.json(result(message));
      if (came.length === 4) {
        w.restart(true);
        together.resolve();
      }
      await together.promise;
      await reply.json(error(message, -32001, "Session not found"), 404);
    },
  });
  for (const id of [2, 3, 4]) {
    w.client.request(id, "tools/call", { name: "x" });
  }
  for (const _call of [2, 3, 4]) {
    assertEquals((await w.client.next()).json.error, undefined);
  }
  assertEquals(came.toSorted(), [1, 2, 2, 3, 3, 4, 4]);
  const lists = w.methods.filter((method) => method === "tools/list");
  assertEquals(lists.length, 2);
});

Deno.test("after the client's own initialize a tool is asked for anew, also for a call that does not wait for it", async () => {
  await using w = await world();
  w.restart(false);
  w.client.request("again", "initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "test", version: "1" },
  });
  assertEquals((await w.call(2)).error?.code, -31019);
  assertEquals((await w.call(3)).error?.code, -31019);
  assertEquals(w.ran, [1]);
});

Deno.test("a call in a batch that the new session does not allow is left out, and the rest goes on", async () => {
  const batches: unknown[] = [];
  await using w = await world({}, {
    batch: (messages, reply) => {
      batches.push(messages);
      return reply.json(messages.map((message: unknown) => result(message)));
    },
  });
  w.restart(false);
  w.client.send([
    { jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "x" } },
    { jsonrpc: "2.0", id: 3, method: "m" },
  ]);
  const answers = [(await w.client.next()).json, (await w.client.next()).json];
  assertEquals(answers.flat().map(({ id, error }) => [id, error?.code]), [
    [2, -31019],
    [3, undefined],
  ]);
  assertEquals(batches, [[{ jsonrpc: "2.0", id: 3, method: "m" }]]);
});

Deno.test("an answer beside the only call of a batch, which the new session does not allow, goes on", async () => {
  const arrived = Promise.withResolvers<unknown>();
  await using w = await world({}, {
    batch: (messages, reply) => {
      arrived.resolve(messages);
      return reply.status(202);
    },
  });
  w.restart(false);
  const answer = { jsonrpc: "2.0", id: "asked", result: {} };
  w.client.send([
    { jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "x" } },
    answer,
  ]);
  assertEquals((await w.client.answer(2)).json.error.code, -31019);
  assertEquals(await arrived.promise, [answer]);
});

Deno.test("a call is refused with the cause when the new session has no list for it", async () => {
  let lists = 0;
  await using w = await world({}, {
    "tools/list": (message, reply) =>
      ++lists === 1
        ? reply.json(result(message, hinting(true)))
        : reply.json(error(message, -32603, "the disk is full")),
  });
  w.restart(true);
  const json = await w.call(2);
  assertEquals(json.error?.code, -31019);
  assertStringIncludes(json.error.message, "the disk is full");
  assertEquals(w.ran, [1]);
});

Deno.test("a call whose new session is lost while its tools are listed is told so, and not that it is blocked", async () => {
  let lists = 0;
  await using w = await world({}, {
    "tools/list": (message, reply) =>
      ++lists === 1
        ? reply.json(result(message, hinting(true)))
        : reply.status(404),
  });
  w.restart(true);
  assertEquals((await w.call(2)).error.data.status, 404);
  assertEquals(w.ran, [1]);
});

Deno.test("a call that is cancelled while the new session is asked for its tools is not sent", async () => {
  const release = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  let lists = 0;
  await using w = await world({}, {
    "tools/list": async (message, reply) => {
      if (++lists === 2) {
        asked.resolve();
        await release.promise;
      }
      await reply.json(result(message, hinting(true)));
    },
  });
  w.restart(true);
  w.client.request(2, "tools/call", { name: "x" });
  await within(asked.promise, "the list of the new session");
  w.client.notify("notifications/cancelled", { requestId: 2 });
  await w.client.ask(3, "m");
  release.resolve();
  await w.call(4);
  assertEquals(await w.client.close(), []);
  assertEquals(w.ran, [1, 4]);
});
