import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { OPTION_NAMES } from "../../../src/naming.ts";
import { runStdioProxy } from "../../../src/stdio/stdio_proxy.ts";
import { Clock } from "../../support/clock.ts";
import { within } from "../../support/deadline.ts";
import { mcp, result, Sessions } from "../../support/raw_mcp.ts";
import { RawServer } from "../../support/raw_server.ts";
import { StreamClient } from "../../support/stream_client.ts";
import { answers, asking, hang } from "./calls.ts";

/** A client's stream, by hand: how much of it was read. */
class Feed {
  taken = 0;
  readonly stream: ReadableStream<Uint8Array>;

  constructor(frames: Iterable<unknown>) {
    const encoder = new TextEncoder();
    const lines = function* () {
      for (const frame of frames) {
        yield encoder.encode(`${JSON.stringify(frame)}\n`);
      }
    }();
    this.stream = new ReadableStream({
      pull: (controller) => {
        const { done, value } = lines.next();
        if (done) return controller.close();
        this.taken++;
        controller.enqueue(value);
      },
    }, { highWaterMark: 0 });
  }
}

Deno.test("of 3,000 notifications at once no more are read than may wait, and all are sent when the target takes them", async () => {
  const release = Promise.withResolvers<void>();
  const steps = new Set<number>();
  const full = Promise.withResolvers<void>();
  let open = 0;
  await using server = await RawServer.start(mcp({
    "notifications/progress": async ({ params }, reply) => {
      steps.add(params.progress);
      if (++open === 256) full.resolve();
      await release.promise;
      await reply.status(202);
    },
  }));
  const count = 3_000;
  const feed = new Feed(
    Array.from({ length: count }, (_, progress) => ({
      jsonrpc: "2.0",
      method: "notifications/progress",
      params: { progress },
    })),
  );
  const done = runStdioProxy({
    url: server.url,
    fetch,
    names: OPTION_NAMES,
    readable: feed.stream,
    writable: new WritableStream(),
  });
  await within(full.promise, "256 notifications");
  assertEquals(feed.taken, 2_049);
  release.resolve();
  await within(done, "the end", 60_000);
  assertEquals(steps.size, count);
});

Deno.test("one of the client's answers reaches a target that takes no notifications and 1,000 wait", async () => {
  await using server = await RawServer.start(mcp({
    "notifications/progress": hang,
    ...asking(),
  }));
  await using client = new StreamClient({ url: server.url });
  client.request("a", "ask");
  assertEquals((await client.next()).json.id, "question");
  for (let step = 0; step < 1_000; step++) {
    client.notify("notifications/progress", { progress: step });
  }
  client.send({ jsonrpc: "2.0", id: "question", result: {} });
  client.request("p", "ping");
  const codes = await answers(client, 2);
  assertEquals(new Set(codes.keys()), new Set(["a", "p"]));
});

Deno.test("the client's answer leaves while 256 streams that answer notifications stand open", async () => {
  let open = 0;
  await using server = await RawServer.start(mcp({
    "notifications/progress": async (_message, reply) => {
      open++;
      await (await reply.sse()).closed;
    },
    ...asking(),
  }));
  await using client = new StreamClient({ url: server.url });
  for (let step = 0; step < 600; step++) {
    client.notify("notifications/progress", { progress: step });
  }
  client.request("a", "ask");
  assertEquals((await client.next()).json.id, "question");
  client.send({ jsonrpc: "2.0", id: "question", result: {} });
  await client.answer("a");
  await client.close();
  assertEquals(open, 600);
});

Deno.test("a call does not wait for the end of a stream that answers notifications/initialized", async () => {
  await using server = await RawServer.start(mcp({
    "notifications/initialized": async (_message, reply) => {
      await (await reply.sse()).closed;
    },
  }));
  // No time passes: what waits for a limit hangs.
  using _clock = new Clock();
  await using client = new StreamClient({ url: server.url });
  await client.initialize();
  client.request(1, "m");
  assertEquals((await client.answer(1)).json.result, {});
  await client.close();
});

Deno.test("a session made anew does not wait for the end of such a stream either", async () => {
  const sessions = new Sessions();
  await using server = await RawServer.start(mcp({
    "notifications/initialized": async (_message, reply) => {
      await (await reply.sse()).closed;
    },
  }, sessions));
  // No time passes: what waits for a limit hangs.
  using _clock = new Clock();
  await using client = new StreamClient({ url: server.url });
  await client.initialize();
  client.request(1, "m");
  await client.answer(1);
  sessions.known.clear();
  client.request(2, "m");
  assertEquals((await client.answer(2)).json.result, {});
  assertEquals(sessions.known.size, 1);
});

