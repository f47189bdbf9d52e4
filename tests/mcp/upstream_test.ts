import { assertEquals, assertStringIncludes } from "@std/assert";
import { eraOf } from "../../src/mcp/wire/era.ts";
import { parseMessage } from "../../src/mcp/wire/message.ts";
import { modern, MODERN_META } from "../support/stream/modern_message.ts";
import { StreamWorld } from "../support/stream/world.ts";
import { result } from "../support/raw/mcp.ts";

const ERAS: readonly (readonly [era: string, message: unknown])[] = [
  ["modern", { id: 1, method: "m", params: { _meta: MODERN_META } }],
  ["modern", { method: "n", params: { _meta: MODERN_META } }],
  ["modern", { id: 1, method: "initialize", params: { _meta: MODERN_META } }],
  ["legacy", { id: 1, method: "server/discover" }],
  ["legacy", { id: 1, method: "m", params: { _meta: { progressToken: 1 } } }],
  ["legacy", { id: 1, method: "m", params: [MODERN_META] }],
  ["legacy", { id: 1, method: "m", params: { _meta: null } }],
  ["legacy", { id: 1, result: { _meta: MODERN_META } }],
];

for (const [era, message] of ERAS) {
  Deno.test(`${JSON.stringify(message)} is ${era}`, () => {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message as object });
    const read = parseMessage(new TextEncoder().encode(text));
    if (read.kind === "batch" || read.kind === "invalid") throw new Error();
    assertEquals(eraOf(read), era);
  });
}

Deno.test("a batch with a modern message in it is refused with -32600, each request in it, and not sent", async () => {
  await using w = await StreamWorld.start({});
  w.client.send([
    { jsonrpc: "2.0", id: 1, method: "tools/list" },
    { jsonrpc: "2.0", method: "n", params: modern() },
    { jsonrpc: "2.0", id: "2", method: "tools/list", params: modern() },
  ]);
  const frames = await w.client.close();
  assertEquals(
    frames.map(({ json }) => [json.id, json.error.code]),
    [[1, -32600], ["2", -32600]],
  );
  assertStringIncludes(frames[0].json.error.message, "batch");
  assertEquals(w.server.requests.length, 0);
});

Deno.test("a batch with the same ID twice is refused with -32600, each request in it, and not sent", async () => {
  await using w = await StreamWorld.start({});
  w.client.send([
    { jsonrpc: "2.0", id: 1, method: "a" },
    { jsonrpc: "2.0", id: 2, method: "b" },
    { jsonrpc: "2.0", id: 1.0, method: "c" },
    // Another ID: the text is not the number.
    { jsonrpc: "2.0", id: "2", method: "d" },
  ]);
  const frames = await w.client.close();
  assertEquals(
    frames.map(({ json }) => [json.id, json.error.code]),
    [[1, -32600], [2, -32600], [1, -32600], ["2", -32600]],
  );
  assertStringIncludes(frames[0].json.error.message, "the same ID");
  assertEquals(w.server.requests.length, 0);
});

Deno.test("a notifications/cancelled goes to the era of the request that it names", async () => {
  await using w = await StreamWorld.start({
    hang: (_message, reply) => reply.hang(),
  });
  await w.client.initialize();
  w.client.request(1, "hang", modern());
  w.client.request(2, "hang");
  await w.server.requests.find((seen) => seen.text().includes('"id":2'));
  w.client.notify("notifications/cancelled", { requestId: 1 });
  w.client.notify("notifications/cancelled", { requestId: 2 });
  const sent = await w.server.requests.find((seen) =>
    seen.text().includes("notifications/cancelled")
  );
  assertEquals(JSON.parse(sent.text()).params, { requestId: 2 });
});

Deno.test("a notifications/cancelled of a request that was answered is not sent where there is no session", async () => {
  await using w = await StreamWorld.start({});
  await w.client.ask(1, "m", modern());
  w.client.notify("notifications/cancelled", { requestId: 1 });
  w.client.request(2, "m", modern());
  assertEquals((await w.client.close()).map(({ json }) => json.id), [2]);
  assertEquals(w.server.requests.length, 2);
});

Deno.test("modern requests do not wait for an initialize", async () => {
  const release = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    initialize: async (message, reply) => {
      await release.promise;
      await reply.json(result(message));
    },
  });
  w.client.request(1, "initialize", {});
  w.client.request(2, "tools/list", modern());
  assertEquals((await w.client.next()).json.id, 2);
  release.resolve();
  assertEquals((await w.client.next()).json.id, 1);
});
