import { stringId } from "../../../src/mcp/wire/message.ts";
import { retryAfterMs, RetryPolicy } from "../../../src/mcp/transport/retry.ts";
import { assertEquals } from "@std/assert";
import { Deadlines } from "../../../src/time.ts";
import { Exchange } from "../../../src/mcp/transport/exchange.ts";

Deno.test("of the tools that ever new lists call safe to repeat, the last ten thousand are remembered", () => {
  const policy = new RetryPolicy(2);
  const annotations = { idempotentHint: true };
  for (let page = 0; page < 200; page++) {
    const tools = Array.from(
      { length: 100 },
      (_, index) => ({ name: `t${page * 100 + index}`, annotations }),
    );
    policy.record({ tools });
  }
  const isRepeated = (name: string): boolean => {
    const call = {
      method: "tools/call",
      params: { name },
      requests: [stringId("1")],
    };
    const init = { ...call, bytes: new Uint8Array() };
    const exchange = new Exchange(init, new Deadlines());
    return policy.allows(exchange, "if-idempotent");
  };
  assertEquals(
    ["t0", "t9999", "t10000", "t19999"].map(isRepeated),
    [false, false, true, true],
  );
});

for (
  const [value, isWaited] of [
    ["Wed, 21 Oct 2015 07:28:00 GMT", false],
    ["Tue, 21 Oct 2155 07:28:00 GMT", true],
    ["soon", false],
    [" ", false],
  ] as const
) {
  Deno.test(`a Retry-After of "${value}" asks for ${isWaited ? "a wait" : "none"}`, () => {
    const askedMs = retryAfterMs(new Headers({ "retry-after": value })) ?? 0;
    assertEquals(askedMs > 0, isWaited);
  });
}
