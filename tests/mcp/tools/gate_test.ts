/** The tool gate against targets that answer oddly, or change their tools. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  error as failed,
  type McpHandler,
  result,
} from "../../support/raw/mcp.ts";
import { HIDDEN, listed, MIB, SEEN, TOO_MANY } from "./tool_lists.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import { ToolWorld } from "./tool_world.ts";

const READS = '"annotations":{"readOnlyHint":true}';
const WRITES = '"annotations":{"readOnlyHint":false}';

const NO_LISTS: Readonly<Record<string, McpHandler>> = {
  "HTTP 500": (_message, reply) => reply.status(500),
  "the disk is full": (message, reply) =>
    reply.json(failed(message, -32603, "the disk is full")),
  "error -32603": (message, reply) => reply.json(failed(message, -32603, "")),
  "maxAnswerBytes": (message, reply) =>
    reply.json(result(message, { tools: [], filler: "x".repeat(2000) })),
  "before it was complete": async (_message, reply) => {
    await (await reply.sse()).end();
  },
  "has no list of tools": (message, reply) => reply.json(result(message)),
};

for (const [why, list] of Object.entries(NO_LISTS)) {
  Deno.test(`a list that cannot be had blocks what is not known, and the call is told why: ${why}`, async () => {
    await using w = await StreamWorld.start({ "tools/list": list }, {
      tools: { readOnly: true },
      maxAnswerBytes: 1000,
    });
    w.client.request(1, "tools/call", { name: "get_item" });
    const { code, message, data } = (await w.client.next()).json.error;
    assertEquals([code, data.tool], [-31019, "get_item"]);
    assertStringIncludes(message, "which could not be had: ");
    assertStringIncludes(message, why);
    assertEquals(message.includes("may have run"), false, message);
  });
}

Deno.test("calls of tools that are not known share one list", async () => {
  const release = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    "tools/list": async (message, reply) => {
      await release.promise;
      await listed(`"result":{"tools":[${SEEN},${HIDDEN}]}`)(
        message,
        reply,
        w.server.requests.all[0],
      );
    },
  }, { tools: { readOnly: true } });
  const names = ["get", "delete", "other"];
  for (const name of names) w.client.request(name, "tools/call", { name });
  await w.client.ask(1, "m");
  release.resolve();
  const codes = new Map<string, number | undefined>();
  for (const _name of names) {
    const { json } = await w.client.next();
    codes.set(json.id, json.error?.code);
  }
  assertEquals(codes.get("get"), undefined);
  assertEquals(codes.get("delete"), -31019);
  assertEquals(w.posted, ["tools/list", "m", "tools/call"]);
});

Deno.test("calls of one ID that wait for a list are each answered", async () => {
  await using w = await StreamWorld.start({
    "tools/list": listed(`"result":{"tools":[${SEEN},${HIDDEN}]}`),
  }, { tools: { readOnly: true } });
  for (const name of ["get", "delete"]) {
    w.client.request(1, "tools/call", { name });
  }
  const frames = await w.client.close();
  assertEquals(frames.map(({ json }) => [json.id, json.error?.code]).sort(), [
    [1, undefined],
    [1, -31019],
  ]);
});

Deno.test("a long name that almost fits a glob stops nothing, and is cut in the error", async () => {
  await using w = await StreamWorld.start({}, {
    tools: { deny: ["*delete*secret*", "*ab"] },
  });
  const name = "delete".repeat(40_000);
  w.client.request(1, "tools/call", { name });
  await w.client.ask(2, "m");
  const { message, data } =
    (await w.client.ask(3, "tools/call", { name: `${name}ab` })).error;
  assertEquals(data.tool, `${name.slice(0, 200)}…`);
  assertEquals(message.length < 400, true);
});

/** Members of an object whose values are too many to be parsed at a glance. */
const CROWD = Array.from(
  { length: 2000 },
  (_, n) => `"m${n}":[${"1,".repeat(50)}1]`,
);

