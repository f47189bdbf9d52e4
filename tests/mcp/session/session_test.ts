import { assertEquals, assertStringIncludes } from "@std/assert";
import { Clock } from "../../support/clock.ts";
import { Arrivals } from "../../support/arrivals.ts";
import { NOBODY } from "../../support/nobody.ts";
import {
  error,
  INITIALIZED,
  mcp,
  type McpHandler,
  result,
} from "../../support/raw_mcp.ts";
import type { RawEventStream, SentEvent } from "../../support/raw_reply.ts";
import { RawServer, type SeenRequest } from "../../support/raw_server.ts";
import { StreamClient } from "../../support/stream_client.ts";

/** What the client is told when the one request `m` meets this. */
async function answerWhen(
  m: McpHandler,
  options: { maxAnswerBytes?: number } = {},
) {
  await using server = await RawServer.start(mcp({ m }));
  await using client = new StreamClient({ url: server.url, ...options });
  client.request(1, "m");
  const { json } = await client.next();
  const after = await client.close();
  assertEquals(after, [], "nothing follows the one answer");
  assertEquals(json.id, 1);
  return { ...json, requests: server.requests.all };
}

function methods(requests: readonly SeenRequest[]): string[] {
  return requests.map((seen) =>
    seen.method === "POST" ? JSON.parse(seen.text()).method : seen.method
  );
}

Deno.test("a POST has the content type, and accepts both kinds of answer", async () => {
  const { requests } = await answerWhen((message, reply) =>
    reply.json(result(message))
  );
  assertEquals(requests[0].header("content-type"), "application/json");
  assertEquals(
    requests[0].header("accept"),
    "application/json, text/event-stream",
  );
});

for (const status of [202, 204, 200]) {
  Deno.test(`an empty ${status} to a notification or an answer is nothing on stdout`, async () => {
    await using server = await RawServer.start(mcp({
      "notifications/x": (_message, reply) => reply.status(status),
      response: (_message, reply) => reply.status(status),
    }));
    await using client = new StreamClient({ url: server.url });
    client.notify("notifications/x");
    client.send({ jsonrpc: "2.0", id: 9, result: {} });
    client.request(1, "m");
    assertEquals((await client.close()).map(({ json }) => json.id), [1]);
    assertEquals(server.requests.length, 3);
  });

  Deno.test(`an empty ${status} to a request is no-answer`, async () => {
    const { error } = await answerWhen((_message, reply) =>
      reply.status(status)
    );
    assertEquals(
      [error.code, error.data.reason, error.data.status],
      [-31011, "no-answer", status],
    );
  });
}

