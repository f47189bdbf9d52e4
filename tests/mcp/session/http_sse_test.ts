/** Sessions over HTTP+SSE, the transport of revision 2024-11-05. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { StreamWorld } from "../../support/stream/world.ts";
import { INITIALIZED, result } from "../../support/raw/mcp.ts";
import { httpSse } from "../../support/raw/sse.ts";
import type { RawEventStream, RawHandler } from "../../support/raw/server.ts";

/** A server of revision 2024-11-05: a POST to its stream's URL is refused. */
function oldServer(
  options: {
    endpoint?: string;
    status?: number;
    cutAfter?: string;
    protocolVersion?: string;
  } = {},
): RawHandler {
  const { protocolVersion = "2024-11-05" } = options;
  let channel = 0;
  const streams = new Map<string, RawEventStream>();
  return async (request, reply) => {
    if (request.method === "GET") {
      const stream = await reply.sse();
      const path = options.endpoint ?? `/messages?channel=${++channel}`;
      streams.set(path, stream);
      await stream.event({ event: "endpoint", data: path });
      return await stream.closed;
    }
    const stream = streams.get(request.target);
    if (!stream) return await reply.status(options.status ?? 405, {}, "no");
    await reply.status(202, {}, "Accepted");
    const message = JSON.parse(request.text());
    if (message.method === options.cutAfter) {
      streams.delete(request.target);
      return await stream.cut();
    }
    if (message.id === undefined) return;
    const value = message.method === "initialize"
      ? { ...INITIALIZED, protocolVersion }
      : { method: message.method };
    await stream.message(result(message, value));
  };
}

for (const status of [400, 404, 405]) {
  Deno.test(`a target that refuses the first initialize with ${status} and has an endpoint event is spoken to over HTTP+SSE`, async () => {
    await using w = await StreamWorld.start(oldServer({ status }));
    const { json } = await w.client.initialize();
    assertEquals(json.result.protocolVersion, "2024-11-05");
    w.client.request(1, "tools/list");
    assertEquals((await w.client.answer(1)).json.result.method, "tools/list");
    assertEquals(await w.client.close(), []);
    assertEquals(
      w.server.requests.all.map(({ method, target }) => `${method} ${target}`),
      [
        "POST /mcp",
        "GET /mcp",
        "POST /messages?channel=1",
        "POST /messages?channel=1",
        "POST /messages?channel=1",
      ],
    );
  });
}

Deno.test("an answer over HTTP+SSE that cannot be used ends its request with an error", async () => {
  await using w = await StreamWorld.start(
    oldServer({ protocolVersion: "the latest" }),
  );
  w.client.request(1, "initialize", {});
  const { json } = await w.client.next();
  assertEquals([json.id, json.error.data.reason], [1, "bad-answer"]);
  assertStringIncludes(json.error.message, "the latest");
});

Deno.test("a target that is neither is answered with the POST's own error", async () => {
  await using w = await StreamWorld.start((_request, reply) =>
    reply.status(404, {}, "nothing here")
  );
  w.client.request(1, "initialize", {});
  const { json } = await w.client.next();
  assertEquals([json.error.code, json.error.data.status], [-31011, 404]);
  assertStringIncludes(json.error.message, "nothing here");
});

Deno.test("a JSON-RPC error to the first initialize is the client's, and no GET follows", async () => {
  await using w = await StreamWorld.start((_request, reply) =>
    reply.json({
      jsonrpc: "2.0",
      id: null,
      error: { code: -32602, message: "no" },
    }, 400)
  );
  w.client.request(1, "initialize", {});
  assertEquals((await w.client.next()).json.error.code, -32602);
  assertEquals(w.server.requests.length, 1);
});

Deno.test("an endpoint of another origin is refused", async () => {
  await using w = await StreamWorld.start(
    oldServer({ endpoint: "http://127.0.0.2:1/messages" }),
    { transport: "sse" },
  );
  w.client.request(1, "initialize", {});
  const { json } = await w.client.next();
  assertStringIncludes(json.error.message, "another origin");
  assertEquals(w.server.requests.length, 1);
});

Deno.test("an endpoint that no request can be sent to for its length is refused", async () => {
  await using w = await StreamWorld.start(
    oldServer({ endpoint: `/${"x".repeat(1024 * 1024)}` }),
    { transport: "sse" },
  );
  w.client.request(1, "initialize", {});
  const { error } = (await w.client.next()).json;
  assertEquals(error.data.reason, "bad-answer");
  assertStringIncludes(
    error.message,
    "the target names an endpoint of more than 65534 characters",
  );
  assertEquals(w.server.requests.length, 1);
});

for (const user of ["u:p", "u", ":p"]) {
  Deno.test(`an endpoint with ${user}@ is refused, and the words do not show it`, async () => {
    await using w = await StreamWorld.start(async (_request, reply) => {
      const stream = await reply.sse();
      const data = `//${user}@${w.server.url.host}/messages`;
      await stream.event({ event: "endpoint", data });
      await stream.closed;
    }, { transport: "sse" });
    w.client.request(1, "initialize", {});
    const { error } = (await w.client.next()).json;
    assertEquals(error.data.reason, "bad-answer");
    assertStringIncludes(error.message, "an endpoint with a user");
    assert(!error.message.includes(`${user}@`), error.message);
    assertEquals(w.server.requests.length, 1);
  });
}

