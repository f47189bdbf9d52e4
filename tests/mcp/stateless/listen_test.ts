import { assertEquals } from "@std/assert";
import { Clock } from "../../support/time/clock.ts";
import { modern } from "../../support/stream/modern_message.ts";
import { error, type McpHandler, result } from "../../support/raw/mcp.ts";
import type { RawEventStream, RawReply } from "../../support/raw/reply.ts";
import {
  acknowledge,
  acknowledgeAndCut,
  acknowledgeAndStay,
  activate,
  EVENTS,
  ID_KEY,
  LISTEN,
  listening,
  note,
} from "./listening.ts";
import { StreamWorld } from "../../support/stream/world.ts";

const EVERYTHING = {
  toolsListChanged: true,
  promptsListChanged: true,
  resourcesListChanged: true,
  resourceSubscriptions: ["file:///a", "file:///b"],
};

for (
  const [method, params, open, event] of [
    [
      LISTEN,
      { notifications: EVERYTHING },
      (id, reply) => acknowledge(id, reply, EVERYTHING),
      "tools/list_changed",
    ],
    [
      EVENTS,
      { name: "incident", cursor: null },
      (id, reply) => activate(id, reply, "c0"),
      "events/event",
    ],
  ] satisfies readonly [
    method: string,
    params: Record<string, unknown>,
    open: (id: unknown, reply: RawReply) => Promise<RawEventStream>,
    event: string,
  ][]
) {
  Deno.test(`the stream of ${method} stands open without a time limit or a place, until the server's own result`, async () => {
    const release = Promise.withResolvers<void>();
    await using w = await StreamWorld.start({
      [method]: async ({ id }, reply) => {
        const stream = await open(id, reply);
        await release.promise;
        await stream.message(note(id, event));
        await stream.message(result({ id }, { resultType: "complete" }));
        await stream.end();
      },
      hang: (_message, reply) => reply.hang(),
    }, { timeoutMs: 60_000, maxConcurrency: 1 });
    using clock = new Clock();
    w.client.request("s", method, modern(params));
    await w.client.next();
    // It has a place although the stream stands open, and its time is over
    // while that is silent.
    w.client.request(1, "hang", modern());
    await w.server.requests.at(1);
    await clock.pass(61_000);
    assertEquals((await w.client.answer(1)).json.error.code, -31014);
    release.resolve();
    const frames = [await w.client.next(), await w.client.next()];
    assertEquals(frames.map(({ json }) => json.method ?? json.result), [
      `notifications/${event}`,
      { resultType: "complete" },
    ]);
    assertEquals(await w.client.close(), []);
    assertEquals(w.posted, [method, "hang"]);
  });
}

for (const how of ["end", "cut", "reset"] as const) {
  Deno.test(`a subscription that meets its ${how} is opened again with the same request, the equal acknowledgment is swallowed, and each honoured type gets one notification`, async () => {
    await using w = await StreamWorld.start({
      [LISTEN]: listening(async (message, reply) => {
        const stream = await acknowledge(message.id, reply, EVERYTHING);
        await stream[how]();
      }, acknowledgeAndStay),
    });
    w.client.request(5, LISTEN, modern({ notifications: EVERYTHING }));
    const frames = [await w.client.next()];
    while (frames.at(-1)?.json.method !== "notifications/after") {
      frames.push(await w.client.next());
    }
    assertEquals(frames.map(({ json }) => json), [
      note(5, "subscriptions/acknowledged", { notifications: EVERYTHING }),
      note(5, "tools/list_changed"),
      note(5, "prompts/list_changed"),
      note(5, "resources/list_changed"),
      note(5, "resources/updated", { uri: "file:///a" }),
      note(5, "resources/updated", { uri: "file:///b" }),
      note(5, "after"),
    ]);
    const [first, second] = w.server.requests.all;
    assertEquals(second.text(), first.text());
    assertEquals(second.header("mcp-method"), LISTEN);
    assertEquals(second.header("last-event-id"), undefined);
  });
}

