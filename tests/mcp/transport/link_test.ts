import { assertEquals } from "@std/assert";
import { cancelledId, partsOf } from "../../../src/mcp/transport/link.ts";
import { parseMessage } from "../../../src/mcp/wire/message.ts";

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
    const message = parseMessage(frame);
    return message.kind === "invalid" ? undefined : cancelledId(message)?.key;
  };
  assertEquals(of("notifications/cancelled", { requestId: "a" }), "s:a");
  assertEquals(of("notifications/cancelled", { requestId: 7 }), "n:7");
  assertEquals(of("notifications/cancelled", {}), undefined);
  assertEquals(of("notifications/other", { requestId: 7 }), undefined);
});
