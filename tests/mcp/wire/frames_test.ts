import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
} from "@std/assert";
import { release } from "../../../src/blob.ts";
import {
  type Frame,
  FrameParser,
  FrameWriter,
} from "../../../src/mcp/wire/frames.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const decode = (bytes: Uint8Array) => decoder.decode(bytes);

function frames(
  chunks: (string | Uint8Array)[],
  maxFrameBytes = 1024,
): (string | Exclude<Frame, Uint8Array>)[] {
  const parser = new FrameParser({ maxFrameBytes });
  const read = chunks.flatMap((chunk) =>
    parser.feed(typeof chunk === "string" ? encode(chunk) : chunk)
  );
  return [...read, parser.end()].flatMap((frame) => {
    if (!frame) return [];
    return [frame instanceof Uint8Array ? decode(frame) : frame];
  });
}

Deno.test("lines end with \\n, with \\r\\n, or with the stream", () => {
  assertEquals(frames(["a\nb\r\nc"]), ["a", "b", "c"]);
});

Deno.test("blank lines are no frames", () => {
  assertEquals(frames(["\n \r\n\t\n\r\na\n\n"]), ["a"]);
});

Deno.test("a byte order mark before a line is skipped, one in it is not", () => {
  const mark = "\ufeff";
  assertEquals(
    frames([`${mark}a\n${mark}b${mark}\r\n${mark}\n`]),
    ["a", `b${mark}`],
  );
});

Deno.test("frames are the same wherever the chunks are cut", () => {
  const text = '\ufeff{"a":"é😀"}\r\n\n{"b":1}\n{"c":"\\n"}';
  const whole = frames([text]);
  const bytes = encode(text);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const cuts = [bytes.slice(0, cut), bytes.slice(cut)];
    assertEquals(frames(cuts), whole);
  }
  assertEquals(frames(Array.from(bytes, (b) => Uint8Array.of(b))), whole);
});

Deno.test("a line over the limit is skipped with its ID, and the next one is read", () => {
  const long = "x".repeat(2000);
  const line = `{"method":"m","params":{"id":1,"x":"${long}"},"id":"\\u0061b"}`;
  const [oversized, next] = frames([
    line.slice(0, 700),
    line.slice(700),
    "\nok\n",
  ], 1000);
  assertEquals(oversized, {
    byteLength: line.length,
    isOwed: true,
    id: { source: '"\\u0061b"', key: "s:ab" },
  });
  assertEquals(next, "ok");
});

Deno.test("a line of exactly the limit is a frame", () => {
  assertEquals(frames(["12345\n123456\n"], 5), [
    "12345",
    { byteLength: 6, isOwed: true, id: undefined },
  ]);
});

Deno.test("a notification or an answer over the limit is owed no answer", () => {
  const filler = `"x":"${"x".repeat(50)}"`;
  const read = frames([
    `{"jsonrpc":"2.0","method":"m",${filler}}\n{"id":7,"result":{${filler}}}\n`,
  ], 20);
  assertEquals(
    read.map((frame) => typeof frame === "string" || [frame.isOwed, frame.id]),
    [[false, undefined], [false, undefined]],
  );
});

function collect(delay?: () => Promise<void>) {
  const writes: string[] = [];
  const sink = new WritableStream<Uint8Array>({
    async write(chunk) {
      await delay?.();
      writes.push(decode(chunk));
    },
  });
  return { writes, sink };
}

Deno.test("frames that are ready together go in one write, in order", async () => {
  const { writes, sink } = collect();
  const writer = new FrameWriter(sink);
  await Promise.all(["a", "b", "c"].map((text) => writer.write(encode(text))));
  await writer.idle();
  assertEquals(writes, ["a\nb\nc\n"]);
});

Deno.test("what comes during a write goes in the next one", async () => {
  const gate = Promise.withResolvers<void>();
  const { writes, sink } = collect(() => gate.promise);
  const writer = new FrameWriter(sink);
  const first = writer.write(encode("a"));
  await Promise.resolve();
  await Promise.resolve();
  const rest = [writer.write(encode("b")), writer.write(encode("c"))];
  gate.resolve();
  await Promise.all([first, ...rest]);
  await writer.idle();
  assertEquals(writes, ["a\n", "b\nc\n"]);
});

