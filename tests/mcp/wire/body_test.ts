import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  BodyChunks,
  readBeginning,
  readBody,
} from "../../../src/mcp/wire/body.ts";
import { readEvents } from "../../../src/mcp/wire/events.ts";
import { OPTION_NAMES } from "../../../src/naming.ts";
import { Semaphore } from "../../../src/semaphore.ts";
import { RawServer } from "../../support/raw/server.ts";

const MIB = 1024 * 1024;
const encoder = new TextEncoder();

/** 3 MiB in which no two places look alike. */
const TEXT = Array.from(
  { length: 3 * MIB / 16 },
  (_, n) => String(n).padStart(16, " "),
).join("");

/** Large data in two lines, between small events that others still hold. */
const STREAM = `data: first\n\ndata: ${TEXT}\ndata: ${TEXT}\n\ndata: last\n\n`;
const DATA = ["first", `${TEXT} ${TEXT}`, "last"];

const SIZES = [1_000, 16 * 1024, 64 * 1024, 5 * MIB];

/** The ways in which a body comes. */
const SOURCES: Readonly<
  Record<string, (text: string, size: number) => Response>
> = {
  "a stream whose chunks are someone else's": (text, size) => {
    const bytes = encoder.encode(text);
    return new Response(ReadableStream.from(parts(bytes, size)));
  },
  "a stream with empty chunks": (text, size) => {
    const bytes = parts(encoder.encode(text), size);
    const chunks = bytes.flatMap((part) => [part.subarray(0, 0), part]);
    return new Response(ReadableStream.from(chunks));
  },
  "a stream of bytes": (text, size) => {
    const rest = parts(encoder.encode(text), size);
    return new Response(
      new ReadableStream({
        type: "bytes",
        pull(controller) {
          const { value } = rest.next();
          if (value) return controller.enqueue(value.slice());
          controller.close();
          controller.byobRequest?.respond(0);
        },
      }),
    );
  },
};

function* parts(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
  }
}

async function eventsOf(response: Response): Promise<string[]> {
  const events: Uint8Array[] = [];
  const options = { maxDataBytes: 9 * MIB, names: OPTION_NAMES };
  for await (const { data } of readEvents(response, options)) {
    events.push(data);
  }
  return events.map((data) => new TextDecoder().decode(data));
}

for (const [what, source] of Object.entries(SOURCES)) {
  Deno.test(`${what} gives large bodies and events to the letter, in chunks of every size`, async () => {
    for (const size of SIZES) {
      const body = await readBody(source(TEXT, size), { maxBytes: 3 * MIB });
      assert(new TextDecoder().decode(body) === TEXT, `${size}`);
      const events = await eventsOf(source(STREAM, size));
      assert(events.join("\n") === DATA.join("\n"), `${size}`);
    }
  });
}

Deno.test("large bodies and events of a server come to the letter, with a length and in chunks", async () => {
  await using server = await RawServer.start(async (request, reply) => {
    const text = request.target === "/events" ? STREAM : TEXT;
    const [, size] = /size=(\d+)/.exec(request.text()) ?? [];
    if (!size) return await reply.status(200, {}, text);
    const stream = await reply.stream(200);
    for (const part of parts(encoder.encode(text), Number(size))) {
      await stream.raw(part);
    }
    await stream.end();
  });
  for (const size of [...SIZES.slice(1), 0]) {
    const ask = (path: string) =>
      fetch(new URL(path, server.url), {
        method: "POST",
        body: new Blob([size > 0 ? `size=${size}` : "whole"]),
      });
    const body = await readBody(await ask("/body"), { maxBytes: 3 * MIB });
    assert(new TextDecoder().decode(body) === TEXT, `${size}`);
    const events = await eventsOf(await ask("/events"));
    assert(events.join("\n") === DATA.join("\n"), `${size}`);
  }
});

Deno.test("a large body over the limit is let go of, and one that is cut fails", async () => {
  await using server = await RawServer.start(async (request, reply) => {
    if (request.target === "/long") {
      await reply.status(200, {}, TEXT);
    } else {
      await reply.status(200, { "content-length": `${4 * MIB}` }, TEXT);
      await reply.cut();
    }
  });
  const long = await fetch(new URL("/long", server.url));
  assertEquals(await readBody(long, { maxBytes: 2 * MIB }), undefined);
  const cut = await fetch(new URL("/cut", server.url));
  await assertRejects(() => readBody(cut, { maxBytes: 9 * MIB }), TypeError);
});

/** An error of 1 MiB, and how much of it was asked for. */
function largeError(): { response: Response; readBytes: () => number } {
  let bytes = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (bytes === MIB) return controller.close();
      bytes += 16 * 1024;
      controller.enqueue(new Uint8Array(16 * 1024).fill(0x78));
    },
  }, { highWaterMark: 0 });
  return {
    response: new Response(body, { status: 500 }),
    readBytes: () => bytes,
  };
}

Deno.test("an error that is of no use beyond its beginning is not read on", async () => {
  const { response, readBytes } = largeError();
  using read = await readBeginning(response, {
    maxBytes: MIB,
    limitMs: 60_000,
    room: new Semaphore(MIB),
    goesOn: (beginning) => beginning[0] === 0x7b,
  });
  assertEquals([readBytes(), read.isComplete], [64 * 1024, false]);
});

Deno.test("an error for which there is no room ends at its beginning, and one that is disposed of makes room", async () => {
  const room = new Semaphore(MIB);
  const read = (limitMs: number) =>
    readBeginning(largeError().response, { maxBytes: MIB, limitMs, room });
  const first = await read(60_000);
  assertEquals(first.bytes.length, MIB);
  using second = await read(50);
  assertEquals(second.bytes.length, 64 * 1024);
  const waiting = read(60_000);
  first[Symbol.dispose]();
  using third = await waiting;
  assertEquals(third.bytes.length, MIB);
});

/** A body without an end, of which so much is held that it wants room. */
async function largeChunks(): Promise<BodyChunks> {
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(2 * MIB)),
  }, { highWaterMark: 0 });
  const chunks = new BodyChunks(new Response(body), { maxBytes: 10 * MIB });
  await chunks.next();
  return chunks;
}

Deno.test("of large bodies of 10 MiB six are read on at once, and a seventh when one of them is closed", async () => {
  const all = await Promise.all(Array.from({ length: 7 }, largeChunks));
  const [first, ...rest] = all;
  const last = rest.pop();
  for (const chunks of [first, ...rest]) await chunks.next();
  let isRead = false;
  const read = last?.next().then(() => isRead = true);
  // What is in memory is read in a turn, if it is read.
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(isRead, false);
  await first.close();
  assertEquals(await read, true);
  for (const chunks of [...rest, last]) await chunks?.close();
});
