import { assertEquals } from "@std/assert";
import { within } from "../../support/deadline.ts";
import { modern } from "../../support/modern_message.ts";
import { mcp } from "../../support/raw_mcp.ts";
import type { RawEventStream } from "../../support/raw_reply.ts";
import { RawServer } from "../../support/raw_server.ts";
import { StreamClient } from "../../support/stream_client.ts";
import {
  acknowledge,
  acknowledgeAndCut,
  acknowledgeAndStay,
  LISTEN,
  listening,
} from "./listening.ts";

Deno.test("a subscription that the server cancels is over, and not opened again", async () => {
  await using server = await RawServer.start(mcp({
    [LISTEN]: async (message, reply) => {
      const stream = await acknowledge(message.id, reply, {});
      await stream.message({
        jsonrpc: "2.0",
        method: "notifications/cancelled",
        params: { requestId: message.id },
      });
      await stream.end();
    },
  }));
  await using client = new StreamClient({ url: server.url });
  client.request("s", LISTEN, modern({ notifications: {} }));
  await client.next();
  assertEquals((await client.next()).json.params, { requestId: "s" });
  assertEquals(await client.close(), []);
  assertEquals(server.requests.length, 1);
});

Deno.test("a subscription that the client cancels is closed, and nothing more is written for it", async () => {
  const closed = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    [LISTEN]: async (message, reply) => {
      await acknowledge(message.id, reply, {});
      await reply.closed;
      closed.resolve();
    },
  }));
  await using client = new StreamClient({ url: server.url });
  client.request("s", LISTEN, modern({ notifications: {} }));
  await client.next();
  client.notify("notifications/cancelled", { requestId: "s" });
  await within(closed.promise, "the response to be closed");
  assertEquals(await client.close(), []);
  assertEquals(server.requests.length, 1);
});

Deno.test("a subscription that the client cancels before it is acknowledged is closed, and nothing is written for it", async () => {
  const opened = Promise.withResolvers<RawEventStream>();
  await using server = await RawServer.start(mcp({
    [LISTEN]: async (_message, reply) => {
      const stream = await reply.sse();
      opened.resolve(stream);
      await stream.closed;
    },
  }));
  await using client = new StreamClient({ url: server.url });
  client.request("s", LISTEN, modern({ notifications: {} }));
  const stream = await within(opened.promise, "the stream");
  client.notify("notifications/cancelled", { requestId: "s" });
  await within(stream.closed, "the response to be closed");
  assertEquals(await client.close(), []);
  assertEquals(server.requests.length, 1);
});

Deno.test("a subscription that the client cancels between two streams is not opened again", async () => {
  await using server = await RawServer.start(mcp({
    [LISTEN]: listening(
      acknowledgeAndCut,
      (_message, reply) => reply.status(503, { "retry-after": "30" }),
    ),
  }));
  await using client = new StreamClient({ url: server.url });
  client.request("s", LISTEN, modern({ notifications: {} }));
  await client.next();
  await server.requests.at(1);
  client.notify("notifications/cancelled", { requestId: "s" });
  assertEquals(await client.close(), []);
  assertEquals(server.requests.length, 2);
});

Deno.test("at the end of stdin an open subscription is waited for no longer, and answered", async () => {
  await using server = await RawServer.start(mcp({
    [LISTEN]: acknowledgeAndStay,
  }));
  await using client = new StreamClient({ url: server.url });
  client.request("s", LISTEN, modern({ notifications: {} }));
  await client.next();
  await client.next();
  const [{ json }, ...rest] = await client.close();
  assertEquals([json.id, json.error.code, rest.length], ["s", -31018, 0]);
});
