/** Which request an answer is for, whatever ID it has. */
import { assertEquals, assertMatch } from "@std/assert";
import { answerWhen } from "../../support/stream/answer_when.ts";
import { Clock } from "../../support/time/clock.ts";
import { modern } from "../../support/stream/modern_message.ts";
import type { McpHandler } from "../../support/raw/mcp.ts";
import type { RawReply } from "../../support/raw/reply.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import { httpSse } from "../../support/raw/sse.ts";
import { asEvents, asJson, textOf } from "../transport/calls.ts";

/** An answer to a call, as the text of JSON. */
const ok = (id: string) =>
  `{"jsonrpc":"2.0","id":${id},"result":{"content":[],"id":"${"☃"}"}}`;
const failed = (id: string) =>
  `{"jsonrpc":"2.0",${id},"error":{"code":-32600,"message":"no ☃ for you"}}`;

/** The ways of an answer from the POST's own response. */
const WAYS: Record<string, (text: string) => McpHandler> = {
  "a JSON body": asJson,
  "an event of an open stream": (text) => async (_call, reply) => {
    const stream = await reply.sse();
    await stream.event({ data: text });
    await stream.closed;
  },
  "an event after the client's end of stream": asEvents,
};

/** What a call with an ID, as text, is answered with on stdout. */
async function answered(
  id: string,
  handler: McpHandler,
  params: unknown,
): Promise<string> {
  using clock = new Clock();
  await using w = await StreamWorld.start({ "tools/call": handler });
  w.client.send(
    `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${
      JSON.stringify(params)
    }}`,
  );
  return (await clock.until(w.client.next())).text;
}

const SPELLINGS: readonly (readonly [asked: string, given: string])[] = [
  ["3", '"3"'],
  ['"3"', "3"],
  ["3", "3.0"],
  ["3", "3e0"],
  ['"3"', "3.0"],
  ["3.0", "3"],
  ["3.0", '"3"'],
  ["3.0", "3.0"],
  ["3e0", "3"],
  ["0", '"0"'],
  ["-7", '"-7"'],
  ["1.5", '"1.5"'],
];

/** What stands in an error in place of the request's ID. */
const UNKNOWN_IDS = '"id":"server-error" "id":"" "id":null "id":77 "x":1'
  .split(" ");

for (const [way, answer] of Object.entries(WAYS)) {
  for (
    const [era, params] of Object.entries({
      legacy: { name: "x" },
      modern: modern({ name: "x" }),
    })
  ) {
    for (const [asked, given] of SPELLINGS) {
      Deno.test(`the answer to ${asked} under the ID ${given}, as ${way} (${era}), is delivered under the client's own`, async () => {
        const text = await answered(asked, answer(ok(given)), params);
        assertEquals(text, ok(asked));
      });
    }

    for (const id of UNKNOWN_IDS) {
      Deno.test(`an error with ${id} as ${way} (${era}) is the answer to the one request, its words kept`, async () => {
        const text = await answered("3", answer(failed(id)), params);
        const { id: given, error } = JSON.parse(text);
        assertEquals(
          { jsonrpc: "2.0", id: given, error },
          JSON.parse(failed('"id":3')),
        );
      });
    }
  }
}

Deno.test("an ID of more digits than a number holds is answered to the letter", async () => {
  const id = "12345678901234567890";
  const text = await answered(id, asJson(ok(`"${id}"`)), {});
  assertEquals(text, ok(id));
});

Deno.test("an answer that stands to the letter is not touched, wherever its ID is", async () => {
  for (
    const text of [
      '{"result":{"id":"3"},"jsonrpc":"2.0","id":3}',
      '{ "id" : 3, "jsonrpc" : "2.0", "result" : {} }',
      '{"result":{},"id":3,"jsonrpc":"2.0"}',
    ]
  ) {
    assertEquals(await answered("3", asJson(text), {}), text);
  }
});

