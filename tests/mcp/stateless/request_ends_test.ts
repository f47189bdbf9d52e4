import { assertEquals } from "@std/assert";
import { Clock } from "../../support/clock.ts";
import { within } from "../../support/deadline.ts";
import { modern } from "../../support/modern_message.ts";
import { mcp, methods, result } from "../../support/raw_mcp.ts";
import { RawServer } from "../../support/raw_server.ts";
import { StreamClient } from "../../support/stream_client.ts";

Deno.test("notifications/cancelled closes the HTTP response, sends nothing upstream, and no answer to that id follows", async () => {
  const closed = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
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
  }));
  await using client = new StreamClient({ url: server.url });
  client.request("a", "tools/call", modern({ name: "add" }));
  await client.next();
  client.notify("notifications/cancelled", { requestId: "a", reason: "why" });
  await within(closed.promise, "the response to be closed");
  client.request("b", "m", modern());
  const frames = await client.close();
  assertEquals(frames.map(({ json }) => json.id), ["b"]);
  assertEquals(methods(server.requests.all), ["tools/call", "m"]);
});

Deno.test("a request that is cancelled before it has a place is never sent", async () => {
  const release = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    slow: async (message, reply) => {
      await release.promise;
      await reply.json(result(message));
    },
  }));
  await using client = new StreamClient({ url: server.url, maxConcurrency: 1 });
  client.request(1, "slow", modern());
  client.request(2, "m", modern());
  client.notify("notifications/cancelled", { requestId: 2 });
  client.request(3, "n", modern());
  await server.requests.at(0);
  release.resolve();
  const frames = await client.close();
  assertEquals(frames.map(({ json }) => json.id), [1, 3]);
  assertEquals(methods(server.requests.all), ["slow", "n"]);
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
  await using server = await RawServer.start(mcp({
    hang: async (_message, reply) => {
      await reply.hang();
      closed.resolve();
    },
  }));
  using clock = new Clock();
  await using client = new StreamClient({ url: server.url, timeoutMs: 60_000 });
  client.request(1, "hang", modern());
  await server.requests.at(0);
  await clock.pass(61_000);
  const { json } = await client.next();
  assertEquals([json.error.code, json.error.data.limitMs], [-31014, 60_000]);
  await within(closed.promise, "the response to be closed");
  await client.close();
  assertEquals(methods(server.requests.all), ["hang"]);
});

Deno.test("a request of 2026-07-28 without a byte for the idle time is answered with -31014", async () => {
  await using server = await RawServer.start(mcp({
    hang: (_message, reply) => reply.hang(),
  }));
  await using client = new StreamClient({
    url: server.url,
    idleTimeoutMs: 100,
  });
  client.request(1, "hang", modern());
  const { json } = await client.next();
  assertEquals([json.error.code, json.error.data.limitMs], [-31014, 100]);
});

Deno.test("a stop answers what is in flight with -31018, and says if it may have run", async () => {
  await using server = await RawServer.start(mcp({
    hang: (_message, reply) => reply.hang(),
  }));
  await using client = new StreamClient({ url: server.url, maxConcurrency: 1 });
  client.request("x", "hang", modern());
  await server.requests.at(0);
  client.request("y", "hang", modern());
  client.stop();
  const answers = await client.close();
  assertEquals(
    answers.map(({ json }) => [
      json.id,
      json.error.code,
      json.error.data.mayHaveRun,
    ]),
    [["x", -31018, true], ["y", -31018, false]],
  );
  assertEquals(server.requests.length, 1);
});

Deno.test("at the end of stdin what is in flight is answered", async () => {
  const release = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    slow: async (message, reply) => {
      await release.promise;
      await reply.json(result(message, { said: "done" }));
    },
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "slow", modern());
  const rest = client.close();
  await server.requests.at(0);
  release.resolve();
  assertEquals((await rest).map(({ json }) => json.result), [{ said: "done" }]);
});
