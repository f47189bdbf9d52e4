import {
  assertEquals,
  assertGreaterOrEqual,
  assertStringIncludes,
} from "@std/assert";
import { Clock } from "../../support/time/clock.ts";
import { modern } from "../../support/stream/modern_message.ts";
import {
  error,
  type McpHandler,
  methods,
  result,
} from "../../support/raw/mcp.ts";
import { StreamWorld } from "../../support/stream/world.ts";

/** Sends one request to a target that fails `failures` times, then answers. */
async function tried(
  method: string,
  fail: McpHandler,
  options: { failures?: number; retries?: number; params?: unknown } = {},
) {
  let failures = options.failures ?? 1;
  using clock = new Clock();
  await using w = await StreamWorld.start({
    [method]: async (message, reply, request) => {
      if (failures-- > 0) return await fail(message, reply, request);
      await reply.json(result(message, { said: "done" }));
    },
    "tools/list": (message, reply) =>
      reply.json(result(message, {
        tools: [
          { name: "reads", annotations: { readOnlyHint: true } },
          { name: "sets", annotations: { idempotentHint: true } },
          { name: "acts", annotations: { destructiveHint: true } },
        ],
      })),
  }, {
    ...(options.retries !== undefined && { retries: options.retries }),
  });
  if (method === "tools/call") {
    w.client.request("list", "tools/list");
    await w.client.answer("list");
  }
  w.client.request(1, method, options.params ?? { name: "acts" });
  const startedAt = performance.now();
  const { json } = await clock.until(w.client.answer(1));
  const tookMs = performance.now() - startedAt;
  const sent = w.server.requests.all.filter((seen) =>
    JSON.parse(seen.text()).method === method
  );
  return { json, count: sent.length, tookMs };
}

const status =
  (code: number, headers: Record<string, string> = {}): McpHandler =>
  (_message, reply) => reply.status(code, headers);

for (
  const [what, fail] of [
    ["429", status(429)],
    ["503 with Retry-After", status(503, { "retry-after": "0" })],
  ] as const
) {
  Deno.test(`a call that met ${what} is sent again: it did not run`, async () => {
    const { json, count } = await tried("tools/call", fail);
    assertEquals([json.result, count], [{ said: "done" }, 2]);
  });
}

for (
  const [what, fail] of [
    ["502", status(502)],
    ["503", status(503)],
    ["504", status(504)],
    ["a reset", (_message, reply) => reply.reset()],
    ["a dropped connection", (_message, reply) => reply.cut()],
  ] as [string, McpHandler][]
) {
  Deno.test(`a call that met ${what} is not sent again: it may have run`, async () => {
    const { json, count } = await tried("tools/call", fail);
    assertEquals(["error" in json, count], [true, 1]);
  });

  Deno.test(`what asks for nothing and is taken once is sent again if it met ${what}, and other notifications are not`, async () => {
    const seen: string[] = [];
    const script = (name: string): [string, McpHandler] => [
      name,
      (message, reply, request) => {
        seen.push(name);
        const isSecond = seen.indexOf(name) < seen.lastIndexOf(name);
        return isSecond ? reply.status(202) : fail(message, reply, request);
      },
    ];
    const notifications = ["initialized", "cancelled", "roots/list_changed"]
      .map((name) => `notifications/${name}`);
    const asked = [...notifications, "response", "notifications/other"];
    await using w = await StreamWorld.start(
      Object.fromEntries(asked.map(script)),
    );
    for (const method of notifications) w.client.notify(method);
    w.client.notify("notifications/other");
    w.client.send({ jsonrpc: "2.0", id: 7, result: {} });
    assertEquals(await w.client.close(), []);
    const again = asked.filter((name) =>
      seen.filter((one) => one === name).length === 2
    );
    assertEquals(again, [...notifications, "response"]);
  });

  Deno.test(`a call of a read-only or idempotent tool that met ${what} is sent again`, async () => {
    for (const name of ["reads", "sets"]) {
      const { json, count } = await tried("tools/call", fail, {
        params: { name },
      });
      assertEquals([json.result, count], [{ said: "done" }, 2]);
    }
  });

  for (
    const method of [
      "initialize",
      "ping",
      "resources/list",
      "resources/templates/list",
      "resources/read",
      "prompts/get",
      "completion/complete",
    ]
  ) {
    Deno.test(`${method} that met ${what} is sent again`, async () => {
      const { json, count } = await tried(method, fail);
      assertEquals([json.result, count], [{ said: "done" }, 2]);
    });
  }
}

