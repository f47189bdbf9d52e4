/**
 * What an HTTP error says of the call that it answers: only what was read to
 * its end, is understood and does not name the call lets it be sent again.
 */
import { assertEquals } from "@std/assert";
import { Clock } from "../../../support/time/clock.ts";
import { result } from "../../../support/raw/mcp.ts";
import type { RawReply } from "../../../support/raw/reply.ts";
import { RawServer } from "../../../support/raw/server.ts";
import { StreamClient } from "../../../support/stream/client.ts";
import { StreamWorld } from "../../../support/stream/world.ts";
import { httpSse } from "../../../support/raw/sse.ts";

// deno-lint-ignore no-explicit-any
type Call = any;

/** Answers a call with a status. */
type Answer = (
  call: Call,
  reply: RawReply,
  status: number,
) => Promise<void>;

const CALL = { name: "order", arguments: {} };
const RETRY_NOW = { "retry-after": "0" };
const META = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };

const failed = ({ id }: Call, more = {}) => ({
  jsonrpc: "2.0",
  id,
  error: { code: -32000, message: "the order was placed", ...more },
});
const progress = {
  jsonrpc: "2.0",
  method: "notifications/progress",
  params: { progressToken: "other", progress: 1 },
};
const events = (...messages: unknown[]) =>
  messages.map((one) => `data: ${JSON.stringify(one)}\n\n`).join("");
const json = (body: (call: Call) => unknown): Answer => (call, reply, status) =>
  reply.json(body(call), status, RETRY_NOW);
const typed = (
  type: string,
  body: (call: Call) => string | Uint8Array,
  headers = {},
): Answer =>
(call, reply, status) =>
  reply.status(
    status,
    { "content-type": type, ...RETRY_NOW, ...headers },
    body(call),
  );
const stream = (...messages: ((call: Call) => unknown)[]) =>
  typed(
    "text/event-stream",
    (call) => events(...messages.map((one) => one(call))),
  );
const heartbeat = () => ({ type: "heartbeat" });
const text = (body: (call: Call) => string | Uint8Array, headers = {}) =>
  typed("application/json", body, headers);

function utf16(value: unknown): Uint8Array {
  const units = Uint16Array.from(
    JSON.stringify(value),
    (one) => one.charCodeAt(0),
  );
  return new Uint8Array(units.buffer);
}

const twice = (value: unknown) => JSON.stringify(JSON.stringify(value));

/** Bodies after which the call is not sent again, and its session lives. */
const NAMED: Record<string, Answer> = {
  "an error of its own over 1 MiB": json((call) =>
    failed(call, { data: "x".repeat(1_200_000) })
  ),
  "an error of its own whose body is cut": async (call, reply, status) => {
    await text(() => JSON.stringify(failed(call)), { "content-length": "500" })(
      call,
      reply,
      status,
    );
    await reply.cut();
  },
  "an error of its own whose body does not end": text(
    (call) => JSON.stringify(failed(call)).slice(0, -1),
    { "content-length": "500" },
  ),
  "a result of its own": json((call) => result(call, { said: "placed" })),
  "a heartbeat and its own error": stream(heartbeat, failed),
  "progress and its own error": stream(() => progress, failed),
  "progress and its own result": stream(
    () => progress,
    (call) => result(call, { said: "placed" }),
  ),
  "an array of progress and its own error": json((
    call,
  ) => [progress, failed(call)]),
  "an array of other errors and its own": json((
    call,
  ) => [failed({ id: 99 }), failed(call)]),
  "its own error without jsonrpc": json(({ id }) => ({
    id,
    error: { code: -32000, message: "the order was placed" },
  })),
  "its own error that is a text": json(({ id }) => ({
    jsonrpc: "2.0",
    id,
    error: "the order was placed",
  })),
  "its own error whose code is a text": json((call) =>
    failed(call, { code: "E1" })
  ),
  "its own error in another spelling": json(({ id }) =>
    failed({ id: String(id) })
  ),
  "two texts of JSON": text((call) => JSON.stringify(failed(call)) + "\n\n{}"),
  "its own error inside of another object": json((call) => ({
    detail: { body: failed(call) },
  })),
  "its own error inside of a text": json((call) => ({
    body: JSON.stringify(failed(call)),
  })),
  "its own error inside of a text twice": text((call) =>
    `{"body":${twice(failed(call))}}`
  ),
  "its own ID as requestId": json(({ id }) => ({
    message: "accepted",
    requestId: id,
  })),
  "its own error in an escaped name": text((call) =>
    JSON.stringify(failed(call)).replace('"id"', '"\\u0069d"')
  ),
  "its own error as the text of an event stream": typed(
    "text/event-stream",
    (call) => JSON.stringify(failed(call)),
  ),
};

/** Those after which it is not sent again, whatever is with its session. */
const UNCLEAR: Record<string, Answer> = {
  "a body of an encoding that is not known": text(
    (call) => JSON.stringify(failed({ id: call.id + 1 })),
    { "content-encoding": "deflate" },
  ),
  "its own error in UTF-16": text((call) => utf16(failed(call))),
  "JSON that broke": text(() => '{"jsonrpc":"2.0","error":{"code":-32000,'),
  "progress alone": stream(() => progress),
  "a notification alone": json(() => progress),
  "a result of another call": json(() => result({ id: 99 })),
  "a long text": text(() => "x".repeat(1_200_000)),
};

