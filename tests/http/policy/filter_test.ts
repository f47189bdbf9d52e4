/** Lists of tools that the HTTP server cannot look through do not pass it. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { within } from "../../support/time/deadline.ts";
import {
  HttpProxy,
  type HttpProxyStart,
} from "../../support/program/http_proxy.ts";
import type { RawEventStream, RawHandler } from "../../support/raw/server.ts";
import { FLAG_NAMES } from "../../../src/config/settings.ts";
import { ListFilter } from "../../../src/http/filter.ts";
import { ToolPolicy } from "../../../src/mcp/tools/policy.ts";

const LIST = { jsonrpc: "2.0", id: "l", method: "tools/list" };
const TOOLS = '{"tools":[{"name":"write"},{"name":"read"}]}';

class World extends HttpProxy {
  /** A target that meets every request alike. */
  static behaving(
    handler: RawHandler,
    options: Partial<HttpProxyStart> = {},
  ): Promise<World> {
    return World.before(handler, { tools: { deny: ["write"] }, ...options });
  }

  /** A target with one body for every answer. */
  static answering(
    body: string | Uint8Array,
    type = "application/json",
    status = 200,
  ): Promise<World> {
    return World.behaving((_request, reply) =>
      reply.status(status, { "content-type": type }, body)
    );
  }

  /** A target with one stream for every answer; it stays open. */
  static streaming(
    tell: (stream: RawEventStream) => Promise<void>,
  ): Promise<World> {
    return World.behaving(async (_request, reply) => {
      const stream = await reply.sse();
      await tell(stream);
      await stream.closed;
    });
  }
}

/** What comes of an answer until it breaks off, as it must. */
async function untilCut({ body }: Response): Promise<string> {
  const pieces: string[] = [];
  await assertRejects(async () => {
    for await (const piece of body ?? []) {
      pieces.push(new TextDecoder().decode(piece));
    }
  }, TypeError);
  return pieces.join("");
}

/** Bodies in which one reader may find a list that another one does not. */
const UNCLEAR: Readonly<Record<string, string | Uint8Array>> = {
  "without a version": `{"id":"l","result":${TOOLS}}`,
  "that is not JSON": `{"jsonrpc":"2.0","id":"l","result":${TOOLS},}`,
  "that is not UTF-8": Uint8Array.from(
    `{"jsonrpc":"2.0","id":"l\xff","result":${TOOLS}}`,
    (char) => char.charCodeAt(0),
  ),
  "in a batch with a bad member":
    `[{"jsonrpc":"2.0","id":"l","result":${TOOLS}},1]`,
  "in a batch in a batch": `[[{"jsonrpc":"2.0","id":"l","result":${TOOLS}}]]`,
  "with two results":
    `{"jsonrpc":"2.0","id":"l","result":${TOOLS},"result":{}}`,
  "with a result in another spelling":
    `{"jsonrpc":"2.0","id":"l","r\\u0065sult":${TOOLS},"result":{}}`,
  "with a result in another case":
    `{"jsonrpc":"2.0","id":"l","Result":${TOOLS},"result":{}}`,
  "beside an error":
    `{"jsonrpc":"2.0","id":"l","Result":${TOOLS},"error":{"code":1}}`,
  "in a notification": `{"jsonrpc":"2.0","method":"n","Result":${TOOLS}}`,
  "with two lists":
    `{"jsonrpc":"2.0","id":"l","result":{"tools":[{"name":"write"}],"tools":[]}}`,
  "with a list in another spelling":
    `{"jsonrpc":"2.0","id":"l","result":{"\\u0074ools":[{"name":"write"}],"tools":[]}}`,
  "with a list in another case":
    `{"jsonrpc":"2.0","id":"l","result":{"Tools":[{"name":"write"}]}}`,
  "with two lists in a batch":
    `[{"jsonrpc":"2.0","id":"l","result":{"tools":[{"name":"write"}],"tools":[]}}]`,
  "with an object in place of a list":
    `{"jsonrpc":"2.0","id":"l","result":{"tools":{"0":{"name":"write"}}}}`,
};

