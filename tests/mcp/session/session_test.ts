import { assertEquals, assertStringIncludes } from "@std/assert";
import { error, INITIALIZED, methods, result } from "../../support/raw/mcp.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import type { RawEventStream, SentEvent } from "../../support/raw/reply.ts";
import { type Log, SILENT_LOG } from "../../../src/log/log.ts";
import { Arrivals } from "../../support/arrivals.ts";
import { Clock } from "../../support/time/clock.ts";
import { answerWhen } from "../../support/stream/answer_when.ts";

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
    assertStringIncludes(error.message, "maxAnswerBytes");
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

Deno.test("an event over the limit that names no call, or another, gives way to the answer that follows", async () => {
  const big = { big: "x".repeat(2000) };
  for (const id of [{}, { id: null }, { id: "another's" }]) {
    for (const isAnswered of [true, false]) {
      const { result: answer, error } = await answerWhen(
        async (message, reply) => {
          const stream = await reply.sse();
          await stream.message({ jsonrpc: "2.0", ...id, result: big });
          if (isAnswered) await stream.message(result(message, { said: "ok" }));
          await stream.end();
        },
        { maxAnswerBytes: 1000 },
      );
      if (isAnswered) assertEquals(answer, { said: "ok" });
      else if (id.id === undefined) {
        assertEquals(error.data.reason, "frame-too-large");
      } else assertEquals(answer, undefined);
    }
  }
});

Deno.test("a request of the target over the limit is answered with an error upstream", async () => {
  const refused = Promise.withResolvers<unknown>();
  await using w = await StreamWorld.start({
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
  }, { maxAnswerBytes: 1000 });
  w.client.request(1, "m");
  const { json } = await w.client.next();
  assertEquals([json.result.id, json.result.error.code], ["q", -31016]);
});

Deno.test("a request of the target's goes to the client, and its answer goes back", async () => {
  const answered = Promise.withResolvers<unknown>();
  await using w = await StreamWorld.start({
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
  });
  w.client.request(1, "m");
  const { json } = await w.client.next();
  assertEquals([json.id, json.method], ["s1", "roots/list"]);
  w.client.send({ jsonrpc: "2.0", id: "s1", result: { roots: [] } });
  assertEquals((await w.client.next()).json.result, { roots: [] });
});

Deno.test("notifications/cancelled is sent upstream, and no error is made up", async () => {
  const cancelled = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
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
  });
  w.client.request("a", "m");
  await w.server.requests.at(0);
  w.client.notify("notifications/cancelled", { requestId: "a" });
  await cancelled.promise;
  w.client.request(2, "other");
  assertEquals((await w.client.close()).map(({ json }) => json.id), [2]);
});

Deno.test("the answer of a cancelled request is forwarded should it still come", async () => {
  const cancelled = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    m: async (message, reply) => {
      await cancelled.promise;
      await reply.json(result(message, { said: "late" }));
    },
    "notifications/cancelled": async (_message, reply) => {
      await reply.status(202);
      cancelled.resolve();
    },
  });
  w.client.request("a", "m");
  await w.server.requests.at(0);
  w.client.notify("notifications/cancelled", { requestId: "a" });
  assertEquals((await w.client.next()).json.result, { said: "late" });
});

Deno.test("initialize is not cancelled", async () => {
  const release = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    initialize: async (message, reply) => {
      await release.promise;
      await reply.json(result(message, INITIALIZED));
    },
  });
  w.client.request(1, "initialize", {});
  await w.server.requests.at(0);
  w.client.notify("notifications/cancelled", { requestId: 1 });
  w.client.request(2, "m");
  release.resolve();
  assertEquals((await w.client.next()).json.id, 1);
  await w.client.answer(2);
  assertEquals(methods(w.server.requests.all), ["initialize", "m"]);
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
  await using w = await StreamWorld.start({
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
      // On a connection of its own: the runtime sends no GET again by itself.
      if (gets.length === 1) return await reply.cut();
      if (gets.length === 2) return await reply.status(409);
      const stream = await reply.sse();
      if (gets.length === 3) {
        await stream.event(event("e3", { jsonrpc: "2.0", method: "n2" }));
        return await stream.end();
      }
      await stream.event(event("e3", { jsonrpc: "2.0", method: "n2" }));
      await stream.event(event("e4", result(asked, { said: "resumed" })));
      await stream.end();
    },
  });
  w.client.request(1, "m");
  const frames = await w.client.close();
  assertEquals(
    frames.map(({ json }) => json.method ?? json.result),
    ["n1", "n2", { said: "resumed" }],
  );
  assertEquals(gets, ["e2", "e2", "e2", "e3"]);
});

