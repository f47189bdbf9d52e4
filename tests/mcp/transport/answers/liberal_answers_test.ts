/** What the official SDK's client would read, the client of the proxy gets. */
import { brotliCompressSync, gzipSync } from "node:zlib";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { SILENT_LOG } from "../../../../src/log/log.ts";
import { answerWhen } from "../../../support/stream/answer_when.ts";
import { HttpProxy } from "../../../support/program/http_proxy.ts";
import { modern } from "../../../support/stream/modern_message.ts";
import {
  INITIALIZED,
  mcp,
  type McpHandler,
  result,
} from "../../../support/raw/mcp.ts";
import { RawServer } from "../../../support/raw/server.ts";
import { httpSse } from "../../../support/raw/sse.ts";
import { StreamWorld } from "../../../support/stream/world.ts";
import { asEvents, asJson, linesOf, NOTE } from "../calls.ts";

const OK =
  '{"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","text":"hi"}]}}';
const NO = '{"jsonrpc":"2.0","id":3,"error":{"code":-32000,"message":"no"}}';
const MARK = "\ufeff";
const NULL_ERROR = OK.replace(/}$/, ',"error":null}');

/** Texts of a message, and the line that they are to the client. */
const REPAIRED: Readonly<Record<string, readonly [string, string]>> = {
  "with a byte order mark": [`${MARK}${OK}`, OK],
  "in an array of one": [`[${OK}]`, OK],
  "in an array of one with blanks": [` [ ${OK}\t] `, OK],
  "with a null error": [NULL_ERROR, OK],
  "with a null error first": [
    OK.replace("{", '{ "error" : null ,'),
    `{${OK.slice(1)}`,
  ],
  "with a null result beside its error": [
    NO.replace(/}$/, ',"result":null}'),
    NO,
  ],
  "that is all of these": [`${MARK}[${NULL_ERROR}]`, OK],
};

/** The one line that answers a call of the ID 3. */
async function answerTo(call: McpHandler): Promise<string> {
  const [line, ...others] = await linesOf(call);
  assertEquals(others, [], "nothing follows the one answer");
  return line;
}

const asStream = (text: string): McpHandler => async (_message, reply) => {
  const stream = await reply.sse();
  await stream.raw(text);
  await stream.end();
};

