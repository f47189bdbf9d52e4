/** What the HTTP server takes: how much, how long, how many. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { within } from "../../support/time/deadline.ts";
import { RawClient } from "../../support/raw/client.ts";
import { onCue } from "../on_cue.ts";
import { PING, World } from "./world.ts";

Deno.test("more requests than are allowed at a time are 503, until one is answered", async () => {
  const { handler, asked, go } = onCue();
  await using world = await World.make({ maxRequests: 1 }, { ping: handler });
  const first = world.post(PING);
  await asked;
  const second = await world.post(PING);
  const { error } = await second.json();
  assertEquals([second.status, error.code], [503, -31020]);
  assertEquals(error.data, {
    source: "sigv4-proxy",
    reason: "overloaded",
    mayHaveRun: false,
  });
  assertEquals(second.headers.get("retry-after"), "1");
  go();
  assertEquals((await (await first).json()).id, 1);
  const third = await world.post(PING);
  assertEquals((await third.json()).id, 1);
});

Deno.test("standing streams have a limit of their own, and take no room of requests", async () => {
  await using world = await World.make(
    { maxRequests: 1, maxStreams: 2 },
    {
      "GET": async (_message, reply) => {
        const stream = await reply.sse();
        await stream.closed;
      },
      "subscriptions/listen": async (_message, reply) => {
        const stream = await reply.sse();
        await stream.closed;
      },
    },
  );
  const listen = () =>
    world.post(
      { jsonrpc: "2.0", id: 1, method: "subscriptions/listen" },
      { "mcp-method": "subscriptions/listen" },
    );
  const streams = [await world.fetch(), await listen()];
  assertEquals(streams.map(({ status }) => status), [200, 200]);
  for (const refused of [await world.fetch(), await listen()]) {
    const { error } = await refused.json();
    assertEquals([refused.status, error.code], [503, -31020]);
    assertStringIncludes(error.message, "2 streams stand open");
  }
  assertEquals((await (await world.post(PING)).json()).id, 1);
  for (const stream of streams) await stream.body?.cancel();
});

Deno.test("connections that bring nothing are bounded, and leave room when they go", async () => {
  await using world = await World.make({ maxRequests: 1, maxStreams: 1 });
  const head = ["GET /healthz HTTP/1.1", "Host: localhost"];
  {
    using idle = new DisposableStack();
    const spare = 256;
    for (let count = 0; count < 2 + spare; count++) {
      const client = idle.use(await world.open(...head));
      assertEquals((await client.head()).status, 200);
    }
    using late = await RawClient.connect(world.port);
    await late.sendHead(...head).catch(() => {});
    assertEquals(await late.rest(), "");
  }
  const healthy = async (): Promise<boolean> => {
    using client = await RawClient.connect(world.port);
    await client.sendHead(...head).catch(() => {});
    return await client.head().then(
      ({ status }) => status === 200,
      () => false,
    );
  };
  // That a connection has ended is noticed in its own time.
  const untilHealthy = async (): Promise<void> => {
    while (!await healthy());
  };
  await within(untilHealthy(), "room for one more");
});

Deno.test("a head that is too large is 431", async () => {
  await using world = await World.make({ maxHeadBytes: 8192 });
  for (const size of [9_000, 100_000]) {
    using client = await RawClient.connect(world.port);
    await client.sendHead(
      "POST /mcp HTTP/1.1",
      "Host: localhost",
      `X-Large: ${"x".repeat(size)}`,
    ).catch(() => {});
    const head = await client.head();
    assertEquals([head.status, head.headers.get("connection")], [431, "close"]);
  }
  assertEquals(world.target.requests.length, 0);
});

Deno.test("a head of very many headers is 431", async () => {
  await using world = await World.make({});
  const lines = (count: number) =>
    Array.from({ length: count }, (_, at) => `X-${at}: 1`);
  const head = ["GET /healthz HTTP/1.1", "Host: localhost"];
  using right = await world.open(...head, ...lines(150));
  assertEquals((await right.head()).status, 200);
  for (const count of [201, 1500, 3000]) {
    using client = await world.open(...head, ...lines(count));
    assertEquals((await client.head()).status, 431, `${count}`);
  }
});

for (
  const bytes of [
    "",
    "POST /mcp HTT",
    "POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
  ]
) {
  Deno.test(`a head that stops after ${bytes.length} bytes is 408, and the connection is closed`, async () => {
    await using world = await World.make({ headTimeoutMs: 200 });
    using client = await RawClient.connect(world.port);
    await client.send(bytes);
    assertStringIncludes(await client.rest(), "HTTP/1.1 408 ");
  });
}

Deno.test("what is no HTTP is 400, and the connection is closed", async () => {
  await using world = await World.make({});
  for (
    const text of [
      "hello\r\n\r\n",
      "GET /mcp HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n",
      "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    ]
  ) {
    using client = await RawClient.connect(world.port);
    await client.send(text);
    assertStringIncludes(await client.rest(), "HTTP/1.1 400 ", text);
  }
  assertEquals(world.target.requests.length, 0);
});

Deno.test({
  name: "a connection is probed, so that one to a dead machine ends",
  // Elsewhere a process is not told of its timers.
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using world = await World.make({});
    using client = await RawClient.connect(world.port);
    await client.sendHead("GET /healthz HTTP/1.1", "Host: localhost");
    assertEquals((await client.head()).status, 200);
    const local = `:${world.port.toString(16).padStart(4, "0")}`;
    const rows = (await Deno.readTextFile("/proc/net/tcp")).split("\n")
      .map((line) => line.trim().toLowerCase().split(/\s+/));
    const [, , , state, , timer] = rows.find(([, from, , state]) =>
      from?.endsWith(local) && state === "01"
    ) ??
      [];
    // proc(5): established; 2 is the timer for probes.
    assertEquals([state, timer?.split(":")[0]], ["01", "02"]);
  },
});
