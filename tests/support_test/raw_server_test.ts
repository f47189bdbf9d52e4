/** The raw server does to a connection what a test says. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { aws4Fetch } from "../support/sigv4/aws4_signer.ts";
import { RawServer } from "../support/raw/server.ts";

Deno.test("a request is handed over as it came, and its answer is exactly what was said", async () => {
  await using server = await RawServer.start(async (request, reply) => {
    await reply.status(201, { "x-one": "1" }, `${request.target} äö`);
  });
  const response = await fetch(new URL("/a//b%2Fc?x=%20", server.url), {
    method: "POST",
    body: new Blob(["päyload"]),
    headers: { "X-Sent": "yes" },
  });
  assertEquals(response.status, 201);
  assertEquals([...response.headers].map(([name]) => name).sort(), [
    "content-length",
    "x-one",
  ]);
  assertEquals(await response.text(), "/a//b%2Fc?x=%20 äö");
  const request = await server.requests.at(0);
  assertEquals(request.method, "POST");
  assertEquals(request.text(), "päyload");
  assertEquals(request.header("X-sent"), "yes");
});

Deno.test("a chunked request body is read whole", async () => {
  await using server = await RawServer.start(async (request, reply) => {
    await reply.status(200, {}, request.body);
  });
  const body = ReadableStream.from(["one ", "two ", "x".repeat(100_000)])
    .pipeThrough(new TextEncoderStream());
  const response = await fetch(server.url, { method: "POST", body });
  assertEquals(await response.text(), `one two ${"x".repeat(100_000)}`);
  assertEquals(server.requests.all[0]?.header("transfer-encoding"), "chunked");
});

Deno.test("requests that arrive in pieces, or several at once, are told apart", async () => {
  await using server = await RawServer.start(async (request, reply) => {
    await reply.status(200, {}, `[${request.target} ${request.text()}]`);
    if (request.target === "/last") await reply.cut();
  });
  const bytes = new TextEncoder().encode(
    "POST /first HTTP/1.1\r\nContent-Length: 2\r\n\r\nab" +
      "POST /chunked HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" +
      "1\r\nc\r\n3\r\nd\r\n\r\n0\r\n\r\n" +
      "GET /last HTTP/1.1\r\nHost: h\r\n\r\n",
  );
  for (const size of [1, 7, bytes.length]) {
    const connection = await Deno.connect({
      hostname: "127.0.0.1",
      port: Number(server.url.port),
    });
    const answer = new Response(connection.readable).text();
    const writer = connection.writable.getWriter();
    for (let at = 0; at < bytes.length; at += size) {
      await writer.write(bytes.subarray(at, at + size));
    }
    assertEquals((await answer).match(/\[[^\]]*\]/g), [
      "[/first ab]",
      "[/chunked cd\r\n]",
      "[/last ]",
    ]);
  }
});

Deno.test("a body of 64 MiB arrives whole", async () => {
  await using server = await RawServer.start((request, reply) =>
    reply.status(200, {}, String(request.body.length))
  );
  const body = new Blob([new Uint8Array(64 * 1024 * 1024)]);
  const response = await fetch(server.url, { method: "POST", body });
  assertEquals(await response.text(), String(body.size));
});

Deno.test("connections and the requests on them are counted", async () => {
  await using server = await RawServer.start((_request, reply) =>
    reply.status(200)
  );
  using client = Deno.createHttpClient({});
  for (let i = 0; i < 2; i++) {
    await (await fetch(server.url, { client })).text();
  }
  using other = Deno.createHttpClient({});
  await (await fetch(server.url, { client: other })).text();
  assertEquals(
    server.requests.all.map(({ connection, onConnection, index }) => [
      connection,
      onConnection,
      index,
    ]),
    [[0, 0, 0], [0, 1, 1], [1, 0, 2]],
  );
  assertEquals(await server.connections.at(1), 1);
  assertEquals(server.openCount, 2);
});

Deno.test("events, comments and raw bytes go out as they are, in chunks of one byte too", async () => {
  for (const chunkBytes of [undefined, 1]) {
    await using server = await RawServer.start(async (_request, reply) => {
      const stream = await reply.sse(
        { "x-one": "1" },
        chunkBytes === undefined ? {} : { chunkBytes },
      );
      await stream.event({ id: "1", event: "message", data: "a\nb", retry: 5 });
      await stream.comment("still here");
      await stream.message({ ok: "é" }, "2");
      await stream.raw("data: unfinished");
      await stream.end();
    });
    const response = await fetch(server.url);
    assertEquals(response.headers.get("content-type"), "text/event-stream");
    assertEquals(
      await response.text(),
      "event: message\nid: 1\nretry: 5\ndata: a\ndata: b\n\n" +
        ": still here\n\n" +
        'event: message\nid: 2\ndata: {"ok":"é"}\n\n' +
        "data: unfinished",
    );
  }
});

Deno.test("a stream can be cut in the middle of a character", async () => {
  await using server = await RawServer.start(async (_request, reply) => {
    const stream = await reply.stream(200);
    await stream.raw(new TextEncoder().encode("aé").subarray(0, 2));
    await stream.cut();
  });
  const response = await fetch(server.url);
  const reader = response.body?.getReader();
  assertEquals((await reader?.read())?.value, Uint8Array.of(0x61, 0xc3));
  await assertRejects(() => reader?.read() ?? Promise.resolve(), TypeError);
});

for (
  const [what, bytes] of [
    ["before the head", ""],
    ["in the middle of the head", "HTTP/1.1 200 OK\r\nContent-Ty"],
    [
      "in the middle of the body",
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
    ],
  ] as const
) {
  for (const how of ["cut", "reset"] as const) {
    Deno.test(`a connection can be ended by ${how} ${what}`, async () => {
      await using server = await RawServer.start(async (_request, reply) => {
        await reply.write(bytes);
        await reply[how]();
      });
      await assertRejects(
        async () => await (await fetch(server.url)).text(),
        TypeError,
      );
      assertEquals(server.requests.length, 1);
    });
  }
}

Deno.test("a reset is a reset, a cut is an end", async () => {
  await using server = await RawServer.start(async (request, reply) => {
    if (request.target === "/reset") await reply.reset();
    else await reply.cut();
  });
  const port = Number(server.url.port);
  const ask = async (target: string): Promise<number | null> => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const request = `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    return await connection.read(new Uint8Array(9));
  };
  assertEquals(await ask("/cut"), null);
  await assertRejects(() => ask("/reset"), Deno.errors.ConnectionReset);
});

Deno.test("a silent server sees its client give up", async () => {
  const gone = Promise.withResolvers<string>();
  await using server = await RawServer.start(async (_request, reply) => {
    await reply.hang();
    gone.resolve("gone");
  });
  const controller = new AbortController();
  const call = fetch(server.url, { signal: controller.signal });
  await server.requests.at(0);
  controller.abort();
  await assertRejects(() => call, DOMException);
  assertEquals(await gone.promise, "gone");
});

Deno.test("writing to a client that is gone is no error", async () => {
  const written = Promise.withResolvers<void>();
  await using server = await RawServer.start(async (_request, reply) => {
    const stream = await reply.sse();
    await stream.comment();
    await stream.closed;
    await stream.comment();
    await stream.end();
    written.resolve();
  });
  const response = await fetch(server.url);
  await response.body?.cancel();
  await written.promise;
});

Deno.test("a stopped server refuses connections, a restarted one keeps its port", async () => {
  await using server = await RawServer.start((_request, reply) =>
    reply.json({ ok: true })
  );
  const { href } = server.url;
  await (await fetch(href)).text();
  await server.stop();
  await assertRejects(() => fetch(href), TypeError);
  await server.start();
  assertEquals(await (await fetch(href)).json(), { ok: true });
  await server.restart();
  assertEquals(await (await fetch(href)).json(), { ok: true });
  assertEquals(server.url.href, href);
});

Deno.test("what a handler throws is thrown when the server is disposed", async () => {
  const server = await RawServer.start(() => {
    throw new Error("assertion in a handler");
  });
  await assertRejects(() => fetch(server.url), TypeError);
  await assertRejects(
    () => server[Symbol.asyncDispose](),
    Error,
    "assertion in a handler",
  );
});

Deno.test("with a verifier only signed requests reach the handler", async () => {
  const key = { accessKeyId: "AKIDTEST", secretAccessKey: "secret-of-tests" };
  const scope = { region: "eu-west-1", service: "execute-api" };
  await using server = await RawServer.start({
    verifier: { ...scope, principals: { AKIDTEST: key } },
    handler: (request, reply) => {
      assert(request.verdict?.ok);
      return reply.status(204);
    },
  });
  assertEquals((await aws4Fetch(key, scope)(server.url)).status, 204);
  const refused = await fetch(server.url);
  assertEquals(refused.status, 403);
  assertEquals(await refused.json(), {
    message: "Missing Authentication Token",
  });
});
