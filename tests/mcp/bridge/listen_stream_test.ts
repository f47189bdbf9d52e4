/** Subscriptions between the eras: several at once, and cancelled early. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Arrivals } from "../../support/arrivals.ts";
import { SILENT_LOG } from "../../../src/log/log.ts";
import { Clock } from "../../support/time/clock.ts";
import { within } from "../../support/time/deadline.ts";
import { bridged, modernTarget } from "../../support/stream/bridge_world.ts";
import { modern } from "../../support/stream/modern_message.ts";
import {
  error,
  mcp,
  type McpHandler,
  openSession,
  result,
  Sessions,
} from "../../support/raw/mcp.ts";
import { type RawEventStream, RawServer } from "../../support/raw/server.ts";
import { StreamClient } from "../../support/stream/client.ts";
import { StreamWorld } from "../../support/stream/world.ts";

const CAPABILITIES = {
  tools: { listChanged: true },
  resources: { subscribe: true },
};

/** What a target was asked to tell of, and the stream that it tells on. */
class Listening {
  constructor(
    readonly id: unknown,
    readonly notifications: { resourceSubscriptions?: string[] },
    readonly stream: RawEventStream,
  ) {}

  get uris(): readonly string[] {
    return this.notifications.resourceSubscriptions ?? [];
  }

  acknowledge(): Promise<void> {
    return this.tell("subscriptions/acknowledged", {
      notifications: this.notifications,
    });
  }

  /** Ends it, as a server does that has one at a time. */
  async end(): Promise<void> {
    await this.stream.message({ jsonrpc: "2.0", id: this.id, result: {} });
    await this.stream.end();
  }

  tell(name: string, params: Record<string, unknown> = {}): Promise<void> {
    const _meta = { "io.modelcontextprotocol/subscriptionId": this.id };
    return this.stream.message({
      jsonrpc: "2.0",
      method: `notifications/${name}`,
      params: { _meta, ...params },
    });
  }
}

/** A client of the legacy era at a target of the modern one. */
async function legacyClient() {
  const listenings = new Arrivals<Listening>("subscriptions/listen");
  const w = await StreamWorld.start({
    initialize: (message, reply) =>
      reply.json(error(message, -32022, "Unsupported version"), 400),
    "server/discover": (message, reply) =>
      reply.json(result(message, {
        resultType: "complete",
        supportedVersions: ["2026-07-28"],
        capabilities: CAPABILITIES,
      })),
    "subscriptions/listen": async (message, reply) => {
      const { notifications } = message.params;
      if (notifications.resourceSubscriptions?.at(-1) === "no:no") {
        return await reply.json(error(message, -32602, "no such resource"));
      }
      const stream = await reply.sse();
      listenings.add(new Listening(message.id, notifications, stream));
      await stream.closed;
    },
  }, { bridge: true });
  await w.client.initialize();
  return Object.assign(w, { listenings });
}

Deno.test("subscriptions made at once are all answered when the last is acknowledged, and one stream is left", async () => {
  await using w = await legacyClient();
  const first = await w.listenings.at(0);
  await first.acknowledge();
  w.client.request(1, "resources/subscribe", { uri: "a:b" });
  w.client.request(2, "resources/subscribe", { uri: "c:d" });
  const second = await w.listenings.at(1);
  const third = await w.listenings.at(2);
  assertEquals([second.uris, third.uris], [["a:b"], ["a:b", "c:d"]]);
  await third.acknowledge();
  const answers = [(await w.client.next()).json, (await w.client.next()).json];
  assertEquals(
    answers.map(({ id, result }) => [id, result]).sort(),
    [[1, {}], [2, {}]],
  );
  await within(first.stream.closed, "the first stream to be closed");
  await within(second.stream.closed, "the second stream to be closed");
  await third.tell("resources/updated", { uri: "c:d" });
  assertEquals((await w.client.next()).json.params.uri, "c:d");
});

Deno.test("a subscription that is refused while the next one waits leaves one stream, too", async () => {
  await using w = await legacyClient();
  const first = await w.listenings.at(0);
  await first.acknowledge();
  w.client.request(1, "resources/subscribe", { uri: "no:no" });
  w.client.request(2, "resources/subscribe", { uri: "c:d" });
  assertEquals((await w.client.next()).json.error.code, -32602);
  const second = await w.listenings.at(1);
  await second.acknowledge();
  assertEquals((await w.client.next()).json.result, {});
  await within(first.stream.closed, "the first stream to be closed");
  w.client.request(3, "resources/unsubscribe", { uri: "c:d" });
  await (await w.listenings.at(2)).acknowledge();
  await within(second.stream.closed, "the second stream to be closed");
});

Deno.test("while subscriptions wait to be acknowledged, the one before them is still heard", async () => {
  await using w = await legacyClient();
  const first = await w.listenings.at(0);
  await first.acknowledge();
  w.client.request(1, "resources/subscribe", { uri: "a:b" });
  w.client.request(2, "resources/subscribe", { uri: "c:d" });
  await w.listenings.at(2);
  await first.tell("tools/list_changed");
  assertEquals(
    (await w.client.next()).json.method,
    "notifications/tools/list_changed",
  );
});

