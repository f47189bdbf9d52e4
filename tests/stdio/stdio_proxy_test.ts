import {
  assertEquals,
  assertObjectMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { OPTION_NAMES } from "../../src/naming.ts";
import { runStdioProxy } from "../../src/stdio/stdio_proxy.ts";
import { joinBytes } from "../support/bytes.ts";
import { modern } from "../support/stream/modern_message.ts";
import { Clock } from "../support/time/clock.ts";
import { StreamWorld } from "../support/stream/world.ts";
import { mcp, type McpHandler, result, Sessions } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { StreamClient } from "../support/stream/client.ts";

function posts(server: RawServer): string[] {
  return server.requests.all.filter(({ method }) => method === "POST")
    .map((request) => request.text());
}

Deno.test("a message goes on byte for byte, and so does its answer", async () => {
  const answer =
    '{ "result" :{"big":12345678901234567890,"e":1E2,"u":"\\u00e9é"},"id":12345678901234567890,\n"jsonrpc":"2.0","extra":[] }';
  await using w = await StreamWorld.start((_request, reply) =>
    reply.status(200, { "content-type": "application/json" }, answer)
  );
  const message =
    '{ "params":{"x":1.50,"x":2}, "id":12345678901234567890 ,"method":"a\\/b","jsonrpc":"2.0","unknown":"\\ud83d\\ude00"}';
  w.client.send(message);
  assertEquals((await w.client.next()).text, answer.replaceAll("\n", " "));
  assertEquals(posts(w.server), [message]);
});

Deno.test("an event's data goes on byte for byte", async () => {
  const data = '{"id":1,"jsonrpc":"2.0","result":{"n":1e400,"s":"\\u2028  é"}}';
  await using w = await StreamWorld.start(async (_request, reply) => {
    const stream = await reply.sse();
    await stream.event({ data });
    await stream.end();
  });
  w.client.request(1, "m");
  assertEquals((await w.client.next()).text, data);
});

Deno.test("a blank line is ignored, a last line without a newline is sent", async () => {
  await using w = await StreamWorld.start({});
  w.client.sendBytes(new TextEncoder().encode(
    '\n\r\n{"jsonrpc":"2.0","id":1,"method":"m"}',
  ));
  assertEquals((await w.client.close()).map(({ json }) => json.id), [1]);
});

Deno.test("what is not JSON is answered with -32700 and no id, and the next line is sent", async () => {
  await using w = await StreamWorld.start({});
  w.client.send("{oops");
  w.client.request(1, "m");
  const { json } = await w.client.next();
  assertEquals([json.error.code, json.error.data.reason], [-32700, "parse"]);
  assertEquals("id" in json, false);
  assertEquals((await w.client.next()).json.id, 1);
  assertEquals(posts(w.server).length, 1);
});

Deno.test("bytes that are not UTF-8 are answered with -32700", async () => {
  await using w = await StreamWorld.start({});
  w.client.sendBytes(Uint8Array.of(0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d, 0x0a));
  assertEquals((await w.client.next()).json.error.code, -32700);
  assertEquals(w.server.requests.length, 0);
});

Deno.test("JSON that is no JSON-RPC message is answered with -32600 and its id", async () => {
  await using w = await StreamWorld.start({});
  w.client.send({ id: "x", method: "m" });
  const { json } = await w.client.next();
  assertEquals([json.id, json.error.code], ["x", -32600]);
  assertEquals(w.server.requests.length, 0);
});

Deno.test("a line over the limit is answered with an error that names the option", async () => {
  await using w = await StreamWorld.start({}, { maxFrameBytes: 200 });
  w.client.request(1, "m", { x: "x".repeat(300) });
  w.client.request(2, "m");
  const { json } = await w.client.next();
  assertEquals([json.id, json.error.code], [1, -31016]);
  assertStringIncludes(json.error.message, "maxFrameBytes");
  assertEquals((await w.client.next()).json.id, 2);
  assertEquals(posts(w.server).length, 1);
});

Deno.test("a batch goes on as one POST, and each request in it gets its answer", async () => {
  const batch: McpHandler = (messages, reply) =>
    reply.json([result(messages[0], { a: 1 }), result(messages[2], { b: 2 })]);
  await using w = await StreamWorld.start({ batch });
  const text =
    '[{"jsonrpc":"2.0","id":1,"method":"a"}, {"jsonrpc":"2.0","method":"n"},{"jsonrpc":"2.0","id":"2","method":"b"}]';
  w.client.send(text);
  assertEquals(
    (await w.client.next()).text,
    '[{"jsonrpc":"2.0","id":1,"result":{"a":1}},{"jsonrpc":"2.0","id":"2","result":{"b":2}}]',
  );
  assertEquals(posts(w.server), [text]);
});

Deno.test("a request of a batch that stays unanswered gets an error", async () => {
  const batch: McpHandler = (messages, reply) =>
    reply.json([result(messages[0])]);
  await using w = await StreamWorld.start({ batch });
  w.client.send([
    { jsonrpc: "2.0", id: 1, method: "a" },
    { jsonrpc: "2.0", id: 2, method: "b" },
  ]);
  const [{ json: answers }, { json: failed }] = [
    await w.client.next(),
    await w.client.next(),
  ];
  assertEquals(answers[0].id, 1);
  assertEquals([failed.id, failed.error.data.reason], [2, "no-answer"]);
});

Deno.test("requests after initialize wait for its answer and for notifications/initialized", async () => {
  const release = Promise.withResolvers<void>();
  const headers = { "mcp-session-id": "the-session-of-the-test" };
  await using w = await StreamWorld.start(mcp({
    initialize: async (message, reply) => {
      await release.promise;
      const answer = result(message, { protocolVersion: "2025-06-18" });
      await reply.json(answer, 200, headers);
    },
  }));
  w.client.request(1, "initialize", { protocolVersion: "2025-11-25" });
  w.client.notify("notifications/initialized");
  w.client.request(2, "tools/list");
  await w.server.requests.at(0);
  assertEquals(w.server.requests.length, 1);
  release.resolve();
  await w.client.answer(2);
  assertEquals(
    w.server.requests.all.map((seen) => [
      JSON.parse(seen.text()).method,
      seen.header("mcp-session-id"),
      seen.header("mcp-protocol-version"),
    ]),
    [
      ["initialize", undefined, undefined],
      ["notifications/initialized", "the-session-of-the-test", "2025-06-18"],
      ["tools/list", "the-session-of-the-test", "2025-06-18"],
    ],
  );
});

Deno.test("requests run side by side, and their answers leave as they arrive", async () => {
  const release = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    slow: async (message, reply) => {
      await release.promise;
      await reply.json(result(message));
    },
  });
  w.client.request(1, "slow");
  w.client.request(2, "quick");
  assertEquals((await w.client.next()).json.id, 2);
  release.resolve();
  assertEquals((await w.client.next()).json.id, 1);
});

