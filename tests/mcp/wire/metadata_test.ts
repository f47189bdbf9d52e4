/** Metadata in what the proxy asks for itself, in the modern era. */
import { assertEquals } from "@std/assert";
import { withResultMeta } from "../../../src/mcp/wire/metadata.ts";
import { modern } from "../../support/stream/modern_message.ts";
import {
  error,
  type McpHandler,
  messages,
  result,
} from "../../support/raw/mcp.ts";
import type { StreamClientOptions } from "../../support/stream/client.ts";
import { StreamWorld } from "../../support/stream/world.ts";

/** A target, and a client whose requests are given metadata. */
async function world(
  script: Record<string, McpHandler>,
  options: Partial<StreamClientOptions> = {},
) {
  const metadata = [["team", "ulm"]] as const;
  const w = await StreamWorld.start(script, { metadata, ...options });
  return Object.assign(w, {
    /** What reached the target: each method, and the team that it was given. */
    seen: () =>
      messages(w.server.requests.all)
        .map(({ method, params }) => [method, params?._meta?.team]),
  });
}

Deno.test("a list that a call's headers make necessary has the metadata, too", async () => {
  let calls = 0;
  await using w = await world({
    "tools/list": (message, reply) =>
      reply.json(result(message, { tools: [] })),
    "tools/call": (message, reply) =>
      ++calls === 1
        ? reply.json(error(message, -32020, "headers"), 400)
        : reply.json(result(message)),
  });
  w.client.request(1, "tools/call", modern({ name: "x" }));
  await w.client.answer(1);
  assertEquals(w.seen(), [
    ["tools/call", "ulm"],
    ["tools/list", "ulm"],
    ["tools/call", "ulm"],
  ]);
});

Deno.test("what the bridge asks for has the metadata, and the client's own value comes first", async () => {
  await using w = await world({
    "server/discover": (message, reply) =>
      reply.json(error(message, -32601, "no such method")),
  }, { bridge: true });
  w.client.request(1, "server/discover", modern());
  await w.client.answer(1);
  w.client.request(2, "tools/call", modern({ name: "x" }, { team: "mine" }));
  await w.client.answer(2);
  assertEquals(w.seen(), [
    ["server/discover", "ulm"],
    ["initialize", "ulm"],
    ["notifications/initialized", undefined],
    ["tools/call", "mine"],
  ]);
});

const encoder = new TextEncoder();

const manyMembers = Array.from({ length: 30_000 }, (_, n) => `"k${n}":0`)
  .join();

for (
  const [what, result] of [
    ["metadata", `{"_meta":{"id":1,${manyMembers},"id":2}}`],
    ["members before forged metadata", `{${manyMembers},"_meta":{"id":1}}`],
    ["members after forged metadata", `{"_meta":{"id":1},${manyMembers}}`],
  ]
) {
  Deno.test(`no result has so much ${what} that one member of it cannot be set, or taken out`, () => {
    const frame = `{"jsonrpc":"2.0","id":1,"result":${result}}`;
    for (const value of ["us", undefined]) {
      const source = value && JSON.stringify(value);
      const bytes = withResultMeta(encoder.encode(frame), "id", source);
      const changed = JSON.parse(new TextDecoder().decode(bytes)).result;
      assertEquals(changed._meta?.id, value);
    }
  });
}

Deno.test("of two results in an answer the one that is no object is left alone", () => {
  const frame = encoder.encode('{"result":"x","result":{"a":1}}');
  assertEquals(
    new TextDecoder().decode(withResultMeta(frame, "id", '"us"')),
    '{"result":"x","result":{"_meta":{"id":"us"},"a":1}}',
  );
});

for (
  const [before, after] of [
    [
      '{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}',
      '{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}',
    ],
    [
      '{"jsonrpc":"2.0","id":1,"method":"m"}',
      '{"params":{"_meta":{"a/b":"1","c":"x"}},"jsonrpc":"2.0","id":1,"method":"m"}',
    ],
    [
      '{"jsonrpc":"2.0","id":1,"method":"m","params":{}}',
      '{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a/b":"1","c":"x"}}}',
    ],
    [
      '{"id":1,"params": { "q":1E2},"jsonrpc":"2.0","method":"m"}',
      '{"id":1,"params": {"_meta":{"a/b":"1","c":"x"}, "q":1E2},"jsonrpc":"2.0","method":"m"}',
    ],
    [
      '{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"c":"mine"}}}',
      '{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a/b":"1","c":"mine"}}}',
    ],
    [
      '{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a/b":0,"c":1}}}',
      '{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"a/b":0,"c":1}}}',
    ],
    [
      '{"jsonrpc":"2.0","method":"notifications/x"}',
      '{"jsonrpc":"2.0","method":"notifications/x"}',
    ],
    [
      '[{"jsonrpc":"2.0","id":1,"method":"m"}, {"jsonrpc":"2.0","method":"n"} ,{"id":2,"jsonrpc":"2.0","method":"m","params":{}}]',
      '[{"params":{"_meta":{"a/b":"1","c":"x"}},"jsonrpc":"2.0","id":1,"method":"m"}, {"jsonrpc":"2.0","method":"n"} ,{"id":2,"jsonrpc":"2.0","method":"m","params":{"_meta":{"a/b":"1","c":"x"}}}]',
    ],
  ]
) {
  Deno.test(`with metadata ${before} becomes ${after}`, async () => {
    await using w = await StreamWorld.start({
      batch: (_messages, reply) => reply.status(202),
    }, { metadata: [["a/b", "1"], ["c", "x"]] });
    w.client.send(before);
    await w.server.requests.at(0);
    assertEquals(w.server.requests.all.map((seen) => seen.text()), [after]);
  });
}
