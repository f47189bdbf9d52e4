/** Which request an answer is for, whatever ID it has. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Clock } from "../../support/clock.ts";
import { modern } from "../../support/modern_message.ts";
import { mcp, type McpHandler } from "../../support/raw_mcp.ts";
import type { RawReply } from "../../support/raw_reply.ts";
import { RawServer } from "../../support/raw_server.ts";
import { StreamClient } from "../../support/stream_client.ts";
import { httpSse } from "../../support/raw_sse.ts";

/** An answer to a call, as the text of JSON. */
const ok = (id: string) =>
  `{"jsonrpc":"2.0","id":${id},"result":{"content":[],"id":"${"☃"}"}}`;
const failed = (id: string) =>
  `{"jsonrpc":"2.0",${id},"error":{"code":-32600,"message":"no ☃ for you"}}`;

type Answer = (text: string) => McpHandler;

/** The ways of an answer from the POST's own response. */
const WAYS: Record<string, Answer> = {
  "a JSON body": (text) => (_call, reply) =>
    reply.status(200, { "content-type": "application/json" }, text),
  "an event of an open stream": (text) => async (_call, reply) => {
    const stream = await reply.sse();
    await stream.event({ data: text });
    await stream.closed;
  },
  "an event after the client's end of stream":
    (text) => async (_call, reply) => {
      const stream = await reply.sse();
      await stream.event({ data: text });
      await stream.end();
    },
};

/** What a call with an ID, as text, is answered with on stdout. */
async function answered(
  id: string,
  handler: McpHandler,
  params: unknown,
): Promise<string> {
  await using server = await RawServer.start(mcp({ "tools/call": handler }));
  using clock = new Clock();
  await using client = new StreamClient({ url: server.url });
  client.send(
    `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${
      JSON.stringify(params)
    }}`,
  );
  return (await clock.until(client.next())).text;
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

    for (
      const id of [
        '"id":"server-error"',
        '"id":""',
        '"id":null',
        '"id":77',
        '"x":1',
      ]
    ) {
      Deno.test(`an error with ${id} as ${way} (${era}) is the answer to the one request, its words kept`, async () => {
        const text = await answered("3", answer(failed(id)), params);
        const { error, id: given } = JSON.parse(text);
        assertEquals([given, error], [3, {
          code: -32600,
          message: "no ☃ for you",
        }]);
      });
    }
  }
}

Deno.test("an ID of more digits than a number holds is answered to the letter", async () => {
  const id = "12345678901234567890";
  const text = await answered(id, WAYS["a JSON body"](ok(`"${id}"`)), {});
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
    assertEquals(await answered("3", WAYS["a JSON body"](text), {}), text);
  }
});

Deno.test('where 3 and "3" are both asked, each gets the answer of its own ID on the stream of another request', async () => {
  const replies = new Map<unknown, RawReply>();
  const both = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
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
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(3, "tools/call", { name: "x" });
  client.request("3", "tools/call", { name: "x" });
  client.request(5, "tools/call", { name: "x" });
  const texts = [(await client.next()).text, (await client.next()).text];
  assertEquals(texts, [ok('"3"'), ok("3")]);
});

Deno.test("a late second answer to another request is not this one's", async () => {
  await using server = await RawServer.start(mcp({
    "tools/call": async (call, reply) => {
      if (call.id === 3) {
        return await WAYS["a JSON body"](ok("3"))(
          call,
          reply,
          server.requests.all[0],
        );
      }
      const stream = await reply.sse();
      await stream.event({ data: failed('"id":3') });
      await stream.event({ data: ok("4") });
      await stream.closed;
    },
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(3, "tools/call", { name: "x" });
  assertEquals((await client.next()).text, ok("3"));
  client.request(4, "tools/call", { name: "x" });
  assertEquals((await client.next()).text, ok("4"));
});

Deno.test("an error of no request's ID in a batch of two is nobody's", async () => {
  await using server = await RawServer.start(mcp({
    batch: (_calls, reply) =>
      reply.status(
        200,
        { "content-type": "application/json" },
        failed('"id":"server-error"'),
      ),
  }));
  await using client = new StreamClient({ url: server.url });
  client.send([1, 2].map((id) => ({ jsonrpc: "2.0", id, method: "m" })));
  const reasons = [await client.next(), await client.next()]
    .map(({ json }) => json.error.data.reason);
  assertEquals(reasons, ["no-answer", "no-answer"]);
});

Deno.test("the members of a batch are answered under the client's own IDs", async () => {
  await using server = await RawServer.start(mcp({
    batch: (_calls, reply) =>
      reply.status(
        200,
        { "content-type": "application/json" },
        `[${ok('"1"')},${ok("2")}]`,
      ),
  }));
  await using client = new StreamClient({ url: server.url });
  client.send([1, "2"].map((id) => ({ jsonrpc: "2.0", id, method: "m" })));
  const texts = [(await client.next()).text, (await client.next()).text];
  assertEquals(texts, [ok("1"), ok('"2"')]);
});

for (
  const [what, said, given] of [
    ["another spelling of the ID", ok('"3"'), ok("3")],
    ["no request's ID", failed('"id":"server-error"'), failed('"id":3')],
  ]
) {
  Deno.test(`over HTTP+SSE an answer with ${what} reaches the one request`, async () => {
    await using server = await RawServer.start(
      httpSse(async ({ method }, { stream }) => {
        if (method === "tools/call") await stream.event({ data: said });
      }),
    );
    await using client = new StreamClient({
      url: server.url,
      transport: "sse",
    });
    await client.initialize();
    client.request(3, "tools/call", { name: "x" });
    assertEquals((await client.next()).text, given);
  });
}

for (
  const [what, status, type, body, words] of [
    [
      "Lambda's",
      200,
      "application/json",
      '{"errorMessage":"Task timed out after 3.00 seconds","errorType":"Sandbox.Timedout"}',
      "Task timed out after 3.00 seconds",
    ],
    [
      "API Gateway's",
      200,
      "application/json",
      '{"message":"Endpoint request timed out"}',
      "Endpoint request timed out",
    ],
    ["a service's", 200, "application/json", '{"Message":"no"}', "no"],
    ["an error in words", 200, "application/json", '{"error":"busy"}', "busy"],
    [
      "an error in an object",
      200,
      "application/json",
      '{"error":{"message":"too busy","code":9}}',
      "too busy",
    ],
    ["a page's", 200, "text/html", "<h1>Sign in</h1>", "Sign in"],
    ["a text's", 200, "text/plain", "come back", "come back"],
    [
      "a 500 of Lambda's",
      500,
      "application/json",
      '{"errorMessage":"Task timed out"}',
      "Task timed out",
    ],
    [
      "a 502 with an object",
      502,
      "application/json",
      '{"error":{"message":"bad gateway to the moon"}}',
      "bad gateway to the moon",
    ],
  ] as const
) {
  Deno.test(`the words of a body that is no JSON-RPC, ${what}, stand in the error`, async () => {
    const { error } = JSON.parse(
      await answered(
        "3",
        (_call, reply) => reply.status(status, { "content-type": type }, body),
        {},
      ),
    );
    assertEquals(
      error.data.reason,
      status === 200 ? "bad-answer" : "http-status",
    );
    assertStringIncludes(error.message, words);
  });
}

Deno.test("the words of a body are cut", async () => {
  const { error } = JSON.parse(
    await answered(
      "3",
      (_call, reply) => reply.json({ message: "x".repeat(5_000) }),
      {},
    ),
  );
  assertStringIncludes(error.message, `${"x".repeat(300)}…`);
});
