import { assertEquals } from "@std/assert";
import { cancelledId, partsOf } from "../../../src/mcp/transport/link.ts";
import { AwaitedAnswers } from "../../../src/mcp/transport/awaited.ts";
import {
  readMessage,
  type RequestId,
  requestId,
} from "../../../src/mcp/wire/message.ts";

function id(value: number | string): RequestId {
  const id = requestId(value);
  if (!id) throw new TypeError(`${value} is no ID`);
  return id;
}

Deno.test("of cancelled requests only the latest 1024 are remembered, of others all", () => {
  const answers = new AwaitedAnswers();
  for (let n = 0; n < 3000; n++) answers.expect(id(n), true);
  for (let n = 0; n < 1025; n++) answers.cancel(id(n));
  assertEquals(answers.take(id(0)), undefined);
  assertEquals(answers.take(id(1)), true);
  assertEquals(answers.take(id(1024)), true);
  assertEquals(answers.take(id(1025)), true);
  assertEquals(answers.take(id(2999)), true);
});

Deno.test("a cancelled request that is made again is awaited as any other", () => {
  const answers = new AwaitedAnswers();
  answers.expect(id(1), true);
  answers.cancel(id(1));
  assertEquals(answers.isIdle, false);
  answers.expect(id(1), true);
  assertEquals(answers.take(id(1)), true);
  assertEquals(answers.take(id(1)), undefined);
  assertEquals(answers.isIdle, true);
});

Deno.test("the parts of a frame are its messages to the letter", () => {
  const one = '{ "jsonrpc":"2.0","id":1,"result":1E2 }';
  const other = '{"jsonrpc":"2.0" , "method":"n"}';
  const texts = (frame: string) =>
    partsOf(new TextEncoder().encode(frame)).map(({ message, bytes }) => [
      message.kind,
      new TextDecoder().decode(bytes),
    ]);
  assertEquals(texts(one), [["response", one]]);
  assertEquals(texts(`[${one} ,\t${other}]`), [
    ["response", one],
    ["notification", other],
  ]);
  assertEquals(texts("[]"), []);
});

Deno.test("only notifications/cancelled names a request that is cancelled", () => {
  const of = (method: string, params: unknown) => {
    const frame = new TextEncoder().encode(
      JSON.stringify({ jsonrpc: "2.0", method, params }),
    );
    const message = readMessage(frame);
    return message.kind === "invalid" ? undefined : cancelledId(message)?.key;
  };
  assertEquals(of("notifications/cancelled", { requestId: "a" }), "s:a");
  assertEquals(of("notifications/cancelled", { requestId: 7 }), "n:7");
  assertEquals(of("notifications/cancelled", {}), undefined);
  assertEquals(of("notifications/other", { requestId: 7 }), undefined);
});