for (const [what, body] of Object.entries(UNCLEAR)) {
  Deno.test(`a list ${what} is bad-answer, in a body and in an event`, async () => {
    await using world = await World.answering(body);
    const answer = await world.post(LIST);
    const { id, error } = await answer.json();
    assertEquals([answer.status, id, error.code], [502, "l", -31011]);
    assertEquals(error.data.reason, "bad-answer");

    await using streaming = await World.streaming(async (stream) => {
      await stream.raw("data: ");
      await stream.raw(body);
      await stream.raw("\n\n");
    });
    const stream = await streaming.post(LIST);
    assertEquals(stream.status, 200);
    const text = (await stream.text()).replace(/^:\n\n/gm, "");
    assertStringIncludes(text, '"reason":"bad-answer"');
    assertEquals([text.match(/^data: /gm)?.length, text.includes("write")], [
      1,
      false,
    ]);
    assertEquals(JSON.parse(text.slice("data: ".length)).id, "l");

    const standing = await untilCut(await streaming.fetch());
    assertEquals(standing.replace(/^:\n\n/gm, ""), "");
  });
}

Deno.test("a tool with two names, one in another case, or none is left out of its list", async () => {
  await using world = await World.answering(
    '{"jsonrpc":"2.0","id":"l","result":{"tools":[' +
      '{"name":"write","name":"read"},{"name":"read","Name":"write"},' +
      '{"n\\u0061me":"write","name":"read"},{"Name":"write"},"write",' +
      '{"name":"read"}]}}',
  );
  const answer = await world.post(LIST);
  assertEquals(
    await answer.text(),
    '{"jsonrpc":"2.0","id":"l","result":{"tools":[{"name":"read"}]}}',
  );
});

for (
  const [type, says] of [
    ["text/html", "with content type text/html"],
    ["application/jsonl", "with content type application/jsonl"],
  ]
) {
  Deno.test(`a list of content type ${type} is bad-answer, over GET too`, async () => {
    const body = `{"jsonrpc":"2.0","id":"l","result":${TOOLS}}`;
    await using world = await World.answering(body, type);
    for (
      const answer of [await world.post(LIST), await world.fetch()]
    ) {
      const { error } = await answer.json();
      assertEquals([answer.status, error.data.reason], [502, "bad-answer"]);
      assertStringIncludes(error.message, says);
    }
  });
}

Deno.test("a list goes on in the charset and the coding in which it was read", async () => {
  await using world = await World.behaving((_request, reply) =>
    reply.status(200, {
      "content-type": "application/json; charset=utf-7",
      "content-encoding": "deflate",
    }, `{"jsonrpc":"2.0","id":"l","result":${TOOLS}}`)
  );
  const { headers, body } = await world.post(LIST);
  assertEquals(
    [headers.get("content-type"), headers.get("content-encoding")],
    ["application/json", null],
  );
  await body?.cancel();
});

Deno.test("an answer without a body passes, and so does an error page", async () => {
  await using silent = await World.answering("", "text/plain", 202);
  assertEquals((await silent.post(LIST)).status, 202);
  await using page = await World.answering("<h1>Busy</h1>", "text/html", 503);
  const answer = await page.post(LIST);
  assertEquals([answer.status, await answer.text()], [503, "<h1>Busy</h1>"]);
});

Deno.test("a list that breaks off is told with the request's id, and so is the proxy's own", async () => {
  await using world = await World.behaving(async (_request, reply) => {
    await reply.head(200, {
      "content-type": "application/json",
      "content-length": "1000",
    });
    await reply.write('{"jsonrpc":"2.0"');
    await reply.cut();
  }, { tools: { readOnly: true } });
  const call = { ...LIST, method: "tools/call", params: { name: "read" } };
  for (const message of [LIST, call]) {
    const answer = await world.post(message);
    const { id, error } = await answer.json();
    assertEquals([answer.status, id, error.code], [502, "l", -31015]);
  }
});

