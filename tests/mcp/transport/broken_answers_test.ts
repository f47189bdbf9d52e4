/** An answer that is broken is told only where no right one comes. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Clock } from "../../support/clock.ts";
import { within } from "../../support/deadline.ts";
import { keptLog } from "../../support/kept_log.ts";
import {
  INITIALIZED,
  mcp,
  type McpHandler,
  result,
  Sessions,
} from "../../support/raw_mcp.ts";
import { type RawEventStream, RawServer } from "../../support/raw_server.ts";
import { StreamClient } from "../../support/stream_client.ts";
import { httpSse } from "../../support/raw_sse.ts";

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

/** Answers calls by the events of a stream. */
const streams =
  (...datas: readonly string[]): McpHandler => async (_message, reply) => {
    const stream = await reply.sse();
    for (const data of datas) await stream.event({ data });
    await stream.end();
  };

/** Calls with the ID 3, and gives all lines that come of it. */
async function linesOf(
  call: McpHandler,
  initialized: Record<string, unknown> = INITIALIZED,
  maxAnswerBytes?: number,
): Promise<readonly string[]> {
  await using server = await RawServer.start(mcp({
    initialize: (message, reply) => reply.json(result(message, initialized)),
    "tools/call": call,
    GET: async (_none, reply) => {
      const stream = await reply.sse();
      await stream.event({ data: RIGHT });
      await stream.end();
    },
  }));
  await using client = new StreamClient({ url: server.url, maxAnswerBytes });
  await client.initialize();
  client.request(3, "tools/call", { name: "t" });
  return (await client.close()).map(({ text }) => text);
}

for (const [what, broken] of Object.entries(BROKEN)) {
  Deno.test(`after an answer ${what} the right one is given, and that alone`, async () => {
    assertEquals(await linesOf(streams(broken, RIGHT)), [RIGHT]);
    assertEquals(await linesOf(streams(broken, broken, RIGHT, broken)), [
      RIGHT,
    ]);
  });

  Deno.test(`an answer ${what} is bad-answer once its stream is over, whole or cut`, async () => {
    const cut: McpHandler = async (_message, reply) => {
      const stream = await reply.sse();
      await stream.event({ data: broken });
      await stream.cut();
    };
    for (const call of [streams(broken), cut]) {
      const [line, ...others] = await linesOf(call);
      const { id, error } = JSON.parse(line);
      assertEquals([id, error.data.reason, others], [3, "bad-answer", []]);
    }
  });
}

Deno.test("of a broken answer and one that is too large the second is told", async () => {
  const large = { said: "x".repeat(5_000) };
  const [line, ...others] = await linesOf(
    streams(
      BROKEN["whose result is null"],
      JSON.stringify(result({ id: 3 }, large)),
    ),
    INITIALIZED,
    4_000,
  );
  const { id, error } = JSON.parse(line);
  assertEquals([id, error.data.reason, others], [3, "frame-too-large", []]);
});

Deno.test("a stream that is cut after a broken answer is resumed for the right one", async () => {
  const lines = await linesOf(async (_message, reply) => {
    const stream = await reply.sse();
    await stream.event({ id: "e-1", retry: 1, data: BROKEN["in an array"] });
    await stream.cut();
  });
  assertEquals(lines, [RIGHT]);
});

Deno.test("a batch one of whose answers is broken is still resumed for the others", async () => {
  const other = '{"jsonrpc":"2.0","id":4,"result":{}}';
  const batched = { ...INITIALIZED, protocolVersion: "2025-03-26" };
  await using server = await RawServer.start(mcp({
    initialize: (message, reply) => reply.json(result(message, batched)),
    batch: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.event({ id: "e-1", retry: 1, data: BROKEN["in an array"] });
      await stream.end();
    },
    GET: async (_none, reply) => {
      const stream = await reply.sse();
      await stream.event({ data: other });
      await stream.end();
    },
  }));
  await using client = new StreamClient({ url: server.url });
  await client.initialize();
  client.send([3, 4].map((id) => ({ jsonrpc: "2.0", id, method: "x/y" })));
  const lines = await client.close();
  const answers = lines.flatMap(({ json }) => json);
  const broken = answers.find(({ id }) => id === 3);
  assertEquals(broken.error.data.reason, "bad-answer");
  assertEquals(answers.filter(({ id }) => id !== 3), [JSON.parse(other)]);
});