/** Those that say nothing of the call. */
const SILENT: Record<string, Answer> = {
  "no body": (_call, reply, status) => reply.status(status, RETRY_NOW),
  "a text": typed("text/plain", () => "Not Found"),
  "a page": typed("text/html", () => "<!doctype html><p>Not Found</p>"),
  "an object": json(() => ({ message: "Not Found", requestId: "a-b-c" })),
  "an error without an ID": json(() => failed({ id: null })),
  "an error with the ID of a server": json(() =>
    failed({ id: "server-error" })
  ),
  "an ID that is none": typed("text/plain", () => 'no "id": 1.2.3'),
  "a stream of an error without an ID": stream(() => failed({ id: null })),
};

/** A call whose first try is answered so; it may be one of 2026-07-28. */
async function called(answer: Answer, status: number, meta?: typeof META) {
  let count = 0;
  await using w = await StreamWorld.start({
    "tools/call": async (call, reply) => {
      if (++count === 1) return await answer(call, reply, status);
      await reply.json(result(call, { said: "sent again" }));
    },
  });
  if (!meta) await w.client.initialize();
  // Bodies that do not end are given up after a while.
  using clock = new Clock();
  w.client.request(3, "tools/call", { ...CALL, _meta: meta });
  const { json } = await clock.until(w.client.answer(3));
  return { json, count, opened: w.sessions.known.size };
}

for (const status of [404, 429, 503]) {
  for (const [what, answer] of Object.entries({ ...NAMED, ...UNCLEAR })) {
    Deno.test(`a call that met HTTP ${status} with ${what} is not sent again`, async () => {
      const { json, count, opened } = await called(answer, status);
      assertEquals(count, 1);
      if (what in NAMED) assertEquals(opened, 1);
      assertEquals(
        json.result !== undefined,
        /own result|result of its own/.test(what),
      );
      if (/its own error$/.test(what) || / and its own$/.test(what)) {
        assertEquals(json.error.message, "the order was placed");
      }
    });
  }

  for (const [what, answer] of Object.entries(SILENT)) {
    Deno.test(`a call that met HTTP ${status} with ${what} is sent again`, async () => {
      const { json, count } = await called(answer, status);
      assertEquals([json.result, count], [{ said: "sent again" }, 2]);
    });
  }
}

for (const [what, answer] of Object.entries(NAMED)) {
  Deno.test(`a call of 2026-07-28 that met HTTP 429 with ${what} is not sent again`, async () => {
    const { json, count } = await called(answer, 429, META);
    assertEquals([count, json.result?.said === "sent again"], [1, false]);
  });
}

Deno.test("words about the session that name the call do not let it be sent again", async () => {
  const words = json(({ id }) => ({ id, error: "Session not found" }));
  const { json: told, count } = await called(words, 200);
  assertEquals([count, "error" in told], [1, true]);
});

/** What is said on the channel of HTTP+SSE before the POST is refused. */
const SAID: Record<string, unknown> = {
  "progress of no known token": progress,
  "a message for the log": {
    jsonrpc: "2.0",
    method: "notifications/message",
    params: { level: "info", data: "placing the order" },
  },
  "a question": { jsonrpc: "2.0", id: "q", method: "ping" },
  "a heartbeat": { type: "heartbeat" },
};

for (const [what, message] of Object.entries(SAID)) {
  for (const status of [404, 429]) {
    Deno.test(`over HTTP+SSE a call that met HTTP ${status} after ${what} is not sent again`, async () => {
      const { json, count } = await refusedAfter([message], status);
      assertEquals([count, "error" in json], [1, true]);
    });
  }
}

Deno.test("over HTTP+SSE an answer to another request says nothing of a call", async () => {
  const { json, count } = await refusedAfter([], 429);
  assertEquals([count, "result" in json], [2, true]);
});

/** A call that is refused when the messages on the channel were read. */
async function refusedAfter(messages: readonly unknown[], status: number) {
  let count = 0;
  let ping: Call;
  const read = Promise.withResolvers<void>();
  await using server = await RawServer.start(httpSse(
    async (asked, { stream }) => {
      if (asked.method === "ping") ping = asked;
      else if (asked.method === "tools/call") {
        await stream.message(result(asked));
      }
    },
    async (asked, reply, { stream }) => {
      if (asked.method !== "tools/call" || ++count > 1) return false;
      for (const message of messages) await stream.message(message);
      // Its answer comes after them on the channel.
      await stream.message(result(ping));
      await read.promise;
      await reply.status(status);
      return true;
    },
  ));
  await using client = new StreamClient({ url: server.url, transport: "sse" });
  await client.initialize();
  client.request(2, "ping");
  await server.requests.find((seen) => seen.text().includes('"ping"'));
  client.request(3, "tools/call", CALL);
  await client.answer(2);
  read.resolve();
  const { json } = await client.answer(3);
  return { json, count };
}