Deno.test("a subscription that the target refuses leaves the one before it as it is", async () => {
  await using w = await legacyClient();
  const first = await w.listenings.at(0);
  await first.acknowledge();
  w.client.request(1, "resources/subscribe", { uri: "no:no" });
  assertEquals((await w.client.answer(1)).json.error.code, -32602);
  await first.tell("tools/list_changed");
  assertEquals(
    (await w.client.next()).json.method,
    "notifications/tools/list_changed",
  );
  w.client.request(2, "resources/subscribe", { uri: "a:b" });
  const second = await w.listenings.at(1);
  assertEquals(second.uris, ["a:b"]);
  await second.acknowledge();
  assertEquals((await w.client.answer(2)).json.result, {});
  await within(first.stream.closed, "the first stream to be closed");
});

Deno.test("a target may end the stream before a new one itself, and is asked for no other", async () => {
  await using w = await legacyClient();
  const first = await w.listenings.at(0);
  await first.acknowledge();
  w.client.request(1, "resources/subscribe", { uri: "a:b" });
  const second = await w.listenings.at(1);
  await first.end();
  await w.client.ask(2, "tools/list");
  await second.acknowledge();
  assertEquals((await w.client.answer(1)).json.result, {});
  w.client.request(3, "resources/subscribe", { uri: "c:d" });
  const third = await w.listenings.at(2);
  assertEquals(third.uris, ["a:b", "c:d"]);
  await third.acknowledge();
  assertEquals((await w.client.answer(3)).json.result, {});
  await within(second.stream.closed, "the second stream to be closed");
});

Deno.test("a resource that is given up before it is acknowledged leaves both requests answered, and is not told of", async () => {
  await using w = await legacyClient();
  await (await w.listenings.at(0)).acknowledge();
  w.client.request(1, "resources/subscribe", { uri: "a:b" });
  const second = await w.listenings.at(1);
  w.client.request(2, "resources/unsubscribe", { uri: "a:b" });
  const third = await w.listenings.at(2);
  assertEquals([second.uris, third.uris], [["a:b"], []]);
  await third.acknowledge();
  const answers = [(await w.client.next()).json, (await w.client.next()).json];
  const codes = new Map(answers.map(({ id, error }) => [id, error?.code]));
  assertEquals([codes.get(1), codes.get(2)], [-32602, undefined]);
  await within(second.stream.closed, "the second stream to be closed");
  assertEquals(await w.client.close(), []);
});

Deno.test("a subscription of the modern era that is cancelled before the session has it ends it there, and is not acknowledged", async () => {
  const agree = Promise.withResolvers<void>();
  const sessions = new Sessions();
  const seen = new Arrivals<string>("method");
  const note: (then: McpHandler) => McpHandler =
    (then) => (message, reply, request) => {
      seen.add(message.method);
      return then(message, reply, request);
    };
  await using server = await RawServer.start(mcp({
    "server/discover": (_message, reply) => reply.status(404, {}, "no"),
    initialize: (message, reply) =>
      openSession(sessions, message, reply, { capabilities: CAPABILITIES }),
    "resources/subscribe": note(async (message, reply) => {
      await agree.promise;
      await reply.json(result(message));
    }),
    "resources/unsubscribe": note((message, reply) =>
      reply.json(result(message))
    ),
  }, sessions));
  await using client = new StreamClient({ url: server.url, bridge: true });
  client.request(
    "s",
    "subscriptions/listen",
    modern({ notifications: { resourceSubscriptions: ["a:b", "c:d"] } }),
  );
  assertEquals(await seen.at(0), "resources/subscribe");
  client.notify("notifications/cancelled", { requestId: "s" });
  await client.ask(1, "tools/list", modern());
  agree.resolve();
  assertEquals(await seen.at(1), "resources/unsubscribe");
  assertEquals(await client.close(), []);
  assertEquals(seen.all, ["resources/subscribe", "resources/unsubscribe"]);
});

Deno.test("a client may be subscribed to 500 resources at once; the next one is an error", async () => {
  await using w = await legacyClient();
  const target = Promise.withResolvers<void>();
  void (async () => {
    for (let n = 0; n < 501; n++) {
      await (await w.listenings.at(n)).acknowledge();
    }
    target.resolve();
  })();
  for (let n = 0; n < 500; n++) {
    w.client.request(n, "resources/subscribe", { uri: `a:${n}` });
    assertEquals((await w.client.answer(n)).json.result, {});
  }
  await target.promise;
  const { error } = await w.client.ask("more", "resources/subscribe", {
    uri: "b:c",
  });
  assertEquals(error.code, -32602);
  assertStringIncludes(error.message, "500 resources");
  w.client.request("known", "resources/subscribe", { uri: "a:1" });
  await (await w.listenings.at(501)).acknowledge();
  assertEquals((await w.client.answer("known")).json.result, {});
});

Deno.test("a stream that lived long is opened again at once, and after that ever later while none is acknowledged", async () => {
  using clock = new Clock();
  const waits = new Arrivals<unknown>("a stream that is over");
  const end = Promise.withResolvers<void>();
  let count = 0;
  await using w = await bridged(
    modernTarget({
      "subscriptions/listen": async (message, reply) => {
        const stream = await reply.sse();
        const { notifications } = message.params;
        if (++count === 1) {
          const listening = new Listening(message.id, notifications, stream);
          await listening.acknowledge();
          await listening.tell("tools/list_changed");
          await end.promise;
        }
        await stream.message(result(message));
        await stream.end();
      },
    }),
    {
      log: {
        ...SILENT_LOG,
        warn: (_text, fields) => waits.add(fields?.waitMs),
      },
    },
  );
  await w.client.initialize();
  await w.client.next();
  await clock.pass(20_000);
  end.resolve();
  for (const [at, waitMs] of [250, 1_000, 5_000].entries()) {
    assertEquals(await waits.at(at), waitMs);
    await clock.pass(waitMs);
  }
});
