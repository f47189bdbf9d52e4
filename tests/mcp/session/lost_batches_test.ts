import { assertEquals } from "@std/assert";
import { mcp, result, Sessions } from "../../support/raw_mcp.ts";
import { RawServer } from "../../support/raw_server.ts";
import { StreamClient } from "../../support/stream_client.ts";
import { CALL, type Call, rpc, world } from "./session_signals.ts";

Deno.test("a batch that a 404 answers in an array is not sent again", async () => {
  await using w = await world(
    (batch, reply) =>
      reply.json(
        batch.map(({ id }: Call) => rpc(id, -32000, "no receipt")),
        404,
      ),
    { method: "batch" },
  );
  w.client.send([1, 2].map((id) => ({
    jsonrpc: "2.0",
    id,
    method: "tools/call",
    params: CALL,
  })));
  const { json } = await w.client.next();
  assertEquals(json.map(({ error }: Call) => error.message), [
    "no receipt",
    "no receipt",
  ]);
  assertEquals([w.ran(), w.opened()], [0, 1]);
});

Deno.test("a batch whose answers tell of a lost session is answered, and the next call finds a new one", async () => {
  await using w = await world(
    (batch, reply) =>
      reply.json(
        batch.map(({ id }: Call) => rpc(id, -32001, "Session not found")),
      ),
    { method: "batch" },
  );
  w.client.send([1, 2].map((id) => ({
    jsonrpc: "2.0",
    id,
    method: "tools/call",
    params: CALL,
  })));
  assertEquals((await w.client.next()).json.length, 2);
  assertEquals((await w.client.ask(3, "tools/call", CALL)).result, {});
  assertEquals(w.opened(), 2);
});

Deno.test("two calls that lose the session at once, by words alone, share one new initialize", async () => {
  let lost = 2;
  let ran = 0;
  const sessions = new Sessions();
  await using server = await RawServer.start(mcp({
    "tools/call": async (call, reply) => {
      if (lost-- > 0) return await reply.json({ error: "Session not found" });
      ran++;
      await reply.json(result(call, { said: "ok" }));
    },
  }, sessions));
  await using client = new StreamClient({ url: server.url });
  await client.initialize();
  client.request(3, "tools/call", CALL);
  client.request(4, "tools/call", CALL);
  const answers = [(await client.next()).json, (await client.next()).json];
  assertEquals(answers.map(({ result }) => result), [{ said: "ok" }, {
    said: "ok",
  }]);
  assertEquals([ran, sessions.known.size], [2, 2]);
});
