/** Calls on behalf of several profiles: cancelled, opened anew, large, in arrays. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { error, type McpHandler, result } from "../../support/raw/mcp.ts";
import { ParseCounter } from "../../support/parse_counter.ts";
import { modernParams } from "../../support/stream/bridge_world.ts";
import { as, count, hangForProd, ProfilesWorld } from "./world.ts";

const MIB = 1024 * 1024;

/** Answers calls of the second profile when it is told to, others at once. */
class HeldCalls {
  readonly #release = Promise.withResolvers<void>();

  release(): void {
    this.#release.resolve();
  }

  readonly call: McpHandler = async (message, reply, request) => {
    if (request.header("x-who") === "prod") await this.#release.promise;
    await reply.json(result(message));
  };
}

for (const isAnswered of [true, false]) {
  Deno.test(`a cancellation goes over the session of the call's profile, and the call gets ${isAnswered ? "its late answer once" : "no answer"}`, async () => {
    const held = new HeldCalls();
    await using w = await ProfilesWorld.make({
      "tools/call": (message, reply, request) =>
        isAnswered ? held.call(message, reply, request) : reply.hang(),
      "notifications/cancelled": async (_message, reply) => {
        await reply.status(202);
        held.release();
      },
    });
    await w.client.initialize();
    w.call(1, "prod");
    const call = await w.arrival("tools/call prod");
    w.client.notify("notifications/cancelled", { requestId: 1 });
    const cancelled = await w.arrival("notifications/cancelled prod");
    assertEquals(
      cancelled.header("mcp-session-id"),
      call.header("mcp-session-id"),
    );
    if (isAnswered) await w.client.answer(1);
    const rest = await w.client.close();
    assertEquals(rest.map(({ json }) => json.id), []);
    assertEquals(count(w.seen(), "notifications/cancelled dev"), 0);
  });
}

Deno.test("what is for another profile's session leaves the array that it came in", async () => {
  await using w = await ProfilesWorld.make({
    "tools/call": (_message, reply) => reply.hang(),
  });
  await w.client.initialize();
  w.call(1, "prod");
  await w.arrival("tools/call prod");
  w.client.send([
    { jsonrpc: "2.0", id: 2, method: "m" },
    {
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: 1 },
    },
  ]);
  await w.client.answer(2);
  const cancelled = await w.arrival("notifications/cancelled prod");
  assertEquals(JSON.parse(cancelled.text()).params, { requestId: 1 });
  const sent = w.server.requests.all.filter((request) =>
    request.text().includes('"id":2')
  );
  assertEquals(sent.map((request) => JSON.parse(request.text())), [
    [{ jsonrpc: "2.0", id: 2, method: "m" }],
  ]);
});

const hang: McpHandler = (_message, reply) => reply.hang();

Deno.test("an ID that is used again is cancelled where it is used last", async () => {
  await using w = await ProfilesWorld.make({ hang, "tools/call": hang });
  await w.client.initialize();
  w.call(1, "prod");
  await w.arrival("tools/call prod");
  w.client.request(1, "hang");
  await w.arrival("hang dev");
  w.client.notify("notifications/cancelled", { requestId: 1 });
  await w.arrival("notifications/cancelled dev");
});

Deno.test("the end does not wait for a log level that no call waits for, and its request is cancelled", async () => {
  await using w = await ProfilesWorld.make({
    "logging/setLevel": hangForProd((message, reply) =>
      reply.json(result(message))
    ),
  });
  await w.client.initialize();
  await w.client.ask(1, "logging/setLevel", { level: "debug" });
  w.call(2, "prod");
  const level = await w.arrival("logging/setLevel prod");
  await w.client.answer(2);
  assertEquals(await w.client.close(), []);
  const cancelled = await w.arrival("notifications/cancelled prod");
  assertEquals(JSON.parse(cancelled.text()).params, {
    requestId: JSON.parse(level.text()).id,
  });
});

Deno.test("a log level is asked for until the last call is answered, though the client has gone", async () => {
  const release = Promise.withResolvers<void>();
  await using w = await ProfilesWorld.make({
    initialize: async (message, reply, request) => {
      if (request.header("x-who") === "prod") await release.promise;
      await w.open(message, reply);
    },
    "logging/setLevel": hangForProd((message, reply) =>
      reply.json(result(message))
    ),
    "tools/call": async (message, reply) => {
      await w.arrival("logging/setLevel prod");
      await reply.json(result(message));
    },
  });
  await w.client.initialize();
  await w.client.ask(1, "logging/setLevel", { level: "debug" });
  w.call(2, "prod");
  await w.arrival("initialize prod");
  const closed = w.client.close();
  release.resolve();
  assertEquals((await closed).map(({ json }) => [json.id, json.result]), [
    [2, {}],
  ]);
});

