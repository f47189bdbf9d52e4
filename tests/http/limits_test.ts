/** What the HTTP front takes: how much, how long, how many. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Clock } from "../support/clock.ts";
import { within } from "../support/deadline.ts";
import { Front, type FrontOptions } from "../support/http_front.ts";
import { RawClient } from "../support/raw_client.ts";
import { mcp, result } from "../support/raw_mcp.ts";
import { type RawHandler, RawServer } from "../support/raw_server.ts";

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

/** A message of this many bytes. */
function messageOf(byteLength: number): string {
  const message = '{"jsonrpc":"2.0","id":1,"method":"m","params":{"x":""}}';
  const filling = "x".repeat(byteLength - message.length);
  return message.replace('""', `"${filling}"`);
}

/** A target and a front without a token before it. */
class World implements AsyncDisposable {
  private constructor(readonly target: RawServer, readonly front: Front) {}

  static async start(
    options: Partial<FrontOptions>,
    handler: RawHandler = mcp({}),
  ): Promise<World> {
    const target = await RawServer.start(handler);
    const front = await Front.start({
      target: target.url,
      token: false,
      ...options,
    });
    return new World(target, front);
  }

  /** Sends lines of a head, and nothing after it. */
  async open(...lines: string[]): Promise<RawClient> {
    const client = await RawClient.connect(this.front.port);
    await client.sendHead(...lines);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.front[Symbol.asyncDispose]();
    await this.target[Symbol.asyncDispose]();
  }
}

Deno.test("a body of the largest size passes, and one byte more is 413", async () => {
  await using world = await World.start({ maxBodyBytes: 100_000 });
  const right = await world.front.post(messageOf(100_000));
  assertEquals((await right.json()).id, 1);
  const large = await world.front.post(messageOf(100_001));
  const { error } = await large.json();
  assertEquals([large.status, error.code], [413, -31016]);
  assertEquals(error.data.limitBytes, 100_000);
  assertStringIncludes(error.message, "--max-frame");
  assertEquals(world.target.requests.length, 1);
});

Deno.test("a body that is too large and does not say so is 413, too", async () => {
  await using world = await World.start({ maxBodyBytes: 1000 });
  const chunked = await fetch(world.front.url, {
    method: "POST",
    body: new Blob([messageOf(500), messageOf(501)]).stream(),
  });
  assertEquals(chunked.status, 413);
  await chunked.body?.cancel();
  const right = await fetch(world.front.url, {
    method: "POST",
    body: new Blob([messageOf(1000)]).stream(),
  });
  assertEquals((await right.json()).id, 1);
  assertEquals(world.target.requests.all[0].text(), messageOf(1000));
});

Deno.test("a body that is announced too large is refused before it comes", async () => {
  await using world = await World.start({ maxBodyBytes: 1000 });
  using client = await world.open(
    "POST /mcp HTTP/1.1",
    "Host: localhost",
    "Content-Length: 1001",
  );
  assertEquals((await client.head()).status, 413);
});

Deno.test("a body in very many pieces takes no more than its size", async () => {
  await using world = await World.start({});
  using client = await world.open(
    "POST /mcp HTTP/1.1",
    "Host: localhost",
    "Transfer-Encoding: chunked",
  );
  const message = messageOf(50_000);
  const chunks = [...message].map((char) => `1\r\n${char}\r\n`);
  await client.send(`${chunks.join("")}0\r\n\r\n`);
  assertEquals((await client.head()).status, 200);
  assertEquals(world.target.requests.all[0].text(), message);
});

Deno.test("more bodies than there is memory for are 503, until one is gone", async () => {
  const asked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  let count = 0;
  await using world = await World.start({ maxBodyBytes: 1000 }, async (
    request,
    reply,
  ) => {
    if (++count === 4) asked.resolve();
    await release.promise;
    await reply.json(result(JSON.parse(request.text())));
  });
  const held = Array.from(
    { length: 4 },
    () => world.front.post(messageOf(1000)),
  );
  await within(asked.promise, "four requests");
  const refused = await world.front.post(PING);
  const { error } = await refused.json();
  assertEquals([refused.status, error.data.mayHaveRun], [503, false]);
  assertEquals(refused.headers.get("retry-after"), "1");
  release.resolve();
  for (const answer of held) assertEquals((await (await answer).json()).id, 1);
  const taken = await world.front.post(PING);
  assertEquals((await taken.json()).id, 1);
});