Deno.test("a JSON body that is a batch goes on as it is", async () => {
  await using server = await RawServer.start(mcp({
    m: (message, reply) =>
      reply.json([{ jsonrpc: "2.0", method: "n" }, result(message)]),
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "m");
  assertEquals(
    (await client.next()).text,
    '[{"jsonrpc":"2.0","method":"n"},{"jsonrpc":"2.0","id":1,"result":{}}]',
  );
});

Deno.test("each event with a message is a frame under whatever name; comments, empty data and other data are none", async () => {
  await using server = await RawServer.start(mcp({
    m: async (message, reply) => {
      const stream = await reply.sse();
      await stream.comment("hello");
      await stream.event({ id: "1" });
      await stream.event({ data: "" });
      await stream.event({
        event: "other",
        data: '{"jsonrpc":"2.0","method":"o"}',
      });
      await stream.event({ data: '{"jsonrpc":"2.0","method":"a"}' });
      await stream.message({ jsonrpc: "2.0", id: 5, method: "ask" });
      await stream.message(result(message));
      await stream.end();
    },
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "m");
  const frames = await client.close();
  assertEquals(frames.map(({ text }) => text), [
    '{"jsonrpc":"2.0","method":"o"}',
    '{"jsonrpc":"2.0","method":"a"}',
    '{"jsonrpc":"2.0","id":5,"method":"ask"}',
    '{"jsonrpc":"2.0","id":1,"result":{}}',
  ]);
});

Deno.test("events arrive whole when every chunk is one byte", async () => {
  const text = "é😀\u2028";
  const { result: answer } = await answerWhen(async (message, reply) => {
    const stream = await reply.sse({}, { chunkBytes: 1 });
    await stream.message(result(message, { text }));
    await stream.end();
  });
  assertEquals(answer, { text });
});

Deno.test("a JSON body arrives whole when every chunk is one byte", async () => {
  const { result: answer } = await answerWhen(async (message, reply) => {
    const stream = await reply.stream(
      200,
      { "content-type": "application/json; charset=utf-8" },
      { chunkBytes: 1 },
    );
    await stream.raw(JSON.stringify(result(message, { said: "é😀" })));
    await stream.end();
  });
  assertEquals(answer, { said: "é😀" });
});

for (const how of ["end", "cut", "reset"] as const) {
  Deno.test(`a stream that meets its ${how} before the answer, without an event ID, is stream-cut, and the request is sent once`, async () => {
    const { error, requests } = await answerWhen(async (_message, reply) => {
      const stream = await reply.sse();
      await stream.comment("working");
      await stream[how]();
    });
    assertEquals([error.code, error.data.reason], [-31015, "stream-cut"]);
    assertEquals(methods(requests), ["m"]);
  });
}

Deno.test("a JSON body that is cut in the middle of a character is stream-cut", async () => {
  const { error, requests } = await answerWhen(async (message, reply) => {
    const bytes = new TextEncoder().encode(
      JSON.stringify(result(message, { said: "é" })),
    );
    await reply.head(200, {
      "content-type": "application/json",
      "content-length": String(bytes.length),
    });
    await reply.write(bytes.subarray(0, bytes.indexOf(0xc3) + 1));
    await reply.cut();
  });
  assertEquals(error.data.reason, "stream-cut");
  assertEquals(requests.length, 1);
});

Deno.test("a connection that is dropped before the answer of a call is unreachable, and the call is sent once", async () => {
  await using server = await RawServer.start(mcp({
    "tools/call": (_message, reply) => reply.cut(),
  }));
  await using client = new StreamClient({ url: server.url });
  // The connection is reused by then: the case in which a runtime would send
  // the request again.
  client.request(1, "m");
  await client.answer(1);
  client.request(2, "tools/call", { name: "x" });
  const { json } = await client.answer(2);
  assertEquals([json.error.code, json.error.data.mayHaveRun], [-31010, true]);
  assertEquals(methods(server.requests.all), ["m", "tools/call"]);
  assertEquals(
    server.requests.all.map(({ connection }) => connection),
    [0, 0],
  );
});

Deno.test("a target that is not there is unreachable, and the error names it", async () => {
  await using client = new StreamClient({ url: NOBODY });
  client.request(1, "tools/call", { name: "x" });
  const { json } = await client.answer(1);
  assertEquals([json.error.code, json.error.data.mayHaveRun], [-31010, false]);
  assertStringIncludes(json.error.message, NOBODY.origin);
});

for (const id of [{ id: null }, {}, { id: 1 }]) {
  Deno.test(`a JSON-RPC error in a 400, with ${JSON.stringify(id)}, goes to the client with its ID`, async () => {
    const body = `{${
      "id" in id ? `"id":${id.id},` : ""
    }"jsonrpc":"2.0","error":{"code":-32602,\n"message":"no","data":1E2}}`;
    await using server = await RawServer.start(mcp({
      m: (_message, reply) =>
        reply.status(400, { "content-type": "application/json" }, body),
    }));
    await using client = new StreamClient({ url: server.url });
    client.request(1, "m");
    const { text, json } = await client.next();
    assertEquals([json.id, json.error.code], [1, -32602]);
    assertStringIncludes(
      text,
      '"error":{"code":-32602, "message":"no","data":1E2}',
    );
  });
}

Deno.test("an HTTP error without a JSON-RPC body is http-status, with its text", async () => {
  const { error } = await answerWhen((_message, reply) =>
    reply.status(
      500,
      { "content-type": "text/html" },
      "<html><style>x</style><h1>Out of\n order</h1></html>",
    )
  );
  assertEquals(
    [error.code, error.data.reason, error.data.status],
    [-31011, "http-status", 500],
  );
  assertStringIncludes(error.message, "Out of order");
});

Deno.test("a redirect is not followed, and the error says where it led, without its query", async () => {
  let followed = 0;
  await using other = await RawServer.start((_request, reply) => {
    followed++;
    return reply.status(200);
  });
  const { error } = await answerWhen((_message, reply) =>
    reply.status(307, { location: `${other.url}?token=secret` })
  );
  assertEquals(
    [error.code, error.data.status, error.data.location],
    [-31017, 307, other.url.href],
  );
  assertEquals(JSON.stringify(error).includes("secret"), false);
  assertEquals(followed, 0);
});

Deno.test("a 304 is an HTTP error and no redirect", async () => {
  const { error } = await answerWhen((_message, reply) => reply.status(304));
  assertEquals(
    [error.code, error.data.reason, error.data.status],
    [-31011, "http-status", 304],
  );
});

for (
  const [what, type, body] of [
    ["HTML", "text/html", "<p>Welcome</p>"],
    ["JSON that is no message", "application/json", '{"ok":true}'],
    ["broken JSON", "application/json", '{"jsonrpc":'],
    ["a JSON scalar", "application/json", "1"],
    ["no content type", "", "hello"],
  ]
) {
  Deno.test(`a 200 with ${what} is bad-answer, and never forwarded`, async () => {
    const { error } = await answerWhen((_message, reply) =>
      reply.status(200, type ? { "content-type": type } : {}, body)
    );
    assertEquals([error.code, error.data.reason], [-31011, "bad-answer"]);
  });
}

Deno.test("an answer with an ID that nobody waits for is dropped", async () => {
  const { error } = await answerWhen((_message, reply) =>
    reply.json({ jsonrpc: "2.0", id: 77, result: {} })
  );
  assertEquals(error.data.reason, "no-answer");
});

Deno.test("a second answer is dropped", async () => {
  const { result: answer } = await answerWhen(async (message, reply) => {
    const stream = await reply.sse();
    await stream.message(result(message, { said: "first" }));
    await stream.message(result(message, { said: "second" }));
    await stream.message({ ...error(message, -1, "third") as object });
    await stream.end();
  });
  assertEquals(answer, { said: "first" });
});

Deno.test("an answer over the limit becomes frame-too-large, in a body and in an event", async () => {
  const big = "x".repeat(2000);
  for (const isStream of [false, true]) {
    const { error } = await answerWhen(async (message, reply) => {
      if (!isStream) return await reply.json(result(message, { big }));
      const stream = await reply.sse();
      await stream.message(result(message, { big }));
      await stream.end();
    }, { maxAnswerBytes: 1000 });
    assertEquals([error.code, error.data.limitBytes], [-31016, 1000]);
    assertStringIncludes(error.message, "--max-answer");
  }
});

Deno.test("a notification over the limit is dropped, and the answer comes", async () => {
  const { result: answer } = await answerWhen(async (message, reply) => {
    const stream = await reply.sse();
    const params = { x: "x".repeat(2000) };
    await stream.message({ jsonrpc: "2.0", method: "n", params });
    await stream.message(result(message, { said: "ok" }));
    await stream.end();
  }, { maxAnswerBytes: 1000 });
  assertEquals(answer, { said: "ok" });
});

Deno.test("a request of the target over the limit is answered with an error upstream", async () => {
  const refused = Promise.withResolvers<unknown>();
  await using server = await RawServer.start(mcp({
    m: async (message, reply) => {
      const stream = await reply.sse();
      const params = { x: "x".repeat(2000) };
      await stream.message({ jsonrpc: "2.0", id: "q", method: "ask", params });
      const { id, error } = await refused.promise as Record<string, unknown>;
      await stream.message(result(message, { id, error }));
      await stream.end();
    },
    response: async (message, reply) => {
      await reply.status(202);
      refused.resolve(message);
    },
  }));
  await using client = new StreamClient({
    url: server.url,
    maxAnswerBytes: 1000,
  });
  client.request(1, "m");
  const { json } = await client.next();
  assertEquals([json.result.id, json.result.error.code], ["q", -31016]);
});

Deno.test("a request of the target's goes to the client, and its answer goes back", async () => {
  const answered = Promise.withResolvers<unknown>();
  await using server = await RawServer.start(mcp({
    m: async (message, reply) => {
      const stream = await reply.sse();
      await stream.message({ jsonrpc: "2.0", id: "s1", method: "roots/list" });
      await stream.message(result(message, await answered.promise));
      await stream.end();
    },
    response: async (message, reply) => {
      await reply.status(202);
      answered.resolve(message.result);
    },
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "m");
  const { json } = await client.next();
  assertEquals([json.id, json.method], ["s1", "roots/list"]);
  client.send({ jsonrpc: "2.0", id: "s1", result: { roots: [] } });
  assertEquals((await client.next()).json.result, { roots: [] });
});

Deno.test("notifications/cancelled is sent upstream, and no error is made up", async () => {
  const cancelled = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    m: async (_message, reply) => {
      const stream = await reply.sse();
      await cancelled.promise;
      await stream.end();
    },
    "notifications/cancelled": async (message, reply) => {
      assertEquals(message.params.requestId, "a");
      await reply.status(202);
      cancelled.resolve();
    },
  }));
  await using client = new StreamClient({ url: server.url });
  client.request("a", "m");
  await server.requests.at(0);
  client.notify("notifications/cancelled", { requestId: "a" });
  await cancelled.promise;
  client.request(2, "other");
  assertEquals((await client.close()).map(({ json }) => json.id), [2]);
});

Deno.test("the answer of a cancelled request is forwarded should it still come", async () => {
  const cancelled = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    m: async (message, reply) => {
      await cancelled.promise;
      await reply.json(result(message, { said: "late" }));
    },
    "notifications/cancelled": async (_message, reply) => {
      await reply.status(202);
      cancelled.resolve();
    },
  }));
  await using client = new StreamClient({ url: server.url });
  client.request("a", "m");
  await server.requests.at(0);
  client.notify("notifications/cancelled", { requestId: "a" });
  assertEquals((await client.next()).json.result, { said: "late" });
});