for (const [what, [sent, line]] of Object.entries(REPAIRED)) {
  Deno.test(`an answer ${what} is delivered, as a body and as an event`, async () => {
    const compact = (text: string) => text.replace(/^{ */, "{");
    assertEquals(compact(await answerTo(asJson(sent))), line);
    assertEquals(compact(await answerTo(asEvents(sent))), line);
  });
}

for (
  const [first, second, body] of [
    ["application/json", "application/json; charset=utf-8", OK],
    ["text/plain", "application/json", OK],
    ["Text/Event-Stream", "text/event-stream", `data: ${OK}\n\n`],
  ]
) {
  Deno.test(`an answer is delivered whose two Content-Type headers say ${first} and ${second}`, async () => {
    const type = `${first}\r\nContent-Type: ${second}`;
    const call: McpHandler = (_message, reply) =>
      reply.status(200, { "Content-Type": type }, body);
    assertEquals(await answerTo(call), OK);
  });
}

const LONG = "x".repeat(100_000);

/** Answers that strict clients discard: they would wait for their own limit. */
const DISCARDED: Readonly<Record<string, string>> = {
  "a result that is null": '"result":null',
  "a result that is an array": '"result":[]',
  "a large result that is an array": `"result":["${LONG}"]`,
  "a result that is a string": '"result":"done"',
  "a large result that is a string": `"result":"${LONG}"`,
  "a result that is a number": '"result":1',
  "a result that is a boolean": '"result":true',
  "a code that is no integer": '"error":{"code":1.5,"message":"no"}',
  "a code that is none any more": '"error":{"code":1e400,"message":"no"}',
  "a message that is null": '"error":{"code":-1,"message":null}',
  "a message that is an object": '"error":{"code":-1,"message":{"a":"no"}}',
  "a large error with a message that is none":
    `"error":{"code":-1,"message":1,"data":"${LONG}"}`,
};

for (const [what, member] of Object.entries(DISCARDED)) {
  Deno.test(`an answer with ${what} is bad-answer, as a body, as an event and in an array`, async () => {
    const sent = `{"jsonrpc":"2.0","id":3,${member}}`;
    const [first, ...rest] = await linesOf(asJson(`[${NOTE},${sent}]`), {
      protocolVersion: "2025-03-26",
    });
    assertEquals([first, rest.length], [NOTE, 1]);
    const lines = [
      await answerTo(asJson(sent)),
      await answerTo(asEvents(sent)),
      await answerTo(asJson(`[${sent}]`)),
      ...rest,
    ];
    for (const line of lines) {
      const { id, error } = JSON.parse(line);
      assertEquals([id, error.data.reason], [3, "bad-answer"]);
    }
  });
}

for (const data of ["", `,"data":"${LONG}"`]) {
  Deno.test(`an error without a message gets an empty one, ${data.length} bytes after it`, async () => {
    const line =
      `{"jsonrpc":"2.0","id":3,"error":{"message":"","code":-1${data}}}`;
    const sent = line.replace('"message":"",', "");
    for (const call of [asJson(sent), asEvents(sent), asJson(sent, 400)]) {
      assertEquals(JSON.parse(await answerTo(call)), JSON.parse(line));
    }
  });
}

Deno.test("initialize answered with null is bad-answer, and in an array of one it is answered", async () => {
  for (const [isArray, value] of [[false, null], [true, INITIALIZED]]) {
    const { error } = await answerWhen((message, reply) => {
      const answer = result(message, value);
      return reply.json(isArray ? [answer] : answer);
    }, { method: "initialize", params: {} });
    assertEquals(error?.data.reason, isArray ? undefined : "bad-answer");
  }
});

Deno.test("a pretty-printed answer with any line end is one line without CR, whatever else is to repair", async () => {
  const spread = JSON.stringify(JSON.parse(`[${NULL_ERROR}]`), undefined, 2);
  for (const end of ["\r\n", "\r", "\n"]) {
    const text = await answerTo(asJson(MARK + spread.replaceAll("\n", end)));
    assertEquals(/[\r\n]/.test(text), false);
    assertEquals(JSON.parse(text), JSON.parse(OK));
  }
});

Deno.test("an array of several is as many lines where the revision has no batches, and one where it has", async () => {
  const array = `[${NOTE},${OK}]`;
  for (
    const [protocolVersion, lines] of [
      ["2025-06-18", [NOTE, OK]],
      ["2025-03-26", [array]],
    ] as const
  ) {
    assertEquals(await linesOf(asJson(array), { protocolVersion }), lines);
  }
});

Deno.test("an HTTP error that is a JSON-RPC error with a mark, in an array, beside a null result is that error", async () => {
  const sent = `${MARK}[${NO.replace(/}$/, ',"result":null}')}]`;
  assertEquals(await answerTo(asJson(sent, 400)), NO);
});

/** Events that are no JSON-RPC, as targets send them. */
const JUNK =
  'data: {"type":"heartbeat"}\n\ndata: ping\n\ndata:    \n\ndata: [1]\n\n' +
  'data: [DONE]\n\nevent: ping\ndata: {}\n\ndata: null\n\ndata: "x"\n\n';

Deno.test("events that are no JSON-RPC are skipped, and told at debug", async () => {
  const told: string[] = [];
  const log = { ...SILENT_LOG, debug: (text: string) => void told.push(text) };
  const call = asStream(`${JUNK}data: ${OK}\n\n`);
  assertEquals(await linesOf(call, { log }), [OK]);
  const skipped = told.filter((text) => text.startsWith("skipped an event"));
  assertEquals(skipped.length, JUNK.match(/^data/gm)?.length);
});

Deno.test("events that are no JSON-RPC are skipped in a modern stream, too", async () => {
  await using w = await StreamWorld.start({
    "tools/call": asStream(`${JUNK}data: ${OK}\n\n`),
  });
  w.client.request(3, "tools/call", modern({ name: "t" }));
  assertEquals((await w.client.close()).map(({ text }) => text), [OK]);
});

for (const name of ["error", "response", "x"]) {
  Deno.test(`a message in an event named ${name} is delivered`, async () => {
    const text = `event: ${name}\ndata: ${OK}\n\n`;
    assertEquals(await answerTo(asStream(text)), OK);
  });
}

for (const end of ["", "\n", "\r", "\r\n"]) {
  Deno.test(`an answer is delivered whose stream ends with ${JSON.stringify(end)} after it`, async () => {
    for (const [sent, line] of Object.values(REPAIRED)) {
      const text = await answerTo(asStream(`data: ${sent}${end}`));
      assertEquals(text.replace(/^{ */, "{"), line);
    }
  });
}

Deno.test("what a stream ends with, broken, too large or no JSON-RPC, is said as if its blank line were there", async () => {
  const large = { protocolVersion: "2025-06-18", maxAnswerBytes: 1000 };
  for (
    const [event, reason, words] of [
      ['{"jsonrpc":"2.0","id":3,"error":"boom"}', "bad-answer", "boom"],
      ['{"errorMessage":"timed out"}', "stream-cut", "it says: timed out"],
      [OK.replace("hi", LONG), "frame-too-large", "1000"],
    ]
  ) {
    const [line] = await linesOf(asStream(`data: ${event}`), large);
    const { error } = JSON.parse(line);
    assertEquals(error.data.reason, reason);
    assertStringIncludes(error.message, words);
  }
});

for (const cut of [OK.slice(0, -1), OK.replace("3", "4"), "ping", NOTE]) {
  Deno.test(`a stream that ends after ${cut.slice(-12)} has no answer`, async () => {
    const text = await answerTo(asStream(`data: ${cut}\n`));
    assertEquals(JSON.parse(text).error.data.reason, "stream-cut");
  });
}

for (const format of ["gzip", "brotli"] as const) {
  Deno.test(`an answer in ${format} is delivered, as a body and as a stream`, async () => {
    const compress = format === "gzip" ? gzipSync : brotliCompressSync;
    const encoding = format === "gzip" ? "gzip" : "br";
    const bodies = [
      ["application/json", OK],
      ["text/event-stream", `data: ${OK}\n\n`],
    ];
    for (const [type, text] of bodies) {
      const line = await answerTo((_message, reply) =>
        reply.status(
          200,
          { "content-type": type, "content-encoding": encoding },
          new Uint8Array(compress(text)),
        )
      );
      assertEquals(line, OK);
    }
  });
}

for (const encoding of ["zstd", "gzip, gzip", "deflate, zstd", "x-unknown"]) {
  Deno.test(`an answer with Content-Encoding ${encoding} is bad-answer that names it, as a body and as a stream`, async () => {
    for (const type of ["application/json", "text/event-stream"]) {
      const text = await answerTo((_message, reply) =>
        reply.status(
          200,
          { "content-type": type, "content-encoding": encoding },
          Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd),
        )
      );
      const { error } = JSON.parse(text);
      assertEquals([error.code, error.data.reason], [-31011, "bad-answer"]);
      assertStringIncludes(error.message, encoding);
    }
  });
}

Deno.test("over HTTP+SSE the same is delivered, repaired and skipped", async () => {
  const sent = [
    ...Object.values(REPAIRED).map(([text]) => `data: ${text}\n\n`),
    `${JUNK}event: response\ndata: ${OK}\n\n`,
  ];
  await using w = await StreamWorld.start(
    httpSse(async ({ id }, { stream }) => {
      if (id === 3) await stream.raw(sent.shift() ?? "");
    }),
    { transport: "sse" },
  );
  await w.client.initialize();
  const count = sent.length;
  for (let call = 0; call < count; call++) {
    w.client.request(3, "tools/call", { name: "t" });
    const { json } = await w.client.next();
    assertEquals([json.id, "error" in json && "result" in json], [3, false]);
  }
});

Deno.test("what comes on the GET stream is repaired, and junk on it skipped", async () => {
  const ask = '{"jsonrpc":"2.0","id":7,"method":"roots/list"}';
  await using w = await StreamWorld.start({
    GET: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.raw(`${JUNK}event: x\ndata: ${MARK}[${ask}]\n\n`);
      await stream.closed;
    },
  }, { standaloneStream: true });
  await w.client.initialize();
  assertEquals((await w.client.next()).text, ask);
});

