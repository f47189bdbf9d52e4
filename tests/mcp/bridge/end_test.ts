import { assert, assertEquals } from "@std/assert";
import {
  bridged,
  legacyTarget,
  modernParams,
  modernTarget,
} from "../../support/stream/bridge_world.ts";
import {
  INITIALIZED,
  type McpHandler,
  messages,
  result,
} from "../../support/raw/mcp.ts";
import { SILENT_LOG } from "../../../src/log/log.ts";

const ACKNOWLEDGED = "notifications/subscriptions/acknowledged";
const LOG_LEVEL = "io.modelcontextprotocol/logLevel";
const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";

/** Acknowledges each subscription, and ends those that `end` says, by number. */
function listening(
  end: (count: number) => "result" | "cancelled" | undefined,
): McpHandler {
  let count = 0;
  return async (message, reply) => {
    const how = end(++count);
    const { notifications } = message.params;
    const _meta = { [SUBSCRIPTION]: message.id };
    const stream = await reply.sse();
    await stream.message({
      jsonrpc: "2.0",
      method: ACKNOWLEDGED,
      params: { _meta, notifications },
    });
    if (how === "result") await stream.message(result(message, { _meta }));
    if (how === "cancelled") {
      await stream.message({
        jsonrpc: "2.0",
        method: "notifications/cancelled",
        params: { requestId: message.id },
      });
    }
    if (how === undefined) await stream.closed;
    else await stream.end();
  };
}

for (const how of ["result", "cancelled"] as const) {
  Deno.test(`a subscription of the bridge's that the target ends (${how}) is opened again, and the client is told what it may have missed`, async () => {
    await using w = await bridged(modernTarget({
      "subscriptions/listen": listening((count) =>
        count === 1 ? how : undefined
      ),
    }));
    await w.client.initialize();
    const { json } = await w.client.next();
    assertEquals(json, {
      jsonrpc: "2.0",
      method: "notifications/tools/list_changed",
    });
    const subscriptions = messages(w.server.requests.all)
      .filter(({ method }) => method === "subscriptions/listen");
    assertEquals(subscriptions.length, 2);
    const [first, second] = subscriptions;
    assert(first.id !== second.id);
    assertEquals(first.params.notifications, second.params.notifications);
    assertEquals(await w.client.close(), []);
  });
}

Deno.test("a subscription that the target refuses is not asked for again", async () => {
  const { promise: refused, resolve } = Promise.withResolvers<void>();
  const warnings: string[] = [];
  await using w = await bridged(
    modernTarget({
      "subscriptions/listen": async (message, reply) => {
        await reply.json({
          jsonrpc: "2.0",
          id: message.id,
          error: { code: -32603, message: "not today" },
        });
      },
    }),
    {
      log: {
        ...SILENT_LOG,
        warn(message) {
          warnings.push(message);
          resolve();
        },
      },
    },
  );
  await w.client.initialize();
  await refused;
  await w.client.ask(1, "tools/list");
  assertEquals(warnings, ["the target refused a subscription"]);
  const asked = messages(w.server.requests.all)
    .filter(({ method }) => method === "subscriptions/listen");
  assertEquals(asked.length, 1);
});

Deno.test("once the client is gone nobody is asked: the call ends with what the target makes of that", async () => {
  const isEnding = Promise.withResolvers<void>();
  const answered = new Map<unknown, (value: unknown) => void>();
  await using w = await bridged(legacyTarget({
    "tools/call": async (message, reply) => {
      const { name } = message.params;
      const stream = await reply.sse();
      if (name === "late") await isEnding.promise;
      const { promise, resolve } = Promise.withResolvers<unknown>();
      answered.set(name, resolve);
      await stream.message({
        jsonrpc: "2.0",
        id: name,
        method: "elicitation/create",
        params: { message: "well?" },
      });
      await stream.message(
        result(message, { content: [], got: await promise }),
      );
      await stream.end();
    },
    "notifications/cancelled": async (_message, reply) => {
      await reply.status(202);
      isEnding.resolve();
    },
    response: async (message, reply) => {
      await reply.status(202);
      answered.get(message.id)?.(message.error ?? message.result);
    },
  }));
  const call = (id: number, name: string) =>
    w.client.request(
      id,
      "tools/call",
      modernParams({ name }, { elicitation: {} }),
    );
  call(1, "early");
  const { json } = await w.client.answer(1);
  assertEquals(json.result.resultType, "input_required");
  call(2, "late");
  await w.server.requests.find((seen) => seen.text().includes("late"));
  const rest = await w.client.close();
  assertEquals(rest.map(({ json }) => [json.id, json.result.got.message]), [
    [2, "the client is gone"],
  ]);
});

for (
  const [what, asked] of [
    ["for input", { a: { method: "elicitation/create", params: {} } }],
    ["to be called again", {}],
  ] as const
) {
  Deno.test(`once the client is gone a call whose target asks ${what} ends with an error`, async () => {
    const ending = Promise.withResolvers<void>();
    await using w = await bridged(modernTarget({
      "subscriptions/listen": async (_message, reply) => {
        await (await reply.sse()).closed;
        ending.resolve();
      },
      "tools/call": async (message, reply) => {
        await ending.promise;
        const resultType = "input_required";
        const given = { resultType, inputRequests: asked, requestState: "s" };
        await reply.json(result(message, given));
      },
    }));
    await w.client.initialize({ capabilities: { elicitation: {} } });
    w.client.request(1, "tools/call", { name: "a" });
    const requests = ["tools/call", "subscriptions/listen"].map((method) =>
      w.server.requests.find((seen) => seen.text().includes(method))
    );
    await Promise.all(requests);
    const rest = await w.client.close();
    assertEquals(rest.map(({ json }) => [json.id, json.error?.data.reason]), [
      [1, "shutting-down"],
    ]);
  });
}

Deno.test("a log level that the target never takes holds nothing up at the end", async () => {
  await using w = await bridged(legacyTarget({
    initialize: (message, reply) =>
      reply.json(
        result(message, { ...INITIALIZED, capabilities: { logging: {} } }),
      ),
    "logging/setLevel": (_message, reply) => reply.hang(),
  }));
  const { _meta } = modernParams();
  const meta = Object.entries(_meta ?? {}).concat([[LOG_LEVEL, "debug"]]);
  await w.client.ask(1, "tools/list", { _meta: Object.fromEntries(meta) });
  await w.server.requests.find((seen) => seen.text().includes("setLevel"));
  assertEquals(await w.client.close(), []);
});
