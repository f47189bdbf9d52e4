/**
 * What it costs to read server-sent events. Run with
 * `deno bench -A tests/bench/parts/events_bench.ts`.
 */

import { createParser } from "eventsource-parser";
import { EventParser } from "../../../src/mcp/wire/events.ts";
import { OPTION_NAMES } from "../../../src/naming.ts";

const MIB = 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;

/** A MiB of events, in chunks as fetch gives them. */
function chunksOf(dataBytes: number): Uint8Array[] {
  const event = `event: message\nid: 1\ndata: ${"x".repeat(dataBytes)}\n\n`;
  const bytes = new TextEncoder()
    .encode(event.repeat(Math.ceil(MIB / event.length)));
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    chunks.push(bytes.slice(at, at + CHUNK_BYTES));
  }
  return chunks;
}

for (
  const [size, dataBytes] of [
    ["200 B", 200],
    ["16 KiB", 16 * 1024],
    ["a MiB", MIB],
  ] as const
) {
  const chunks = chunksOf(dataBytes);
  const group = `events of ${size}, a MiB`;
  // That decodes, and this proxy would have to encode again.
  Deno.bench(`eventsource-parser, ${size}`, { group, baseline: true }, () => {
    const decoder = new TextDecoder();
    let read = 0;
    const parser = createParser({ onEvent: ({ data }) => read += data.length });
    for (const chunk of chunks) {
      parser.feed(decoder.decode(chunk, { stream: true }));
    }
    if (read < dataBytes) throw new Error("there is an event");
  });
  Deno.bench(`EventParser, ${size}`, { group }, () => {
    const options = { maxDataBytes: 64 * MIB, names: OPTION_NAMES };
    const parser = new EventParser(options);
    let read = 0;
    for (const chunk of chunks) {
      for (const { data } of parser.feed(chunk)) read += data.length;
    }
    if (read < dataBytes) throw new Error("there is an event");
  });
}
