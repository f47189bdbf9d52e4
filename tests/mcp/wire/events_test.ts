import {
  assert,
  assertEquals,
  assertObjectMatch,
  assertThrows,
} from "@std/assert";
import { createParser } from "eventsource-parser";
import { ProxyError } from "../../../src/errors.ts";
import {
  EventParser,
  eventsIn,
  readEvents,
} from "../../../src/mcp/wire/events.ts";
import { OPTION_NAMES } from "../../../src/naming.ts";
import { cpuMs } from "../../support/time/cpu_time.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function parserOf(maxDataBytes: number): EventParser {
  return new EventParser({ maxDataBytes, names: OPTION_NAMES });
}

function parse(chunks: Uint8Array[], maxDataBytes = 1024) {
  const parser = parserOf(maxDataBytes);
  return chunks.flatMap((chunk) => [...parser.feed(chunk)]).map((event) => ({
    ...event,
    data: decode(event.data),
    oversized: event.oversized?.byteLength,
  }));
}

const event = (fields: Record<string, unknown>) => ({
  type: "message",
  id: undefined,
  retryMs: undefined,
  data: "",
  oversized: undefined,
  isCut: false,
  ...fields,
});

Deno.test("an event has its type, ID, retry time and data", () => {
  const text = "event: note\nid: 7\nretry: 1500\ndata: {}\n\n";
  assertEquals(parse([encode(text)]), [
    event({ type: "note", id: "7", retryMs: 1500, data: "{}" }),
  ]);
});

Deno.test("data lines are joined by a space: they become one frame", () => {
  assertEquals(parse([encode('data: {\ndata:"a":\ndata:  1}\n\n')]), [
    event({ data: '{ "a":  1}' }),
  ]);
});

Deno.test("an ID on an event without data still counts", () => {
  assertEquals(parse([encode("id: 1\n\n")]), [event({ id: "1" })]);
  assertEquals(parse([encode("id: 1\ndata:\n\n")]), [event({ id: "1" })]);
});

Deno.test("comments, unknown fields and an event cut by the end are nothing", () => {
  assertEquals(parse([encode(": hi\n\nfoo: bar\n\n:\n\ndata: cut\n")]), []);
});

Deno.test("fields are read as the HTML standard says", () => {
  assertEquals(parse([encode("data\nid\n\n")]), [event({ id: "" })]);
  assertEquals(parse([encode("dataset: x\ndata: y\n\n")]), [
    event({ data: "y" }),
  ]);
  assertEquals(parse([encode("retry: 1a\nid: a\0b\ndata: z\n\n")]), [
    event({ data: "z" }),
  ]);
});

const STREAM =
  '\ufeffid: 1\ndata: {"é":"😀"}\n\n: c\r\ndata: a\r\ndata: b\r\n\r\nevent: x\rdata: c\r\rid: 2\ndata:\n\nretry: 5\ndata: last line is long enough\n\n';

Deno.test("events are the same wherever the chunks are cut", () => {
  const bytes = encode(STREAM);
  const whole = parse([bytes]);
  assertEquals(whole.length, 5);
  for (let cut = 0; cut <= bytes.length; cut++) {
    assertEquals(parse([bytes.slice(0, cut), bytes.slice(cut)]), whole);
  }
  assertEquals(parse(Array.from(bytes, (b) => Uint8Array.of(b))), whole);
});

Deno.test("a byte order mark is one at the very start alone, wherever the chunks are cut", () => {
  for (
    const [text, count] of [
      ["\ufeffdata: 1\n\n", 1],
      ["\ufeff\ufeffdata: 1\n\n", 0],
      ["\n\ufeffdata: 1\n\n", 0],
      [":\n\ufeffdata: 1\n\n", 0],
    ] as const
  ) {
    const bytes = encode(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const events = parse([bytes.slice(0, cut), bytes.slice(cut)]);
      assertEquals(events.length, count, `${JSON.stringify(text)} at ${cut}`);
    }
  }
});

Deno.test("events are those of eventsource-parser, on random streams", () => {
  const pieces = [
    "data: x\n",
    "data:y\n",
    "data: \n",
    "data\n",
    "id: 1\n",
    "id\n",
    "\n",
    "\r\n",
    "\r",
    "event: e\n",
    ": c\n",
    "retry: 9\n",
    "data: é\r\n",
    "x",
    "data",
    ":",
    " ",
  ];
  let seed = 42;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed % below;
  };
  for (let round = 0; round < 3000; round++) {
    let text = "";
    for (let n = random(20); n >= 0; n--) text += pieces[random(pieces.length)];
    // A CR at the very end waits there for its LF; here it ends the line.
    text += "\n";
    const expected: string[][] = [];
    const parser = createParser({
      onEvent: ({ event: type = "message", data, id = "" }) =>
        expected.push([type, data.replaceAll("\n", " "), id]),
    });
    parser.feed(text);
    const actual = parse([encode(text)])
      .filter(({ data }) => data !== "")
      .map(({ type, data, id = "" }) => [type, data, id]);
    assertEquals(
      actual,
      expected.filter(([, data]) => data !== ""),
      JSON.stringify(text),
    );
  }
});

