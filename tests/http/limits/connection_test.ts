/** What one connection may cost the HTTP server, and how it ends. */
import { assert, assertEquals } from "@std/assert";
import { once } from "node:events";
import { createServer } from "node:http";
import {
  BodyDiscard,
  DISCARD_MS,
  MAX_DISCARDED_BYTES,
  REST_MS,
} from "../../../src/http/discard.ts";
import { Clock } from "../../support/time/clock.ts";
import { within } from "../../support/time/deadline.ts";
import {
  HttpProxy,
  type HttpProxyStart,
  TEST_TOKEN,
} from "../../support/program/http_proxy.ts";
import { readAnswers } from "../../support/raw/answers.ts";
import { RawClient } from "../../support/raw/client.ts";
import { RawServer, type SeenRequest } from "../../support/raw/server.ts";
import { listenOn } from "../../support/net/loopback.ts";

const WITH_TOKEN = [
  "Host: localhost",
  `Authorization: Bearer ${TEST_TOKEN}`,
  "Content-Type: application/json",
];

/** A request as text. */
function post(body: string, lines: readonly string[] = WITH_TOKEN): string {
  return [
    "POST /mcp HTTP/1.1",
    ...lines,
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}

function call(id: number, method = "tools/call"): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method });
}

/** An HTTP server before a target that answers nothing, and tells who left it. */
class HangingWorld implements AsyncDisposable {
  readonly left: Promise<void>[] = [];
  readonly #stack = new AsyncDisposableStack();

  private constructor(readonly target: RawServer, readonly proxy: HttpProxy) {}