Deno.test("a broken answer on a stream that stays open is told when nothing follows it, and the right one no more", async () => {
  const { promise: opened, resolve } = Promise.withResolvers<RawEventStream>();
  const seen = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    "tools/call": async (_message, reply) => {
      const stream = await reply.sse();
      await stream.event({ data: BROKEN["whose result is null"] });
      await stream.event({ data: '{"jsonrpc":"2.0","method":"n"}' });
      resolve(stream);
      await seen.promise;
      await stream.event({ data: RIGHT });
      await stream.end();
    },
  }));
  using clock = new Clock();
  await using client = new StreamClient({ url: server.url });
  await client.initialize();
  client.request(3, "tools/call", { name: "t" });
  assertEquals((await client.next()).json.method, "n");
  await opened;
  await clock.pass(4_000);
  const { json } = await client.next();
  assertEquals([json.id, json.error.data.reason], [3, "bad-answer"]);
  seen.resolve();
  assertEquals(await client.close(), []);
});

Deno.test("a call whose answer was broken is not sent again when its session is lost then", async () => {
  const lost = '{"jsonrpc":"2.0","id":3,"error":{"code":-30001,"message":' +
    '"The provided SessionId was not found or has expired"}}';
  let calls = 0;
  const sessions = new Sessions();
  await using server = await RawServer.start(mcp({
    "tools/call": (...asked) => {
      calls++;
      return streams(BROKEN["that has no version"], lost)(...asked);
    },
  }, sessions));
  await using client = new StreamClient({ url: server.url });
  await client.initialize();
  client.request(3, "tools/call", { name: "t" });
  const [line, ...others] = await client.close();
  assertEquals([line.json.id, others, calls], [3, [], 1]);
});

Deno.test("what is right in an array is given, whatever else stands there, as a body and as an event", async () => {
  const other = '{"jsonrpc":"2.0","id":4,"result":{}}';
  const array = `[7,{"id":3,"result":1},${RIGHT},{"id":5,"result":{}}]`;
  const body: McpHandler = (_message, reply) =>
    reply.status(200, { "content-type": "application/json" }, array);
  for (const call of [body, streams(array)]) {
    assertEquals(await linesOf(call), [RIGHT]);
  }
  const batched = { ...INITIALIZED, protocolVersion: "2025-03-26" };
  await using server = await RawServer.start(mcp({
    initialize: (message, reply) => reply.json(result(message, batched)),
    batch: (_message, reply) =>
      reply.status(
        200,
        { "content-type": "application/json" },
        `[{"id":3,"result":1},${other}]`,
      ),
  }));
  await using client = new StreamClient({ url: server.url });
  await client.initialize();
  const calls = [3, 4].map((id) => ({ jsonrpc: "2.0", id, method: "batch" }));
  client.send(calls);
  const lines = await client.close();
  const answers = lines.flatMap(({ json }) => json);
  assertEquals(answers.map(({ id }) => id).toSorted(), [3, 4]);
  const broken = answers.find(({ id }) => id === 3);
  assertStringIncludes(broken.error.message, "no JSON-RPC message");
  assertEquals(broken.error.data.reason, "bad-answer");
  assertEquals(answers.find(({ id }) => id === 4), JSON.parse(other));
});

Deno.test("over HTTP+SSE the right answer after a broken one is given", async () => {
  await using server = await RawServer.start(
    httpSse(async ({ id }, { stream }) => {
      if (id !== 3) return;
      for (const data of Object.values(BROKEN)) await stream.event({ data });
      await stream.event({ data: RIGHT });
    }),
  );
  await using client = new StreamClient({ url: server.url, transport: "sse" });
  await client.initialize();
  client.request(3, "tools/call", { name: "t" });
  const { text } = await within(client.next(), "the answer");
  assertEquals(text, RIGHT);
  assertEquals(await client.close(), []);
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
    await using server = await RawServer.start(
      mcp({ "tools/call": streams(...datas) }),
    );
    await using client = new StreamClient({
      url: server.url,
      log: { ...log, debug: () => {} },
    });
    await client.initialize();
    client.request(3, "tools/call", { name: "t" });
    const { error } = (await client.answer(3)).json;
    assertEquals(
      [error.data.reason, error.message],
      [
        "stream-cut",
        "the target ended its answer before it was complete; it says: Task timed out after 3.00 seconds; the request may have run, so it was not sent again",
      ],
    );
  }
  assertEquals(lines.filter((line) => line.includes("Task timed out")), []);
});
