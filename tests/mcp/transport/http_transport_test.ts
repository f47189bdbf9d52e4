import { assertEquals, assertStringIncludes } from "@std/assert";
import { SILENT_LOG } from "../../../src/log/log.ts";
import { Clock } from "../../support/time/clock.ts";
import { within } from "../../support/time/deadline.ts";
import { NOBODY } from "../../support/net/nobody.ts";
import { methods, result } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { StreamClient } from "../../support/stream/client.ts";
import { httpSse } from "../../support/raw/sse.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import { answerWhen } from "../../support/stream/answer_when.ts";
import { asJson, NOTE } from "./calls.ts";

// deno-lint-ignore no-explicit-any
const factsOf = ({ error: { code, data } }: any) => [
  code,
  data.reason,
  data.status,
];

Deno.test("a POST has the content type, and accepts both kinds of answer", async () => {
  const { requests } = await answerWhen((message, reply) =>
    reply.json(result(message))
  );
  assertEquals(requests[0].header("content-type"), "application/json");
  assertEquals(
    requests[0].header("accept"),
    "application/json, text/event-stream",
  );
});

for (const status of [202, 204, 200]) {
  Deno.test(`an empty ${status} to a notification or an answer is nothing on stdout`, async () => {
    await using w = await StreamWorld.start({
      "notifications/x": (_message, reply) => reply.status(status),
      response: (_message, reply) => reply.status(status),
    });
    w.client.notify("notifications/x");
    w.client.send({ jsonrpc: "2.0", id: 9, result: {} });
    w.client.request(1, "m");
    assertEquals((await w.client.close()).map(({ json }) => json.id), [1]);
    assertEquals(w.server.requests.length, 3);
  });

  Deno.test(`an empty ${status} to a request is no-answer`, async () => {
    const answer = await answerWhen((_message, reply) => reply.status(status));
    assertEquals(factsOf(answer), [-31011, "no-answer", status]);
  });
}

Deno.test("a JSON body that is a batch goes on as it is", async () => {
  const array = `[${NOTE},{"jsonrpc":"2.0","id":1,"result":{}}]`;
  await using w = await StreamWorld.start({ m: asJson(array) });
  w.client.request(1, "m");
  assertEquals((await w.client.next()).text, array);
});

Deno.test("each event with a message is a frame under whatever name; comments, empty data and other data are none", async () => {
  await using w = await StreamWorld.start({
    m: async (message, reply) => {
      const stream = await reply.sse();
      await stream.comment("hello");
      await stream.event({ id: "1" });
      await stream.event({ data: "" });
      await stream.event({
        event: "other",
        data: '{"jsonrpc":"2.0","method":"o"}',
      });
      await stream.event({ data: '{"jsonrpc":"2.0","method":"a"}' });
      await stream.message({ jsonrpc: "2.0", id: 5, method: "ask" });
      await stream.message(result(message));
      await stream.end();
    },
  });
  w.client.request(1, "m");
  const frames = await w.client.close();
  assertEquals(frames.map(({ text }) => text), [
    '{"jsonrpc":"2.0","method":"o"}',
    '{"jsonrpc":"2.0","method":"a"}',
    '{"jsonrpc":"2.0","id":5,"method":"ask"}',
    '{"jsonrpc":"2.0","id":1,"result":{}}',
  ]);
});

Deno.test("events arrive whole when every chunk is one byte", async () => {
  const text = "é😀\u2028";
  const { result: answer } = await answerWhen(async (message, reply) => {
    const stream = await reply.sse({}, { chunkBytes: 1 });
    await stream.message(result(message, { text }));
    await stream.end();
  });
  assertEquals(answer, { text });
});

Deno.test("a JSON body arrives whole when every chunk is one byte", async () => {
  const { result: answer } = await answerWhen(async (message, reply) => {
    const stream = await reply.stream(
      200,
      { "content-type": "application/json; charset=utf-8" },
      { chunkBytes: 1 },
    );
    await stream.raw(JSON.stringify(result(message, { said: "é😀" })));
    await stream.end();
  });
  assertEquals(answer, { said: "é😀" });
});

for (const how of ["end", "cut", "reset"] as const) {
  Deno.test(`a stream that meets its ${how} before the answer, without an event ID, is stream-cut, and the request is sent once`, async () => {
    const { error, requests } = await answerWhen(async (_message, reply) => {
      const stream = await reply.sse();
      await stream.comment("working");
      await stream[how]();
    });
    assertEquals([error.code, error.data.reason], [-31015, "stream-cut"]);
    assertEquals(methods(requests), ["m"]);
  });
}

