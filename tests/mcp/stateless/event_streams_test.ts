import { assertEquals } from "@std/assert";
import { modern } from "../../support/stream/modern_message.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import { activate, EVENTS, listening, note } from "./listening.ts";

for (const given of [{}, { cursor: null }, { cursor: "old" }]) {
  Deno.test(`an events/stream that breaks is opened again behind the last event, asked with ${JSON.stringify(given)}`, async () => {
    await using w = await StreamWorld.start({
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
    });
    const params = modern({ name: "incident", ...given });
    w.client.request(5, EVENTS, params);
    const frames = [];
    for (let count = 0; count < 3; count++) frames.push(await w.client.next());
    assertEquals(frames.map(({ json }) => [json.method, json.params.cursor]), [
      ["notifications/events/active", "c0"],
      ["notifications/events/event", "c1"],
      ["notifications/events/event", "c2"],
    ]);
    assertEquals(
      w.server.requests.all.map((seen) => JSON.parse(seen.text()).params),
      [params, { ...params, cursor: "c1" }],
    );
  });
}
