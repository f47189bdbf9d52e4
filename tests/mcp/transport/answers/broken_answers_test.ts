/** An answer that is broken is told only where no right one comes. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Clock } from "../../../support/time/clock.ts";
import { keptLog } from "../../../support/kept_log.ts";
import { type McpHandler, result } from "../../../support/raw/mcp.ts";
import { httpSse } from "../../../support/raw/sse.ts";
import { StreamWorld } from "../../../support/stream/world.ts";
import { asEvents, asJson, initializes, linesOf, NOTE } from "../calls.ts";

const RIGHT = '{"jsonrpc":"2.0","id":3,"result":{"said":"right"}}';

/** What names the call, and is no answer that a client would read. */
const BROKEN: Readonly<Record<string, string>> = {
  "that has no version": '{"id":3,"result":{}}',
  "that has two outcomes":
    '{"jsonrpc":"2.0","id":3,"result":{},"error":{"code":1,"message":""}}',
  "whose error has no code": '{"jsonrpc":"2.0","id":3,"error":{"message":"x"}}',
  "whose ID is spelt otherwise": '{"id":"3","result":{}}',
  "whose result is null": '{"jsonrpc":"2.0","id":3,"result":null}',
  "whose code is no integer":
    '{"jsonrpc":"2.0","id":3,"error":{"code":1.5,"message":"x"}}',
  "in an array": '[{"id":3,"result":{}}]',
};

/** Answers by a broken event that can be resumed from, and ends, or is cut. */
const resumable =
  (end: "end" | "cut"): McpHandler => async (_message, reply) => {
    const stream = await reply.sse();
    await stream.event({ id: "e-1", retry: 1, data: BROKEN["in an array"] });
    await stream[end]();
  };

/** What a batch of the IDs 3 and 4 is told, each by itself. */
async function batchOf(script: Record<string, McpHandler>) {
  await using w = await StreamWorld.start({
    initialize: initializes("2025-03-26"),
    ...script,
  });
  await w.client.initialize();
  const calls = [3, 4].map((id) => ({ jsonrpc: "2.0", id, method: "x/y" }));
  w.client.send(calls);
  const told = (await w.client.close()).flatMap(({ json }) => json);
  return told.toSorted((one, other) => one.id - other.id);
}

for (const [what, broken] of Object.entries(BROKEN)) {
  Deno.test(`after an answer ${what} the right one is given, and that alone`, async () => {
    for (const datas of [[broken, RIGHT], [broken, broken, RIGHT, broken]]) {
      assertEquals(await linesOf(asEvents(...datas)), [RIGHT]);
    }
  });

  Deno.test(`an answer ${what} is bad-answer once its stream is over, whole or cut`, async () => {
    const cut: McpHandler = async (_message, reply) => {
      const stream = await reply.sse();
      await stream.event({ data: broken });
      await stream.cut();
    };
    for (const call of [asEvents(broken), cut]) {
      const [line, ...others] = await linesOf(call);
      const { id, error } = JSON.parse(line);
      assertEquals([id, error.data.reason, others], [3, "bad-answer", []]);
    }
  });
}

Deno.test("of a broken answer and one that is too large the second is told", async () => {
  const large = result({ id: 3 }, { said: "x".repeat(5_000) });
  const [line, ...others] = await linesOf(
    asEvents(BROKEN["whose result is null"], large),
    { maxAnswerBytes: 4_000 },
  );
  const { id, error } = JSON.parse(line);
  assertEquals([id, error.data.reason, others], [3, "frame-too-large", []]);
});

Deno.test("a stream that is cut after a broken answer is resumed for the right one", async () => {
  const script = { GET: asEvents(RIGHT) };
  assertEquals(await linesOf(resumable("cut"), { script }), [RIGHT]);
});

Deno.test("a batch one of whose answers is broken is still resumed for the others", async () => {
  const other = result({ id: 4 });
  const [broken, ...right] = await batchOf({
    batch: resumable("end"),
    GET: asEvents(other),
  });
  assertEquals(broken.error.data.reason, "bad-answer");
  assertEquals(right, [other]);
});

/** A broken answer, a notification, one more at each cue but the last, the right one. */
function lateRight(...cues: readonly Promise<void>[]): McpHandler {
  return async (_message, reply) => {
    const stream = await reply.sse();
    await stream.event({ data: BROKEN["whose result is null"] });
    await stream.event({ data: NOTE });
    for (const cue of cues.slice(0, -1)) {
      await cue;
      await stream.event({ data: NOTE });
    }
    await cues.at(-1);
    await stream.event({ data: RIGHT });
    await stream.end();
  };
}

