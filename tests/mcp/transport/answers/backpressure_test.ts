import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { OPTION_NAMES } from "../../../../src/naming.ts";
import { runStdioProxy } from "../../../../src/stdio/stdio_proxy.ts";
import { answerWhen } from "../../../support/stream/answer_when.ts";
import { Clock } from "../../../support/time/clock.ts";
import { within } from "../../../support/time/deadline.ts";
import { modern } from "../../../support/stream/modern_message.ts";
import { mcp, result } from "../../../support/raw/mcp.ts";
import { RawServer } from "../../../support/raw/server.ts";
import { StreamWorld } from "../../../support/stream/world.ts";
import { answers, asking, hang, leaveOpen } from "../calls.ts";

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

Deno.test("of 2,500 notifications at once no more are read than may wait, and all are sent when the target takes them", async () => {
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
  const count = 2_500;
  const method = "notifications/progress";
  const feed = new Feed(
    Array.from(
      { length: count },
      (_, progress) => ({ jsonrpc: "2.0", method, params: { progress } }),
    ),
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
  await using w = await StreamWorld.start({
    "notifications/progress": hang,
    ...asking(),
  });
  w.client.request("a", "ask");
  assertEquals((await w.client.next()).json.id, "question");
  for (let step = 0; step < 1_000; step++) {
    w.client.notify("notifications/progress", { progress: step });
  }
  w.client.send({ jsonrpc: "2.0", id: "question", result: {} });
  w.client.request("p", "ping");
  const codes = await answers(w.client, 2);
  assertEquals(new Set(codes.keys()), new Set(["a", "p"]));
});

Deno.test("the client's answer leaves while 256 streams that answer notifications stand open", async () => {
  let open = 0;
  await using w = await StreamWorld.start({
    "notifications/progress": async (_message, reply) => {
      open++;
      await (await reply.sse()).closed;
    },
    ...asking(),
  });
  for (let step = 0; step < 600; step++) {
    w.client.notify("notifications/progress", { progress: step });
  }
  w.client.request("a", "ask");
  assertEquals((await w.client.next()).json.id, "question");
  w.client.send({ jsonrpc: "2.0", id: "question", result: {} });
  await w.client.answer("a");
  await w.client.close();
  assertEquals(open, 600);
});

Deno.test("a call does not wait for the end of a stream that answers notifications/initialized", async () => {
  // No time passes: what waits for a limit hangs.
  using _clock = new Clock();
  await using w = await StreamWorld.start({
    "notifications/initialized": leaveOpen,
  });
  await w.client.initialize();
  w.client.request(1, "m");
  assertEquals((await w.client.answer(1)).json.result, {});
  await w.client.close();
});

Deno.test("a session made anew does not wait for the end of such a stream either", async () => {
  // No time passes: what waits for a limit hangs.
  using _clock = new Clock();
  await using w = await StreamWorld.start({
    "notifications/initialized": leaveOpen,
  });
  await w.client.initialize();
  w.client.request(1, "m");
  await w.client.answer(1);
  w.sessions.known.clear();
  w.client.request(2, "m");
  assertEquals((await w.client.answer(2)).json.result, {});
  assertEquals(w.sessions.known.size, 1);
});

Deno.test("a call does not wait for the end of a body that answers notifications/initialized", async () => {
  using clock = new Clock();
  await using w = await StreamWorld.start({
    "notifications/initialized": async (_message, reply) => {
      await reply.status(202, { "content-length": "20" }, "accept");
      await reply.hang();
    },
  });
  await w.client.initialize();
  const startedAt = performance.now();
  w.client.request(1, "m");
  await clock.until(w.client.answer(1));
  const tookMs = performance.now() - startedAt;
  assert(tookMs < 8_000, `it took ${tookMs} ms`);
});

Deno.test("notifications that are answered in words go over one connection", async () => {
  await using w = await StreamWorld.start({
    "notifications/progress": (_message, reply) =>
      reply.status(202, { "content-type": "text/plain" }, "Accepted"),
  });
  for (let step = 0; step < 5; step++) {
    w.client.notify("notifications/progress", { progress: step });
    await w.server.requests.at(step);
    w.client.request(step, "m");
    await w.client.answer(step);
    // The one before is through when this is answered.
    assert(w.server.connections.length <= 2);
  }
});

for (
  const [status, end] of [[500, "hang"], [403, "hang"], [500, "cut"]] as const
) {
  Deno.test(`a ${status} whose body meets a ${end} is an error with what came of it`, async () => {
    const { error } = await answerWhen(async (_message, reply) => {
      const headers = { "content-type": "text/plain", "content-length": "20" };
      await reply.status(status, headers, "sorry!");
      await reply[end]();
    });
    assertEquals(error.data.status, status);
    assertStringIncludes(error.message, "sorry!");
  });
}

Deno.test("a client that reads nothing has no more answers made ready than requests are upstream at once", async () => {
  await using w = await StreamWorld.start({
    m: (message, reply) =>
      reply.json(result(message, { text: "x".repeat(64 * 1024) })),
  }, { maxConcurrency: 4 });
  w.client.request("first", "m");
  await w.client.answer("first");
  for (let id = 0; id < 200; id++) w.client.request(id, "m");
  // Pings have places of their own. Each that arrives has given the calls a turn.
  for (let step = 0; step < 50; step++) {
    w.client.request(`p${step}`, "ping");
    await w.server.requests.find((seen) => seen.text().includes(`p${step}"`));
  }
  const sent = w.server.requests.all.filter((seen) =>
    seen.text().includes('"m"')
  );
  assert(sent.length <= 16, `${sent.length} requests were sent`);
  assertEquals((await answers(w.client, 250)).size, 250);
});

Deno.test("of 1,100 subscriptions no more stand open than 1,024, and the others are overloaded", async () => {
  await using w = await StreamWorld.start({
    "subscriptions/listen": leaveOpen,
  });
  const params = modern({ notifications: { toolsListChanged: true } });
  for (let id = 0; id < 1_100; id++) {
    w.client.request(id, "subscriptions/listen", params);
  }
  const codes = await answers(w.client, 76);
  assertEquals(new Set(codes.values()), new Set([-31020]));
  // One that is ended makes room for another.
  w.client.notify("notifications/cancelled", modern({ requestId: 0 }));
  w.client.request("m", "m", modern());
  await w.client.answer("m");
  w.client.request("again", "subscriptions/listen", params);
  await w.server.requests.find((seen) => seen.text().includes("again"));
});

Deno.test("pings to a target that does not answer are sent over no more connections than there are places", async () => {
  await using w = await StreamWorld.start({ ping: hang });
  for (let id = 0; id < 400; id++) w.client.request(id, "ping");
  w.client.request("c", "m");
  await w.client.answer("c");
  const { length } = w.server.requests;
  assert(length <= 257, `${length} requests`);
});
