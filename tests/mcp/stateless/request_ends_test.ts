import { assertEquals } from "@std/assert";
import { Clock } from "../../support/time/clock.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import { within } from "../../support/time/deadline.ts";
import { modern } from "../../support/stream/modern_message.ts";
import { mcp, methods, result } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { StreamClient } from "../../support/stream/client.ts";

Deno.test("notifications/cancelled closes the HTTP response, sends nothing upstream, and no answer to that id follows", async () => {
  const closed = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    "tools/call": async (message, reply) => {
      const stream = await reply.sse();
      await stream.message({
        jsonrpc: "2.0",
        method: "notifications/progress",
      });
      await reply.closed;
      await stream.message(result(message));
      closed.resolve();
    },
  });
  w.client.request("a", "tools/call", modern({ name: "add" }));
  await w.client.next();
  w.client.notify("notifications/cancelled", { requestId: "a", reason: "why" });
  await within(closed.promise, "the response to be closed");
  w.client.request("b", "m", modern());
  const frames = await w.client.close();
  assertEquals(frames.map(({ json }) => json.id), ["b"]);
  assertEquals(methods(w.server.requests.all), ["tools/call", "m"]);
});

Deno.test("a request that is cancelled before it has a place is never sent", async () => {
  const release = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    slow: async (message, reply) => {
      await release.promise;
      await reply.json(result(message));
    },
  }, { maxConcurrency: 1 });
  w.client.request(1, "slow", modern());
  w.client.request(2, "m", modern());
  w.client.notify("notifications/cancelled", { requestId: 2 });
  w.client.request(3, "n", modern());
  await w.server.requests.at(0);
  release.resolve();
  const frames = await w.client.close();
  assertEquals(frames.map(({ json }) => json.id), [1, 3]);
  assertEquals(methods(w.server.requests.all), ["slow", "n"]);
});

Deno.test("what was in the same chunk as a cancelled request's progress is not written", async () => {
  await using server = await RawServer.start(mcp({
    "tools/call": async (_message, reply) => {
      const note = (count: number) =>
        `data: ${
          JSON.stringify({
            jsonrpc: "2.0",
            method: "n",
            params: { count },
          })
        }\n\n`;
      const stream = await reply.sse();
      await stream.raw(Array.from({ length: 40 }, (_, i) => note(i)).join(""));
      await reply.closed;
    },
  }));
  // The client reads one frame, cancels, and reads on only then.
  await using client = new StreamClient({ url: server.url });
  client.request(1, "tools/call", modern({ name: "add" }));
  await client.next();
  client.notify("notifications/cancelled", { requestId: 1 });
  client.request(2, "m", modern());
  const frames = [await client.next()];
  while (frames.at(-1)?.json.id !== 2) frames.push(await client.next());
  const notes = frames.filter(({ json }) => json.method === "n").length;
  if (notes > 10) throw new Error(`${notes} notifications were written`);
});

Deno.test("a request over its time is answered with -31014, its response is closed, and the target is told nothing", async () => {
  const closed = Promise.withResolvers<void>();
  using clock = new Clock();
  await using w = await StreamWorld.start({
    hang: async (_message, reply) => {
      await reply.hang();
      closed.resolve();
    },
  }, { timeoutMs: 60_000 });
  w.client.request(1, "hang", modern());
  await w.server.requests.at(0);
  await clock.pass(61_000);
  const { json } = await w.client.next();
  assertEquals([json.error.code, json.error.data.limitMs], [-31014, 60_000]);
  await within(closed.promise, "the response to be closed");
  await w.client.close();
  assertEquals(methods(w.server.requests.all), ["hang"]);
});

Deno.test("a stop answers what is in flight with -31018, and says if it may have run", async () => {
  await using w = await StreamWorld.start({
    hang: (_message, reply) => reply.hang(),
  }, { maxConcurrency: 1 });
  w.client.request("x", "hang", modern());
  await w.server.requests.at(0);
  w.client.request("y", "hang", modern());
  w.client.stop();
  const answers = await w.client.close();
  assertEquals(
    answers.map(({ json }) => [
      json.id,
      json.error.code,
      json.error.data.mayHaveRun,
    ]),
    [["x", -31018, true], ["y", -31018, false]],
  );
  assertEquals(w.server.requests.length, 1);
});
