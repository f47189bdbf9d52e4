import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { ProxyError } from "../../../src/errors.ts";
import { memberAt, removeMembers } from "../../../src/mcp/wire/splice.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const LIST =
  '{ "jsonrpc":"2.0","result" : {"tools": [ {"name":"a","n":1.50} , {"name":"b"},\t{"name":"c","u":"\\u00e9"} ] , "nextCursor":"x"},"id":12345678901234567890}';

/** A `tools/list` result without some of its tools. */
function without(text: string, left: readonly number[]): Uint8Array {
  const frame = encoder.encode(text);
  const list = memberAt(frame, ["result", "tools"]);
  assert(list);
  return removeMembers(frame, list, (_tool, index) => left.includes(index));
}

const SPLICED: readonly (readonly [left: number[], list: string])[] = [
  [[], ' {"name":"a","n":1.50} , {"name":"b"},\t{"name":"c","u":"\\u00e9"} '],
  [[0], ' {"name":"b"},\t{"name":"c","u":"\\u00e9"} '],
  [[1], ' {"name":"a","n":1.50},\t{"name":"c","u":"\\u00e9"} '],
  [[2], ' {"name":"a","n":1.50}, {"name":"b"} '],
  [[0, 1], '\t{"name":"c","u":"\\u00e9"} '],
  [[0, 2], ' {"name":"b"} '],
  [[1, 2], ' {"name":"a","n":1.50} '],
  [[0, 1, 2], " "],
];

for (const [left, list] of SPLICED) {
  Deno.test(`without the elements ${JSON.stringify(left)} the others of a list stay to the letter`, () => {
    const frame = without(LIST, left);
    const text = decoder.decode(frame);
    const [before, after] = [LIST.indexOf("[") + 1, LIST.lastIndexOf("]")];
    assertEquals(text, LIST.slice(0, before) + list + LIST.slice(after));
    JSON.parse(text);
  });
}

Deno.test("where a list is named twice, the one that counts is spliced", () => {
  const text =
    '{"id":1,"result":{"tools":["x","y"],"tools":[{"name":"a"},{"name":"b"}]},"jsonrpc":"2.0"}';
  const spliced = decoder.decode(without(text, [0]));
  assertStringIncludes(spliced, '"tools":["x","y"],"tools":[{"name":"b"}]}');
});

Deno.test("nothing is taken out of an object of which not all members are kept", () => {
  const many = Array.from({ length: 30_000 }, (_, n) => `"k${n}":0`).join();
  const frame = encoder.encode(`{"a":{${many}}}`);
  const object = memberAt(frame, ["a"]);
  assert(object);
  const takeOut = () => removeMembers(frame, object, () => true);
  assertThrows(takeOut, ProxyError, "too many members");
});

Deno.test("an element is taken out of any array, and a member out of any object, however deep it is", () => {
  const text = '{"a":{"b":[1,{"c":{"d":{"e":{"f":1,"g":2}}}},3]}}';
  const frame = encoder.encode(text);
  const array = memberAt(frame, ["a", "b"]);
  assert(array);
  const rest = removeMembers(frame, array, (_element, index) => index !== 1);
  const object = memberAt(rest, ["a", "b", "", "c", "d", "e"]);
  assert(object);
  const last = removeMembers(rest, object, ({ name }) => name === "f");
  const left = '{"a":{"b":[{"c":{"d":{"e":{"g":2}}}}]}}';
  assertEquals(decoder.decode(last), left);
});