Deno.test("a call does not wait for the end of a body that answers notifications/initialized", async () => {
  await using server = await RawServer.start(mcp({
    "notifications/initialized": async (_message, reply) => {
      await reply.status(202, { "content-length": "20" }, "accept");
      await reply.hang();
    },
  }));
  using clock = new Clock();
  await using client = new StreamClient({ url: server.url });
  await client.initialize();
  const startedAt = performance.now();
  client.request(1, "m");
  await clock.until(client.answer(1));
  const tookMs = performance.now() - startedAt;
  assert(tookMs < 8_000, `it took ${tookMs} ms`);
});

Deno.test("notifications that are answered in words go over one connection", async () => {
  await using server = await RawServer.start(mcp({
    "notifications/progress": (_message, reply) =>
      reply.status(202, { "content-type": "text/plain" }, "Accepted"),
  }));
  await using client = new StreamClient({ url: server.url });
  for (let step = 0; step < 5; step++) {
    client.notify("notifications/progress", { progress: step });
    await server.requests.at(step);
    client.request(step, "m");
    await client.answer(step);
    // The one before is through when this is answered.
    assert(server.connections.length <= 2);
  }
});

for (const status of [500, 403]) {
  Deno.test(`a ${status} whose body never ends is an error with what came of it`, async () => {
    await using server = await RawServer.start(mcp({
      m: async (_message, reply) => {
        const headers = {
          "content-type": "text/plain",
          "content-length": "20",
        };
        await reply.status(status, headers, "sorry!");
        await reply.hang();
      },
    }));
    await using client = new StreamClient({ url: server.url });
    client.request(1, "m");
    const { json } = await client.answer(1);
    assertEquals(json.error.data.status, status);
    assertStringIncludes(json.error.message, "sorry!");
  });
}

Deno.test("a 500 whose body is cut off is an error with what came of it", async () => {
  await using server = await RawServer.start(mcp({
    m: async (_message, reply) => {
      const headers = { "content-type": "text/plain", "content-length": "20" };
      await reply.status(500, headers, "sorry!");
      await reply.cut();
    },
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "m");
  assertStringIncludes((await client.answer(1)).json.error.message, "sorry!");
});

Deno.test("a client that reads nothing has no more answers made ready than requests are upstream at once", async () => {
  await using server = await RawServer.start(mcp({
    m: (message, reply) =>
      reply.json(result(message, { text: "x".repeat(64 * 1024) })),
  }));
  await using client = new StreamClient({ url: server.url, maxConcurrency: 4 });
  client.request("first", "m");
  await client.answer("first");
  for (let id = 0; id < 200; id++) client.request(id, "m");
  // Pings have places of their own. Each that arrives has given the calls a turn.
  for (let step = 0; step < 50; step++) {
    client.request(`p${step}`, "ping");
    await server.requests.find((seen) => seen.text().includes(`p${step}"`));
  }
  const sent = server.requests.all.filter((seen) =>
    seen.text().includes('"m"')
  );
  assert(sent.length <= 16, `${sent.length} requests were sent`);
  assertEquals((await answers(client, 250)).size, 250);
});

Deno.test("of 1,100 subscriptions no more stand open than 1,024, and the others are overloaded", async () => {
  await using server = await RawServer.start(mcp({
    "subscriptions/listen": async (_message, reply) => {
      await (await reply.sse()).closed;
    },
  }));
  await using client = new StreamClient({ url: server.url });
  const _meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
  const params = { _meta, notifications: { toolsListChanged: true } };
  for (let id = 0; id < 1_100; id++) {
    client.request(id, "subscriptions/listen", params);
  }
  const codes = await answers(client, 76);
  assertEquals(new Set(codes.values()), new Set([-31020]));
  // One that is ended makes room for another.
  client.notify("notifications/cancelled", { requestId: 0, _meta });
  client.request("m", "m", { _meta });
  await client.answer("m");
  client.request("again", "subscriptions/listen", params);
  await server.requests.find((seen) => seen.text().includes("again"));
});

Deno.test("pings to a target that does not answer are sent over no more connections than there are places", async () => {
  await using server = await RawServer.start(mcp({ ping: hang }));
  await using client = new StreamClient({ url: server.url });
  for (let id = 0; id < 400; id++) client.request(id, "ping");
  client.request("c", "m");
  await client.answer("c");
  assert(server.requests.length <= 257, `${server.requests.length} requests`);
});
