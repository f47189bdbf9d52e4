/** Whose answer it is that a target gives. */
import { assertEquals } from "@std/assert";
import { Clock } from "../../support/clock.ts";
import { mcp, result } from "../../support/raw_mcp.ts";
import { RawServer } from "../../support/raw_server.ts";
import { StreamClient } from "../../support/stream_client.ts";
import { httpSse } from "../../support/raw_sse.ts";

const CALL = { name: "t" };
const late = (id: unknown) => ({
  jsonrpc: "2.0",
  id,
  error: { code: -32000, message: "another one's" },
});

for (const id of [777, "777", "server-error"]) {
  Deno.test(`an error of the ID ${JSON.stringify(id)} before the answer does not take its place on a stream`, async () => {
    await using server = await RawServer.start(mcp({
      "tools/call": async (call, reply) => {
        const stream = await reply.sse();
        await stream.message(late(id));
        await stream.message(result(call, { ok: true }));
        await stream.end();
      },
    }));
    await using client = new StreamClient({ url: server.url });
    await client.initialize();
    client.request(3, "tools/call", CALL);
    assertEquals((await client.close()).map(({ json }) => json), [
      { jsonrpc: "2.0", id: 3, result: { ok: true } },
    ]);
  });

  Deno.test(`an error of the ID ${JSON.stringify(id)} before the answer does not take its place in an array`, async () => {
    await using server = await RawServer.start(mcp({
      "tools/call": (call, reply) =>
        reply.json([late(id), result(call, { ok: true })]),
    }));
    await using client = new StreamClient({ url: server.url });
    await client.initialize();
    client.request(3, "tools/call", CALL);
    assertEquals((await client.close()).map(({ json }) => json), [
      { jsonrpc: "2.0", id: 3, result: { ok: true } },
    ]);
  });

  for (const eventId of [undefined, "7"]) {
    Deno.test(`an error of the ID ${JSON.stringify(id)} is the answer when its stream ends with nothing else${eventId ? ", and nothing is resumed" : ""}`, async () => {
      await using server = await RawServer.start(mcp({
        "tools/call": async (_call, reply) => {
          const stream = await reply.sse();
          await stream.message(late(id), eventId);
          await stream.end();
        },
      }));
      await using client = new StreamClient({ url: server.url });
      await client.initialize();
      client.request(3, "tools/call", CALL);
      assertEquals((await client.close()).map(({ json }) => json), [late(3)]);
    });
  }

  Deno.test(`an error of the ID ${JSON.stringify(id)} is the answer when an array has nothing else`, async () => {
    await using server = await RawServer.start(mcp({
      "tools/call": (_call, reply) =>
        reply.json([
          { jsonrpc: "2.0", method: "notifications/message" },
          late(id),
        ]),
    }));
    await using client = new StreamClient({ url: server.url });
    await client.initialize();
    client.request(3, "tools/call", CALL);
    assertEquals((await client.answer(3)).json, late(3));
  });
}

Deno.test("an error of another ID is the answer when the time for any other one is over", async () => {
  await using server = await RawServer.start(mcp({
    "tools/call": async (_call, reply) => {
      const stream = await reply.sse();
      await stream.message(late(777));
      await stream.message({ jsonrpc: "2.0", method: "n" });
      await stream.closed;
    },
  }));
  using clock = new Clock();
  await using client = new StreamClient({ url: server.url, timeoutMs: 60_000 });
  await client.initialize();
  client.request(3, "tools/call", CALL);
  assertEquals((await client.next()).json.method, "n");
  await clock.pass(61_000);
  assertEquals((await client.answer(3)).json, late(3));
});

Deno.test("a late error for a request that is over is not another one's, though nothing else answers that", async () => {
  await using server = await RawServer.start(mcp({
    "tools/call": async (call, reply) => {
      if (call.id === 3) return await reply.json(result(call, { ok: true }));
      const stream = await reply.sse();
      await stream.message(late(3));
      await stream.end();
    },
  }));
  await using client = new StreamClient({ url: server.url });
  await client.initialize();
  client.request(3, "tools/call", CALL);
  assertEquals((await client.answer(3)).json.result, { ok: true });
  client.request(4, "tools/call", CALL);
  const { error } = (await client.answer(4)).json;
  assertEquals(error.data.reason, "stream-cut");
});

Deno.test("a stream that broke after an error of another ID is resumed", async () => {
  await using server = await RawServer.start(mcp({
    "tools/call": async (_call, reply) => {
      const stream = await reply.sse();
      await stream.message(late(777), "7");
      await stream.cut();
    },
    GET: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.message(result({ id: 3 }, { ok: true }));
      await stream.end();
    },
  }));
  await using client = new StreamClient({ url: server.url });
  await client.initialize();
  client.request(3, "tools/call", CALL);
  assertEquals((await client.answer(3)).json.result, { ok: true });
});

Deno.test("over HTTP+SSE an error of another ID before the answer does not take its place", async () => {
  await using server = await RawServer.start(
    httpSse(async (asked, { stream }) => {
      if (asked.id === undefined) return;
      await stream.message(late(777));
      await stream.message(result(asked, { ok: true }));
    }),
  );
  await using client = new StreamClient({ url: server.url, transport: "sse" });
  await client.initialize();
  client.request(3, "tools/call", CALL);
  assertEquals((await client.answer(3)).json.result, { ok: true });
});

Deno.test("an event over the limit that names a call of another POST ends neither call", async () => {
  const both = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  let count = 0;
  await using server = await RawServer.start(mcp({
    "tools/call": async (call, reply) => {
      if (++count === 2) both.resolve();
      await both.promise;
      const stream = await reply.sse();
      if (call.id === 3) {
        const text = "x".repeat(20_000);
        await stream.message(result({ id: 4 }, { text }));
      } else await told.promise;
      await stream.message(result(call, { ok: true }));
      await stream.end();
    },
  }));
  await using client = new StreamClient({
    url: server.url,
    maxAnswerBytes: 10_000,
  });
  await client.initialize();
  client.request(3, "tools/call", CALL);
  client.request(4, "tools/call", CALL);
  for (const id of [3, 4]) {
    const { json } = await client.next();
    assertEquals([json.id, json.result], [id, { ok: true }]);
    told.resolve();
  }
});

for (const how of ["a body", "an event", "an event over the limit"]) {
  Deno.test(`of 3 and "3" each gets what its own POST is answered with in ${how}, though the target has both IDs as strings`, async () => {
    const both = Promise.withResolvers<void>();
    let count = 0;
    await using server = await RawServer.start(mcp({
      "tools/call": async (call, reply) => {
        if (++count === 2) both.resolve();
        await both.promise;
        const text = how === "an event over the limit" && call.id === 3
          ? "x".repeat(20_000)
          : typeof call.id;
        const answer = result({ id: String(call.id) }, { text });
        if (how === "a body") return await reply.json(answer);
        const stream = await reply.sse();
        await stream.message(answer);
        await stream.end();
      },
    }));
    await using client = new StreamClient({
      url: server.url,
      maxAnswerBytes: 10_000,
    });
    await client.initialize();
    client.request(3, "tools/call", CALL);
    client.request("3", "tools/call", CALL);
    const answers = (await client.close()).map(({ json }) => json);
    const told = answers.map(({ id, result, error }) => [
      id,
      result?.text ?? error.data.reason,
    ]);
    assertEquals(
      told.toSorted(([a], [b]) => (typeof a).localeCompare(typeof b)),
      [
        [3, how === "an event over the limit" ? "frame-too-large" : "number"],
        ["3", "string"],
      ],
    );
  });
}
