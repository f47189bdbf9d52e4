import { assertEquals, assertObjectMatch } from "@std/assert";
import { parseMessage } from "../../../src/mcp/wire/message.ts";
import { withId } from "../../../src/mcp/wire/answers.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const read = (text: string) => parseMessage(encode(text));

Deno.test("a request is read with its ID, method and parameters", () => {
  assertEquals(read('{"jsonrpc":"2.0","id":"a/b","method":"m","params":[1]}'), {
    kind: "request",
    id: { source: '"a/b"', key: "s:a/b" },
    method: "m",
    params: [1],
  });
});

Deno.test("an ID beyond 2^53 keeps its digits", () => {
  const message = read(
    '{"params":{"id":1},"id": 12345678901234567890 ,"jsonrpc":"2.0","method":"m"}',
  );
  assertObjectMatch(message, { id: { source: "12345678901234567890" } });
});

Deno.test("an ID beyond 2^53 keeps its digits in a batch, too", () => {
  const message = read(
    '[{"jsonrpc":"2.0","method":"n"}, {"jsonrpc":"2.0","id":9007199254740993,"method":"m"}]',
  );
  assertObjectMatch(message, {
    kind: "batch",
    messages: [{ kind: "notification" }, {
      id: { source: "9007199254740993" },
    }],
  });
});

Deno.test("spellings of the same number are the same ID", () => {
  const one = read('{"jsonrpc":"2.0","id":1,"method":"m"}');
  const spelt = read('{"jsonrpc":"2.0","id":1.0e0,"method":"m"}');
  assertObjectMatch(one, { id: { key: "n:1" } });
  assertObjectMatch(spelt, { id: { key: "n:1" } });
  assertObjectMatch(read('{"jsonrpc":"2.0","id":"1","method":"m"}'), {
    id: { key: "s:1" },
  });
});

Deno.test("an error without an ID is an answer", () => {
  const error = '{"code":-32600,"message":"no"}';
  assertObjectMatch(read(`{"jsonrpc":"2.0","id":null,"error":${error}}`), {
    kind: "response",
    id: undefined,
    error: { code: -32600, message: "no" },
  });
});

Deno.test("what is not JSON, or not UTF-8, is a parse error", () => {
  assertObjectMatch(read("{"), { reason: "parse", ids: [] });
  const broken = parseMessage(Uint8Array.of(0x22, 0xff, 0x22));
  assertObjectMatch(broken, {
    reason: "parse",
    detail: "the message is not UTF-8",
  });
});

for (
  const [text, owed] of [
    ["1", 0],
    ["null", 0],
    ['"text"', 0],
    ["[]", 0],
    ['{"id":1,"method":"m"}', 1],
    ['{"jsonrpc":"1.0","id":1,"method":"m"}', 1],
    ['{"jsonrpc":"2.0","id":1,"method":5}', 1],
    ['{"jsonrpc":"2.0","id":1}', 1],
    ['{"jsonrpc":"2.0","id":null,"method":"m"}', 0],
    ['{"jsonrpc":"2.0","id":{},"method":"m"}', 0],
    ['{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1}}', 0],
    ['{"jsonrpc":"2.0","id":1,"error":"x"}', 0],
    ['{"jsonrpc":"2.0","result":{}}', 0],
    ['{"jsonrpc":"2.0","id":1,"method":"m","result":{}}', 0],
    ['[{"jsonrpc":"2.0","id":1,"method":"m"},{"id":2,"method":"m"}]', 2],
  ] as const
) {
  Deno.test(`${text} is no message, and ${owed} answers are owed`, () => {
    const message = read(text);
    assertObjectMatch(message, { kind: "invalid", reason: "invalid-request" });
    if (message.kind === "invalid") assertEquals(message.ids.length, owed);
  });
}

Deno.test("an ID is set without touching another byte", () => {
  const id = { source: '"x"', key: "s:x" };
  assertEquals(
    decode(withId(encode('{"error":{"id":5}, "id" : null ,"z":1E2}'), id)),
    '{"error":{"id":5}, "id" : "x" ,"z":1E2}',
  );
  assertEquals(
    decode(withId(encode(' { "error":{} }'), id)),
    ' {"id":"x", "error":{} }',
  );
});

Deno.test("a batch of more messages than are kept is refused, however small it is", () => {
  for (const count of [30_000, 40_000]) {
    const text = `[${Array(count).fill("1").join(",")}]`;
    assertObjectMatch(parseMessage(encode(text)), {
      kind: "invalid",
      reason: "invalid-request",
      detail: "the batch is too large to be read",
    });
  }
});