Deno.test("over HTTP with a tool policy the same is delivered, repaired and skipped", async () => {
  const list = '{"jsonrpc":"2.0","id":"l","result":{"tools":[{"name":"a"}]}}';
  const texts = [
    `data: ${MARK}${list}\n\n`,
    `data: [${list}]\n\n`,
    `data: ${list.replace(/}$/, ',"error":null}')}\n\n`,
    `${JUNK}event: response\ndata: ${list}\n\n`,
    `data: ${list}\n`,
    `data: ${list}`,
  ];
  const listAt = async (handler: McpHandler) => {
    await using target = await RawServer.start(mcp({ "tools/list": handler }));
    await using proxy = await HttpProxy.start({
      target: target.url,
      tools: { deny: ["x"] },
    });
    const ask = { jsonrpc: "2.0", id: "l", method: "tools/list" };
    return await (await proxy.post(ask)).text();
  };
  for (const text of texts) {
    const answer = await listAt(asStream(text));
    const [line] = answer.match(/^data: .*tools.*\n\n/m) ?? [];
    const message = JSON.parse(line?.slice("data: ".length) ?? "0");
    const [one] = [message].flat();
    assertEquals(one, JSON.parse(list), text);
  }
  assertEquals(await listAt(asJson(MARK + list)), list);
});

Deno.test("a byte order mark before a line of stdin is taken off", async () => {
  await using w = await StreamWorld.start({});
  w.client.request(1, "ping");
  w.client.send(`${MARK}{"jsonrpc":"2.0","id":2,"method":"ping"}`);
  const ids = (await w.client.close()).map(({ json }) => json.id).toSorted();
  assertEquals(ids, [1, 2]);
});
