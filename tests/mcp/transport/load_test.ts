import { assert, assertEquals } from "@std/assert";
import { Clock } from "../../support/clock.ts";
import { mcp, result } from "../../support/raw_mcp.ts";
import { type RawEventStream, RawServer } from "../../support/raw_server.ts";
import { StreamClient } from "../../support/stream_client.ts";

Deno.test("four thousand requests at once are answered over no more connections than there are places", async () => {
  await using server = await RawServer.start(mcp({}));
  await using client = new StreamClient({
    url: server.url,
    maxConcurrency: 16,
  });
  const count = 4_000;
  for (let id = 0; id < count; id++) client.request(id, "m");
  const seen = new Set<number>();
  while (seen.size < count) seen.add((await client.next()).json.id);
  assertEquals(client.frames.length, count);
  assert(
    server.connections.length <= 16,
    `${server.connections.length} connections`,
  );
});

Deno.test("a burst of notifications is sent over a few hundred connections at most, and in full", async () => {
  const release = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    "notifications/progress": async (_message, reply) => {
      await release.promise;
      await reply.status(202);
    },
  }));
  await using client = new StreamClient({ url: server.url });
  const count = 1000;
  for (let step = 0; step < count; step++) {
    client.notify("notifications/progress", { progress: step });
  }
  // Whatever has no place to wait for is through when this is answered.
  client.request("p", "ping");
  await client.answer("p");
  const { length } = server.requests.all;
  assert(length < 300, `${length} requests at once`);
  release.resolve();
  await client.close();
  const steps = server.requests.all.map((seen) => JSON.parse(seen.text()))
    .filter(({ method }) => method === "notifications/progress")
    .map(({ params }) => params.progress).sort((one, other) => one - other);
  assertEquals(steps, Array.from({ length: count }, (_, step) => step));
});

Deno.test("requests are sent in the order in which they came", async () => {
  await using server = await RawServer.start(mcp({}));
  await using client = new StreamClient({ url: server.url, maxConcurrency: 1 });
  for (let id = 0; id < 50; id++) client.request(id, "m");
  await client.close();
  assertEquals(
    server.requests.all.map((seen) => JSON.parse(seen.text()).id),
    Array.from({ length: 50 }, (_, id) => id),
  );
});

Deno.test("calls that all await the user's answer do not keep that answer from being sent", async () => {
  const places = 64;
  const answers = new Map<string, PromiseWithResolvers<void>>();
  await using server = await RawServer.start(mcp({
    "tools/call": async (message, reply) => {
      const answered = Promise.withResolvers<void>();
      answers.set(`ask-${message.id}`, answered);
      const stream = await reply.sse();
      const id = `ask-${message.id}`;
      await stream.message({
        jsonrpc: "2.0",
        id,
        method: "elicitation/create",
      });
      await answered.promise;
      await stream.message(result(message));
      await stream.end();
    },
    response: async (message, reply) => {
      await reply.status(202);
      answers.get(message.id)?.resolve();
    },
  }));
  await using client = new StreamClient({ url: server.url });
  for (let id = 0; id < places; id++) client.request(id, "tools/call");
  const asked: string[] = [];
  while (asked.length < places) asked.push((await client.next()).json.id);
  // With every place taken, a ping and a notification pass as well.
  client.request("p", "ping");
  assertEquals((await client.next()).json.id, "p");
  client.notify("notifications/progress", {});
  await server.requests.find((seen) => seen.text().includes("progress"));
  for (const id of asked) client.send({ jsonrpc: "2.0", id, result: {} });
  const done = new Set<number>();
  while (done.size < places) done.add((await client.next()).json.id);
});

Deno.test("a request that is cancelled while it waits its turn is never sent", async () => {
  const release = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    slow: async (message, reply) => {
      await release.promise;
      await reply.json(result(message));
    },
  }));
  await using client = new StreamClient({ url: server.url, maxConcurrency: 1 });
  client.request(1, "slow");
  await server.requests.at(0);
  client.request(2, "never");
  client.notify("notifications/cancelled", { requestId: 2 });
  client.request(3, "m");
  // Whatever has no place to wait for is through when this is answered.
  client.request("p", "ping");
  await client.answer("p");
  release.resolve();
  assertEquals(
    (await client.close()).map(({ json }) => json.id).sort(),
    [1, 3],
  );
  assertEquals(
    server.requests.all.map((seen) => JSON.parse(seen.text()).method),
    ["slow", "ping", "m"],
  );
});

Deno.test("a cancelled request gives its place to the next one at once", async () => {
  await using server = await RawServer.start(mcp({
    hang: (_message, reply) => reply.hang(),
  }));
  await using client = new StreamClient({ url: server.url, maxConcurrency: 1 });
  client.request(1, "hang");
  await server.requests.at(0);
  client.request(2, "m");
  client.notify("notifications/cancelled", { requestId: 1 });
  assertEquals((await client.next()).json.id, 2);
});

Deno.test("the time of a request runs while it waits its turn", async () => {
  await using server = await RawServer.start(mcp({
    hang: (_message, reply) => reply.hang(),
  }));
  await using client = new StreamClient({
    url: server.url,
    maxConcurrency: 1,
    timeoutMs: 100,
  });
  for (const id of [1, 2, 3]) client.request(id, "hang");
  const answers = [
    await client.answer(1),
    await client.answer(2),
    await client.answer(3),
  ];
  assertEquals(
    answers.map(({ json }) => json.error.code),
    [-31014, -31014, -31014],
  );
});

for (const timeoutResetOnProgress of [true, false]) {
  Deno.test(`each message of the target's ${timeoutResetOnProgress ? "starts the time anew with" : "leaves the time as it is without"} the option`, async () => {
    const opened = Promise.withResolvers<RawEventStream>();
    await using server = await RawServer.start(mcp({
      m: async (_message, reply) => {
        const stream = await reply.sse();
        opened.resolve(stream);
        await stream.closed;
      },
    }));
    using clock = new Clock();
    await using client = new StreamClient({
      url: server.url,
      timeoutMs: 60_000,
      timeoutResetOnProgress,
    });
    client.request(1, "m");
    const stream = await opened.promise;
    for (let step = 0; step < 3; step++) {
      await clock.pass(25_000);
      await stream.message({ jsonrpc: "2.0", method: "n" });
      if (step < 2) assertEquals((await client.next()).json.method, "n");
    }
    if (timeoutResetOnProgress) await stream.message(result({ id: 1 }));
    const { json } = await client.answer(1);
    assertEquals("result" in json, timeoutResetOnProgress);
  });
}

Deno.test("streams that the target leaves open after its answers do not pile up", async () => {
  await using server = await RawServer.start(mcp({
    m: async (message, reply) => {
      const stream = await reply.sse();
      await stream.message(result(message));
      await stream.closed;
    },
  }));
  await using client = new StreamClient({ url: server.url });
  for (let id = 0; id < 300; id++) {
    client.request(id, "m");
    await client.answer(id);
  }
  assert(server.openCount <= 64, `${server.openCount} connections are open`);
});