Deno.test("a list in an HTTP error holds the allowed tools alone", async () => {
  await using world = await World.answering(
    `{"jsonrpc":"2.0","id":"l","result":${TOOLS}}`,
    "application/json",
    400,
  );
  const answer = await world.post(LIST);
  const { result } = await answer.json();
  assertEquals([answer.status, result], [400, { tools: [{ name: "read" }] }]);
});

Deno.test("pings, priming events and comments pass a stream that is looked through", async () => {
  await using world = await World.behaving(async (_request, reply) => {
    const stream = await reply.sse();
    await stream.raw(": open\n\nid: 1\nretry: 9\n\n");
    await stream.event({ id: "2", data: "" });
    await stream.event({ event: "ping", id: "3", data: "2026-01-01" });
    await stream.message({ jsonrpc: "2.0", method: "n" }, "4");
    await stream.end();
  });
  for (
    const answer of [await world.post(LIST), await world.fetch()]
  ) {
    const text = await answer.text();
    assertEquals(
      text.replace(/^:\n\n/gm, ""),
      "id: 1\nretry: 9\ndata: \n\nid: 2\ndata: \n\n" +
        "event: ping\nid: 3\ndata: \n\n" +
        'id: 4\ndata: {"jsonrpc":"2.0","method":"n"}\n\n',
    );
  }
});

Deno.test("a request that has its answer gets no second one when its stream is cut", async () => {
  await using world = await World.streaming(async (stream) => {
    await stream.message({ jsonrpc: "2.0", id: "l", result: { tools: [] } });
    await stream.event({ data: "{" });
  });
  const answer = await world.post(LIST);
  const text = await untilCut(answer);
  assertEquals(text.match(/"id":"l"/g)?.length, 1, text);
  await within(
    world.log.find((line) => line.includes('"bad-answer"')),
    "the log to say why",
  );
});

Deno.test("a stream that a stop of the HTTP server ends is cut without an event, to be resumed", async () => {
  await using world = await World.before(async (_request, reply) => {
    await (await reply.sse()).closed;
  }, { drainMs: 1 });
  const cut = untilCut(await world.post(LIST));
  await world.stop();
  assertEquals(await cut, "");
});

Deno.test("an event that is too large to be looked through ends its stream with an error", async () => {
  const left = Promise.withResolvers<void>();
  await using world = await World.behaving(async (_request, reply) => {
    const stream = await reply.sse();
    await stream.event({ data: "x".repeat(2000) });
    await stream.closed;
    left.resolve();
  }, { maxAnswerBytes: 1000 });
  const answer = await world.post(LIST);
  const text = (await answer.text()).replace(/^:\n\n/gm, "");
  const { id, error } = JSON.parse(text.slice("data: ".length));
  assertEquals([id, error.data.reason], ["l", "frame-too-large"]);
  await within(left.promise, "the target to be left");
});

Deno.test("a line that has no end is given up, and the error names the option as its reader has it", async () => {
  const filter = new ListFilter({
    policy: new ToolPolicy({ readOnly: false, allow: [], deny: ["write"] }, {
      maxAgeMs: 1000,
      names: FLAG_NAMES,
    }),
    maxBytes: 1000,
    id: undefined,
    changes: 0,
    names: FLAG_NAMES,
  });
  const blanks = new TextEncoder().encode(" ".repeat(1024 * 1024));
  const endless = ReadableStream.from((function* () {
    yield new TextEncoder().encode("data: ");
    for (;;) yield blanks;
  })());
  const events = filter.events(new Response(endless), new Map());
  const error = await assertRejects(async () => {
    for await (const _ of events);
  });
  assertStringIncludes(String(error), FLAG_NAMES.maxAnswerBytes);
});
