import { assertEquals } from "@std/assert";
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
