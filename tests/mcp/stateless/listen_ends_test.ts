import { assertEquals } from "@std/assert";
import { within } from "../../support/time/deadline.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import { modern } from "../../support/stream/modern_message.ts";
import type { RawEventStream } from "../../support/raw/reply.ts";
import {
  acknowledge,
  acknowledgeAndCut,
  acknowledgeAndStay,
  LISTEN,
  listening,
} from "./listening.ts";

Deno.test("a subscription that the server cancels is over, and not opened again", async () => {
  await using w = await StreamWorld.start({
    [LISTEN]: async (message, reply) => {
      const stream = await acknowledge(message.id, reply, {});
      await stream.message({
        jsonrpc: "2.0",
        method: "notifications/cancelled",
        params: { requestId: message.id },
      });
      await stream.end();
    },
  });
  w.client.request("s", LISTEN, modern({ notifications: {} }));
  await w.client.next();
  assertEquals((await w.client.next()).json.params, { requestId: "s" });
  assertEquals(await w.client.close(), []);
  assertEquals(w.server.requests.length, 1);
});

Deno.test("a subscription that the client cancels is closed, and nothing more is written for it", async () => {
  const closed = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    [LISTEN]: async (message, reply) => {
      await acknowledge(message.id, reply, {});
      await reply.closed;
      closed.resolve();
    },
  });
  w.client.request("s", LISTEN, modern({ notifications: {} }));
  await w.client.next();
  w.client.notify("notifications/cancelled", { requestId: "s" });
  await within(closed.promise, "the response to be closed");
  assertEquals(await w.client.close(), []);
  assertEquals(w.server.requests.length, 1);
});

Deno.test("a subscription that the client cancels before it is acknowledged is closed, and nothing is written for it", async () => {
  const opened = Promise.withResolvers<RawEventStream>();
  await using w = await StreamWorld.start({
    [LISTEN]: async (_message, reply) => {
      const stream = await reply.sse();
      opened.resolve(stream);
      await stream.closed;
    },
  });
  w.client.request("s", LISTEN, modern({ notifications: {} }));
  const stream = await within(opened.promise, "the stream");
  w.client.notify("notifications/cancelled", { requestId: "s" });
  await within(stream.closed, "the response to be closed");
  assertEquals(await w.client.close(), []);
  assertEquals(w.server.requests.length, 1);
});

Deno.test("a subscription that the client cancels between two streams is not opened again", async () => {
  await using w = await StreamWorld.start({
    [LISTEN]: listening(
      acknowledgeAndCut,
      (_message, reply) => reply.status(503, { "retry-after": "30" }),
    ),
  });
  w.client.request("s", LISTEN, modern({ notifications: {} }));
  await w.client.next();
  await w.server.requests.at(1);
  w.client.notify("notifications/cancelled", { requestId: "s" });
  assertEquals(await w.client.close(), []);
  assertEquals(w.server.requests.length, 2);
});

Deno.test("at the end of stdin an open subscription is waited for no longer, and answered", async () => {
  await using w = await StreamWorld.start({
    [LISTEN]: acknowledgeAndStay,
  });
  w.client.request("s", LISTEN, modern({ notifications: {} }));
  await w.client.next();
  await w.client.next();
  const [{ json }, ...rest] = await w.client.close();
  assertEquals([json.id, json.error.code, rest.length], ["s", -31018, 0]);
});
