import { assertEquals } from "@std/assert";
import { MODERN_META } from "../../support/stream/modern_message.ts";
import { result } from "../../support/raw/mcp.ts";
import { LIST, READER, World } from "./world.ts";

Deno.test("metadata is put into requests that do not have it, and into nothing else", async () => {
  await using world = await World.before({}, {
    metadata: [["team", "ulm"], ["origin", "proxy"]],
  });
  await world.ask({
    jsonrpc: "2.0",
    id: 1,
    method: "m",
    params: { a: 1, _meta: { origin: "client" } },
  });
  await world.ask({ jsonrpc: "2.0", id: 2, method: "m" });
  const notified = await world.post('{"jsonrpc":"2.0","method":"n"}');
  assertEquals(notified.status, 202);
  const broken = await world.fetch({ method: "DELETE" });
  await broken.body?.cancel();
  const [first, second, third] = world.target.requests.all.map((seen) =>
    seen.text()
  );
  assertEquals(JSON.parse(first).params, {
    a: 1,
    _meta: { team: "ulm", origin: "client" },
  });
  assertEquals(JSON.parse(second).params, {
    _meta: { team: "ulm", origin: "proxy" },
  });
  assertEquals(third, '{"jsonrpc":"2.0","method":"n"}');
});

Deno.test("with metadata and no rule a stream goes on as the target sent it, to the byte", async () => {
  const said = ': open\n\nid: 1\ndata: {"result":{"tools":[{"name":"a"}]}\n\n';
  await using world = await World.before(async (_request, reply) => {
    const stream = await reply.sse();
    await stream.raw(said);
    await stream.end();
  }, { metadata: [["team", "ulm"]] });
  for (const answer of [await world.fetch(), await world.post(LIST)]) {
    assertEquals(await answer.text(), said);
  }
});

for (const isModern of [false, true]) {
  Deno.test(`the list that the HTTP server asks for itself has the metadata, ${isModern ? "beside the client's own" : "where the client has none"}`, async () => {
    await using world = await World.before({
      "tools/list": (message, reply) =>
        reply.json(result(message, { tools: [READER] })),
    }, { tools: { readOnly: true }, metadata: [["team", "ulm"]] });
    const meta = isModern ? MODERN_META : {};
    await world.ask({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "read", _meta: meta },
    });
    const [list] = world.target.requests.all.map((seen) =>
      JSON.parse(seen.text())
    );
    assertEquals([list.method, list.params._meta], [
      "tools/list",
      { ...meta, team: "ulm" },
    ]);
  });
}
