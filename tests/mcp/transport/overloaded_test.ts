import { assertEquals } from "@std/assert";
import { Clock } from "../../support/clock.ts";
import { mcp } from "../../support/raw_mcp.ts";
import { RawServer } from "../../support/raw_server.ts";
import { StreamClient } from "../../support/stream_client.ts";
import { answers, asking, hang } from "./calls.ts";

const MIB = 1024 * 1024;

/** Two of these fit, and the third does not. */
const PADDINGS: readonly (readonly [id: number, padding: string])[] = [
  [1, "x".repeat(60 * MIB)],
  [2, "x".repeat(60 * MIB)],
  [3, "x".repeat(10 * MIB)],
];

Deno.test("of 150 calls of 1 MiB to a target that does not answer all over the bound are overloaded at once, and the client's answer is still read", async () => {
  await using server = await RawServer.start(mcp({ hang, ...asking() }));
  await using client = new StreamClient({ url: server.url });
  client.request("a", "ask");
  assertEquals((await client.next()).json.id, "question");
  const count = 150;
  const padding = "x".repeat(MIB);
  for (let id = 0; id < count; id++) client.request(id, "hang", { padding });
  const refused = count - 127;
  const codes = await answers(client, refused);
  assertEquals(new Set(codes.values()), new Set([-31020]));
  client.send({ jsonrpc: "2.0", id: "question", result: {} });
  assertEquals((await client.answer("a")).json.result, {});
  client.stop();
  const rest = (await client.close()).map(({ json }) => json);
  const all = [...codes.keys(), ...rest.map(({ id }) => id)];
  assertEquals(new Set(all).size, count);
  assertEquals(all.length, count);
});

Deno.test("an overloaded request is told that it has not run", async () => {
  await using server = await RawServer.start(mcp({ hang }));
  await using client = new StreamClient({ url: server.url });
  for (const [id, padding] of PADDINGS) client.request(id, "hang", { padding });
  const { json } = await client.next();
  assertEquals([json.id, json.error.code], [3, -31020]);
  assertEquals(json.error.data, {
    source: "sigv4-proxy",
    reason: "overloaded",
    mayHaveRun: false,
  });
});

Deno.test("of 20,000 small calls to a target that does not answer each is answered once, 3,616 of them overloaded at once", async () => {
  await using server = await RawServer.start(mcp({ hang }));
  await using client = new StreamClient({ url: server.url });
  const count = 20_000;
  for (let id = 0; id < count; id++) client.request(id, "hang");
  const codes = await answers(client, count - 16_384);
  assertEquals(new Set(codes.values()), new Set([-31020]));
  client.stop();
  const rest = (await client.close()).map(({ json }) => json);
  assertEquals(rest.length, 16_384);
  assertEquals(new Set(rest.map(({ error }) => error.code)), new Set([-31018]));
  assertEquals(
    new Set([...codes.keys(), ...rest.map(({ id }) => id)]).size,
    count,
  );
});

Deno.test("calls that are cancelled count as long as the target has them", async () => {
  await using server = await RawServer.start(mcp({ hang }));
  using _clock = new Clock();
  await using client = new StreamClient({ url: server.url });
  for (const [id, padding] of PADDINGS) {
    client.request(id, "hang", { padding });
    if (id === 3) break;
    await server.requests.at(id === 1 ? 0 : 2);
    client.notify("notifications/cancelled", { requestId: id });
    await server.requests.at(id === 1 ? 1 : 3);
  }
  assertEquals((await client.answer(3)).json.error.code, -31020);
});

Deno.test("calls that wait for the list of tools count, too", async () => {
  await using server = await RawServer.start(mcp({ "tools/list": hang }));
  await using client = new StreamClient({
    url: server.url,
    tools: { readOnly: true },
  });
  for (const [id, padding] of PADDINGS) {
    client.request(id, "tools/call", { name: "t", arguments: { padding } });
  }
  const { json } = await client.next();
  assertEquals([json.id, json.error.code], [3, -31020]);
});

Deno.test("calls that wait for another profile's session count, too", async () => {
  await using server = await RawServer.start(mcp({ initialize: hang }));
  await using other = await RawServer.start(mcp({}));
  const toOther: typeof fetch = (_url, init) => fetch(other.url, init);
  await using client = new StreamClient({
    url: server.url,
    fetch: toOther,
    profiles: new Map([["one", toOther], ["two", fetch]]),
  });
  await client.initialize();
  for (const [id, padding] of PADDINGS) {
    const args = { padding, aws_profile: "two" };
    client.request(id, "tools/call", { name: "t", arguments: args });
  }
  const { json } = await client.next();
  assertEquals([json.id, json.error.code], [3, -31020]);
});

Deno.test("calls that wait to know the target's era count, too", async () => {
  await using server = await RawServer.start(mcp({ "server/discover": hang }));
  await using client = new StreamClient({ url: server.url, bridge: true });
  const _meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
  for (const [id, padding] of PADDINGS) {
    client.request(id, "tools/call", { name: "t", padding, _meta });
  }
  const { json } = await client.next();
  assertEquals([json.id, json.error.code], [3, -31020]);
});

Deno.test("the members of a batch over the bound are overloaded each", async () => {
  await using server = await RawServer.start(mcp({ hang, batch: hang }));
  await using client = new StreamClient({ url: server.url });
  const [one, two, [, padding]] = PADDINGS;
  for (const [id, padding] of [one, two]) {
    client.request(id, "hang", { padding });
  }
  client.send([
    { jsonrpc: "2.0", id: 3, method: "hang", params: { padding } },
    { jsonrpc: "2.0", id: 4, method: "hang" },
    { jsonrpc: "2.0", method: "notifications/progress" },
  ]);
  const codes = await answers(client, 2);
  assertEquals([...codes], [[3, -31020], [4, -31020]]);
});

Deno.test("a call that is larger than the bound is sent when nothing else waits", async () => {
  await using server = await RawServer.start(mcp({}));
  await using client = new StreamClient({
    url: server.url,
    maxFrameBytes: 60 * MIB,
  });
  const padding = "x".repeat(50 * MIB);
  for (let id = 0; id < 2; id++) {
    client.request(id, "m", { padding });
    assertEquals((await client.answer(id)).json.result, {});
  }
});
