/** Whose answer it is that a target gives. */
import { assertEquals } from "@std/assert";
import { Clock } from "../../../support/time/clock.ts";
import { type McpHandler, result } from "../../../support/raw/mcp.ts";
import { StreamWorld } from "../../../support/stream/world.ts";
import { httpSse } from "../../../support/raw/sse.ts";
import { asEvents, asJson, linesOf, NOTE } from "../calls.ts";

const CALL = { name: "t" };
const RIGHT = JSON.stringify(result({ id: 3 }, { ok: true }));
const late = (id: unknown) =>
  JSON.stringify({
    jsonrpc: "2.0",
    id,
    error: { code: -32000, message: "another one's" },
  });

/** Answers by an event that could be resumed from, and the end of its stream. */
const asResumable = (data: string): McpHandler => async (_call, reply) => {
  const stream = await reply.sse();
  await stream.event({ id: "7", data });
  await stream.end();
};

for (const id of [777, "777", "server-error"]) {
  const error = late(id);
  const rows: readonly (readonly [string, McpHandler, readonly string[]])[] = [
    [
      "before the right one on a stream does not take its place",
      asEvents(error, RIGHT),
      [
        RIGHT,
      ],
    ],
    [
      "before the right one in an array does not take its place",
      asJson(`[${error},${RIGHT}]`),
      [
        RIGHT,
      ],
    ],
    ["is the answer when its stream ends with nothing else", asEvents(error), [
      late(3),
    ]],
    [
      "is the answer when its stream ends with nothing else, and nothing is resumed",
      asResumable(error),
      [late(3)],
    ],
    [
      "is the answer when an array has nothing else",
      asJson(`[${NOTE},${error}]`),
      [
        NOTE,
        late(3),
      ],
    ],
  ];
  for (const [what, call, lines] of rows) {
    Deno.test(`an error of the ID ${JSON.stringify(id)} ${what}`, async () => {
      const script = { GET: asEvents(RIGHT) };
      assertEquals(await linesOf(call, { script }), lines);
    });
  }
}

Deno.test("an error of another ID is the answer when the time for any other one is over", async () => {
  await using w = await StreamWorld.start({
    "tools/call": async (_call, reply) => {
      const stream = await reply.sse();
      await stream.event({ data: late(777) });
      await stream.event({ data: NOTE });
      await stream.closed;
    },
  }, { timeoutMs: 60_000 });
  using clock = new Clock();
  await w.client.initialize();
  w.client.request(3, "tools/call", CALL);
  assertEquals((await w.client.next()).text, NOTE);
  await clock.pass(61_000);
  assertEquals((await w.client.answer(3)).text, late(3));
});

Deno.test("an error about the session that comes on the stream of another call ends neither that call nor the session", async () => {
  const bothAsked = Promise.withResolvers<void>();
  const ran: unknown[] = [];
  const lost = {
    code: -30001,
    message: "The provided SessionId was not found or has expired",
  };
  await using w = await StreamWorld.start({
    "tools/call": async ({ id }, reply) => {
      ran.push(id);
      if (ran.length === 2) bothAsked.resolve();
      if (id === 4) return await reply.hang();
      await bothAsked.promise;
      const stream = await reply.sse();
      await stream.message({ jsonrpc: "2.0", id: 4, error: lost });
      await stream.event({ data: RIGHT });
      await stream.end();
    },
  });
  await w.client.initialize();
  for (const id of [3, 4]) w.client.request(id, "tools/call", CALL);
  assertEquals((await w.client.next()).json.error, lost);
  assertEquals((await w.client.next()).text, RIGHT);
  assertEquals(ran.toSorted(), [3, 4]);
  assertEquals(w.sessions.known.size, 1);
});

Deno.test("a late error for a request that is over is not another one's, though nothing else answers that", async () => {
  await using w = await StreamWorld.start({
    "tools/call": (call, ...rest) =>
      (call.id === 3 ? asJson(RIGHT) : asEvents(late(3)))(call, ...rest),
  });
  await w.client.initialize();
  w.client.request(3, "tools/call", CALL);
  assertEquals((await w.client.answer(3)).text, RIGHT);
  w.client.request(4, "tools/call", CALL);
  const { error } = (await w.client.answer(4)).json;
  assertEquals(error.data.reason, "stream-cut");
});

Deno.test("a stream that broke after an error of another ID is resumed", async () => {
  const lines = await linesOf(async (_call, reply) => {
    const stream = await reply.sse();
    await stream.event({ id: "7", data: late(777) });
    await stream.cut();
  }, { script: { GET: asEvents(RIGHT) } });
  assertEquals(lines, [RIGHT]);
});

Deno.test("over HTTP+SSE an error of another ID before the answer does not take its place", async () => {
  await using w = await StreamWorld.start(
    httpSse(async (asked, { stream }) => {
      if (asked.id === undefined) return;
      await stream.event({ data: late(777) });
      await stream.message(result(asked, { ok: true }));
    }),
    { transport: "sse" },
  );
  await w.client.initialize();
  w.client.request(3, "tools/call", CALL);
  assertEquals((await w.client.answer(3)).text, RIGHT);
});

Deno.test("an event over the limit that names a call of another POST ends neither call", async () => {
  const both = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  let count = 0;
  await using w = await StreamWorld.start({
    "tools/call": async (call, reply) => {
      if (++count === 2) both.resolve();
      await both.promise;
      const stream = await reply.sse();
      if (call.id === 3) {
        const text = "x".repeat(20_000);
        await stream.message(result({ id: 4 }, { text }));
      } else await told.promise;
      await stream.message(result(call, { ok: true }));
      await stream.end();
    },
  }, { maxAnswerBytes: 10_000 });
  await w.client.initialize();
  w.client.request(3, "tools/call", CALL);
  w.client.request(4, "tools/call", CALL);
  for (const id of [3, 4]) {
    const { json } = await w.client.next();
    assertEquals([json.id, json.result], [id, { ok: true }]);
    told.resolve();
  }
});

for (const how of ["a body", "an event", "an event over the limit"]) {
  Deno.test(`of 3 and "3" each gets what its own POST is answered with in ${how}, though the target has both IDs as strings`, async () => {
    const both = Promise.withResolvers<void>();
    let count = 0;
    await using w = await StreamWorld.start({
      "tools/call": async (call, ...rest) => {
        if (++count === 2) both.resolve();
        await both.promise;
        const text = how === "an event over the limit" && call.id === 3
          ? "x".repeat(20_000)
          : typeof call.id;
        const answer = result({ id: String(call.id) }, { text });
        const respond = how === "a body" ? asJson : asEvents;
        await respond(answer)(call, ...rest);
      },
    }, { maxAnswerBytes: 10_000 });
    await w.client.initialize();
    w.client.request(3, "tools/call", CALL);
    w.client.request("3", "tools/call", CALL);
    const told = (await w.client.close()).map(({ json }) => [
      json.id,
      json.result?.text ?? json.error.data.reason,
    ]);
    assertEquals(told.toSorted(([a], [b]) => typeof a < typeof b ? -1 : 1), [
      [3, how === "an event over the limit" ? "frame-too-large" : "number"],
      ["3", "string"],
    ]);
  });
}
