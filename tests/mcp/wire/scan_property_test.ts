/** The scanner against `JSON.parse`, on texts that a seed makes and breaks. */
import { assert, assertEquals } from "@std/assert";
import { isObject } from "../../../src/json.ts";
import { type Member, TopLevelScanner } from "../../../src/mcp/wire/scan.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Numbers that a seed makes, the same in every run. */
function seeded(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return (seed >>> 4) % below;
  };
}

type Random = ReturnType<typeof seeded>;

const BLANKS = ["", "", "", " ", "\n", "\r\n", "\t", "  "];
const STRINGS = [
  '""',
  '"a"',
  '"\\u00e9"',
  '"é"',
  '"😀\\ud83d\\ude00"',
  '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
  '"[{,}]:"',
  '"\u007f\u0080\u07ff\u0800\uffff"',
  `"${"x".repeat(1100)}"`,
];
const SCALARS = [
  "0",
  "-0",
  "10",
  "-1.5e+3",
  "1E5",
  "0.10e-2",
  "12345678901234567890",
  "true",
  "false",
  "null",
];

function valid(random: Random, depth = 0): string {
  const blank = () => BLANKS[random(BLANKS.length)];
  const kind = random(depth > 5 ? 2 : 5);
  if (kind === 0) return STRINGS[random(STRINGS.length)];
  if (kind === 1) return SCALARS[random(SCALARS.length)];
  const parts = Array.from({ length: random(4) }, () => {
    const value = `${blank()}${valid(random, depth + 1)}${blank()}`;
    if (kind === 2) return value;
    return `${blank()}${STRINGS[random(STRINGS.length)]}${blank()}:${value}`;
  });
  const [open, close] = kind === 2 ? "[]" : "{}";
  return `${open}${parts.join(",") || blank()}${close}`;
}

/** Bytes that are likely to break a text, or just not to. */
const BREAKING = [..."[]{},:\"\\01e-+.tfnu/ \n\x00\x1f'", "\x7f"]
  .map((c) => c.charCodeAt(0))
  .concat(0x80, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xf5, 0xff);

function broken(random: Random, bytes: Uint8Array): Uint8Array {
  const out = [...bytes];
  for (let n = random(3); n >= 0; n--) {
    const at = random(out.length + 1);
    const byte = BREAKING[random(BREAKING.length)];
    if (random(3) === 0) out.splice(at, 1);
    else if (random(2) === 0) out.splice(at, 0, byte);
    else out[at] = byte;
  }
  return Uint8Array.from(out);
}

function parsed(bytes: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(strict.decode(bytes)) };
  } catch {
    return undefined;
  }
}

function scan(random: Random, bytes: Uint8Array): TopLevelScanner {
  const scanner = new TopLevelScanner({ levels: 3 });
  for (let at = 0; at < bytes.length;) {
    const size = 1 + random(random(3) === 0 ? 3 : 40);
    scanner.feed(bytes.slice(at, at + size));
    at += size;
  }
  return scanner;
}

/** What the kept members say of a value, against the value. */
function compare(
  bytes: Uint8Array,
  member: Member,
  value: unknown,
  level = 0,
): number {
  const text = strict.decode(bytes.subarray(member.start, member.end));
  assertEquals(JSON.parse(text), value);
  if (typeof value !== "object" || value === null) {
    const isLong = member.end - member.start > 1024;
    assertEquals(member.source, isLong ? undefined : text);
    return 1;
  }
  const isKept = level === 0 || (level < 3 && isObject(value));
  assertEquals(member.members !== undefined, isKept);
  if (!isKept || member.isPartial) return member.values ?? 0;
  let values = 1;
  const kept = new Map<string, [Member, unknown]>();
  for (const [index, inner] of (member.members ?? []).entries()) {
    const of = isObject(value) ? undefined : Object.values(value)[index];
    if (isObject(value)) kept.set(inner.name, [inner, value[inner.name]]);
    else values += compare(bytes, inner, of, level + 1);
  }
  if (isObject(value)) {
    assertEquals([...kept.keys()].toSorted(), Object.keys(value).toSorted());
    for (const [inner, of] of kept.values()) {
      compare(bytes, inner, of, level + 1);
    }
    return member.values ?? 0;
  }
  return values;
}

