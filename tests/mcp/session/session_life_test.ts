/** What a session meets at its edges: losses, cancellations, stops. */
import { assertEquals, assertLess } from "@std/assert";
import { Clock } from "../../support/clock.ts";
import {
  error,
  INITIALIZED,
  mcp,
  type McpHandler,
  result,
  Sessions,
} from "../../support/raw_mcp.ts";
import { type RawEventStream, RawServer } from "../../support/raw_server.ts";
import {
  StreamClient,
  type StreamClientOptions,
} from "../../support/stream_client.ts";

async function world(
  script: Record<string, McpHandler>,
  options: Partial<StreamClientOptions> = {},
  sessions = new Sessions(),
) {
  const server = await RawServer.start(mcp(script, sessions));
  const client = new StreamClient({ url: server.url, ...options });
  await client.initialize();
  await server.requests.find((seen) =>
    seen.text().includes("notifications/initialized")
  );
  return {
    server,
    client,
    sessions,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function count(server: RawServer, method: string): number {
  return server.requests.all.filter((seen) =>
    seen.method === method ||
    (seen.method === "POST" && JSON.parse(seen.text()).method === method)
  ).length;
}

Deno.test("a target that answers every GET with 404 has no standalone stream, and is initialised twice at most", async () => {
  await using w = await world(
    { GET: (_none, reply) => reply.status(404) },
    { standingStream: true },
  );
  for (let id = 0; id < 20; id++) {
    w.client.request(id, "m");
    await w.client.answer(id);
  }
  await w.client.close();
  assertEquals([count(w.server, "initialize"), count(w.server, "GET")], [2, 2]);
});

Deno.test("without recovery a lost session is the client's error, and no new one is made", async () => {
  await using w = await world({}, { recover: false });
  w.sessions.known.clear();
  w.client.request(1, "m");
  const { json } = await w.client.answer(1);
  assertEquals(json.error.message, "Session not found");
  assertEquals(count(w.server, "initialize"), 1);
});

Deno.test("without recovery the standalone stream makes no new session either", async () => {
  await using w = await world(
    { GET: (_none, reply) => reply.status(404) },
    { standingStream: true, recover: false },
  );
  await w.server.requests.find(({ method }) => method === "GET");
  w.client.request(1, "m");
  await w.client.answer(1);
  assertEquals(count(w.server, "initialize"), 1);
});

Deno.test("a call that is cancelled while it waits to be sent again is never sent again, and the target is not told", async () => {
  await using w = await world({
    "tools/call": (_message, reply) =>
      reply.status(429, { "retry-after": "1" }),
  });
  w.client.request(1, "tools/call", { name: "x" });
  await w.server.requests.find((seen) => seen.text().includes("tools/call"));
  // The answer has come when the next one has, over the same connection.
  w.client.request(2, "m");
  await w.client.answer(2);
  w.client.notify("notifications/cancelled", { requestId: 1 });
  assertEquals(await w.client.close(), []);
  assertEquals(
    [count(w.server, "tools/call"), count(w.server, "notifications/cancelled")],
    [1, 0],
  );
});

for (
  const [code, message] of [
    [-32602, "Invalid session: no such argument"],
    [-32602, "Invalid params: sessionDuration must be a number"],
    [-32603, "Missing required argument: session_name"],
    [-32000, "Browser session 42 not found"],
    [-32001, "The session token of the bank is invalid"],
  ] as const
) {
  Deno.test(`an error "${message}" in a 200 is the client's, and its session lives on`, async () => {
    await using w = await world({
      "tools/call": (asked, reply) => reply.json(error(asked, code, message)),
    });
    w.client.request(1, "tools/call", { name: "x" });
    assertEquals((await w.client.answer(1)).json.error.message, message);
    w.client.request(2, "m");
    await w.client.answer(2);
    assertEquals(count(w.server, "initialize"), 1);
  });
}

for (const code of [-32001, -30001]) {
  Deno.test(`a batch that is answered in part, and with a lost session (${code}), is answered whole and sent once`, async () => {
    const lost = code === -30001
      ? "The provided SessionId was not found or has expired"
      : "Session not found";
    await using w = await world({
      batch: (messages, reply) =>
        reply.json([
          result(messages[0], { said: "ran" }),
          error(messages[1], code, lost),
        ]),
    });
    w.client.send([
      { jsonrpc: "2.0", id: 1, method: "tools/call" },
      { jsonrpc: "2.0", id: 2, method: "tools/call" },
    ]);
    const { json } = await w.client.next();
    assertEquals([json[0].result, json[1].error.code], [{ said: "ran" }, code]);
    assertEquals(await w.client.close(), []);
  });
}

Deno.test("a 409 to a GET is met with backoff, longer than the retry time of the stream", async () => {
  const gets: number[] = [];
  let asked: unknown;
  await using w = await world({
    m: async (message, reply) => {
      asked = message;
      const stream = await reply.sse();
      await stream.event({ id: "1", retry: 1 });
      await stream.cut();
    },
    GET: async (_none, reply) => {
      gets.push(performance.now());
      // The old stream is held for as long as a hasty proxy would give up in.
      if (gets.length < 4) return await reply.status(409);
      const stream = await reply.sse();
      await stream.message(result(asked, { said: "resumed" }), "2");
      await stream.end();
    },
  });
  w.client.request(1, "m");
  assertEquals((await w.client.answer(1)).json.result, { said: "resumed" });
});

for (const retry of [0, 2 ** 31, 2 ** 40]) {
  Deno.test(`a retry time of ${retry} makes no hot loop`, async () => {
    await using w = await world({
      GET: async (_none, reply) => {
        const stream = await reply.sse();
        await stream.event({ retry });
        await stream.end();
      },
    }, { standingStream: true });
    await w.server.requests.find(({ method }) => method === "GET");
    for (let id = 0; id < 100; id++) {
      w.client.request(id, "m");
      await w.client.answer(id);
    }
    assertLess(count(w.server, "GET"), 30);
  });
}

Deno.test("a call that ran before its stream and its session were lost gets stream-cut, although no new session can be had", async () => {
  let isDown = false;
  const sessions = new Sessions();
  await using w = await world(
    {
      initialize: (message, reply) =>
        isDown ? reply.status(500) : reply.json(
          result(message, INITIALIZED),
          200,
          { "mcp-session-id": sessions.open() },
        ),
      "tools/call": async (_message, reply) => {
        isDown = true;
        const stream = await reply.sse();
        await stream.event({ id: "1", retry: 1 });
        await stream.cut();
      },
      GET: (_none, reply) => reply.status(404),
    },
    {},
    sessions,
  );
  w.client.request(1, "tools/call", { name: "x" });
  assertEquals(
    (await w.client.answer(1)).json.error.data.reason,
    "stream-cut",
  );
});

Deno.test("a request that waits for its turn is not idle", async () => {
  const opened = Promise.withResolvers<RawEventStream>();
  const ended = Promise.withResolvers<void>();
  using clock = new Clock();
  await using w = await world({
    slow: async (_message, reply) => {
      const stream = await reply.sse();
      opened.resolve(stream);
      await ended.promise;
    },
  }, { maxConcurrency: 1, idleTimeoutMs: 60_000 });
  w.client.request(1, "slow");
  w.client.request(2, "m");
  const stream = await opened.promise;
  for (let turn = 0; turn < 4; turn++) {
    await clock.pass(40_000);
    await stream.message({ jsonrpc: "2.0", method: "n" });
    assertEquals((await w.client.next()).json.method, "n");
  }
  await stream.message(result({ id: 1 }, { said: "slow" }));
  await stream.end();
  ended.resolve();
  assertEquals((await w.client.answer(1)).json.result, { said: "slow" });
  assertEquals((await w.client.answer(2)).json.result, {});
});

Deno.test("the end of stdin right after initialized leaves no standalone stream behind", async () => {
  const release = Promise.withResolvers<void>();
  const server = await RawServer.start(mcp({
    "notifications/initialized": async (_message, reply) => {
      await release.promise;
      await reply.status(202);
    },
    GET: async (_none, reply) => {
      const stream = await reply.sse();
      await stream.closed;
    },
  }));
  await using _server = server;
  await using client = new StreamClient({
    url: server.url,
    standingStream: true,
  });
  await client.initialize();
  const closed = client.close();
  await server.requests.find((seen) => seen.text().includes("initialized"));
  release.resolve();
  await closed;
  assertEquals(count(server, "GET"), 0);
});

Deno.test("a recovery asks for the version that was negotiated, and requests that come meanwhile wait", async () => {
  const release = Promise.withResolvers<void>();
  const recovering = Promise.withResolvers<void>();
  let initialized = 0;
  const versions: string[] = [];
  const sessions = new Sessions();
  await using w = await world(
    {
      initialize: async (message, reply) => {
        versions.push(message.params.protocolVersion);
        if (++initialized > 1) {
          recovering.resolve();
          await release.promise;
        }
        const value = { ...INITIALIZED, protocolVersion: "2025-06-18" };
        await reply.json(result(message, value), 200, {
          "mcp-session-id": sessions.open(),
        });
      },
      "tools/call": (message, reply) =>
        initialized > 1
          ? reply.json(result(message))
          : reply.json(error({ id: null }, -32001, "Session not found"), 404),
    },
    {},
    sessions,
  );
  w.client.request(1, "tools/call", { name: "x" });
  await recovering.promise;
  w.client.request(2, "m");
  w.client.request(3, "m");
  assertEquals(count(w.server, "m"), 0);
  release.resolve();
  const ids = [
    (await w.client.next()).json.id,
    (await w.client.next()).json.id,
    (await w.client.next()).json.id,
  ];
  assertEquals(ids.sort(), [1, 2, 3]);
  assertEquals(versions, ["2025-11-25", "2025-06-18"]);
  assertEquals(initialized, 2);
});

Deno.test("DELETE answered with 405 is fine", async () => {
  await using w = await world({ DELETE: (_none, reply) => reply.status(405) });
  assertEquals(await w.client.close(), []);
  assertEquals(count(w.server, "DELETE"), 1);
});

for (const code of [-32600, -32001, -32000]) {
  Deno.test(`another JSON-RPC error in a 2xx (${code}, a JSON body) that says the session is not found or expired: recovery, and the call's error goes to the client`, async () => {
    let isLost = true;
    await using w = await world({
      "tools/call": (asked, reply) => {
        if (!isLost) return reply.json(result(asked));
        isLost = false;
        return reply.json(error(asked, code, "Session has expired"));
      },
    });
    w.client.request(1, "tools/call", { name: "x" });
    assertEquals((await w.client.answer(1)).json.error.code, code);
    w.client.request(2, "tools/call", { name: "x" });
    assertEquals((await w.client.answer(2)).json.result, {});
    assertEquals(count(w.server, "initialize"), 2);
  });
}

for (const status of [404, 500, 503]) {
  Deno.test(`a ${status} with a JSON-RPC error body: that error to the client, id set`, async () => {
    await using server = await RawServer.start(mcp({
      m: (_message, reply) =>
        reply.json(error({ id: null }, -32603, "broken"), status),
    }));
    await using client = new StreamClient({ url: server.url, retries: 0 });
    client.request(1, "m");
    const { json } = await client.next();
    assertEquals([json.id, json.error.code, json.error.message], [
      1,
      -32603,
      "broken",
    ]);
  });
}

for (
  const [status, type, message, code] of [
    [
      403,
      "AccessDeniedException",
      "User: arn:aws:iam::1:user/x is not authorized to perform: execute-api:Invoke",
      -31013,
    ],
    [
      403,
      "ExpiredTokenException",
      "The security token included in the request is expired",
      -31012,
    ],
    [
      401,
      "MissingAuthenticationTokenException",
      "Missing Authentication Token",
      -31013,
    ],
  ] as const
) {
  Deno.test(`a ${status} from IAM (${type}) says which, with the AWS error type`, async () => {
    await using w = await world({
      m: (_message, reply) =>
        reply.json({ message }, status, { "x-amzn-errortype": type }),
    });
    w.client.request(1, "m");
    const { json } = await w.client.answer(1);
    assertEquals([json.error.code, json.error.data.awsError], [code, type]);
  });
}

Deno.test("an HTTP error of AWS's own has its status, AWS error type and message", async () => {
  await using w = await world({
    m: (_message, reply) =>
      reply.json(
        { __type: "ThrottlingException", message: "Rate exceeded" },
        400,
      ),
  });
  w.client.request(1, "m");
  const { json } = await w.client.answer(1);
  assertEquals(
    [json.error.code, json.error.data.status, json.error.data.awsError],
    [-31011, 400, "ThrottlingException"],
  );
});

Deno.test("the stream of a cancelled request is left open, and never resumed", async () => {
  const cancelled = Promise.withResolvers<void>();
  await using w = await world({
    "tools/call": async (_message, reply) => {
      const stream = await reply.sse();
      await stream.event({ id: "1", retry: 1 });
      await cancelled.promise;
      await stream.message({ jsonrpc: "2.0", method: "still/said" });
      await stream.cut();
    },
    "notifications/cancelled": async (_message, reply) => {
      await reply.status(202);
      cancelled.resolve();
    },
  });
  w.client.request(1, "tools/call", { name: "x" });
  await w.server.requests.find((seen) => seen.text().includes("tools/call"));
  w.client.notify("notifications/cancelled", { requestId: 1 });
  assertEquals((await w.client.next()).json.method, "still/said");
  w.client.request(2, "m");
  await w.client.answer(2);
  assertEquals(await w.client.close(), []);
  assertEquals(count(w.server, "GET"), 0);
});