Deno.test("data over the limit is read past, and the next event comes whole", () => {
  const long = `{"id":3,"result":"${"x".repeat(100)}"}`;
  const parser = parserOf(50);
  const bytes = encode(`id: 9\ndata: ${long}\n\ndata: {}\n\n`);
  const [first, second] = [bytes.subarray(0, 80), bytes.subarray(80)]
    .flatMap((chunk) => [...parser.feed(chunk)]);
  assertEquals(first.oversized?.byteLength, long.length);
  assertObjectMatch(
    { members: first.oversized?.scanner.members },
    { members: [{ name: "id", source: "3" }, { name: "result" }] },
  );
  assertEquals([first.id, first.data.length], ["9", 0]);
  assertEquals(decode(second.data), "{}");
});

const FLOOD_BYTES = 2 * 1024 * 1024;

/** Lines that are cheap to send, 2 MiB of each, and what comes of them. */
const FLOODS: Readonly<Record<string, number>> = {
  "\r": 0,
  "\n": 0,
  "\r\n": 0,
  "data: x\r": 0,
  "data: x\n": 0,
  "data: x\r\r": FLOOD_BYTES / 9 | 0,
  ":\r": 0,
  "id: 1\r": 0,
  "a\r": 0,
};

for (const [line, count] of Object.entries(FLOODS)) {
  Deno.test(`2 MiB of ${JSON.stringify(line)} are read in time that grows with the bytes`, () => {
    const text = line.repeat(FLOOD_BYTES / line.length | 0);
    const parser = parserOf(64 * 1024 * 1024);
    const before = cpuMs();
    let seen = 0;
    for (const _event of parser.feed(encode(text))) seen++;
    // A search to the end for each line takes minutes.
    assert(cpuMs() - before < 20_000);
    assertEquals(seen, count);
  });
}

for (const begin of [": ", "", "id: ", "event: ", "unknown: ", "data"]) {
  Deno.test(`a line that begins with ${JSON.stringify(begin)} and does not end is given up at the limit`, () => {
    const parser = parserOf(1024 * 1024);
    const chunk = encode("x".repeat(64 * 1024));
    const error = assertThrows(() => {
      for (const _ of parser.feed(encode(begin)));
      for (let n = 0; n < 20; n++) for (const _ of parser.feed(chunk));
    }, ProxyError);
    assertEquals(error.reason, "frame-too-large");
  });
}

Deno.test("data that does not end is given up, too, though far over the limit", () => {
  const parser = parserOf(1024);
  const chunk = encode(" ".repeat(1024 * 1024));
  assertThrows(() => {
    for (const _ of parser.feed(encode("data: ")));
    for (let n = 0; n < 70; n++) for (const _ of parser.feed(chunk));
  }, ProxyError);
});

Deno.test("a long line that is no data is no event, and ends none", () => {
  const long = "x".repeat(9000);
  const text = `id: ${long}\ndata: a\n: ${long}\n${long}\ndata: b\n\n`;
  for (const size of [1, 7, 1000, 100_000]) {
    const bytes = encode(text);
    const chunks = [];
    for (let at = 0; at < bytes.length; at += size) {
      chunks.push(bytes.subarray(at, at + size));
    }
    assertEquals(parse(chunks, 20_000), [event({ data: "a b" })]);
  }
});

Deno.test("timers go on while a stream is read that comes all at once", async () => {
  const chunk = encode("data: x\r\r".repeat(7000));
  const body = ReadableStream.from(Array.from({ length: 60 }, () => chunk));
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  let count = 0;
  const options = { maxDataBytes: 1024, names: OPTION_NAMES };
  for await (
    const _ of readEvents(new Response(body), options)
  ) count++;
  clearInterval(timer);
  assertEquals(count, 60 * 7000);
  assert(ticks > 5, `${ticks}`);
});

Deno.test("of a stream that is all there the last event may lack its blank line", () => {
  const events = eventsIn(encode("data: 1\n\ndata: 2\n"));
  assertEquals(events.map(({ data }) => decode(data)), ["1", "2"]);
});