/** A frame after which whoever writes more waits. */
const FULL = new Uint8Array(64 * 1024).fill(0x78);

Deno.test("a small frame is not waited for while little is queued", async () => {
  const gate = Promise.withResolvers<void>();
  const { writes, sink } = collect(() => gate.promise);
  const writer = new FrameWriter(sink);
  await writer.write(encode("a"));
  await writer.write(encode("b"));
  assertEquals(writes, []);
  gate.resolve();
  await writer.idle();
  assertEquals(writes.join(""), "a\nb\n");
});

Deno.test("where much is queued, a write resolves only when the sink has taken the frame", async () => {
  const gate = Promise.withResolvers<void>();
  const { sink } = collect(() => gate.promise);
  const writer = new FrameWriter(sink);
  const written = new Set<string>();
  const both = [
    writer.write(FULL).then(() => written.add("large")),
    writer.write(encode("a")).then(() => written.add("small")),
  ];
  // Enough turns of the microtask queue for anything but the sink.
  for (let turn = 0; turn < 50; turn++) await null;
  assertEquals(written.size, 0);
  gate.resolve();
  await Promise.all(both);
  // What was taken is queued no more.
  await writer.write(encode("b"));
  await writer.idle();
});

Deno.test("a sink that fails rejects the writes that wait and all later ones", async () => {
  const cause = new Error("gone");
  const writer = new FrameWriter(
    new WritableStream({
      write() {
        throw cause;
      },
    }),
  );
  const both = [writer.write(FULL), writer.write(encode("b"))];
  for (const written of both) await assertRejects(() => written, Error, "gone");
  await assertRejects(() => writer.write(encode("c")), Error, "gone");
  assertInstanceOf(await writer.broken, Error);
});

Deno.test("a large frame is written as it is, and its newline after it", async () => {
  const written: Uint8Array[] = [];
  const sink = new WritableStream<Uint8Array>({
    write: (chunk) => void written.push(chunk),
  });
  const writer = new FrameWriter(sink);
  const frame = new Uint8Array(100_000).fill(0x78);
  await Promise.all([
    writer.write(encode("a")),
    writer.write(frame),
    writer.write(encode("b")),
  ]);
  await writer.idle();
  assertEquals(written.map(({ length }) => length), [2, 100_000, 1, 2]);
  assert(written[1] === frame);
});

Deno.test("a line of many MiB is the same in whatever chunks it comes, and no chunk is freed that has another line in it", () => {
  const text = `{"x":"${"0123456789".repeat(2 * 1024 * 1024)}"}`;
  const lines = ['{"a":1}', text, '{"b":2}', `${text}\r`, '{"c":3}'];
  const bytes = new TextEncoder().encode(lines.join("\n"));
  for (const size of [64 * 1024, 1_000_003, 30 * 1024 * 1024]) {
    const parser = new FrameParser({
      maxFrameBytes: 32 * 1024 * 1024,
      takesChunks: true,
    });
    const frames: Frame[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      frames.push(...parser.feed(bytes.slice(at, at + size)));
    }
    frames.push(parser.end() ?? new Uint8Array());
    const read = frames.map((frame) =>
      frame instanceof Uint8Array ? new TextDecoder().decode(frame) : frame
    );
    assertEquals(read.length, lines.length);
    // Compared one by one: a difference of 20 MiB is not to be printed.
    read.forEach((frame, at) => assert(frame === lines[at].trimEnd(), `${at}`));
  }
});

Deno.test("the memory of a chunk that a client hands in stays its own", () => {
  const chunk = new Uint8Array(100_000).fill(0x78);
  const frames = new FrameParser({ maxFrameBytes: 1_000_000 });
  assertEquals(frames.feed(chunk), []);
  const [frame] = frames.feed(Uint8Array.of(0x0a));
  assert(frame instanceof Uint8Array);
  assertEquals(frame, chunk);
  release(frame);
  assertEquals([frame.length, chunk.length], [0, 100_000]);
});
