/**
 * Reads 16 MiB that come in small pieces, as an event, a line or a body, and
 * writes by how many MiB that raised the peak of this process's memory.
 */

import { readBody } from "../../../src/mcp/wire/body.ts";
import { EventParser } from "../../../src/mcp/wire/events.ts";
import { FrameParser } from "../../../src/mcp/wire/frames.ts";
import { OPTION_NAMES } from "../../../src/naming.ts";

const MIB = 1024 * 1024;

/** Bytes as a socket gives them: a few at the start of a large buffer. */
export function* read(
  bytes: Uint8Array,
  pieceBytes: number,
): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes);
    const buffer = new Uint8Array(64 * 1024).fill(1);
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
  }
}

const TEXT = new Uint8Array(16 * MIB).fill(0x78);
const LIMIT = { maxBytes: 32 * MIB };

/** What reads 16 MiB that come in 1400 bytes at a time. */
const READERS: Record<string, () => Promise<number>> = {
  event: () => {
    const options = { maxDataBytes: LIMIT.maxBytes, names: OPTION_NAMES };
    const parser = new EventParser(options);
    const pieces = function* () {
      yield new TextEncoder().encode("data: ");
      yield* read(TEXT, 1400);
      yield new TextEncoder().encode("\n\n");
    };
    for (const piece of pieces()) {
      for (const { data } of parser.feed(piece)) {
        return Promise.resolve(data.length);
      }
    }
    return Promise.resolve(0);
  },
  line: () => {
    const parser = new FrameParser({ maxFrameBytes: LIMIT.maxBytes });
    for (const piece of read(TEXT, 1400)) parser.feed(piece);
    const frame = parser.end();
    return Promise.resolve(frame instanceof Uint8Array ? frame.length : 0);
  },
  body: async () => {
    const response = new Response(ReadableStream.from(read(TEXT, 1400)));
    return (await readBody(response, LIMIT))?.length ?? 0;
  },
};

/** The most memory that this process has held. */
async function peakBytes(): Promise<number> {
  const status = await Deno.readTextFile("/proc/self/status");
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return Number(kibibytes) * 1024;
}

if (import.meta.main) {
  const before = await peakBytes();
  const byteLength = await READERS[Deno.args[0]]();
  if (byteLength !== TEXT.length) throw new Error(`${byteLength} bytes came`);
  const raised = Math.round((await peakBytes() - before) / MIB);
  await Deno.stdout.write(new TextEncoder().encode(String(raised)));
}