Deno.test("the scanner takes for JSON what JSON.parse does, and finds the same in it, wherever the chunks are cut", () => {
  let good = 0;
  let bad = 0;
  for (let seed = 1; seed <= 4_000; seed++) {
    const random = seeded(seed);
    const whole = encode(valid(random));
    const bytes = random(3) === 0 ? whole : broken(random, whole);
    const expected = parsed(bytes);
    const scanner = scan(random, bytes);
    const isRight = scanner.end() === (expected !== undefined);
    assert(isRight, isRight ? "" : `${seed}: ${JSON.stringify(lax(bytes))}`);
    if (expected && scanner.root) compare(bytes, scanner.root, expected.value);
    if (expected) good++;
    else bad++;
  }
  assertEquals([good > 900, bad > 900], [true, true], `${good} ${bad}`);
});

function lax(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

Deno.test("every text of up to three bytes of the grammar is taken as JSON.parse takes it", () => {
  const alphabet = [...'[]{},:"\\01e-.tnu \n', "\x00", "\xe9"];
  const texts = [""];
  for (let length = 0; length < 3; length++) {
    for (const text of texts.filter((text) => text.length === length)) {
      for (const byte of alphabet) texts.push(text + byte);
    }
  }
  for (const text of texts) {
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    const isJson = parsed(bytes) !== undefined;
    assertEquals(
      new TopLevelScanner().feed(bytes).end(),
      isJson,
      JSON.stringify(text),
    );
  }
});

Deno.test("every beginning of a character is taken for UTF-8 where JSON.parse and a decoder take it", () => {
  const edges = [0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0];
  const tails = [[], [0x80], [0xbf, 0xbf], [0xc0, 0x80], [0x80, 0xc0]];
  for (let first = 0x7f; first <= 0xff; first++) {
    for (const second of edges) {
      for (const tail of tails) {
        const bytes = Uint8Array.of(0x22, first, second, ...tail, 0x22);
        const isJson = parsed(bytes) !== undefined;
        assertEquals(
          new TopLevelScanner().feed(bytes).end(),
          isJson,
          `${bytes}`,
        );
      }
    }
  }
});

Deno.test("of an object with more members than are kept those of known names are, the last of each, and others have room again", () => {
  const ones = Array.from({ length: 50 }, (_, n) => `"${n}":1`);
  const text =
    `{"params":{"na\\u006de":1,${ones},"_meta":{${ones},"progressToken":2},"name":3,"method":4,"\\u006e\\u0061me":5},"b":{"c":6,"d":[7]}}`;
  for (const size of [1, 7, text.length]) {
    const scanner = new TopLevelScanner({ levels: 3, maxMembers: 10 });
    for (let at = 0; at < text.length; at += size) {
      scanner.feed(encode(text.slice(at, at + size)));
    }
    const kept = (member: Member | undefined): unknown =>
      member?.source ??
        [
          member?.isPartial === true,
          ...(member?.members ?? [])
            .map((inner) => [inner.name, kept(inner)]),
        ];
    assertEquals(kept(scanner.root), [
      false,
      ["params", [
        true,
        ["name", "5"],
        ["_meta", [true, ["progressToken", "2"]]],
        ["method", "4"],
      ]],
      ["b", [false, ["c", "6"], ["d", [false]]]],
    ]);
    assertEquals(scanner.root?.values, 112);
  }
});

Deno.test("members that are repeated without end take no room", () => {
  const scanner = new TopLevelScanner({ levels: 4, maxMembers: 100 });
  const inner = '"params":{"name":{"name":1,"x":2},"_meta":{"y":3}},';
  const chunk = encode(inner.repeat(10_000));
  scanner.feed(encode("{"));
  const before = Deno.memoryUsage().heapUsed;
  for (let n = 0; n < 12; n++) scanner.feed(chunk);
  scanner.feed(encode('"b":0}'));
  const grown = Deno.memoryUsage().heapUsed - before;
  assertEquals([scanner.end(), scanner.members.length], [true, 1]);
  assertEquals(grown < 32 * 1024 * 1024, true, `${grown}`);
});

Deno.test("a text costs one bit a level, whatever it holds", () => {
  const scanner = new TopLevelScanner({ levels: 4, maxMembers: 1000 });
  const chunk = encode("[".repeat(1024 * 1024));
  const before = Deno.memoryUsage().heapUsed;
  for (let n = 0; n < 32; n++) scanner.feed(chunk);
  const grown = Deno.memoryUsage().heapUsed - before;
  assertEquals(scanner.isBroken, false);
  assertEquals(grown < 32 * 1024 * 1024, true, `${grown}`);
});