Deno.test('where 3 and "3" are both asked, each gets the answer of its own ID on the stream of another request', async () => {
  const replies = new Map<unknown, RawReply>();
  const both = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    "tools/call": async (call, reply) => {
      replies.set(call.id, reply);
      if (replies.size === 3) both.resolve();
      await both.promise;
      const stream = await reply.sse();
      if (call.id !== 5) return await stream.closed;
      await stream.event({ data: ok('"3"') });
      await stream.event({ data: ok("3") });
      await stream.closed;
    },
  });
  w.client.request(3, "tools/call", { name: "x" });
  w.client.request("3", "tools/call", { name: "x" });
  w.client.request(5, "tools/call", { name: "x" });
  const texts = [(await w.client.next()).text, (await w.client.next()).text];
  assertEquals(texts, [ok('"3"'), ok("3")]);
});

Deno.test("a late second answer to another request is not this one's", async () => {
  await using w = await StreamWorld.start({
    "tools/call": async (call, reply, request) => {
      if (call.id === 3) {
        return await asJson(ok("3"))(call, reply, request);
      }
      const stream = await reply.sse();
      await stream.event({ data: failed('"id":3') });
      await stream.event({ data: ok("4") });
      await stream.closed;
    },
  });
  w.client.request(3, "tools/call", { name: "x" });
  assertEquals((await w.client.next()).text, ok("3"));
  w.client.request(4, "tools/call", { name: "x" });
  assertEquals((await w.client.next()).text, ok("4"));
});

Deno.test("an error of no request's ID in a batch of two is nobody's", async () => {
  await using w = await StreamWorld.start({
    batch: asJson(failed('"id":"server-error"')),
  });
  w.client.send([1, 2].map((id) => ({ jsonrpc: "2.0", id, method: "m" })));
  const reasons = [await w.client.next(), await w.client.next()]
    .map(({ json }) => json.error.data.reason);
  assertEquals(reasons, ["no-answer", "no-answer"]);
});

Deno.test("the members of a batch are answered under the client's own IDs", async () => {
  await using w = await StreamWorld.start({
    batch: asJson(`[${ok('"1"')},${ok("2")}]`),
  });
  w.client.send([1, "2"].map((id) => ({ jsonrpc: "2.0", id, method: "m" })));
  const texts = [(await w.client.next()).text, (await w.client.next()).text];
  assertEquals(texts, [ok("1"), ok('"2"')]);
});

for (
  const [what, said, given] of [
    ["another spelling of the ID", ok('"3"'), ok("3")],
    ["no request's ID", failed('"id":"server-error"'), failed('"id":3')],
  ]
) {
  Deno.test(`over HTTP+SSE an answer with ${what} reaches the one request`, async () => {
    await using w = await StreamWorld.start(
      httpSse(async ({ method }, { stream }) => {
        if (method === "tools/call") await stream.event({ data: said });
      }),
      { transport: "sse" },
    );
    await w.client.initialize();
    w.client.request(3, "tools/call", { name: "x" });
    assertEquals((await w.client.next()).text, given);
  });
}

/** Bodies that are no JSON-RPC, and the words in them. */
const WORDS:
  readonly (readonly [body: unknown, words: string, type?: string])[] = [
    [{ errorMessage: "Task timed out", errorType: "X" }, "Task timed out"],
    [{ message: "Endpoint request timed out" }, "Endpoint request timed out"],
    [{ Message: "no" }, "no"],
    [{ error: "busy" }, "busy"],
    [{ error: { message: "too busy", code: 9 } }, "too busy"],
    ["<h1>Sign in</h1>", "Sign in", "text/html"],
    ["<style>a{}</Style><p>so 1 < 2", "so 1 < 2", "text/html"],
    ["<p>no<SCRIPT>x = 1", "no", "text/html"],
    ["come back", "come back", "text/plain"],
    [{ message: "x".repeat(5_000) }, `${"x".repeat(300)}…`],
  ];

for (const [body, words, type = "application/json"] of WORDS) {
  for (const status of [200, 500]) {
    Deno.test(`the words of a body that is no JSON-RPC stand in the error: ${words.slice(0, 30)} (${status})`, async () => {
      const { error } = await answerWhen((_call, reply) =>
        reply.status(status, { "content-type": type }, textOf(body))
      );
      const reason = status === 200 ? "bad-answer" : "http-status";
      assertEquals(error.data.reason, reason);
      assertMatch(error.message, new RegExp(`: ${RegExp.escape(words)}$`));
    });
  }
}
