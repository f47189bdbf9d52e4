import { assertEquals } from "@std/assert";
import { Clock } from "../../support/time/clock.ts";
import { modern } from "../../support/stream/modern_message.ts";
import type { StreamClient } from "../../support/stream/client.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import { answers, asking, hang } from "./calls.ts";

const MIB = 1024 * 1024;

/** Two of these fit, and the third does not. */
const SIZES: readonly (readonly [id: number, bytes: number])[] = [
  [1, 60 * MIB],
  [2, 60 * MIB],
  [3, 10 * MIB],
];

/** What stands for so many bytes in a message. */
const PADDING = "the padding";

/** Sends a message with padding, which takes no time to make. */
function sendPadded(
  client: StreamClient,
  message: unknown,
  bytes: number,
): void {
  const encoder = new TextEncoder();
  const [head, tail] = `${JSON.stringify(message)}\n`.split(PADDING)
    .map((text) => encoder.encode(text));
  const line = new Uint8Array(head.length + bytes + tail.length).fill(0x78);
  line.set(head);
  line.set(tail, head.length + bytes);
  client.sendBytes(line);
}

const OVERLOADED = {
  source: "sigv4-proxy",
  reason: "overloaded",
  mayHaveRun: false,
};

/** Makes three requests of which the third is overloaded. */
async function overload(
  client: StreamClient,
  method: string,
  params: unknown,
) {
  for (const [id, bytes] of SIZES) {
    sendPadded(client, { jsonrpc: "2.0", id, method, params }, bytes);
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
  const params = { padding: PADDING };
  for (let id = 0; id < count; id++) {
    const message = { jsonrpc: "2.0", id, method: "hang", params };
    sendPadded(w.client, message, MIB);
  }
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

Deno.test("calls that are cancelled count as long as the target has them", async () => {
  using _clock = new Clock();
  await using w = await StreamWorld.start({ hang });
  const params = { padding: PADDING };
  for (const [id, bytes] of SIZES) {
    const message = { jsonrpc: "2.0", id, method: "hang", params };
    sendPadded(w.client, message, bytes);
    if (id === 3) break;
    await w.server.requests.at(id === 1 ? 0 : 2);
    w.client.notify("notifications/cancelled", { requestId: id });
    await w.server.requests.at(id === 1 ? 1 : 3);
  }
  assertEquals((await w.client.answer(3)).json.error.code, -31020);
});

Deno.test("calls that wait for another profile's session count, too", async () => {
  await using other = await StreamWorld.start({});
  const toOther: typeof fetch = (_url, init) => fetch(other.server.url, init);
  await using w = await StreamWorld.start({ initialize: hang }, {
    fetch: toOther,
    profiles: new Map([["one", toOther], ["two", fetch]]),
  });
  await w.client.initialize();
  const values = { padding: PADDING, aws_profile: "two" };
  await overload(w.client, "tools/call", { name: "t", arguments: values });
});

Deno.test("calls that wait to know the target's era count, too", async () => {
  await using w = await StreamWorld.start({ "server/discover": hang }, {
    bridge: true,
  });
  const params = modern({ name: "t", padding: PADDING });
  await overload(w.client, "tools/call", params);
});

Deno.test("calls that wait for the list of tools count, too, and the members of a batch over the bound are overloaded each", async () => {
  const tools = { readOnly: true };
  await using w = await StreamWorld.start({ "tools/list": hang }, { tools });
  const [one, two, [id, bytes]] = SIZES;
  const padding = PADDING;
  for (const [id, bytes] of [one, two]) {
    const params = { name: "t", arguments: { padding } };
    const call = { jsonrpc: "2.0", id, method: "tools/call", params };
    sendPadded(w.client, call, bytes);
  }
  const batch = [
    { jsonrpc: "2.0", id, method: "hang", params: { padding } },
    { jsonrpc: "2.0", id: 4, method: "hang" },
    { jsonrpc: "2.0", method: "notifications/progress" },
  ];
  sendPadded(w.client, batch, bytes);
  const codes = await answers(w.client, 2);
  assertEquals([...codes], [[3, -31020], [4, -31020]]);
});
