import { assert, assertEquals, assertRejects } from "@std/assert";
import { within } from "../support/time/deadline.ts";
import { HttpProxy } from "../support/program/http_proxy.ts";
import { request } from "../support/raw/mcp.ts";
import type { RawEventStream } from "../support/raw/server.ts";

const decoder = new TextDecoder();

/** Reads an answer's body up to a mark. */
async function readTo(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  mark: string,
): Promise<string> {
  let text = "";
  while (!text.includes(mark)) {
    const { done, value } = await within(reader.read(), mark);
    if (done) throw new Error(`the body ended before ${mark}: ${text}`);
    text += decoder.decode(value);
  }
  return text;
}

Deno.test("an event is there as soon as the target sends it, and the head before the first", async () => {
  const opened = Promise.withResolvers<RawEventStream>();
  await using proxy = await HttpProxy.before({
    slow: async (_message, reply) => {
      const stream = await reply.sse();
      opened.resolve(stream);
      await stream.closed;
    },
  });
  const answer = await within(
    proxy.post({ jsonrpc: "2.0", id: 1, method: "slow" }),
    "the head",
  );
  const reader = answer.body!.getReader();
  const stream = await opened.promise;
  for (const id of ["1", "2"]) {
    await stream.event({ id, data: "{}" });
    assertEquals(await readTo(reader, "\n\n"), `id: ${id}\ndata: {}\n\n`);
  }
  await stream.end();
  assertEquals((await reader.read()).done, true);
  await stream.raw("").catch(() => {});
});

Deno.test("a client that leaves in the middle of a stream ends it at the target", async () => {
  const left = Promise.withResolvers<void>();
  await using proxy = await HttpProxy.before({
    listen: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.event({ data: "{}" });
      await stream.closed;
      left.resolve();
    },
  });
  const answer = await proxy.post({ jsonrpc: "2.0", id: 1, method: "listen" });
  const reader = answer.body!.getReader();
  await readTo(reader, "\n\n");
  await reader.cancel();
  await within(left.promise, "the target to be left");
});

Deno.test("a client that leaves before the answer begins ends the request at the target", async () => {
  const asked = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  await using proxy = await HttpProxy.before({
    hang: async (_message, reply) => {
      asked.resolve();
      await reply.hang();
      left.resolve();
    },
  });
  const leave = new AbortController();
  const answer = proxy.post(
    { jsonrpc: "2.0", id: 1, method: "hang" },
    {},
    { signal: leave.signal },
  );
  await within(asked.promise, "the request");
  leave.abort();
  await assertRejects(() => answer, DOMException);
  await within(left.promise, "the target to be left");
});

for (const how of ["cut", "reset"] as const) {
  Deno.test(`a stream that the target ${how}s is broken off for the client too`, async () => {
    const seen = Promise.withResolvers<void>();
    await using proxy = await HttpProxy.before({
      broken: async (_message, reply) => {
        const stream = await reply.sse();
        await stream.event({ id: "1", data: "{}" });
        await seen.promise;
        await stream[how]();
      },
    });
    const answer = await proxy.post(request("broken"));
    const reader = answer.body!.getReader();
    await readTo(reader, "\n\n");
    seen.resolve();
    await assertRejects(() => within(reader.read(), "the end"), TypeError);
  });
}

Deno.test("a body that is shorter than it says is broken off for the client too", async () => {
  await using proxy = await HttpProxy.before({
    short: async (_message, reply) => {
      const headers = {
        "content-type": "application/json",
        "content-length": "99",
      };
      await reply.status(200, headers, '{"jsonrpc":"2.0",');
      await reply.cut();
    },
  });
  const answer = await proxy.post({ jsonrpc: "2.0", id: 1, method: "short" });
  assertEquals(answer.headers.get("content-length"), null);
  await assertRejects(() => within(answer.text(), "the end"), TypeError);
});

Deno.test("a small answer goes on with its length", async () => {
  const body = '{"jsonrpc":"2.0","id":1,"result":{}}';
  await using proxy = await HttpProxy.before((_request, reply) =>
    reply.status(200, {
      "content-type": "application/json",
      "content-length": `${body.length}`,
    }, body)
  );
  const answer = await proxy.post({ jsonrpc: "2.0", id: 1, method: "m" });
  assertEquals(answer.headers.get("content-length"), `${body.length}`);
  assertEquals(await answer.text(), body);
});

Deno.test("an answer in chunks goes on as it comes, whatever length it says", async () => {
  const seen = Promise.withResolvers<void>();
  await using proxy = await HttpProxy.before(async (_request, reply) => {
    const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" +
      "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n";
    await reply.write(`${head}2\r\n[1\r\n`);
    await seen.promise;
    await reply.write("1\r\n]\r\n0\r\n\r\n");
    await reply.cut();
  });
  const answer = await proxy.post({ jsonrpc: "2.0", id: 1, method: "m" });
  const reader = answer.body!.getReader();
  const { value } = await within(reader.read(), "the first chunk");
  assertEquals(new TextDecoder().decode(value), "[1");
  seen.resolve();
  const rest = await within(reader.read(), "the rest");
  assertEquals(new TextDecoder().decode(rest.value), "]");
});

Deno.test("a client that does not read stops the upstream reads, and gets all in the end", async () => {
  const EVENTS = 1000;
  const data = "x".repeat(100_000);
  let sent = 0;
  const stalled = Promise.withResolvers<void>();
  await using proxy = await HttpProxy.before({
    flood: async (_message, reply) => {
      const stream = await reply.sse();
      for (; sent < EVENTS; sent++) {
        // A write that is not taken for a while means that nobody reads.
        const timer = setTimeout(() => stalled.resolve(), 1000);
        await stream.event({ data });
        clearTimeout(timer);
      }
      await stream.end();
    },
  });
  const answer = await proxy.post({ jsonrpc: "2.0", id: 1, method: "flood" });
  await stalled.promise;
  // Far below the 100 MB that a proxy without backpressure would have taken.
  assert(sent < EVENTS / 4, `${sent} events were taken`);
  let byteLength = 0;
  for await (const piece of answer.body!) byteLength += piece.length;
  assertEquals(byteLength, EVENTS * (data.length + "data: \n\n".length));
});

Deno.test("a compressed answer comes whole, without its coding and its length", async () => {
  const body = '{"jsonrpc":"2.0","id":1,"result":{}}';
  const zipped = await new Response(
    new Blob([body]).stream().pipeThrough(new CompressionStream("gzip")),
  ).bytes();
  await using proxy = await HttpProxy.before((_request, reply) =>
    reply.status(200, {
      "content-type": "application/json",
      "content-encoding": "gzip",
    }, zipped)
  );
  const answer = await proxy.post({ jsonrpc: "2.0", id: 1, method: "m" });
  assertEquals(await answer.text(), body);
  const names = ["content-encoding", "content-length"];
  assertEquals(names.map((name) => answer.headers.get(name)), [null, null]);
});