Deno.test("bodies that came to nothing leave their memory to others", async () => {
  await using world = await World.start({
    maxBodyBytes: 1000,
    bodyTimeoutMs: 50,
  });
  for (let late = 0; late < 5; late++) {
    using client = await world.open(
      "POST /mcp HTTP/1.1",
      "Host: localhost",
      "Content-Length: 1000",
    );
    await client.send("x".repeat(999));
    assertEquals((await client.head()).status, 408);
  }
  const post = () => world.front.post(messageOf(1000));
  let right = await post();
  // On a machine that is slow this one is late, too.
  while (right.status === 408) {
    right = (await right.body?.cancel(), await post());
  }
  assertEquals((await right.json()).id, 1);
});

Deno.test("more requests than are allowed at a time are 503, until one is answered", async () => {
  const asked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  await using world = await World.start({ maxRequests: 1 }, async (
    request,
    reply,
  ) => {
    asked.resolve();
    await release.promise;
    await reply.json(result(JSON.parse(request.text())));
  });
  const first = world.front.post(PING);
  await within(asked.promise, "the first request");
  const second = await world.front.post(PING);
  const { error } = await second.json();
  assertEquals([second.status, error.code], [503, -31020]);
  assertEquals(error.data, {
    source: "sigv4-proxy",
    reason: "overloaded",
    mayHaveRun: false,
  });
  assertEquals(second.headers.get("retry-after"), "1");
  release.resolve();
  assertEquals((await (await first).json()).id, 1);
  const third = await world.front.post(PING);
  assertEquals((await third.json()).id, 1);
});

Deno.test("standing streams have a limit of their own, and take no room of requests", async () => {
  await using world = await World.start(
    { maxRequests: 1, maxStreams: 2 },
    mcp({
      "GET": async (_message, reply) => {
        const stream = await reply.sse();
        await stream.closed;
      },
      "subscriptions/listen": async (_message, reply) => {
        const stream = await reply.sse();
        await stream.closed;
      },
    }),
  );
  const listen = () =>
    world.front.post(
      { jsonrpc: "2.0", id: 1, method: "subscriptions/listen" },
      { "mcp-method": "subscriptions/listen" },
    );
  const streams = [await world.front.fetch(), await listen()];
  assertEquals(streams.map(({ status }) => status), [200, 200]);
  for (const refused of [await world.front.fetch(), await listen()]) {
    const { error } = await refused.json();
    assertEquals([refused.status, error.code], [503, -31020]);
    assertStringIncludes(error.message, "2 streams stand open");
  }
  assertEquals((await (await world.front.post(PING)).json()).id, 1);
  for (const stream of streams) await stream.body?.cancel();
});

