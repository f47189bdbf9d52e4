/** Messages that are too large to be parsed whole. */
import { assert, assertEquals, assertObjectMatch } from "@std/assert";
import { UNREAD } from "../../../src/mcp/wire/large_message.ts";
import {
  parseMessage,
  parseMessageInTurns,
} from "../../../src/mcp/wire/message.ts";
import { memberAt } from "../../../src/mcp/wire/splice.ts";
import { withId } from "../../../src/mcp/wire/answers.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const MIB = 1024 * 1024;
const TEXT = "x".repeat(100_000);
const DEEP = "[".repeat(100_000) + "]".repeat(100_000);

/** A text and the same with so much in it that it is not parsed whole. */
const MESSAGES = [
  '{"jsonrpc":"2.0","id":7,"method":"m","params":{"name":"n","_meta":{"a/b":1},"x":…}}',
  '{"jsonrpc":"2.0","id":"seven","method":"m","params":[1,…]}',
  '{"jsonrpc":"2.0","method":"n","params":{"x":…},"more":…}',
  '{"jsonrpc":"2.0","id":12345678901234567890,"result":{"x":…,"isError":true}}',
  '{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no","data":…}}',
  '{"jsonrpc":"2.0","id":1,"result":{"x":…},"error":null}',
  '{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"no"},"result":null,"x":…}',
  '[{"jsonrpc":"2.0","id":1,"method":"m","params":{"x":…}},{"jsonrpc":"2.0","method":"n"}]',
  '{"jsonrpc":"2.0","id":1,"result":…,"error":{"code":1}}',
  '{"jsonrpc":"2.0","id":1,"method":5,"params":…}',
  '{"id":1,"method":"m","params":…}',
  '[{"jsonrpc":"2.0","id":1,"method":"m"},{"id":2,"params":…}]',
  '{"jsonrpc":"2.0","id":1,"id":2,"method":"m","method":"last","params":…,"params":{}}',
  '["…"]',
  "[…]",
  '{"__proto__":{"method":"m"},"jsonrpc":"2.0","id":1,"x":…}',
];

for (const text of MESSAGES) {
  Deno.test(`a large ${text} is read as a small one`, async () => {
    const small = parseMessage(encode(text.replaceAll("…", '{"a":[]}')));
    const large = encode(text.replaceAll("…", `{"a":[],"long":"${TEXT}"}`));
    const read = await parseMessageInTurns(large);
    const plain = JSON.parse(
      JSON.stringify(read).replaceAll(`,"long":"${TEXT}"`, "")
        .replaceAll(`,\\"long\\":\\"${TEXT}\\"`, ""),
    );
    assertEquals(plain, JSON.parse(JSON.stringify(small)));
  });
}

Deno.test("a large text that is no JSON, or no UTF-8, is a parse error", async () => {
  for (const end of ["", "}}", "]", "\x00", "x"]) {
    const text =
      `{"jsonrpc":"2.0","id":1,"method":"m","params":"${TEXT}"${end}`;
    assertObjectMatch(await parseMessageInTurns(encode(text)), {
      reason: "parse",
      detail: "the message is not JSON",
    });
  }
  const bytes = encode(`{"jsonrpc":"2.0","id":1,"method":"m","x":"${TEXT}"}`);
  bytes[bytes.length - 10] = 0xff;
  assertObjectMatch(await parseMessageInTurns(bytes), {
    reason: "parse",
    detail: "the message is not UTF-8",
  });
});

Deno.test("of what has too many values its names are read, and the rest is unread", async () => {
  const message = await parseMessageInTurns(encode(
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"deep":${DEEP},"name":"n","arguments":{"many":[${
      "1,".repeat(100_000)
    }1],"p":"v"},"_meta":{"k":1}}}`,
  ));
  assertEquals(message, {
    kind: "request",
    id: { source: "1", key: "n:1" },
    method: "tools/call",
    params: {
      deep: UNREAD,
      name: "n",
      arguments: { many: UNREAD, p: "v" },
      _meta: { k: 1 },
    },
  });
});

Deno.test("the messages of a batch share what is parsed of it", async () => {
  const one = `{"jsonrpc":"2.0","method":"n","params":{"x":[${
    "[],".repeat(30_000)
  }[]]}}`;
  const batch = await parseMessageInTurns(encode(`[${Array(40).fill(one)}]`));
  assert(batch.kind === "batch");
  const read = batch.messages.filter((message) =>
    message.kind === "notification" &&
    JSON.stringify(message.params) !== "{}"
  );
  assertEquals([batch.messages.length, read.length], [40, 2]);
});

Deno.test("an ID is set, and a member found, in a large text", async () => {
  const text = `{"id":1,"jsonrpc":"2.0","result":{"a":{"b":2},"x":"${TEXT}"}}`;
  const bytes = encode(text);
  await parseMessageInTurns(bytes);
  const id = { source: '"i"', key: "s:i" };
  assertEquals(decode(withId(bytes, id)), text.replace('"id":1', '"id":"i"'));
  const range = memberAt(bytes, ["result", "a", "b"]);
  assertEquals(range && text.slice(range.start, range.end), "2");
});

Deno.test("a message that is read in turns keeps no timer waiting, and costs less than it is long", async () => {
  const bytes = encode(
    `{"jsonrpc":"2.0","id":1,"result":${"[".repeat(5 * MIB)}${
      "]".repeat(5 * MIB)
    }}`,
  );
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const before = Deno.memoryUsage().heapUsed;
  const message = await parseMessageInTurns(bytes);
  const grown = Deno.memoryUsage().heapUsed - before;
  clearInterval(timer);
  assertObjectMatch(message, { kind: "response", result: UNREAD });
  assert(ticks >= 3, `${ticks} ticks`);
  assert(grown < 10 * MIB, `${grown} bytes`);
});
