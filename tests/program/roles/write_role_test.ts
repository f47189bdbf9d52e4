/** Whole-program tests: one role that reads and one that writes. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { modern } from "../../support/stream/modern_message.ts";
import { error, type McpHandler, result } from "../../support/raw/mcp.ts";
import { BASE_ARN } from "../../support/aws/role_sts.ts";
import {
  roleArn,
  roleWorld,
  sessionArn,
} from "../../support/aws/role_world.ts";

const READER = [
  "--read-only",
  "--assume-role",
  roleArn("Reader"),
  "--source-identity=ada",
];
const BOTH = [...READER, "--write-role", roleArn("Writer")];

type World = Awaited<ReturnType<typeof roleWorld>>;

const callsOf = (w: World) =>
  w.sent("tools/call").map(({ by, message }) => [message.params.name, by]);

Deno.test("a tool that says that it only reads is called with the bound role, any other with the role that writes, each in its session", async () => {
  await using w = await roleWorld({ args: BOTH, start: "start" });
  await w.proxy.initialize();
  for (const name of ["get_item", "put_item", "unlisted", "get_item"]) {
    assertEquals((await w.call(name, { x: name })).error, undefined);
  }
  assertEquals(callsOf(w), [
    ["get_item", sessionArn("Reader")],
    ["put_item", sessionArn("Writer")],
    ["unlisted", sessionArn("Writer")],
    ["get_item", sessionArn("Reader")],
  ]);
  assertEquals(
    w.sts.asked.map(({ role, by, policyArns, policy, sourceIdentity }) => [
      role,
      by,
      policyArns,
      policy === undefined,
      sourceIdentity,
    ]),
    [
      [
        roleArn("Reader"),
        BASE_ARN,
        ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        false,
        "ada",
      ],
      [roleArn("Writer"), BASE_ARN, undefined, true, "ada"],
    ],
  );
  const { value } = await w.proxy.request("tools/list");
  assertEquals(
    Object(value).result.tools.map(({ name }: { name: string }) => name),
    ["get_item", "put_item"],
  );
  assertEquals(w.sent("tools/call")[0].message.params.arguments, {
    x: "get_item",
  });
});

Deno.test("without a role that writes, what may write stays refused and unseen, and does not reach the target", async () => {
  await using w = await roleWorld({ args: READER });
  await w.proxy.initialize();
  const { error } = await w.call("put_item");
  assertEquals(error.data.reason, "blocked");
  const { value } = await w.proxy.request("tools/list");
  assertEquals(Object(value).result.tools.length, 1);
  assertEquals(callsOf(w), []);
});

Deno.test("a denied tool is called with neither role", async () => {
  await using w = await roleWorld({ args: [...BOTH, "--deny-tool=put_*"] });
  await w.proxy.initialize();
  assertEquals((await w.call("put_item")).error.data.reason, "blocked");
  assertEquals([callsOf(w), w.sts.roles], [[], [roleArn("Reader")]]);
});

Deno.test("while nobody knows what the tools say, nothing is called with the role that writes", async () => {
  await using w = await roleWorld({
    args: BOTH,
    script: {
      "tools/list": (message, reply) =>
        reply.json(error(message, -32000, "no")),
    },
  });
  await w.proxy.initialize();
  const { error: refused } = await w.call("put_item");
  assertEquals(refused.data.reason, "blocked");
  assertStringIncludes(refused.message, "could not be had");
  assertEquals(callsOf(w), []);
});

Deno.test("a call in a batch that may write is refused, and those that only read go on", async () => {
  await using w = await roleWorld({
    args: BOTH,
    script: {
      batch: (messages, reply) =>
        reply.json(messages.map((message: unknown) => result(message))),
    },
  });
  await w.proxy.initialize();
  const call = (id: string, name: string) => ({
    jsonrpc: "2.0",
    id,
    method: "tools/call",
    params: { name },
  });
  await w.proxy.send([call("a", "get_item"), call("b", "put_item")]);
  const { value } = await w.proxy.answer("b");
  assertStringIncludes(
    Object(value).error.message,
    "a call in a batch cannot take another role",
  );
  await w.proxy.frames.find(({ text }) =>
    text.includes('"a"') && text.includes("result")
  );
  const batches = w.server.requests.all.filter((request) =>
    request.text().startsWith("[")
  );
  assertEquals(batches.map((request) => w.whoSent(request)), [
    sessionArn("Reader"),
  ]);
});

Deno.test("a tool that no longer says that it only reads goes with the role that writes", async () => {
  let isReading = true;
  const list: McpHandler = (message, reply) =>
    reply.json(result(message, {
      tools: [{
        name: "item",
        annotations: { readOnlyHint: isReading },
        inputSchema: { type: "object" },
      }],
    }));
  await using w = await roleWorld({
    args: BOTH,
    script: { "tools/list": list },
  });
  await w.proxy.initialize();
  await w.call("item");
  isReading = false;
  await w.proxy.request("tools/list");
  await w.call("item");
  assertEquals(callsOf(w), [
    ["item", sessionArn("Reader")],
    ["item", sessionArn("Writer")],
  ]);
});

Deno.test("the era without sessions has both roles", async () => {
  await using w = await roleWorld({ args: BOTH });
  for (const name of ["get_item", "put_item"]) {
    const params = modern({ name, arguments: {} });
    const { value } = await w.proxy.request("tools/call", params);
    assertEquals(Object(value).error, undefined);
  }
  assertEquals(callsOf(w), [
    ["get_item", sessionArn("Reader")],
    ["put_item", sessionArn("Writer")],
  ]);
});