  static async start(
    options: Partial<HttpProxyStart> = {},
  ): Promise<HangingWorld> {
    let note: (closed: Promise<void>) => void = () => {};
    const target = await RawServer.start(async (request, reply) => {
      if (isPing(request)) return await reply.status(202);
      note(reply.closed);
      await reply.hang();
    });
    const proxy = await HttpProxy.start({ target: target.url, ...options });
    const world = new HangingWorld(target, proxy);
    note = (closed) => world.left.push(closed);
    world.#stack.use(target);
    world.#stack.use(proxy);
    return world;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function isPing(request: SeenRequest): boolean {
  return request.text().includes('"ping"');
}

Deno.test("a client that leaves takes all its requests along, also those that wait behind another", async () => {
  await using world = await HangingWorld.start({
    maxRequests: 10,
    drainMs: 60_000,
  });
  const { proxy, target, left } = world;
  const client = await RawClient.connect(proxy.port);
  await client.sendHead("GET /mcp HTTP/1.1", ...WITH_TOKEN);
  for (let id = 1; id <= 10; id++) await client.send(post(call(id)));
  await within(target.requests.at(10), "all requests");
  assertEquals(
    (await proxy.post({ jsonrpc: "2.0", method: "ping" })).status,
    503,
  );
  client.close();
  await within(Promise.all(left), "the target to be left");
  assertEquals(left.length, 11);
  const after = await proxy.post({ jsonrpc: "2.0", method: "ping" });
  assertEquals(after.status, 202);
  // Nothing is under way any more: it waits for nothing.
  await proxy.stop();
});

Deno.test("a client that leaves is heard behind an answer that was refused, too", async () => {
  await using world = await HangingWorld.start();
  const { proxy, target, left } = world;
  const client = await RawClient.connect(proxy.port);
  await client.send(post(call(1)) + post("[]", ["Host: localhost"]));
  await within(target.requests.at(0), "the call");
  client.close();
  await within(Promise.all(left), "the target to be left");
});

Deno.test("after an answer that closes the connection no request of it is carried", async () => {
  await using proxy = await HttpProxy.before({});
  using client = await RawClient.connect(proxy.port);
  await client.send(post(call(1), ["Host: localhost"]) + post(call(2)));
  const { answers, rest } = readAnswers(await client.rest());
  assertEquals([answers.map(({ status }) => status), rest], [[401], ""]);
  assertEquals(proxy.target.requests.length, 0);
});

Deno.test("what is sent on after a 401 is taken a piece at a time, with a rest after each, and no longer than for a while", async () => {
  await using proxy = await HttpProxy.before({});
  using client = await RawClient.connect(proxy.port);
  using clock = new Clock();
  await client.sendHead(
    "POST /mcp HTTP/1.1",
    "Host: localhost",
    "Content-Length: 99999999999",
  );
  assertEquals((await client.head()).status, 401);
  const sent = flood(client);
  for (let piece = 0; piece < 20; piece++) await clock.ring(REST_MS);
  clock.jump(DISCARD_MS);
  const sentBytes = await clock.until(within(sent, "the end"));
  // Without rests all that may be discarded is; the system's buffers are in it.
  assert(sentBytes < MAX_DISCARDED_BYTES, `${sentBytes} bytes were taken`);
});

/** Sends until the connection is reset: how many bytes that took. */
async function flood(client: RawClient): Promise<number> {
  const piece = new Uint8Array(64 * 1024);
  for (let sentBytes = 0;; sentBytes += piece.length) {
    try {
      await client.send(piece);
    } catch (error) {
      const isReset = error instanceof Deno.errors.ConnectionReset ||
        error instanceof Deno.errors.BrokenPipe;
      if (isReset) return sentBytes;
      throw error;
    }
  }
}

Deno.test("a refused body is waited for on some connections at a time, and on others not", async () => {
  await using proxy = await HttpProxy.before({});
  using clients = new DisposableStack();
  const refused = async (length = 10): Promise<RawClient> => {
    const client = clients.use(await RawClient.connect(proxy.port));
    await client.sendHead(
      "POST /mcp HTTP/1.1",
      "Host: localhost",
      `Content-Length: ${length}`,
    );
    const { status, headers } = await client.head();
    assertEquals([status, headers.get("connection")], [401, "close"]);
    return client;
  };
  const waited: RawClient[] = [];
  for (let i = 0; i < 16; i++) waited.push(await refused());
  const sentBytes = await within(flood(await refused(1e11)), "the end");
  // What the system's buffers take.
  assert(sentBytes < 16 * 1024 * 1024, `${sentBytes} bytes were taken`);
  const [first] = waited;
  await first.send("0123456789");
  await first.rest();
  const next = await refused();
  await next.send("0123456789");
  await next.rest();
});

Deno.test("connections that have closed make room for others whose bodies are waited for", async () => {
  const discard = new BodyDiscard();
  const isWaitedFor: boolean[] = [];
  const closed: Promise<unknown>[] = [];
  const server = createServer((request, response) => {
    closed.push(once(request.socket, "close"));
    response.writeHead(401, { connection: "close" });
    discard.closeAfter(response);
    isWaitedFor.push(request.listenerCount("data") > 0);
    response.end();
  });
  const port = await listenOn(server);
  for (let count = 1; count <= 20; count++) {
    using client = await RawClient.connect(port);
    await client.sendPost("/mcp", ["Host: localhost"], "0123456789");
    await client.rest();
    await within(closed[count - 1], "the end of the connection");
  }
  server.close();
  assertEquals(isWaitedFor, Array(20).fill(true));
});

Deno.test("a connection may bring any number of requests, each after the answer to the one before", async () => {
  await using proxy = await HttpProxy.before({});
  using client = await RawClient.connect(proxy.port);
  for (let count = 0; count < 40; count++) {
    await client.sendHead("GET /healthz HTTP/1.1", "Host: localhost");
    assertEquals((await client.head()).status, 200);
    assertEquals(await client.until("ok\n"), "ok\n");
  }
});

Deno.test("a GET or a DELETE with a body is refused, and its body bounded as any", async () => {
  await using proxy = await HttpProxy.before({});
  for (const method of ["GET", "DELETE"]) {
    using client = await RawClient.connect(proxy.port);
    await client.sendHead(
      `${method} /mcp HTTP/1.1`,
      ...WITH_TOKEN,
      "Transfer-Encoding: chunked",
    );
    await client.send("5\r\nhello\r\n0\r\n\r\n");
    const { answers } = readAnswers(await client.rest());
    assertEquals(answers.map(({ status }) => status), [400]);
    assert(answers[0].body.includes(`a ${method} has no body here`));
  }
  assertEquals(proxy.target.requests.length, 0);
});

Deno.test("a client that offers another protocol is answered in this one", async () => {
  await using proxy = await HttpProxy.before({});
  using client = await RawClient.connect(proxy.port);
  await client.send(post(call(1), [
    ...WITH_TOKEN,
    "Connection: Upgrade, HTTP2-Settings",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
  ]));
  assertEquals((await client.head()).status, 200);
  assertEquals(proxy.target.requests.all[0].text(), call(1));
  assertEquals(
    proxy.target.requests.all[0].header("http2-settings"),
    undefined,
  );
});

for (
  const [what, request] of [
    ["calls", post(call(1))],
    ["calls without a token", post("[]", ["Host: localhost"])],
    ["health checks", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ]
) {
  Deno.test(`a connection that goes on with ${what} before it is answered is closed`, async () => {
    await using world = await HangingWorld.start();
    const { proxy, target, left } = world;
    using client = await RawClient.connect(proxy.port);
    await client.sendHead("GET /mcp HTTP/1.1", ...WITH_TOKEN);
    await client.send(request.repeat(31));
    await within(target.requests.at(0), "the stream");
    await client.send(request.repeat(500));
    assertEquals(await client.rest(), "");
    await within(Promise.all(left), "the target to be left");
    assert(target.requests.length <= 32);
  });
}

Deno.test("an expectation that is not known is refused, and its body bounded as any", async () => {
  await using proxy = await HttpProxy.before({});
  using client = await RawClient.connect(proxy.port);
  await client.send(post(call(1), [...WITH_TOKEN, "Expect: payment"]));
  const { answers } = readAnswers(await client.rest());
  assertEquals(answers.map(({ status }) => status), [417]);
  assertEquals(proxy.target.requests.length, 0);
});

Deno.test("what follows bytes that are no request is not read", async () => {
  await using proxy = await HttpProxy.before({});
  using client = await RawClient.connect(proxy.port);
  await client.send("GARBAGE\r\n\r\n");
  const sentBytes = await within(flood(client), "the end");
  // The system's buffers take some.
  assert(sentBytes < 16 * 1024 * 1024, `${sentBytes} bytes were taken`);
});

for (const path of ["/healthz", "/mcp", "/nowhere"]) {
  Deno.test(`a HEAD of ${path} has no body, and the next answer is the next one`, async () => {
    await using proxy = await HttpProxy.before({});
    using client = await RawClient.connect(proxy.port);
    await client.sendHead(`HEAD ${path} HTTP/1.1`, ...WITH_TOKEN);
    await client.head();
    await client.sendHead(
      "GET /healthz HTTP/1.1",
      "Host: localhost",
      "Connection: close",
    );
    const { answers, rest } = readAnswers(await client.rest());
    assertEquals(answers.map(({ body }) => body), ["ok\n"]);
    assertEquals(rest, "");
  });
}
