import { assertEquals } from "@std/assert";
import { Clock } from "../../support/time/clock.ts";
import { modern } from "../../support/stream/modern_message.ts";
import type { StreamClient } from "../../support/stream/client.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import { answers, asking, hang } from "./calls.ts";

const MIB = 1024 * 1024;

/** Two of these fit, and the third does not. */
const PADDINGS: readonly (readonly [id: number, padding: string])[] = [
  [1, "x".repeat(60 * MIB)],
  [2, "x".repeat(60 * MIB)],
  [3, "x".repeat(10 * MIB)],
];

const OVERLOADED = {
  source: "sigv4-proxy",
  reason: "overloaded",
  mayHaveRun: false,
};

/** Makes three requests of which the third is overloaded. */
async function overload(
  client: StreamClient,
  method: string,
  paramsWith: (padding: string) => unknown,
) {
  for (const [id, padding] of PADDINGS) {
    client.request(id, method, paramsWith(padding));
  }
  const { json } = await client.next();
  assertEquals([json.id, json.error.code], [3, -31020]);
  assertEquals(json.error.data, OVERLOADED);
}

Deno.test("of 150 calls of 1 MiB to a target that does not answer all over the bound are overloaded at once, told that they have not run, and the client's answer is still read", async () => {
  await using w = await StreamWorld.start({ hang, ...asking() });
  w.client.request("a", "ask");
  assertEquals((await w.client.next()).json.id, "question");
  const count = 150;
  const padding = "x".repeat(MIB);
  for (let id = 0; id < count; id++) w.client.request(id, "hang", { padding });
  const refused = count - 127;
  const codes = await answers(w.client, refused);
  assertEquals(new Set(codes.values()), new Set([-31020]));
  for (const { json } of w.client.frames.filter(({ json }) => json.error)) {
    assertEquals(json.error.data, OVERLOADED);
  }
  w.client.send({ jsonrpc: "2.0", id: "question", result: {} });
  assertEquals((await w.client.answer("a")).json.result, {});
  w.client.stop();
  const rest = (await w.client.close()).map(({ json }) => json);
  const all = [...codes.keys(), ...rest.map(({ id }) => id)];
  assertEquals(new Set(all).size, count);
  assertEquals(all.length, count);
});

Deno.test("of 16,500 small calls to a target that does not answer each is answered once, 116 of them overloaded at once", async () => {
  await using w = await StreamWorld.start({ hang });
  const count = 16_500;
  for (let id = 0; id < count; id++) w.client.request(id, "hang");
  const codes = await answers(w.client, count - 16_384);
  assertEquals(new Set(codes.values()), new Set([-31020]));
  w.client.stop();
  const rest = (await w.client.close()).map(({ json }) => json);
  assertEquals(rest.length, 16_384);
  assertEquals(new Set(rest.map(({ error }) => error.code)), new Set([-31018]));
  assertEquals(
    new Set([...codes.keys(), ...rest.map(({ id }) => id)]).size,
    count,
  );
});

Deno.test("calls that are cancelled count as long as the target has them", async () => {
  using _clock = new Clock();
  await using w = await StreamWorld.start({ hang });
  for (const [id, padding] of PADDINGS) {
    w.client.request(id, "hang", { padding });
    if (id === 3) break;
    await w.server.requests.at(id === 1 ? 0 : 2);
    w.client.notify("notifications/cancelled", { requestId: id });
    await w.server.requests.at(id === 1 ? 1 : 3);
  }
  assertEquals((await w.client.answer(3)).json.error.code, -31020);
});

Deno.test("calls that wait for the list of tools count, too", async () => {
  const tools = { readOnly: true };
  await using w = await StreamWorld.start({ "tools/list": hang }, { tools });
  await overload(
    w.client,
    "tools/call",
    (padding) => ({ name: "t", arguments: { padding } }),
  );
});

Deno.test("calls that wait for another profile's session count, too", async () => {
  await using other = await StreamWorld.start({});
  const toOther: typeof fetch = (_url, init) => fetch(other.server.url, init);
  await using w = await StreamWorld.start({ initialize: hang }, {
    fetch: toOther,
    profiles: new Map([["one", toOther], ["two", fetch]]),
  });
  await w.client.initialize();
  await overload(
    w.client,
    "tools/call",
    (padding) => ({ name: "t", arguments: { padding, aws_profile: "two" } }),
  );
});

Deno.test("calls that wait to know the target's era count, too", async () => {
  await using w = await StreamWorld.start({ "server/discover": hang }, {
    bridge: true,
  });
  await overload(
    w.client,
    "tools/call",
    (padding) => modern({ name: "t", padding }),
  );
});

Deno.test("the members of a batch over the bound are overloaded each", async () => {
  const tools = { readOnly: true };
  await using w = await StreamWorld.start({ "tools/list": hang }, { tools });
  const [one, two, [, padding]] = PADDINGS;
  for (const [id, padding] of [one, two]) {
    w.client.request(id, "tools/call", { name: "t", arguments: { padding } });
  }
  w.client.send([
    { jsonrpc: "2.0", id: 3, method: "hang", params: { padding } },
    { jsonrpc: "2.0", id: 4, method: "hang" },
    { jsonrpc: "2.0", method: "notifications/progress" },
  ]);
  const codes = await answers(w.client, 2);
  assertEquals([...codes], [[3, -31020], [4, -31020]]);
});