Deno.test("the end does not wait for a session whose only call is cancelled", async () => {
  await using w = await ProfilesWorld.make({
    initialize: hangForProd((message, reply) => w.open(message, reply)),
  });
  await w.client.initialize();
  w.call(1, "prod");
  await w.arrival("initialize prod");
  w.client.notify("notifications/cancelled", { requestId: 1 });
  assertEquals(await w.client.close(), []);
});

/** A text that makes an answer large enough to pass while it arrives. */
const LARGE = "x".repeat(9 * MIB);

Deno.test("a large answer of another profile passes while it arrives, and its call is over then", async () => {
  await using w = await ProfilesWorld.make(
    { "tools/call": (message, reply) => reply.json(result(message, LARGE)) },
    { maxAnswerBytes: 512 * MIB },
  );
  await w.client.initialize();
  w.call(1, "prod");
  assertEquals((await w.client.answer(1)).json.result.length, LARGE.length);
  w.client.notify("notifications/cancelled", { requestId: 1 });
  await w.arrival("notifications/cancelled dev");
});

Deno.test("a large answer of another profile is not parsed on its way", async () => {
  await using w = await ProfilesWorld.make({
    "tools/call": (message, reply) =>
      reply.json(result(message, { text: "x".repeat(MIB) })),
  });
  await w.client.initialize();
  using parsed = new ParseCounter();
  await w.ask(1, "prod");
  // By this client alone.
  assertEquals(parsed.count, 1);
});

const TOOLS = {
  tools: [{ name: "x", inputSchema: { type: "object", properties: {} } }],
};

for (
  const [how, value] of [
    [
      "that could pass in pieces",
      (message: unknown) => result(message, { ...TOOLS, LARGE }),
    ],
    ["in an array", (message: unknown) => [
      { jsonrpc: "2.0", method: "n" },
      result(message, TOOLS),
    ]],
  ] as const
) {
  Deno.test(`a list of tools ${how} gains the argument that names a profile`, async () => {
    await using w = await ProfilesWorld.make(
      { "tools/list": (message, reply) => reply.json(value(message)) },
      { maxAnswerBytes: 512 * MIB },
    );
    const json = await w.client.ask(1, "tools/list");
    const [tool] = json.result.tools;
    assertEquals(tool.inputSchema.properties.aws_profile.enum, ["dev", "prod"]);
  });
}

Deno.test("under a tool policy the calls of every profile are checked", async () => {
  await using w = await ProfilesWorld.make({
    "tools/list": (message, reply) => reply.json(result(message, TOOLS)),
  }, { tools: { readOnly: true } });
  await w.client.initialize();
  for (const [id, profile] of [[1, "dev"], [2, "prod"]] as const) {
    w.call(id, profile);
    const { json } = await w.client.answer(id);
    assertEquals(json.error?.code, -31019, profile);
    assertStringIncludes(json.error.message, "tools.readOnly");
  }
  assertEquals(w.seen().filter((line) => line.startsWith("tools/call")), []);
});

