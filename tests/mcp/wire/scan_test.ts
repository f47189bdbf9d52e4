import { assertEquals } from "@std/assert";
import { TopLevelScanner } from "../../../src/mcp/wire/scan.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("the values of members are found however long they are and wherever the chunks are cut", () => {
  const value = {
    text: '\\"[{,}]:'.repeat(200),
    deep: { a: [[[{ b: ["]", '"'] }]], "x".repeat(1500), { c: [] }] },
    list: Array.from({ length: 300 }, (_, n) => ({ n, s: `"${n}\\` })),
    id: 7,
  };
  for (const indent of [0, 1]) {
    const text = JSON.stringify(value, undefined, indent);
    const bytes = encode(text);
    for (const pieceBytes of [1, 2, 3, 5, 1000, 1_000_000]) {
      const scanner = new TopLevelScanner();
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        assertEquals(scanner.isEnded, false);
        scanner.feed(bytes.subarray(at, at + pieceBytes));
      }
      const found = scanner.members.map(({ name, start, end }) => [
        name,
        JSON.parse(text.slice(start, end)),
      ]);
      assertEquals(Object.fromEntries(found), value);
      assertEquals([scanner.isEnded, scanner.isBroken], [true, false]);
    }
  }
});

Deno.test("what is no JSON for certain is broken or never ends, in short values and in long ones", () => {
  const long = `"x":"${"x".repeat(1100)}"`;
  for (
    const text of [
      "{}}",
      "{} {}",
      "[}",
      "{]",
      '{"a":[1}',
      '{"a":<b>}',
      `{"a":{${long},"b":<b>}}`,
      `{"a":[{${long}]}}`.replace("]}}", "]]}"),
      "]",
    ]
  ) {
    const { isEnded, isBroken } = new TopLevelScanner().feed(encode(text));
    assertEquals(isEnded && !isBroken, false, text);
  }
});

Deno.test("in a long string each byte is taken as JSON.parse takes it, wherever it stands", () => {
  const strict = new TextDecoder("utf-8", { fatal: true });
  const isJson = (bytes: Uint8Array) => {
    try {
      JSON.parse(strict.decode(bytes));
      return true;
    } catch {
      return false;
    }
  };
  const text = encode(`"${"x".repeat(80)}"`);
  for (let byte = 0; byte < 256; byte++) {
    for (let place = 1; place <= 80; place++) {
      const bytes = text.with(place, byte);
      const scanner = new TopLevelScanner().feed(bytes);
      assertEquals(
        scanner.end() && !scanner.isBroken,
        isJson(bytes),
        `${byte} at ${place}`,
      );
    }
  }
});