Deno.test("a JSON body that is cut in the middle of a character is stream-cut", async () => {
  const { error, requests } = await answerWhen(async (message, reply) => {
    const bytes = new TextEncoder().encode(
      JSON.stringify(result(message, { said: "é" })),
    );
    await reply.head(200, {
      "content-type": "application/json",
      "content-length": String(bytes.length),
    });
    await reply.write(bytes.subarray(0, bytes.indexOf(0xc3) + 1));
    await reply.cut();
  });
  assertEquals(error.data.reason, "stream-cut");
  assertEquals(requests.length, 1);
});

Deno.test("a connection that is dropped before the answer of a call is unreachable, and the call is sent once", async () => {
  await using w = await StreamWorld.start({
    "tools/call": (_message, reply) => reply.cut(),
  });
  // The connection is reused by then: the case in which a runtime would send
  // the request again.
  w.client.request(1, "m");
  await w.client.answer(1);
  w.client.request(2, "tools/call", { name: "x" });
  const { json } = await w.client.answer(2);
  assertEquals([json.error.code, json.error.data.mayHaveRun], [-31010, true]);
  assertEquals(methods(w.server.requests.all), ["m", "tools/call"]);
  assertEquals(
    w.server.requests.all.map(({ connection }) => connection),
    [0, 0],
  );
});

Deno.test("a target that is not there is unreachable, and the error names it", async () => {
  await using client = new StreamClient({ url: NOBODY });
  client.request(1, "tools/call", { name: "x" });
  const { json } = await client.answer(1);
  assertEquals([json.error.code, json.error.data.mayHaveRun], [-31010, false]);
  assertStringIncludes(json.error.message, NOBODY.origin);
});

for (const id of [{ id: null }, {}, { id: 1 }]) {
  Deno.test(`a JSON-RPC error in a 400, with ${JSON.stringify(id)}, goes to the client with its ID`, async () => {
    const body = `{${
      "id" in id ? `"id":${id.id},` : ""
    }"jsonrpc":"2.0","error":{"code":-32602,\n"message":"no","data":1E2}}`;
    await using w = await StreamWorld.start({ m: asJson(body, 400) });
    w.client.request(1, "m");
    const { text, json } = await w.client.next();
    assertEquals([json.id, json.error.code], [1, -32602]);
    assertStringIncludes(
      text,
      '"error":{"code":-32602, "message":"no","data":1E2}',
    );
  });
}

Deno.test("an HTTP error without a JSON-RPC body is http-status, with its text", async () => {
  const page = "<html><style>x</style><h1>Out of\n order</h1></html>";
  const answer = await answerWhen((_message, reply) =>
    reply.status(500, { "content-type": "text/html" }, page)
  );
  assertEquals(factsOf(answer), [-31011, "http-status", 500]);
  assertStringIncludes(answer.error.message, "Out of order");
});

Deno.test("a redirect is not followed, and the error says where it led, without its query", async () => {
  let followed = 0;
  await using other = await RawServer.start((_request, reply) => {
    followed++;
    return reply.status(200);
  });
  const { error } = await answerWhen((_message, reply) =>
    reply.status(307, { location: `${other.url}?token=secret` })
  );
  assertEquals(
    [error.code, error.data.status, error.data.location],
    [-31017, 307, other.url.href],
  );
  assertEquals(JSON.stringify(error).includes("secret"), false);
  assertEquals(followed, 0);
});

Deno.test("a 304 is an HTTP error and no redirect", async () => {
  const answer = await answerWhen((_message, reply) => reply.status(304));
  assertEquals(factsOf(answer), [-31011, "http-status", 304]);
});

for (
  const [what, type, body] of [
    ["HTML", "text/html", "<p>Welcome</p>"],
    ["JSON that is no message", "application/json", '{"ok":true}'],
    ["broken JSON", "application/json", '{"jsonrpc":'],
    ["a JSON scalar", "application/json", "1"],
    ["no content type", "", "hello"],
  ]
) {
  Deno.test(`a 200 with ${what} is bad-answer, and never forwarded`, async () => {
    const { error } = await answerWhen((_message, reply) =>
      reply.status(200, type ? { "content-type": type } : {}, body)
    );
    assertEquals([error.code, error.data.reason], [-31011, "bad-answer"]);
  });
}

Deno.test("over HTTP+SSE a ping of the proxy's own that is not answered is given up, and no POST has a revision", async () => {
  const warned = Promise.withResolvers<string>();
  using clock = new Clock();
  await using w = await StreamWorld.start(httpSse(() => {}), {
    transport: "sse",
    keepAliveMs: 3_100,
    log: { ...SILENT_LOG, warn: warned.resolve },
  });
  await w.client.initialize();
  await clock.ring(3_100);
  await w.server.requests.find((seen) => seen.text().includes('"ping"'));
  // The channel may be silent for longer.
  await clock.pass(20_000);
  const warning = await within(warned.promise, "the warning");
  assertEquals(warning, "the target did not answer a ping in time");
  const revisions = w.server.requests.all
    .map((seen) => seen.header("mcp-protocol-version"));
  assertEquals(new Set(revisions), new Set([undefined]));
});