Deno.test("a stream is not resumed for a request that was answered on another meanwhile", async () => {
  using clock = new Clock();
  const standalone = Promise.withResolvers<RawEventStream>();
  await using w = await StreamWorld.start({
    m: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.event({ ...event("e1"), retry: 5_000 });
      await stream.cut();
    },
    GET: async (_none, reply) => {
      const stream = await reply.sse();
      standalone.resolve(stream);
      await stream.closed;
    },
  }, { standaloneStream: true });
  await w.client.initialize();
  w.client.request(1, "m");
  await clock.set(5_000);
  await (await standalone.promise).message(result({ id: 1 }));
  await w.client.answer(1);
  await clock.pass(5_000);
  assertEquals(methods(w.server.requests.all).filter((one) => one === "GET"), [
    "GET",
  ]);
});

Deno.test("a target that counts the events of each stream anew is not missed: its answer may have the ID of the last event", async () => {
  let asked: unknown;
  await using w = await StreamWorld.start({
    m: async (message, reply) => {
      asked = message;
      const stream = await reply.sse();
      await stream.event({ ...event("1"), retry: 1 });
      await stream.cut();
    },
    GET: async (_none, reply) => {
      const stream = await reply.sse();
      await stream.event(event("1", result(asked)));
      await stream.end();
    },
  });
  assertEquals((await w.client.ask(1, "m")).result, {});
});

Deno.test("a stream that cannot be resumed is stream-cut, and the request is not sent again", async () => {
  await using w = await StreamWorld.start({
    m: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.event({ ...event("e1"), retry: 1 });
      await stream.cut();
    },
  });
  w.client.request(1, "m");
  assertEquals((await w.client.next()).json.error.data.reason, "stream-cut");
  assertEquals(methods(w.server.requests.all), ["m", "GET"]);
});

for (const idleTimeoutMs of [900_000, 10_000]) {
  const isLimited = idleTimeoutMs === 10_000;
  const end = isLimited ? "within the idle limit" : "as often as it takes";
  Deno.test(`a stream that stands quiet for a while each time is resumed ${end}`, async () => {
    using clock = new Clock();
    const heads = new Arrivals<string>("head of a stream");
    const debug: Log["debug"] = (_message, fields) => {
      if (fields?.http === "GET") heads.add("GET");
    };
    const streams = new Arrivals<RawEventStream>("stream");
    let asked: unknown;
    await using w = await StreamWorld.start({
      m: async (message, reply) => {
        asked = message;
        const stream = await reply.sse();
        await stream.event({ ...event("e1"), retry: 20 });
        await stream.end();
      },
      GET: async (_none, reply) => {
        const stream = await reply.sse();
        streams.add(stream);
        await stream.closed;
      },
    }, { idleTimeoutMs, log: { ...SILENT_LOG, enabled: () => true, debug } });
    w.client.request(1, "m");
    const answer = w.client.answer(1);
    for (let n = 0; n < 8 || isLimited; n++) {
      const next = Promise.race([streams.at(n), answer.then(() => undefined)]);
      const stream = await clock.until(next);
      if (!stream) break;
      await heads.at(n);
      await clock.pass(2_000);
      if (n % 2 === 0) await stream.end();
      await stream.cut();
    }
    if (!isLimited) {
      const last = await clock.until(streams.at(8));
      await last.event(event("e2", result(asked)));
    }
    const { json } = await clock.until(answer);
    assertEquals(json.result, isLimited ? undefined : {});
    assertEquals(json.error?.data.reason, isLimited ? "stream-cut" : undefined);
  });
}

Deno.test("resuming is given up when it brings nothing again and again", async () => {
  await using w = await StreamWorld.start({
    m: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.event({ ...event("e1"), retry: 1 });
      await stream.cut();
    },
    GET: async (_none, reply) => {
      const stream = await reply.sse();
      await stream.end();
    },
  });
  w.client.request(1, "m");
  assertEquals((await w.client.next()).json.error.data.reason, "stream-cut");
});
