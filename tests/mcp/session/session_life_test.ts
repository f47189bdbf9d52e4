/** What a session meets at its edges: losses, cancellations, stops. */
import { Arrivals } from "../../support/arrivals.ts";
import { assertEquals, assertLess } from "@std/assert";
import { Clock } from "../../support/time/clock.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import { error, INITIALIZED, mcp, result } from "../../support/raw/mcp.ts";
import {
  type RawEventStream,
  RawServer,
  type RawStream,
} from "../../support/raw/server.ts";
import { StreamClient } from "../../support/stream/client.ts";
import { count, initialised } from "./world.ts";

Deno.test("a target that answers every GET with 404 has no standalone stream, and is initialised twice at most", async () => {
  await using w = await initialised(
    { GET: (_none, reply) => reply.status(404) },
    { standaloneStream: true },
  );
  for (let id = 0; id < 20; id++) {
    await w.client.ask(id, "m");
  }
  await w.client.close();
  assertEquals([count(w.server, "initialize"), count(w.server, "GET")], [2, 2]);
});

Deno.test("a 409 to a GET is met with backoff, longer than the retry time of the stream", async () => {
  const gets: number[] = [];
  let asked: unknown;
  await using w = await initialised({
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
  assertEquals((await w.client.ask(1, "m")).result, { said: "resumed" });
});

for (const retry of [0, 2 ** 31, 2 ** 40]) {
  Deno.test(`a retry time of ${retry} makes no hot loop`, async () => {
    await using w = await initialised({
      GET: async (_none, reply) => {
        const stream = await reply.sse();
        await stream.event({ retry });
        await stream.end();
      },
    }, { standaloneStream: true });
    await w.server.requests.find(({ method }) => method === "GET");
    for (let id = 0; id < 100; id++) {
      await w.client.ask(id, "m");
    }
    assertLess(count(w.server, "GET"), 30);
  });
}

Deno.test("a request that waits for its turn is not idle", async () => {
  const opened = Promise.withResolvers<RawEventStream>();
  const ended = Promise.withResolvers<void>();
  using clock = new Clock();
  await using w = await initialised({
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

for (const status of [400, 403, 404, 503]) {
  const waits = status === 503;
  Deno.test(`a call ${waits ? "waits" : "does not wait"} for the end of an HTTP ${status} that refuses initialized`, async () => {
    using _clock = new Clock();
    const began = Promise.withResolvers<RawStream>();
    const refused = Promise.withResolvers<void>();
    await using w = await initialised({
      "notifications/initialized": async (_message, reply) => {
        const body = await reply.stream(status);
        began.resolve(body);
        await body.closed;
      },
    }, {
      retries: 0,
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        if (!response.ok) refused.resolve();
        return response;
      },
    });
    w.client.request(1, "m");
    if (waits) {
      await refused.promise;
      // An answer waits for nothing.
      w.client.send({ jsonrpc: "2.0", id: "q", result: {} });
      await w.server.requests.find((seen) => seen.text().includes('"q"'));
      assertEquals(count(w.server, "m"), 0);
      await (await began.promise).cut();
    }
    assertEquals((await w.client.answer(1)).json.result, {});
  });
}

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
    standaloneStream: true,
  });
  await client.initialize();
  const closed = client.close();
  await server.requests.find((seen) => seen.text().includes("initialized"));
  release.resolve();
  await closed;
  assertEquals(count(server, "GET"), 0);
});

Deno.test("DELETE answered with 405 is fine", async () => {
  await using w = await initialised({
    DELETE: (_none, reply) => reply.status(405),
  });
  assertEquals(await w.client.close(), []);
  assertEquals(count(w.server, "DELETE"), 1);
});

for (const status of [404, 500, 503]) {
  Deno.test(`a ${status} with a JSON-RPC error body: that error to the client, id set`, async () => {
    await using w = await StreamWorld.start({
      m: (_message, reply) =>
        reply.json(error({ id: null }, -32603, "broken"), status),
    }, { retries: 0 });
    w.client.request(1, "m");
    const { json } = await w.client.next();
    assertEquals([json.id, json.error.code, json.error.message], [
      1,
      -32603,
      "broken",
    ]);
  });
}

Deno.test("a 403 from IAM says which, with the AWS error type", async () => {
  await using w = await initialised({
    m: (_message, reply) =>
      reply.json(
        {
          message:
            "User: arn:aws:iam::1:user/x is not authorized to perform: execute-api:Invoke",
        },
        403,
        { "x-amzn-errortype": "AccessDeniedException" },
      ),
  });
  const { error } = await w.client.ask(1, "m");
  assertEquals(
    [error.code, error.data.awsError],
    [-31013, "AccessDeniedException"],
  );
});

Deno.test("an HTTP error of AWS's own has its status, AWS error type and message", async () => {
  await using w = await initialised({
    m: (_message, reply) =>
      reply.json(
        { __type: "ThrottlingException", message: "Rate exceeded" },
        400,
      ),
  });
  const json = await w.client.ask(1, "m");
  assertEquals(
    [json.error.code, json.error.data.status, json.error.data.awsError],
    [-31011, 400, "ThrottlingException"],
  );
});

Deno.test("the stream of a cancelled request is left open, and never resumed", async () => {
  const cancelled = Promise.withResolvers<void>();
  await using w = await initialised({
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
  await w.client.ask(2, "m");
  assertEquals(await w.client.close(), []);
  assertEquals(count(w.server, "GET"), 0);
});

Deno.test("what follows initialize waits for its answer, and what follows notifications/initialized for that", async () => {
  using _clock = new Clock();
  const responses = new Arrivals<unknown>("response");
  const initialize = Promise.withResolvers<void>();
  const initialized = Promise.withResolvers<void>();
  const seen: string[] = [];
  await using w = await StreamWorld.start({
    initialize: async (message, reply) => {
      await initialize.promise;
      seen.push("initialize");
      await reply.json(result(message, INITIALIZED));
    },
    "notifications/initialized": async (_message, reply) => {
      await initialized.promise;
      seen.push("initialized");
      await reply.status(202);
    },
    "tools/list": (message, reply) => {
      seen.push("list");
      return reply.json(result(message));
    },
    response: async (message, reply) => {
      await reply.status(202);
      responses.add(message.id);
    },
  });
  /** An answer waits for nothing: what is sent with it would be there, too. */
  const turn = async (id: number): Promise<void> => {
    w.client.send({ jsonrpc: "2.0", id, result: {} });
    await responses.at(id);
  };
  const params = { protocolVersion: "2025-11-25", capabilities: {} };
  w.client.request(1, "initialize", params);
  w.client.request(2, "tools/list");
  w.client.notify("notifications/initialized");
  await turn(0);
  initialize.resolve();
  await w.client.answer(1);
  await w.client.answer(2);
  w.client.request(3, "tools/list");
  await turn(1);
  initialized.resolve();
  await w.client.answer(3);
  assertEquals(seen, ["initialize", "list", "initialized", "list"]);
});
