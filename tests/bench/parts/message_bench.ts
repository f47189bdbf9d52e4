/**
 * What it costs to read of a message what routing needs. Run with
 * `deno bench -A tests/bench/parts/message_bench.ts`.
 */

import {
  parseMessage,
  parseMessageInTurns,
} from "../../../src/mcp/wire/message.ts";
import { TopLevelScanner } from "../../../src/mcp/wire/scan.ts";

const MIB = 1024 * 1024;

const decoder = new TextDecoder();

const encode = (message: unknown) =>
  new TextEncoder().encode(JSON.stringify(message));

function call(bytes: number): Uint8Array {
  return encode({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "echo", arguments: { text: "x".repeat(bytes) } },
  });
}

/** An answer of many small values, which are what takes time to read. */
function answer(values: number): Uint8Array {
  const content = Array.from(
    { length: values },
    (_, n) => ({ type: "text", text: `line ${n}`, size: n, isLast: false }),
  );
  return encode({ jsonrpc: "2.0", id: 1, result: { content } });
}

for (
  const [name, bytes] of [
    ["a call of 200 B", call(100)],
    ["a call of 16 KiB", call(16 * 1024)],
    ["an answer of 60 KiB", answer(900)],
  ] as const
) {
  Deno.bench(`JSON.parse, ${name}`, { group: name, baseline: true }, () => {
    JSON.parse(decoder.decode(bytes));
  });
  Deno.bench(`parseMessage, ${name}`, { group: name }, () => {
    parseMessage(bytes);
  });
  Deno.bench(`TopLevelScanner, ${name}`, { group: name }, () => {
    new TopLevelScanner().feed(bytes);
  });
}

for (
  const [name, bytes] of [
    ["an answer of a MiB", answer(16_000)],
    ["a call of a MiB, one text", call(MIB)],
  ] as const
) {
  // What was read of one text is kept as long as that.
  Deno.bench(`JSON.parse, ${name}`, { group: name, baseline: true }, () => {
    JSON.parse(decoder.decode(bytes.slice()));
  });
  Deno.bench(`parseMessageInTurns, ${name}`, { group: name }, async () => {
    await parseMessageInTurns(bytes.slice());
  });
}
