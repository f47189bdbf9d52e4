import { assertEquals } from "@std/assert";
import {
  indexOfLineEnd,
  replaceNewlines,
} from "../../../src/mcp/wire/bytes.ts";

/** Bytes at an offset in their buffer, of which others are line ends. */
function at(offset: number, text: Uint8Array): Uint8Array {
  const around = new Uint8Array(text.length + offset + 8).fill(0x0a);
  around.set(text, offset);
  return around.subarray(offset, offset + text.length);
}

Deno.test("a line end is found wherever it is, and nothing else is taken for one", () => {
  const others = Array.from({ length: 256 }, (_, byte) => byte)
    .filter((byte) => byte !== 0x0a && byte !== 0x0d);
  for (const length of [0, 1, 3, 31, 32, 33, 40, 51, 52, 100, 300]) {
    const text = Uint8Array.from(
      { length },
      (_, n) => others[(n * 7 + length) % others.length],
    );
    for (let offset = 0; offset < 8; offset++) {
      assertEquals(indexOfLineEnd(at(offset, text)), -1);
      for (let place = 0; place < length; place++) {
        const bytes = at(offset, text.with(place, place % 2 ? 0x0a : 0x0d));
        for (const from of [0, Math.min(5, place), place]) {
          assertEquals(indexOfLineEnd(bytes, from), place);
        }
        assertEquals(indexOfLineEnd(bytes, place + 1), -1);
      }
    }
  }
});

Deno.test("each line end becomes a space, and no other byte changes", () => {
  const text = Uint8Array.from({ length: 1024 }, (_, n) => n % 256);
  const expected = text.map((byte) =>
    byte === 0x0a || byte === 0x0d ? 0x20 : byte
  );
  assertEquals(replaceNewlines(text.slice()), expected);
  assertEquals(
    replaceNewlines(new Uint8Array(100).fill(0x0d)),
    new Uint8Array(100).fill(0x20),
  );
});
