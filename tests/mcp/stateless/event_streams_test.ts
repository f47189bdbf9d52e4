import { assertEquals } from "@std/assert";
import { Clock } from "../../support/clock.ts";
import { modern } from "../../support/modern_message.ts";
import { mcp, result } from "../../support/raw_mcp.ts";
import type { RawEventStream, RawReply } from "../../support/raw_reply.ts";
import { RawServer } from "../../support/raw_server.ts";
import { StreamClient } from "../../support/stream_client.ts";
import { listening, note } from "./listening.ts";

const EVENTS = "events/stream";

/** Opens an event stream as servers of SEP-3415 do. */
async function activate(
  id: unknown,
  reply: RawReply,
  cursor: string,
): Promise<RawEventStream> {
  const stream = await reply.sse();
  await stream.message(note(id, "events/active", { cursor }));
  return stream;
}

Deno.test("the stream of events/stream stands open without a time limit or a place, until the server's own result", async () => {
  const release = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    [EVENTS]: async (message, reply) => {
      const stream = await activate(message.id, reply, "c0");
      await release.promise;
      await stream.message(note(message.id, "events/event", { cursor: "c1" }));
      await stream.message(result(message, { resultType: "complete" }));
      await stream.end();
    },
    hang: (_message, reply) => reply.hang(),
  }));
  using clock = new Clock();
  await using client = new StreamClient({
    url: server.url,
    timeoutMs: 60_000,
    maxConcurrency: 1,
  });
  client.request("e", EVENTS, modern({ name: "incident", cursor: null }));
  await client.next();
  client.request(1, "hang", modern());
  await server.requests.at(1);
  await clock.pass(61_000);
  assertEquals((await client.answer(1)).json.error.code, -31014);
  release.resolve();
  const frames = [await client.next(), await client.next()];
  assertEquals(frames.map(({ json }) => json.method ?? json.result), [
    "notifications/events/event",
    { resultType: "complete" },
  ]);
});

for (const given of [{}, { cursor: null }, { cursor: "old" }]) {
  Deno.test(`an events/stream that breaks is opened again behind the last event, asked with ${JSON.stringify(given)}`, async () => {
    await using server = await RawServer.start(mcp({
      [EVENTS]: listening(async (message, reply) => {
        const stream = await activate(message.id, reply, "c0");
        const event = { cursor: "c1", eventId: "1" };
        await stream.message(note(message.id, "events/event", event));
        await stream.cut();
      }, async (message, reply) => {
        const stream = await activate(message.id, reply, "c1");
        const event = { cursor: "c2", eventId: "2" };
        await stream.message(note(message.id, "events/event", event));
        await reply.hang();
      }),
    }));
    await using client = new StreamClient({ url: server.url });
    const params = modern({ name: "incident", ...given });
    client.request(5, EVENTS, params);
    const frames = [];
    for (let count = 0; count < 3; count++) frames.push(await client.next());
    assertEquals(frames.map(({ json }) => [json.method, json.params.cursor]), [
      ["notifications/events/active", "c0"],
      ["notifications/events/event", "c1"],
      ["notifications/events/event", "c2"],
    ]);
    assertEquals(
      server.requests.all.map((seen) => JSON.parse(seen.text()).params),
      [params, { ...params, cursor: "c1" }],
    );
  });
}
