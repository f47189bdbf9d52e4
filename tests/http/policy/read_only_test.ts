import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { MessagePolicy } from "../../../src/http/policy.ts";
import { OPTION_NAMES } from "../../../src/naming.ts";
import { result } from "../../support/raw/mcp.ts";
import { call, LIST, READER, toolNames, World } from "./world.ts";

Deno.test("that a tool only reads is believed for a minute, and then asked for anew", async () => {
  let nowMs = 0;
  let asked = 0;
  let tools: unknown[] = [READER];
  const policy = new MessagePolicy({
    tools: { readOnly: true, allow: [], deny: [] },
    metadata: [],
    maxAnswerBytes: 1000,
    names: OPTION_NAMES,
  }, () => nowMs);
  const admit = () =>
    policy.admit(
      new TextEncoder().encode(JSON.stringify(call("read"))),
      new Map(),
      () => {
        asked++;
        const answer = { jsonrpc: "2.0", id: 1, result: { tools } };
        return Promise.resolve(Response.json(answer));
      },
    );
  await admit();
  nowMs = 59_999;
  await admit();
  assertEquals(asked, 1);
  nowMs = 60_000;
  await admit();
  assertEquals(asked, 2);
  tools = [{ name: "read" }];
  nowMs = 119_999;
  await admit();
  nowMs = 120_000;
  await assertRejects(admit, Error, "tools.readOnly");
});

Deno.test("the list that is asked for is read with a mark, in an array and beside others, as the client's would be", async () => {
  const note = { jsonrpc: "2.0", method: "notifications/message" };
  for (const type of ["application/json", "text/event-stream"]) {
    await using world = await World.before({
      "tools/list": (message, reply) => {
        const list = [note, result(message, { tools: [READER] })];
        const text = `\ufeff${JSON.stringify(list)}`;
        const body = type === "application/json" ? text : `data: ${text}\n\n`;
        return reply.status(200, { "content-type": type }, body);
      },
    }, { tools: { readOnly: true } });
    assertEquals((await world.ask(call("read"))).status, 200);
    assertEquals(world.methods, ["tools/list", "tools/call"]);
  }
});

Deno.test("what a tool said before a session began, or meanwhile, is not believed in it", async () => {
  let asked = 0;
  const policy = new MessagePolicy({
    tools: { readOnly: true, allow: [], deny: [] },
    metadata: [],
    maxAnswerBytes: 1000,
    names: OPTION_NAMES,
  });
  const admit = (message: unknown) =>
    policy.admit(
      new TextEncoder().encode(JSON.stringify(message)),
      new Map(),
      () => {
        asked++;
        const answer = { jsonrpc: "2.0", id: 1, result: { tools: [READER] } };
        return Promise.resolve(Response.json(answer));
      },
    );
  await admit(call("read"));
  const initialize = { jsonrpc: "2.0", id: 0, method: "initialize" };
  const admitted = await admit(initialize);
  await admit(call("read"));
  // Its answer is there.
  assertEquals(admitted.filter?.(), undefined);
  await admit(call("read"));
  assertEquals(asked, 3);
});

Deno.test("that the tools have changed is heard in a stream, and they are asked for anew", async () => {
  const change = Promise.withResolvers<void>();
  await using world = await World.before({
    "tools/list": (message, reply) =>
      reply.json(result(message, { tools: [READER] })),
    "GET": async (_message, reply) => {
      const stream = await reply.sse();
      await change.promise;
      await stream.message({
        jsonrpc: "2.0",
        method: "notifications/tools/list_changed",
      });
      await stream.end();
    },
  }, { tools: { readOnly: true } });
  const stream = await world.fetch();
  const before = world.target.requests.length;
  await world.ask(call("read"));
  await world.ask(call("read"));
  assertEquals(world.target.requests.length - before, 3);
  change.resolve();
  assertStringIncludes(await stream.text(), "list_changed");
  await world.ask(call("read"));
  assertEquals(world.target.requests.length - before, 5);
});

Deno.test("that the tools have changed is heard in the answer to subscriptions/listen, and they are asked for anew", async () => {
  const change = Promise.withResolvers<void>();
  const listChanged = {
    jsonrpc: "2.0",
    method: "notifications/tools/list_changed",
  };
  await using world = await World.before({
    "tools/list": (message, reply) =>
      reply.json(result(message, { tools: [READER] })),
    "subscriptions/listen": async (_message, reply) => {
      const stream = await reply.sse();
      await change.promise;
      await stream.message(listChanged);
      await stream.end();
    },
  }, { tools: { readOnly: true } });
  const stream = await world.post(
    { jsonrpc: "2.0", id: "s", method: "subscriptions/listen" },
    { "mcp-method": "subscriptions/listen" },
  );
  await world.ask(call("read"));
  await world.ask(call("read"));
  change.resolve();
  assertStringIncludes(await stream.text(), JSON.stringify(listChanged));
  await world.ask(call("read"));
  assertEquals(world.methods.slice(1), [
    "tools/list",
    "tools/call",
    "tools/call",
    "tools/list",
    "tools/call",
  ]);
});

Deno.test("with read-only a client's initialize makes the next call list again", async () => {
  let tools: unknown[] = [READER];
  await using world = await World.before({
    "tools/list": (message, reply) => reply.json(result(message, { tools })),
  }, { tools: { readOnly: true } });
  assertEquals((await world.ask(call("read"))).json.result, {});
  tools = [{ ...READER, annotations: { readOnlyHint: false } }];
  await world.ask({ jsonrpc: "2.0", id: 1, method: "initialize" });
  assertEquals((await world.ask(call("read"))).json.error?.code, -31019);
});

Deno.test("a list that was asked for before the client's initialize teaches nothing", async () => {
  const release = Promise.withResolvers<void>();
  let tools: unknown[] = [READER];
  let lists = 0;
  await using world = await World.before({
    "tools/list": async (message, reply) => {
      const listed = tools;
      if (lists++ === 0) await release.promise;
      await reply.json(result(message, { tools: listed }));
    },
  }, { tools: { readOnly: true } });
  const old = world.ask(LIST);
  await world.target.requests.at(0);
  tools = [{ ...READER, annotations: { readOnlyHint: false } }];
  await world.ask({ jsonrpc: "2.0", id: 1, method: "initialize" });
  release.resolve();
  // It is shown as the target says; it is of the session that is gone.
  assertEquals(toolNames((await old).json), ["read"]);
  assertEquals((await world.ask(call("read"))).json.error?.code, -31019);
});

Deno.test("a tool is not called that the list has twice, or that says twice whether it reads", async () => {
  const reads = '"annotations":{"readOnlyHint":true}';
  const writes = '"annotations":{"readOnlyHint":false}';
  for (
    const tools of [
      `{"name":"read",${writes}},{"name":"read",${reads}}`,
      `{"name":"read",${writes},${reads}}`,
      `],"tools":[{"name":"read",${reads}}`,
    ]
  ) {
    await using world = await World.before({
      "tools/list": (message, reply) => {
        const list = JSON.stringify(result(message, { tools: [] }))
          .replace("[]", () => `[${tools}]`);
        return reply.status(200, { "content-type": "application/json" }, list);
      },
    }, { tools: { readOnly: true } });
    const { json } = await world.ask(call("read"));
    assertStringIncludes(json.error.message, "tool");
    assertEquals(world.methods, ["tools/list"]);
  }
});