Deno.test("at the end of stdin what is in flight is answered, and the session is ended", async () => {
  const release = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    slow: async (message, reply) => {
      await release.promise;
      await reply.json(result(message));
    },
  });
  await w.client.initialize();
  w.client.request(1, "slow");
  const rest = w.client.close();
  await w.server.requests.find((seen) => seen.text().includes('"slow"'));
  release.resolve();
  assertEquals((await rest).map(({ json }) => json.id), [1]);
  const last = w.server.requests.all.at(-1);
  assertEquals(last?.method, "DELETE");
  assertEquals([...w.sessions.known], [last?.header("mcp-session-id")]);
});

Deno.test("a stop answers what is in flight with -31018 and ends the session", async () => {
  await using w = await StreamWorld.start({
    hang: (_message, reply) => reply.hang(),
  });
  await w.client.initialize();
  w.client.request("x", "hang");
  await w.server.requests.find((seen) => seen.text().includes('"hang"'));
  w.client.stop();
  const [{ json }] = await w.client.close();
  assertEquals([json.id, json.error.code], ["x", -31018]);
  assertEquals(json.error.data.mayHaveRun, true, "it was sent");
  assertEquals(w.server.requests.all.at(-1)?.method, "DELETE");
});

Deno.test("a stop leaves what is in flight a moment in which it may be answered", async () => {
  const release = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    slow: async (message, reply) => {
      await release.promise;
      await reply.json(result(message));
    },
  }));
  using _clock = new Clock();
  await using client = new StreamClient({ url: server.url });
  client.request(1, "slow");
  await server.requests.find((seen) => seen.text().includes('"slow"'));
  client.stop();
  release.resolve();
  assertEquals((await client.next()).json.result, {});
});

Deno.test("a notification that waits for initialize is sent although stdin has ended", async () => {
  const release = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    initialize: async (message, reply) => {
      await release.promise;
      await reply.json(result(message, { protocolVersion: "2025-11-25" }));
    },
  });
  w.client.request(1, "initialize", {});
  w.client.notify("notifications/last");
  await w.server.requests.find((seen) => seen.text().includes("initialize"));
  const rest = w.client.close();
  // What is ready runs: the proxy sees the end.
  await new Promise((resolve) => setTimeout(resolve, 0));
  release.resolve();
  assertEquals((await rest).map(({ json }) => json.id), [1]);
  assertStringIncludes(posts(w.server).at(-1) ?? "", "notifications/last");
});