Deno.test("a broken answer on a stream that stays open is told when nothing follows it, and the right one no more", async () => {
  const seen = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    "tools/call": lateRight(seen.promise),
  });
  using clock = new Clock();
  await w.client.initialize();
  w.client.request(3, "tools/call", { name: "t" });
  assertEquals((await w.client.next()).text, NOTE);
  await clock.pass(4_000);
  const { json } = await w.client.next();
  assertEquals([json.id, json.error.data.reason], [3, "bad-answer"]);
  seen.resolve();
  assertEquals(await w.client.close(), []);
});

Deno.test("a broken answer on a stream that goes on is not told before nothing comes for a while", async () => {
  const passed = Promise.withResolvers<void>();
  const seen = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    "tools/call": lateRight(passed.promise, seen.promise),
  });
  using clock = new Clock();
  await w.client.initialize();
  w.client.request(3, "tools/call", { name: "t" });
  assertEquals((await w.client.next()).text, NOTE);
  await clock.pass(2_000);
  passed.resolve();
  assertEquals((await w.client.next()).text, NOTE);
  await clock.pass(2_000);
  seen.resolve();
  assertEquals((await w.client.next()).text, RIGHT);
  assertEquals(await w.client.close(), []);
});

Deno.test("a call whose answer was broken is not sent again when its session is lost then", async () => {
  const lost = '{"jsonrpc":"2.0","id":3,"error":{"code":-30001,"message":' +
    '"The provided SessionId was not found or has expired"}}';
  let calls = 0;
  const [line, ...others] = await linesOf((...asked) => {
    calls++;
    return asEvents(BROKEN["that has no version"], lost)(...asked);
  });
  assertEquals([JSON.parse(line).id, others, calls], [3, [], 1]);
});

Deno.test("what is right in an array is given, whatever else stands there, as a body and as an event", async () => {
  const array = `[7,{"id":3,"result":1},${RIGHT},{"id":5,"result":{}}]`;
  for (const call of [asJson(array), asEvents(array)]) {
    assertEquals(await linesOf(call), [RIGHT]);
  }
  const other = result({ id: 4 });
  const [broken, ...right] = await batchOf({
    batch: asJson([{ id: 3, result: 1 }, other]),
  });
  assertStringIncludes(broken.error.message, "no JSON-RPC message");
  assertEquals([broken.id, broken.error.data.reason], [3, "bad-answer"]);
  assertEquals(right, [other]);
});

Deno.test("over HTTP+SSE the right answer after a broken one is given", async () => {
  await using w = await StreamWorld.start(
    httpSse(async ({ id }, { stream }) => {
      if (id !== 3) return;
      for (const data of Object.values(BROKEN)) await stream.event({ data });
      await stream.event({ data: RIGHT });
    }),
    { transport: "sse" },
  );
  await w.client.initialize();
  w.client.request(3, "tools/call", { name: "t" });
  assertEquals((await w.client.next()).text, RIGHT);
  assertEquals(await w.client.close(), []);
});

Deno.test("an HTTP error with a body that cannot be decoded names its encoding, and shows none of its bytes", async () => {
  for (const status of [400, 403, 500]) {
    const [line] = await linesOf((_message, reply) =>
      reply.status(
        status,
        { "content-type": "application/json", "content-encoding": "zstd" },
        Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd),
      )
    );
    const { message } = JSON.parse(line).error;
    assertStringIncludes(message, `HTTP ${status}`);
    assertStringIncludes(message, "with Content-Encoding: zstd, which was not");
    assertEquals(/[^ -~]/.test(message), false, message);
  }
});

Deno.test("a stream that ends after an event that says what went wrong is told with those words, which are logged at debug alone", async () => {
  const timedOut =
    '{"errorMessage":"Task timed out after 3.00 seconds","errorType":"Sandbox.Timedout"}';
  const { log, lines } = keptLog();
  for (const datas of [[timedOut], [timedOut, '{"type":"heartbeat"}']]) {
    const [line] = await linesOf(asEvents(...datas), {
      log: { ...log, debug: () => {} },
    });
    const { error } = JSON.parse(line);
    assertEquals(
      [error.data.reason, error.message],
      [
        "stream-cut",
        "the target ended its answer before it was complete; it says: Task timed out after 3.00 seconds; the request may have run",
      ],
    );
  }
  assertEquals(lines.filter((line) => line.includes("Task timed out")), []);
});