Deno.test("of what is acknowledged as a resource, a reopened subscription tells of those alone that have a URI", async () => {
  const notifications = {
    resourceSubscriptions: [null, { a: 1 }, 5, [], true, "file:///a"],
  };
  await using w = await StreamWorld.start({
    [LISTEN]: listening(async (message, reply) => {
      const stream = await acknowledge(message.id, reply, notifications);
      await stream.cut();
    }, async (message, reply) => {
      const stream = await acknowledge(message.id, reply, notifications);
      await stream.message(note(message.id, "after"));
      await reply.hang();
    }),
  });
  w.client.request(5, LISTEN, modern({ notifications: EVERYTHING }));
  const told = [await w.client.next()];
  while (told.at(-1)?.json.method !== "notifications/after") {
    told.push(await w.client.next());
  }
  assertEquals(told.slice(1, -1).map(({ json }) => json), [
    note(5, "resources/updated", { uri: "file:///a" }),
  ]);
});

Deno.test("a second acknowledgment that differs from the first is passed on, and types it does not honour get nothing", async () => {
  await using w = await StreamWorld.start({
    [LISTEN]: listening(acknowledgeAndCut, async (message, reply) => {
      const stream = await acknowledge(message.id, reply, {
        toolsListChanged: true,
      });
      await stream.message(note(message.id, "after"));
      await reply.hang();
    }),
  });
  const notifications = { toolsListChanged: true, promptsListChanged: true };
  w.client.request("s", LISTEN, modern({ notifications }));
  const told = [];
  while (told.at(-1) !== "notifications/after") {
    told.push((await w.client.next()).json.method);
  }
  assertEquals(told, [
    "notifications/subscriptions/acknowledged",
    "notifications/subscriptions/acknowledged",
    "notifications/tools/list_changed",
    "notifications/after",
  ]);
});

Deno.test("an ID of more digits than a number holds is told to the letter", async () => {
  const id = "12345678901234567890";
  await using w = await StreamWorld.start({
    [LISTEN]: listening(acknowledgeAndCut, acknowledgeAndStay),
  });
  const params = modern({ notifications: { toolsListChanged: true } });
  w.client.send(
    `{"jsonrpc":"2.0","id":${id},"method":"${LISTEN}","params":${
      JSON.stringify(params)
    }}`,
  );
  await w.client.next();
  assertEquals(
    (await w.client.next()).text,
    `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"${ID_KEY}":${id}}}}`,
  );
});

const FINAL: Record<string, McpHandler> = {
  "a 404": (_message, reply) => reply.status(404),
  "a JSON-RPC error": (message, reply) =>
    reply.json(error(message, -32603, "Subscription limit reached")),
  "a JSON-RPC error in a 400": (message, reply) =>
    reply.json(error(message, -32602, "no"), 400),
  "a redirect": (_message, reply) => reply.status(307, { location: "/x" }),
  "another content type": (_message, reply) =>
    reply.status(200, { "content-type": "text/html" }, "<p>"),
};

for (const [what, handler] of Object.entries(FINAL)) {
  Deno.test(`where reopening meets ${what}, notifications/cancelled with the request's ID goes to the client`, async () => {
    await using w = await StreamWorld.start({
      [LISTEN]: listening(acknowledgeAndCut, handler),
    });
    w.client.request("s", LISTEN, modern({ notifications: {} }));
    await w.client.next();
    const { json } = await w.client.next();
    assertEquals([json.method, json.params.requestId], [
      "notifications/cancelled",
      "s",
    ]);
    assertEquals(await w.client.close(), [], "and no answer");
    assertEquals(w.server.requests.length, 2);
  });

  Deno.test(`a first attempt that meets ${what} is an error response`, async () => {
    await using w = await StreamWorld.start({ [LISTEN]: handler });
    w.client.request("s", LISTEN, modern({ notifications: {} }));
    const { json } = await w.client.next();
    assertEquals([json.id, "error" in json], ["s", true]);
    assertEquals(await w.client.close(), []);
    assertEquals(w.server.requests.length, 1);
  });
}

Deno.test("a first attempt whose stream ends without an acknowledgment is stream-cut", async () => {
  await using w = await StreamWorld.start({
    [LISTEN]: async (_message, reply) => await (await reply.sse()).end(),
  });
  w.client.request("s", LISTEN, modern({ notifications: {} }));
  assertEquals((await w.client.answer("s")).json.error.code, -31015);
});