Deno.test("initialize is not cancelled", async () => {
  const release = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    initialize: async (message, reply) => {
      await release.promise;
      await reply.json(result(message, INITIALIZED));
    },
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "initialize", {});
  await server.requests.at(0);
  client.notify("notifications/cancelled", { requestId: 1 });
  client.request(2, "m");
  release.resolve();
  assertEquals((await client.next()).json.id, 1);
  await client.answer(2);
  assertEquals(methods(server.requests.all), ["initialize", "m"]);
});

Deno.test("a request over its time is answered with -31014, and the target is told", async () => {
  await using server = await RawServer.start(mcp({
    m: (_message, reply) => reply.hang(),
  }));
  using clock = new Clock();
  await using client = new StreamClient({ url: server.url, timeoutMs: 60_000 });
  client.request("t", "m");
  await server.requests.at(0);
  await clock.pass(61_000);
  const { json } = await client.next();
  assertEquals([json.error.code, json.error.data.limitMs], [-31014, 60_000]);
  const told = await server.requests.at(1);
  assertEquals(JSON.parse(told.text()), {
    jsonrpc: "2.0",
    method: "notifications/cancelled",
    params: { requestId: "t", reason: "timeout" },
  });
});

Deno.test("initialize over its time is answered, and not cancelled upstream", async () => {
  await using server = await RawServer.start(mcp({
    initialize: (_message, reply) => reply.hang(),
  }));
  using clock = new Clock();
  await using client = new StreamClient({ url: server.url, timeoutMs: 60_000 });
  client.request(1, "initialize", {});
  await server.requests.at(0);
  await clock.pass(61_000);
  assertEquals((await client.next()).json.error.code, -31014);
  await client.close();
  assertEquals(methods(server.requests.all), ["initialize"]);
});