Deno.test("a stream is resumed after 30 s at most, whatever Retry-After asks for", async () => {
  let isBusy = true;
  using clock = new Clock();
  await using w = await StreamWorld.start({
    "tools/call": async (_message, reply) => {
      const stream = await reply.sse();
      await stream.event({ id: "1", retry: 1 });
      await stream.cut();
    },
    GET: async (_none, reply) => {
      if (isBusy) {
        isBusy = false;
        return await reply.status(503, { "retry-after": "600" });
      }
      const stream = await reply.sse();
      await stream.message(result({ id: 1 }, { said: "done" }));
      await stream.end();
    },
  });
  w.client.request(1, "tools/call", { name: "x" });
  await clock.until(w.server.requests.find(({ method }) => method === "GET"));
  await clock.ring(30_000);
  assertEquals((await w.client.answer(1)).json.result, { said: "done" });
});

Deno.test("a tool that says no longer that it is safe is not sent again", async () => {
  let annotations: unknown = { readOnlyHint: true };
  await using w = await StreamWorld.start({
    "tools/list": (message, reply) =>
      reply.json(result(message, { tools: [{ name: "x", annotations }] })),
    "tools/call": (_message, reply) => reply.cut(),
  }, { retries: 1 });
  const calls = [];
  for (const id of [1, 2]) {
    w.client.request(`list-${id}`, "tools/list");
    await w.client.answer(`list-${id}`);
    w.client.request(id, "tools/call", { name: "x" });
    const { json } = await w.client.answer(id);
    assertEquals(json.error.data.mayHaveRun, true);
    const sent = methods(w.server.requests.all);
    calls.push(sent.filter((method) => method === "tools/call").length);
    annotations = { readOnlyHint: false };
  }
  assertEquals(calls, [2, 3]);
});

Deno.test("tries end after --retries, with the last error", async () => {
  for (const retries of [0, 1, 2]) {
    const { json, count } = await tried("ping", status(502), {
      failures: 9,
      retries,
    });
    assertEquals([json.error.data.status, count], [502, retries + 1]);
  }
});

Deno.test("a Retry-After over 30 s is answered at once, with the time", async () => {
  const { json, count } = await tried(
    "ping",
    status(429, { "retry-after": "31" }),
  );
  assertEquals([json.error.data.retryAfterMs, count], [31_000, 1]);
});

Deno.test("Retry-After is kept to", async () => {
  const { tookMs } = await tried("ping", status(503, { "retry-after": "1" }));
  assertGreaterOrEqual(tookMs, 1000);
});

Deno.test("a 429 that has a JSON-RPC error is tried again, and then that error is the client's", async () => {
  const { json, count } = await tried(
    "ping",
    (message, reply) => reply.json(error(message, -32000, "slow down"), 429),
    { failures: 9, retries: 1 },
  );
  assertEquals([json.error.message, count], ["slow down", 2]);
});

Deno.test("other HTTP errors are final", async () => {
  for (const code of [400, 401, 403, 404, 500, 501]) {
    const { json, count } = await tried("ping", status(code));
    assertEquals([json.error.data.status, count], [code, 1]);
  }
});

for (
  const [era, params] of [["2025-11-25", {}], ["2026-07-28", modern()]] as const
) {
  Deno.test(`a request that is last refused a connection may have run before, and is told so (${era})`, async () => {
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    await using w = await StreamWorld.start({
      "resources/read": async (_message, reply) => {
        const reset = reply.reset();
        void w.server.stop().then(resolve);
        await reset;
      },
    }, {
      retries: 1,
      // The second attempt finds nobody.
      fetch: async (url, init) => {
        if (w.server.requests.length > 0) await stopped;
        return await fetch(url, init);
      },
    });
    w.client.request(1, "resources/read", { uri: "a:b", ...params });
    const { json } = await w.client.answer(1);
    assertEquals(json.error.data.reason, "unreachable");
    assertEquals(json.error.data.mayHaveRun, true);
    assertStringIncludes(json.error.message, ", when it was sent again; ");
    w.client.request(2, "resources/read", { uri: "a:b", ...params });
    assertEquals((await w.client.answer(2)).json.error.data.mayHaveRun, false);
  });
}

Deno.test("server/discover for which the proxy has no permission fails at once, and is not tried again", async () => {
  let count = 0;
  await using w = await StreamWorld.start({}, {
    fetch: () => {
      count++;
      return Promise.reject(new Deno.errors.NotCapable("net"));
    },
  });
  w.client.request(1, "server/discover", modern());
  const { error } = (await w.client.answer(1)).json;
  assertStringIncludes(error.message, "--allow-net=");
  assertEquals(count, 1);
});