Deno.test("a subscription outlives a 503, a 403 and a target that is restarted", async () => {
  await using w = await StreamWorld.start({
    [LISTEN]: listening(
      acknowledgeAndCut,
      (_message, reply) => reply.status(503),
      (_message, reply) => reply.status(403),
      acknowledgeAndStay,
    ),
  });
  const notifications = { toolsListChanged: true };
  w.client.request("s", LISTEN, modern({ notifications }));
  await w.client.next();
  await w.client.next();
  await w.client.next();
  await w.server.restart();
  assertEquals(
    [(await w.client.next()).json.method, (await w.client.next()).json.method],
    ["notifications/tools/list_changed", "notifications/after"],
  );
});

Deno.test("a stream that stood for long is opened again as soon as after the first break", async () => {
  const streams: RawEventStream[] = [];
  using clock = new Clock();
  await using w = await StreamWorld.start({
    [LISTEN]: async (message, reply) => {
      const { notifications } = message.params;
      streams.push(await acknowledge(message.id, reply, notifications));
      await reply.hang();
    },
  });
  const notifications = { toolsListChanged: true };
  w.client.request("s", LISTEN, modern({ notifications }));
  await w.client.next();
  using restored = new DisposableStack();
  const { random } = Math;
  restored.defer(() => Math.random = random);
  Math.random = () => 0.5;
  for (let breaks = 1; breaks <= 3; breaks++) {
    await clock.pass(11_000);
    await streams[breaks - 1].cut();
    // Half of the first pause; the second would be twice as long.
    await clock.ring(125);
    await w.client.next();
  }
});

Deno.test("how long a subscription may stay broken counts from the last break", async () => {
  const broken = Promise.withResolvers<void>();
  using clock = new Clock();
  await using w = await StreamWorld.start({
    [LISTEN]: listening(acknowledgeAndCut, async (message, reply) => {
      const { notifications } = message.params;
      const stream = await acknowledge(message.id, reply, notifications);
      await stream.message(note(message.id, "second"));
      await broken.promise;
      await stream.cut();
    }, acknowledgeAndStay),
  });
  w.client.request("s", LISTEN, modern({ notifications: {} }));
  await w.client.next();
  const second = await clock.until(w.client.next());
  assertEquals(second.json.method, "notifications/second");
  await clock.pass(6 * 60_000);
  broken.resolve();
  const third = await clock.until(w.client.next());
  assertEquals(third.json.method, "notifications/after");
});

Deno.test("a subscription that is silent for the idle time is opened again", async () => {
  using clock = new Clock();
  await using w = await StreamWorld.start({
    [LISTEN]: listening(async (message, reply) => {
      await acknowledge(message.id, reply, {});
      await reply.hang();
    }, acknowledgeAndStay),
  }, { idleTimeoutMs: 60_000 });
  w.client.request("s", LISTEN, modern({ notifications: {} }));
  await w.client.next();
  await clock.pass(61_000);
  const { json } = await clock.until(w.client.next());
  assertEquals(json.method, "notifications/after");
});

Deno.test("many subscriptions stand open at once, and each breaks for itself", async () => {
  const streams = new Map<unknown, RawEventStream[]>();
  await using w = await StreamWorld.start({
    [LISTEN]: async (message, reply) => {
      const stream = await acknowledge(message.id, reply, {
        toolsListChanged: true,
      });
      const opened = streams.get(message.id) ?? [];
      streams.set(message.id, [...opened, stream]);
      await reply.hang();
    },
  }, { maxConcurrency: 2 });
  const ids = Array.from({ length: 80 }, (_, index) => `s${index}`);
  for (const id of ids) {
    w.client.request(id, LISTEN, modern({ notifications: {} }));
  }
  for (const _ of ids) await w.client.next();
  await streams.get("s7")?.[0].cut();
  assertEquals((await w.client.next()).json, note("s7", "tools/list_changed"));
  await streams.get("s8")?.[0].message(note("s8", "tools/list_changed"));
  assertEquals((await w.client.next()).json, note("s8", "tools/list_changed"));
  assertEquals(w.server.requests.length, 81);
});