for (const transport of ["sse", "auto"] as const) {
  Deno.test(`over HTTP+SSE (${transport}) nothing is sent before initialize has succeeded`, async () => {
    let isUp = false;
    const serve = oldServer();
    await using w = await StreamWorld.start(async (request, reply) => {
      if (isUp || request.method === "POST") {
        return await serve(request, reply);
      }
      if (transport === "sse") return await reply.status(500);
      const stream = await reply.sse();
      await stream.event({ event: "endpoint", data: "/gone" });
      await stream.closed;
    }, { transport });
    assert("error" in await w.client.ask(1, "initialize", {}));
    const posts = () =>
      w.server.requests.all.filter(({ method }) => method === "POST").length;
    const before = posts();
    w.client.notify("notifications/initialized");
    const { error } = await w.client.ask(2, "tools/call", { name: "x" });
    assertEquals([error.data.reason, error.data.mayHaveRun], [
      "unreachable",
      false,
    ]);
    assertStringIncludes(error.message, "initialize has not succeeded");
    assertEquals(posts(), before);
    isUp = true;
    await w.client.initialize();
    w.client.request(3, "tools/call", { name: "x" });
    assertEquals((await w.client.answer(3)).json.result.method, "tools/call");
  });
}

Deno.test("with transport sse no POST goes to the stream's URL", async () => {
  await using w = await StreamWorld.start(oldServer(), { transport: "sse" });
  await w.client.initialize();
  assertEquals(w.server.requests.all[0].method, "GET");
});

Deno.test("with transport streamable-http the old transport is not looked for", async () => {
  await using w = await StreamWorld.start(oldServer(), {
    transport: "streamable-http",
  });
  w.client.request(1, "initialize", {});
  assertEquals((await w.client.next()).json.error.data.status, 405);
  assertEquals(w.server.requests.length, 1);
});

Deno.test("a channel that breaks cuts what is in flight, and the next request has a new one", async () => {
  await using w = await StreamWorld.start(
    oldServer({ cutAfter: "tools/call" }),
  );
  await w.client.initialize();
  w.client.request(1, "tools/call", { name: "x" });
  assertEquals((await w.client.answer(1)).json.error.data.reason, "stream-cut");
  assertEquals(
    (await w.client.ask(2, "tools/list")).result.method,
    "tools/list",
  );
  assertEquals(
    w.server.requests.all.slice(-4).map(({ method, target }) =>
      `${method} ${target}`
    ),
    [
      "GET /mcp",
      "POST /messages?channel=2",
      "POST /messages?channel=2",
      "POST /messages?channel=2",
    ],
  );
});

Deno.test("a Streamable HTTP server is never asked for an endpoint event", async () => {
  await using w = await StreamWorld.start({});
  await w.client.initialize();
  await w.client.close();
  assertEquals(
    w.server.requests.all.some(({ method }) => method === "GET"),
    false,
  );
});

Deno.test("a broken answer fails its request, and what is no message is skipped", async () => {
  const { promise: channel, resolve } = Promise.withResolvers<RawEventStream>();
  await using w = await StreamWorld.start(async (request, reply) => {
    if (request.method === "GET") {
      const stream = await reply.sse();
      resolve(stream);
      await stream.event({ event: "endpoint", data: "/messages" });
      return await stream.closed;
    }
    await reply.status(202);
    await (await channel).event({ event: "message", data: "junk" });
    await (await channel).event({ data: '{"id":1,"result":{}}' });
  }, { transport: "sse" });
  w.client.request(1, "initialize", {});
  assertEquals((await w.client.next()).json.error.data.reason, "bad-answer");
});

/** What a POST of HTTP+SSE is answered with itself, and then on the stream. */
const BESIDE: Readonly<
  Record<string, { body: (answer: unknown) => unknown; follows: boolean }>
> = {
  "its answer": { body: (answer) => answer, follows: false },
  "its answer in an array": { body: (answer) => [answer], follows: false },
  "its answer, which comes on the stream as well": {
    body: (answer) => answer,
    follows: true,
  },
  "JSON that is no message": { body: () => ({ ok: true }), follows: true },
  "the request itself": {
    body: () => ({ jsonrpc: "2.0", id: 1, method: "m" }),
    follows: true,
  },
  "an answer to another request": {
    body: () => ({ jsonrpc: "2.0", id: 7, result: {} }),
    follows: true,
  },
};

for (const [what, { body, follows }] of Object.entries(BESIDE)) {
  Deno.test(`over HTTP+SSE a request whose POST is answered with ${what} has one answer`, async () => {
    await using w = await StreamWorld.start(
      httpSse(() => {}, async (message, reply, { stream }) => {
        if (message.method !== "m") return false;
        const answer = result(message, { is: "the answer" });
        await reply.json(body(answer));
        if (follows) await stream.message(answer);
        return true;
      }),
      { transport: "sse" },
    );
    await w.client.initialize();
    w.client.request(1, "m");
    const { json } = await w.client.next();
    assertEquals([json.id, json.result], [1, { is: "the answer" }]);
    assertEquals(await w.client.close(), []);
  });
}

Deno.test("a redirect in place of HTTP+SSE's stream is not followed, and told as one", async () => {
  await using w = await StreamWorld.start({
    GET: (_none, reply) => reply.status(302, { location: "/other" }),
  }, { transport: "sse" });
  const params = { protocolVersion: "2024-11-05", capabilities: {} };
  const { error } = await w.client.ask(1, "initialize", params);
  assertStringIncludes(error.message, "redirect");
  assertEquals(
    w.server.requests.all.some(({ target }) => target === "/other"),
    false,
  );
});