Deno.test("connections that bring nothing are bounded, and leave room when they go", async () => {
  await using world = await World.start({ maxRequests: 1, maxStreams: 1 });
  const head = ["GET /healthz HTTP/1.1", "Host: localhost"];
  {
    using idle = new DisposableStack();
    const spare = 256;
    for (let count = 0; count < 2 + spare; count++) {
      const client = idle.use(await world.open(...head));
      assertEquals((await client.head()).status, 200);
    }
    using late = await RawClient.connect(world.front.port);
    await late.sendHead(...head).catch(() => {});
    assertEquals(await late.rest(), "");
  }
  const healthy = async (): Promise<boolean> => {
    using client = await RawClient.connect(world.front.port);
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
  await using world = await World.start({ maxHeadBytes: 8192 });
  for (const size of [9_000, 100_000]) {
    using client = await RawClient.connect(world.front.port);
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
  await using world = await World.start({});
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
    await using world = await World.start({ headTimeoutMs: 200 });
    using client = await RawClient.connect(world.front.port);
    await client.send(bytes);
    assertStringIncludes(await client.rest(), "HTTP/1.1 408 ");
  });
}

Deno.test("a body that stops coming is 408", async () => {
  await using world = await World.start({ bodyTimeoutMs: 40 });
  using client = await world.open(
    "POST /mcp HTTP/1.1",
    "Host: localhost",
    "Content-Length: 1000",
  );
  await client.send("{");
  assertEquals((await client.head()).status, 408);
  assertStringIncludes(await client.until("}}"), "-31014");
  assertEquals(world.target.requests.length, 0);
});

Deno.test("a body that comes byte by byte for too long is 408", async () => {
  await using world = await World.start({
    bodyTimeoutMs: 60_000,
    wholeBodyTimeoutMs: 200,
  });
  using client = await world.open(
    "POST /mcp HTTP/1.1",
    "Host: localhost",
    "Content-Length: 60000000",
  );
  let isAnswered = false;
  const answered = client.head().finally(() => isAnswered = true);
  while (!isAnswered) await client.send("x");
  assertEquals((await answered).status, 408);
  assertStringIncludes(await client.until("}}"), "did not come within 200 ms");
  assertEquals(world.target.requests.length, 0);
});

Deno.test("a body that is announced too large is refused before the client is told to send it", async () => {
  await using world = await World.start({ maxBodyBytes: 1000 });
  const lines = ["POST /mcp HTTP/1.1", "Host: localhost"];
  const expect = "Expect: 100-continue";
  using large = await world.open(...lines, "Content-Length: 1001", expect);
  assertEquals((await large.head()).status, 413);
  using right = await world.open(...lines, "Content-Length: 1000", expect);
  assertEquals((await right.head()).status, 100);
});

Deno.test("bodies that are announced and do not come take no memory", async () => {
  const size = 64 * 1024 * 1024;
  await using world = await World.start({ maxBodyBytes: size });
  using clients = new DisposableStack();
  const before = Deno.memoryUsage().external;
  for (let count = 0; count < 10; count++) {
    const client = clients.use(
      await world.open(
        "POST /mcp HTTP/1.1",
        "Host: localhost",
        `Content-Length: ${size}`,
        "Expect: 100-continue",
      ),
    );
    assertEquals((await client.head()).status, 100);
    await client.send("{");
  }
  const right = await world.front.post(PING);
  assertEquals((await right.json()).id, 1);
  const taken = Deno.memoryUsage().external - before;
  assert(taken < size, `${taken} bytes`);
});

Deno.test("a client that leaves in the middle of its body leaves nothing behind", async () => {
  await using world = await World.start({ maxRequests: 1 });
  {
    using client = await world.open(
      "POST /mcp HTTP/1.1",
      "Host: localhost",
      "Content-Length: 1000",
    );
    await client.send("{");
  }
  const line = await world.front.log.find((line) => line.includes("answered"));
  assertEquals(JSON.parse(line).complete, false);
  assertEquals((await world.front.post(PING)).status, 200);
});

Deno.test("what is no HTTP is 400, and the connection is closed", async () => {
  await using world = await World.start({});
  for (
    const text of [
      "hello\r\n\r\n",
      "GET /mcp HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n",
      "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    ]
  ) {
    using client = await RawClient.connect(world.front.port);
    await client.send(text);
    assertStringIncludes(await client.rest(), "HTTP/1.1 400 ", text);
  }
  assertEquals(world.target.requests.length, 0);
});

Deno.test("a body in a coding that is not taken off is 501, and not sent on", async () => {
  await using world = await World.start({});
  const head = ["POST /mcp HTTP/1.1", "Host: localhost"];
  using coded = await world.open(...head, "Transfer-Encoding: gzip, chunked");
  assertEquals((await coded.head()).status, 501);
  using plain = await world.open(...head, "Transfer-Encoding: Chunked");
  await plain.send(`${PING.length.toString(16)}\r\n${PING}\r\n0\r\n\r\n`);
  assertEquals((await plain.head()).status, 200);
  assertEquals(world.target.requests.length, 1);
});

Deno.test({
  name: "a connection is probed, so that one to a dead machine ends",
  // Elsewhere a process is not told of its timers.
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using world = await World.start({});
    using client = await RawClient.connect(world.front.port);
    await client.sendHead("GET /healthz HTTP/1.1", "Host: localhost");
    assertEquals((await client.head()).status, 200);
    const local = `:${world.front.port.toString(16).padStart(4, "0")}`;
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

Deno.test("an answer that does not begin in time is 504 with the request's id", async () => {
  await using world = await World.start(
    { timeoutMs: 40 },
    mcp({
      hang: (_message, reply) => reply.hang(),
    }),
  );
  const answer = await world.front.post({
    jsonrpc: "2.0",
    id: "late",
    method: "hang",
  });
  const { id, error } = await answer.json();
  assertEquals([answer.status, id, error.code], [504, "late", -31014]);
  assertStringIncludes(error.message, "--timeout");
});

Deno.test("an answer in which nothing moves is broken off", async () => {
  const left = Promise.withResolvers<void>();
  using clock = new Clock();
  await using world = await World.start(
    { idleTimeoutMs: 60_000 },
    mcp({
      stall: async (_message, reply) => {
        const stream = await reply.sse();
        await stream.event({ data: "{}" });
        await stream.closed;
        left.resolve();
      },
    }),
  );
  const answer = await world.front.post({
    jsonrpc: "2.0",
    id: 1,
    method: "stall",
  });
  const reader = answer.body!.getReader();
  await reader.read();
  const cut = assertRejects(() => reader.read(), TypeError);
  await clock.pass(61_000);
  await cut;
  await within(left.promise, "the target to be left");
  assertStringIncludes(world.front.logText, "--idle-timeout");
});

Deno.test("an event begins the time of an answer anew where that is wanted, and not elsewhere", async () => {
  const handler: RawHandler = async (_request, reply) => {
    const stream = await reply.sse();
    await stream.comment();
    await asked.promise;
    await stream.comment();
    await stream.closed;
  };
  const asked = Promise.withResolvers<void>();
  using clock = new Clock();
  await using strict = await World.start({ timeoutMs: 60_000 }, handler);
  await using patient = await World.start(
    { timeoutMs: 60_000, timeoutResetOnProgress: true },
    handler,
  );
  const readers = [];
  for (const { front } of [strict, patient]) {
    const reader = (await front.post(PING)).body!.getReader();
    readers.push(reader);
    await reader.read();
  }
  await clock.pass(40_000);
  asked.resolve();
  for (const reader of readers) await reader.read();
  const [cut, open] = readers.map((reader) =>
    assertRejects(() => within(reader.read(), "the limit"), TypeError)
  );
  await clock.pass(40_000);
  await cut;
  assertStringIncludes(strict.front.logText, "--timeout");
  assertEquals(patient.front.logText.includes("--timeout"), false);
  await clock.pass(21_000);
  await open;
});

Deno.test("a GET stream and a listen stand open beyond all limits", async () => {
  const released = Promise.withResolvers<void>();
  const stand: RawHandler = async (_request, reply) => {
    const stream = await reply.sse();
    await released.promise;
    await stream.event({ data: "{}" });
    await stream.end();
  };
  const limits = { timeoutMs: 60_000, idleTimeoutMs: 60_000 };
  using clock = new Clock();
  await using world = await World.start(limits, (request, reply) => {
    if (!request.text().includes('"stall"')) return stand(request, reply);
    return reply.hang();
  });
  const streams = [
    await world.front.fetch(),
    await world.front.post({
      jsonrpc: "2.0",
      id: 1,
      method: "subscriptions/listen",
    }, { "mcp-method": "subscriptions/listen" }),
    await world.front.post({
      jsonrpc: "2.0",
      id: 3,
      method: "subscriptions/listen",
    }),
  ];
  // The same limits have passed for this one, which began later.
  const late = world.front.post({
    jsonrpc: "2.0",
    id: 2,
    method: "stall",
  });
  await world.target.requests.at(3);
  await clock.pass(61_000);
  assertEquals((await late).status, 504);
  await (await late).body?.cancel();
  released.resolve();
  for (const stream of streams) {
    assertEquals(await stream.text(), "data: {}\n\n");
  }
});

Deno.test("the rest of a refused body may come, so that the client sees why", async () => {
  using clock = new Clock();
  await using world = await World.start({ maxBodyBytes: 1000 });
  const size = 8 * 1024 * 1024;
  using client = await world.open(
    "POST /mcp HTTP/1.1",
    "Host: localhost",
    `Content-Length: ${size}`,
  );
  const told = (async () => {
    await client.send(new Uint8Array(size));
    return [await client.head(), await client.rest()] as const;
  })();
  let isTold = false;
  told.catch(() => {}).finally(() => isTold = true);
  // The front rests after each piece.
  while (!isTold) await Promise.race([told, clock.ring(10)]);
  const [{ status, headers }, rest] = await told;
  assertEquals([status, headers.get("connection")], [413, "close"]);
  assertStringIncludes(rest, "-31016");
});