for (const rules of [{ deny: ["x"] }, { readOnly: true }]) {
  Deno.test(`a call whose name cannot be seen for its size is refused (${Object.keys(rules)})`, async () => {
    await using w = await StreamWorld.start({}, { tools: rules });
    const call = (id: number, params: string) =>
      w.client.send(
        `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${params}}`,
      );
    call(1, `{${CROWD},"name":"x"}`);
    call(2, `{"name":"y",${CROWD},"name":"x"}`);
    call(3, `{"name":"${"x".repeat(5 * MIB)}"}`);
    for (let left = 3; left > 0; left--) {
      const { error } = (await w.client.next()).json;
      assertEquals(typeof error?.code, "number");
    }
    assertEquals(w.posted.includes("tools/call"), false);
  });
}

for (const rules of [{ deny: ["bad*"] }, { readOnly: true }]) {
  Deno.test(`a call with too many members is refused as such, not for a name that it lacks (${Object.keys(rules)})`, async () => {
    await using w = await StreamWorld.start({}, { tools: rules });
    for (
      const params of [
        `{${TOO_MANY},"name":"bad1"}`,
        `{"name":"bad1","_meta":{${TOO_MANY}}}`,
        `{"name":"bad1"},${TOO_MANY}`,
      ]
    ) {
      w.client.send(
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`,
      );
      const { json: { error } } = await w.client.answer(1);
      assertEquals(error.code, -32600);
      assertStringIncludes(error.message, "too many members");
    }
    assertEquals(w.server.requests.length, 0);
  });
}

Deno.test("a call with as many arguments as one likes passes a policy", async () => {
  await using w = await StreamWorld.start({}, { tools: { deny: ["bad*"] } });
  w.client.send(
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{${TOO_MANY}},"name":"good"}}`,
  );
  assertEquals((await w.client.answer(1)).json.error, undefined);
});

for (
  const tools of [
    `{"name":"x",${WRITES}},{"name":"x",${READS}}`,
    `{"name":"x",${READS}},{"name":"x",${WRITES}}`,
    `{"name":"x","annotations":{"readOnlyHint":false,"readOnlyHint":true}}`,
    `{"name":"x",${WRITES},${READS}}`,
    `{"name":"y","name":"x",${READS}}`,
    `{"name":"x",${READS},"Annotations":{"readOnlyHint":false}}`,
    `],"tools":[{"name":"x",${READS}}`,
  ]
) {
  Deno.test(`a tool is not called that some readers of the list take for one that writes: ${tools}`, async () => {
    await using w = await ToolWorld.make({
      "tools/list": listed(`"result":{"tools":[${tools}]}`),
    });
    assertEquals((await w.call(1)).error?.data.reason, "blocked");
    const { result } = await w.client.ask(2, "tools/list");
    assertEquals(result?.tools ?? [], []);
    assertEquals((await w.call(3)).error?.data.reason, "blocked");
    assertEquals(w.ran, []);
  });
}

Deno.test("at the end of stdin a list that no call waits for any more is cancelled, and not waited for", async () => {
  await using w = await StreamWorld.start({
    "tools/list": (_message, reply) => reply.hang(),
  }, { tools: { readOnly: true }, timeoutMs: 600_000 });
  w.client.request(1, "tools/call", { name: "get_item" });
  await w.server.requests.at(0);
  w.client.notify("notifications/cancelled", { requestId: 1 });
  assertEquals(await w.client.close(), []);
  assertEquals(w.posted, ["tools/list", "notifications/cancelled"]);
});

Deno.test("the client never sees the answer to a list that was cancelled", async () => {
  const release = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    "tools/list": async (message, reply) => {
      const stream = await reply.sse();
      await told.promise;
      await stream.message(result(message, { tools: [] }));
      release.resolve();
    },
    "notifications/cancelled": async (_message, reply) => {
      told.resolve();
      await release.promise;
      await reply.status(202);
    },
  }, { tools: { readOnly: true } });
  w.client.request(1, "tools/call", { name: "get_item" });
  await w.server.requests.at(0);
  w.client.notify("notifications/cancelled", { requestId: 1 });
  assertEquals(await w.client.close(), []);
});
