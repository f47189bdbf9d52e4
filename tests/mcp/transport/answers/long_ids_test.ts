/** IDs beyond 2^53, which `JSON.parse` takes for one where they are two. */
import { assertEquals } from "@std/assert";
import { result } from "../../../support/raw/mcp.ts";
import { RawServer } from "../../../support/raw/server.ts";
import { httpSse } from "../../../support/raw/sse.ts";
import { StreamClient } from "../../../support/stream/client.ts";
import { modern } from "../../../support/stream/modern_message.ts";
import { StreamWorld } from "../../../support/stream/world.ts";

const [A, B] = ["1764370000000000001", "1764370000000000002"];

const call = (id: string, params: object = {}) =>
  `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${
    JSON.stringify({ ...params, name: id })
  }}`;

const answer = (id: string) =>
  `{"jsonrpc":"2.0","id":${id},"result":{"content":[],"of":"${id}"}}`;

Deno.test("over HTTP+SSE calls whose IDs differ in the last digit alone get each its own answer", async () => {
  await using server = await RawServer.start(
    httpSse(({ method, params }, { stream }) => {
      if (method === "tools/call") {
        return stream.event({ data: answer(params.name) });
      }
    }),
  );
  await using client = new StreamClient({ url: server.url, transport: "sse" });
  await client.initialize();
  for (const id of [A, B]) client.send(call(id));
  const texts = [await client.next(), await client.next()];
  assertEquals(texts.map(({ text }) => text).sort(), [A, B].map(answer));
});

Deno.test("of two calls whose IDs differ in the last digit alone the one is cancelled that is named", async () => {
  const cancelled = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    "tools/call": async ({ params }, reply) => {
      if (params.name === A) {
        return void reply.hang().then(cancelled.resolve);
      }
      await cancelled.promise;
      await reply.status(
        200,
        { "content-type": "application/json" },
        answer(params.name),
      );
    },
  });
  for (const id of [A, B]) w.client.send(call(id, modern()));
  await w.server.requests.at(1);
  w.client.send(
    `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${A}}}`,
  );
  assertEquals((await w.client.next()).text, answer(B));
});

Deno.test("a batch of requests whose IDs differ in the last digit alone is sent", async () => {
  await using w = await StreamWorld.start({
    batch: (_message, reply) =>
      reply.status(
        200,
        { "content-type": "application/json" },
        `[${answer(A)},${answer(B)}]`,
      ),
  });
  w.client.send(`[${call(A)},${call(B)}]`);
  assertEquals((await w.client.next()).text, `[${answer(A)},${answer(B)}]`);
});

Deno.test("an ID that the target has rounded is answered as the client wrote it", async () => {
  await using w = await StreamWorld.start({
    "tools/call": (message, reply) => reply.json(result(message)),
  });
  w.client.send(call(A));
  const { text } = await w.client.next();
  assertEquals(text, `{"jsonrpc":"2.0","id":${A},"result":{}}`);
});

Deno.test("over HTTP+SSE a rounded ID that two calls may mean answers neither with what may be the other's", async () => {
  const called: string[] = [];
  await using server = await RawServer.start(
    httpSse(async ({ method, params }, { stream }) => {
      if (method !== "tools/call") return;
      called.push(params.name);
      if (called.length < 3) return;
      for (const id of [B, A]) {
        const rounded = answer(id).replace(id, String(Number(id)));
        await stream.event({ data: rounded });
      }
      await stream.event({ data: answer("3") });
    }),
  );
  await using client = new StreamClient({ url: server.url, transport: "sse" });
  await client.initialize();
  for (const id of [A, B]) client.send(call(id));
  client.send(call("3"));
  assertEquals((await client.next()).text, answer("3"));
});
