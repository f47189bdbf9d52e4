import { assertEquals, assertStringIncludes } from "@std/assert";
import { ProfilesWorld } from "./world.ts";
import { result } from "../../support/raw/mcp.ts";
import { allTools } from "../tools/tool_lists.ts";

Deno.test("tools gain the argument that names a profile", async () => {
  await using w = await ProfilesWorld.make({ "tools/list": allTools });
  w.client.request(1, "tools/list");
  const { json } = await w.client.next();
  for (const tool of json.result.tools) {
    const { type, enum: profiles, description } =
      tool.inputSchema.properties.aws_profile;
    assertEquals([type, profiles], ["string", ["dev", "prod"]]);
    assertStringIncludes(description, "dev");
  }
  assertEquals(json.result.tools[1].inputSchema.properties.id, {
    type: "string",
  });
});

Deno.test("a call that names a profile goes over a session of its own, without the argument", async () => {
  await using w = await ProfilesWorld.make();
  const { client, server } = w;
  await client.initialize();
  client.send(
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":1E2,"aws_profile":"prod","b":2}}}',
  );
  w.call(2, "dev");
  client.request(3, "tools/call", { name: "x", arguments: {} });
  const answers = [
    (await client.next()).json,
    (await client.next()).json,
    (await client.next()).json,
  ];
  assertEquals(answers.map(({ id }) => id).sort(), [1, 2, 3]);
  assertEquals(answers.every(({ result }) => result), true);
  const seen = server.requests.all.map((request) =>
    [
      JSON.parse(request.text()).method,
      request.header("x-who"),
      request.header("mcp-session-id")?.slice(0, 9),
    ].join(" ")
  );
  assertEquals(
    seen.filter((line) => /call|initialize /.test(line)).sort(),
    [
      "initialize dev ",
      "initialize prod ",
      "tools/call dev session-1",
      "tools/call dev session-1",
      "tools/call prod session-2",
    ],
  );
  const call = server.requests.all.find((request) =>
    request.text().includes("1E2")
  );
  assertEquals(
    call?.text(),
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":1E2,"b":2}}}',
  );
  await client.close();
  assertEquals(
    server.requests.all.filter(({ method }) => method === "DELETE")
      .map((request) => request.header("x-who")).sort(),
    ["dev", "prod"],
  );
});

Deno.test("an unlisted profile is refused with the list", async () => {
  await using w = await ProfilesWorld.make();
  w.call(1, "root");
  const { json } = await w.client.next();
  assertEquals([json.error.code, json.error.data.profiles], [-31019, [
    "dev",
    "prod",
  ]]);
  assertEquals(w.server.requests.length, 0);
});

Deno.test("requests of both sessions reach the client under different IDs, and its answers the right one", async () => {
  const answered = new Map<string, (value: unknown) => void>();
  await using w = await ProfilesWorld.make({
    "tools/call": async (message, reply, request) => {
      const who = request.header("x-who") ?? "";
      const { promise, resolve } = Promise.withResolvers();
      answered.set(who, resolve);
      const stream = await reply.sse();
      await stream.message({ jsonrpc: "2.0", id: 0, method: "roots/list" });
      await stream.message(result(message, { who, got: await promise }));
      await stream.end();
    },
    response: async (message, reply, request) => {
      await reply.status(202);
      answered.get(request.header("x-who") ?? "")?.([
        message.id,
        message.result,
      ]);
    },
  });
  const { client } = w;
  await client.initialize();
  client.request(1, "tools/call", { name: "x", arguments: {} });
  w.call(2, "prod");
  const asked = [(await client.next()).json, (await client.next()).json];
  const foreign = asked.find(({ id }) => id !== 0);
  assertEquals(asked.filter(({ id }) => id === 0).length, 1);
  client.send({ jsonrpc: "2.0", id: foreign.id, result: "to prod" });
  assertEquals((await client.answer(2)).json.result, {
    who: "prod",
    got: [0, "to prod"],
  });
  client.send({ jsonrpc: "2.0", id: 0, result: "to dev" });
  assertEquals((await client.answer(1)).json.result, {
    who: "dev",
    got: [0, "to dev"],
  });
});