Deno.test("a body that stalls is over its time, too", async () => {
  await using server = await RawServer.start(mcp({
    m: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.comment("working");
      await stream.closed;
    },
  }));
  await using client = new StreamClient({ url: server.url, timeoutMs: 100 });
  client.request(1, "m");
  assertEquals((await client.next()).json.error.code, -31014);
});

Deno.test("a request without a byte for the idle time is answered with -31014", async () => {
  await using server = await RawServer.start(mcp({
    m: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.comment("working");
      await stream.closed;
    },
  }));
  await using client = new StreamClient({
    url: server.url,
    idleTimeoutMs: 100,
  });
  client.request(1, "m");
  const { json } = await client.next();
  assertEquals([json.error.code, json.error.data.limitMs], [-31014, 100]);
  assertStringIncludes(json.error.message, "--idle-timeout");
});

Deno.test("a stream that goes on is not idle", async () => {
  const opened = Promise.withResolvers<RawEventStream>();
  await using server = await RawServer.start(mcp({
    m: async (_message, reply) => {
      const stream = await reply.sse();
      opened.resolve(stream);
      await stream.closed;
    },
  }));
  using clock = new Clock();
  const pieces = new Arrivals<Uint8Array>("piece of a body");
  await using client = new StreamClient({
    url: server.url,
    idleTimeoutMs: 60_000,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      const noted = new TransformStream<Uint8Array, Uint8Array>({
        transform(piece, controller) {
          controller.enqueue(piece);
          pieces.add(piece);
        },
      });
      return new Response(response.body?.pipeThrough(noted), response);
    },
  });
  client.request(1, "m");
  const stream = await opened.promise;
  for (let turn = 0; turn < 4; turn++) {
    await clock.pass(40_000);
    await stream.comment();
    await pieces.at(turn);
  }
  await stream.message(result({ id: 1 }, { said: "done" }));
  assertEquals((await client.next()).json.result, { said: "done" });
});

