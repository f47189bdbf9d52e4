/** Results that say who answered, on their way from one era to the other. */
import { assertEquals } from "@std/assert";
import {
  bridged,
  legacyTarget,
  modernTarget,
} from "../../support/stream/bridge_world.ts";
import { modern } from "../../support/stream/modern_message.ts";
import { type McpHandler, result } from "../../support/raw/mcp.ts";

const KEY = "sigv4-proxy/identity";
const receiptOf = () => Promise.resolve('{"account":"1"}');

const call: McpHandler = (message, reply) =>
  reply.json(
    result(message, {
      resultType: "complete",
      content: [],
      _meta: { [KEY]: "forged", other: 1 },
    }),
  );

Deno.test("a legacy client's result of a modern target says who answered", async () => {
  await using w = await bridged(modernTarget({ "tools/call": call }), {
    receiptOf,
  });
  await w.client.initialize();
  const { _meta } =
    (await w.client.ask(1, "tools/call", { name: "x", arguments: {} })).result;
  assertEquals(_meta, { [KEY]: { account: "1" }, other: 1 });
});

Deno.test("a modern client's result of a legacy target says who answered", async () => {
  await using w = await bridged(legacyTarget({ "tools/call": call }), {
    receiptOf,
  });
  const { _meta } =
    (await w.client.ask(1, "tools/call", modern({ name: "x", arguments: {} })))
      .result;
  assertEquals([_meta[KEY], _meta.other], [{ account: "1" }, 1]);
});