for (const era of ["legacy", "modern"] as const) {
  Deno.test(`what a tool says of itself to one account holds for no other (${era})`, async () => {
    await using w = await ProfilesWorld.make({
      "tools/list": (message, reply, request) => {
        const readOnlyHint = request.header("x-who") === "dev";
        const tools = [{ name: "x", annotations: { readOnlyHint } }];
        return reply.json(result(message, { tools }));
      },
    }, { tools: { readOnly: true } });
    if (era === "legacy") await w.client.initialize();
    const _meta = era === "legacy" ? {} : {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientInfo": { name: "m", version: "1" },
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const call = async (id: number, aws_profile: string) => {
      return (await w.client.ask(id, "tools/call", {
        name: "x",
        arguments: { aws_profile },
        _meta,
      })).error?.code;
    };
    for (const id of [10, 20]) {
      // Of the first profile's account, whichever is called next.
      await w.client.ask(id, "tools/list", { _meta });
      assertEquals(await call(id + 1, "prod"), -31019);
      assertEquals(await call(id + 2, "dev"), undefined);
    }
    assertEquals(count(w.seen(), "tools/call prod"), 0);
  });
}

Deno.test("a call that names its profile among too many arguments to be read is sent for none", async () => {
  await using w = await ProfilesWorld.make();
  const crowd = Array.from({ length: 60_000 }, (_, n) => `"m${n}":[1]`);
  w.client.send(
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{${crowd},"aws_profile":"prod"}}}`,
  );
  const { json } = await w.client.answer(1);
  assertEquals(json.error?.code, -31019);
  assertStringIncludes(json.error.message, "too many arguments");
  assertEquals(w.seen(), []);
});

Deno.test("only calls choose a profile: an argument of a prompt's passes as it is", async () => {
  await using w = await ProfilesWorld.make();
  await w.client.initialize();
  const text =
    '{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"x","arguments":{"aws_profile":"prod"}}}';
  w.client.send(text);
  await w.client.answer(1);
  const got = await w.arrival("prompts/get dev");
  assertEquals(got.text(), text);
});

Deno.test("a call without an ID that names a profile is not sent for the first one", async () => {
  await using w = await ProfilesWorld.make();
  await w.client.initialize();
  for (const [id, aws_profile] of [[1, "prod"], [2, "dev"]] as const) {
    w.client.notify("tools/call", { name: "x", arguments: { aws_profile } });
    await w.client.ask(id, "ping");
  }
  await w.client.close();
  const calls = w.seen().filter((line) => line.startsWith("tools/call"));
  assertEquals(calls, []);
});

Deno.test("a modern call goes for its profile, though the target refused an initialize before", async () => {
  await using w = await ProfilesWorld.make({
    initialize: (message, reply) =>
      reply.json(error(message, -32022, "Unsupported version"), 400),
  });
  await w.client.initialize();
  const params = modernParams({
    name: "x",
    arguments: { aws_profile: "prod" },
  });
  assertEquals((await w.client.ask(1, "tools/call", params)).result, {});
  assertEquals(w.seen().filter((one) => one.startsWith("initialize")), [
    "initialize dev",
  ]);
});

Deno.test("the name of a tool that is no text is the target's to refuse", async () => {
  await using w = await ProfilesWorld.make({
    "tools/call": (message, reply) =>
      reply.json(error(message, -32602, "no such tool")),
  });
  await w.client.initialize();
  const params = {
    name: { toString: 1 },
    arguments: { aws_profile: "prod" },
  };
  const answer = await w.client.ask(1, "tools/call", params);
  assertEquals(answer.error.message, "no such tool");
});

Deno.test("the target's error in place of a list of tools passes", async () => {
  await using w = await ProfilesWorld.make({
    "tools/list": (message, reply) => reply.json(error(message, -7, "no")),
  });
  await w.client.initialize();
  assertEquals((await w.client.ask(1, "tools/list")).error.code, -7);
});

Deno.test("what the target asks on behalf of two profiles, of names alike, is answered and taken back where it was asked", async () => {
  const answered: unknown[] = [];
  const takeBack = Promise.withResolvers<void>();
  await using w = await ProfilesWorld.make({
    "tools/call": async (message, reply) => {
      const stream = await reply.sse();
      await stream.message({ jsonrpc: "2.0", id: 0, method: "roots/list" });
      await takeBack.promise;
      await stream.message({
        jsonrpc: "2.0",
        method: "notifications/cancelled",
        params: { requestId: 0 },
      });
      await stream.message(result(message));
      await stream.end();
    },
    response: async (_message, reply, request) => {
      await reply.status(202);
      answered.push(request.header("x-who"));
    },
  }, { profiles: new Map(["dev", "one", "two"].map((who) => [who, as(who)])) });
  await w.client.initialize();
  w.call(1, "one");
  const first = (await w.client.next()).json;
  w.call(2, "two");
  const second = (await w.client.next()).json;
  assertEquals(first.id === second.id, false);
  w.client.send({ jsonrpc: "2.0", id: second.id, result: { roots: [] } });
  await w.server.requests.find((seen) => seen.text().includes('"roots":[]'));
  takeBack.resolve();
  const cancelled: unknown[] = [];
  for (let answers = 0; answers < 2;) {
    const { json } = await w.client.next();
    if (json.method) cancelled.push(json.params.requestId);
    else answers++;
  }
  await w.client.close();
  assertEquals(answered, ["two"]);
  assertEquals(cancelled.includes(first.id), true);
});