Deno.test("the idle time of a request begins when it is sent, not while it waits for a place", async () => {
  const calls = new Arrivals<() => void>("call");
  await using server = await RawServer.start(mcp({
    m: async (message, reply) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      calls.add(resolve);
      await promise;
      await reply.json(result(message));
    },
  }));
  using clock = new Clock();
  await using client = new StreamClient({
    url: server.url,
    idleTimeoutMs: 60_000,
    maxConcurrency: 1,
  });
  client.request(1, "m");
  client.request(2, "m");
  for (const id of [1, 2]) {
    const answer = await calls.at(id - 1);
    await clock.pass(45_000);
    answer();
    assertEquals((await client.answer(id)).json.result, {});
  }
});

function event(id: string | undefined, message?: unknown): SentEvent {
  return {
    ...(id !== undefined && { id }),
    data: message === undefined ? "" : JSON.stringify(message),
  };
}

Deno.test("a stream that is cut after an event ID is resumed, without an event twice or lost", async () => {
  let asked: unknown;
  const gets: (string | undefined)[] = [];
  await using server = await RawServer.start(mcp({
    m: async (message, reply) => {
      asked = message;
      const stream = await reply.sse();
      await stream.event({ ...event("e1"), retry: 20 });
      await stream.event(event("e2", { jsonrpc: "2.0", method: "n1" }));
      await stream.raw("id: e3\ndata: {");
      await stream.cut();
    },
    GET: async (_none, reply, request) => {
      gets.push(request.header("last-event-id"));
      if (gets.length === 1) return await reply.status(409);
      const stream = await reply.sse();
      if (gets.length === 2) {
        await stream.event(event("e3", { jsonrpc: "2.0", method: "n2" }));
        return await stream.end();
      }
      await stream.event(event("e3", { jsonrpc: "2.0", method: "n2" }));
      await stream.event(event("e4", result(asked, { said: "resumed" })));
      await stream.end();
    },
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "m");
  const frames = await client.close();
  assertEquals(
    frames.map(({ json }) => json.method ?? json.result),
    ["n1", "n2", { said: "resumed" }],
  );
  assertEquals(gets, ["e2", "e2", "e3"]);
});

Deno.test("a stream that cannot be resumed is stream-cut, and the request is not sent again", async () => {
  await using server = await RawServer.start(mcp({
    m: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.event({ ...event("e1"), retry: 1 });
      await stream.cut();
    },
    GET: (_none, reply) => reply.status(405),
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "m");
  assertEquals((await client.next()).json.error.data.reason, "stream-cut");
  assertEquals(methods(server.requests.all), ["m", "GET"]);
});

Deno.test("resuming is given up when it brings nothing again and again", async () => {
  await using server = await RawServer.start(mcp({
    m: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.event({ ...event("e1"), retry: 1 });
      await stream.cut();
    },
    GET: async (_none, reply) => {
      const stream = await reply.sse();
      await stream.end();
    },
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "m");
  assertEquals((await client.next()).json.error.data.reason, "stream-cut");
});
