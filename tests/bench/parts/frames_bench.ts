/**
 * What it costs to cut stdin into lines and to write lines to stdout. Run with
 * `deno bench -A tests/bench/parts/frames_bench.ts`.
 */

import { FrameParser, FrameWriter } from "../../../src/mcp/wire/frames.ts";

const MIB = 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const FRAME_BYTES = 200;

const limits = { maxFrameBytes: 64 * MIB };
const frame = new TextEncoder().encode("x".repeat(FRAME_BYTES - 1));

/** A MiB of lines, in chunks as stdin has them. */
function chunksOf(lineBytes: number): Uint8Array[] {
  const bytes = new Uint8Array(MIB).fill(0x78);
  for (let at = lineBytes - 1; at < MIB; at += lineBytes) bytes[at] = 0x0a;
  return Array.from(
    { length: MIB / CHUNK_BYTES },
    (_, n) => bytes.slice(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES),
  );
}

for (
  const [name, lineBytes] of [
    ["lines of 200 B, a MiB", FRAME_BYTES],
    ["lines of 16 KiB, a MiB", 16 * 1024],
    ["one line of a MiB", MIB],
  ] as const
) {
  const chunks = chunksOf(lineBytes);
  Deno.bench(name, { group: "reading lines" }, () => {
    const frames = new FrameParser(limits);
    for (const chunk of chunks) frames.feed(chunk);
    frames.end();
  });
}

for (const count of [1, 16, 64]) {
  Deno.bench(`${count} lines of 200 B at once`, {
    group: "writing lines, without the pipe",
  }, async () => {
    const writer = new FrameWriter(new WritableStream());
    for (let n = 0; n < count; n++) void writer.write(frame);
    await writer.idle();
  });
}