Deno.test("a client that is gone ends the proxy and the session", async () => {
  await using server = await RawServer.start(mcp({}, new Sessions()));
  const { runStdioProxy } = await import("../../src/stdio/stdio_proxy.ts");
  let writes = 0;
  const stdin = new TransformStream<Uint8Array, Uint8Array>();
  const writer = stdin.writable.getWriter();
  const ended = runStdioProxy({
    url: server.url,
    fetch,
    names: OPTION_NAMES,
    readable: stdin.readable,
    writable: new WritableStream({
      write() {
        if (++writes > 1) throw new Error("Broken pipe");
      },
    }),
  });
  const encoder = new TextEncoder();
  await writer.write(encoder.encode(
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}\n{"jsonrpc":"2.0","id":2,"method":"m"}\n',
  ));
  await ended;
  assertObjectMatch(server.requests.all.at(-1) ?? {}, { method: "DELETE" });
});

Deno.test("a list that comes after the end of stdin is answered, though layers look through it", async () => {
  const ended = Promise.withResolvers<void>();
  const tool = { name: "r", annotations: { readOnlyHint: true } };
  await using server = await RawServer.start(mcp({
    "tools/list": async (message, reply) => {
      await ended.promise;
      await reply.json(result(message, { tools: [tool, { name: "w" }] }));
    },
  }));
  const list = { jsonrpc: "2.0", id: 1, method: "tools/list" };
  const text = JSON.stringify({ ...list, params: modern() });
  const chunks = [new TextEncoder().encode(`${text}\n`)];
  const readable = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = chunks.pop();
      if (chunk) return controller.enqueue(chunk);
      await server.requests.at(0);
      controller.close();
      ended.resolve();
    },
  });
  const written: Uint8Array[] = [];
  await runStdioProxy({
    url: server.url,
    fetch,
    names: OPTION_NAMES,
    tools: { readOnly: true },
    profiles: new Map([["a", fetch], ["b", fetch]]),
    readable,
    writable: new WritableStream({
      write: (chunk) => void written.push(chunk),
    }),
  });
  const answer = JSON.parse(await new Response(joinBytes(written)).text());
  assertEquals(answer.result.tools, [tool]);
});

Deno.test("a disk that is full is no client that is gone", async () => {
  const message = '{"jsonrpc":"2.0","id":1,"method":"m"}\n';
  await using server = await RawServer.start(
    mcp({ m: (message, reply) => reply.json(result(message)) }),
  );
  const full = Object.assign(new Error("no space left"), { code: "ENOSPC" });
  await assertRejects(
    () =>
      runStdioProxy({
        url: server.url,
        fetch,
        names: OPTION_NAMES,
        readable: ReadableStream.from([new TextEncoder().encode(message)]),
        writable: new WritableStream({ write: () => Promise.reject(full) }),
      }),
    Error,
    "no space left",
  );
});

Deno.test("a client that takes its answers slowly after it has ended stdin gets them all", async () => {
  using clock = new Clock();
  const body = { x: "x".repeat(100_000) };
  await using server = await RawServer.start(
    mcp({ m: (message, reply) => reply.json(result(message, body)) }),
  );
  const ids = [1, 2, 3, 4, 5];
  const given = Promise.withResolvers<void>();
  let count = 0;
  const decoder = new TextDecoder();
  let text = "";
  const stdin = new TransformStream<Uint8Array, Uint8Array>(undefined, {
    highWaterMark: ids.length,
  });
  const done = runStdioProxy({
    url: server.url,
    fetch,
    names: OPTION_NAMES,
    readable: stdin.readable,
    writable: new WritableStream({
      async write(chunk) {
        await new Promise((taken) => setTimeout(taken, 20_000));
        text += decoder.decode(chunk, { stream: true });
      },
    }),
    observer: {
      received() {},
      recovered() {},
      delivered() {
        if (++count === ids.length) given.resolve();
      },
    },
  });
  const writer = stdin.writable.getWriter();
  for (const id of ids) {
    const message = JSON.stringify({ jsonrpc: "2.0", id, method: "m" });
    await writer.write(new TextEncoder().encode(`${message}\n`));
  }
  await given.promise;
  await writer.close();
  await clock.until(done, 1_000);
  const answered = text.trimEnd().split("\n").map((line) =>
    JSON.parse(line).id
  );
  assertEquals(answered.sort(), ids);
});

Deno.test("a client that does not read stops the upstream reads", async () => {
  const part = `${
    JSON.stringify({ jsonrpc: "2.0", method: "n", params: "x".repeat(100_000) })
  }`;
  let sent = 0;
  const stalled = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    flood: async (message, reply) => {
      const stream = await reply.sse();
      for (; sent < 700; sent++) {
        // A write that is not taken for a while means that nobody reads.
        const written = stream.event({ data: part });
        const timer = setTimeout(() => stalled.resolve(), 1000);
        await written;
        clearTimeout(timer);
      }
      await stream.message(result(message));
      await stream.end();
    },
  });
  w.client.request(1, "flood");
  await stalled.promise;
  // Far below the 70 MB that a proxy without backpressure would have taken.
  if (sent > 500) throw new Error(`${sent} events were taken`);
  const { json } = await w.client.answer(1);
  assertEquals([json.id, w.client.frames.length], [1, 701]);
});
