/**
 * What stands in an array beside what is refused: an answer of the client's,
 * above all, for which the target waits.
 */
import { assertEquals } from "@std/assert";
import type { ToolRules } from "../../src/mcp/tools/rules.ts";
import { as, PROFILES } from "../mcp/profiles/world.ts";
import { INITIALIZED, type McpHandler, result } from "../support/raw/mcp.ts";
import type { StreamClientOptions } from "../support/stream/client.ts";
import { modern } from "../support/stream/modern_message.ts";
import { StreamWorld } from "../support/stream/world.ts";
import { within } from "../support/time/deadline.ts";

// deno-lint-ignore no-explicit-any
type Parsed = any;

const rpc = { jsonrpc: "2.0" };
const ANSWER = { ...rpc, id: "asked", result: { roots: [] } };
const NOTE = { ...rpc, method: "notifications/note" };
const ASK = { ...rpc, id: "other", method: "m" };

const call = (params: Parsed, id: number | undefined = 1) => (
  { ...rpc, id, method: "tools/call", params: { name: "x", ...params } }
);

const tools = (rules: Partial<ToolRules>) => ({ tools: rules });
const profiles = { fetch: as("dev"), profiles: PROFILES };

interface Refused {
  readonly options: Partial<StreamClientOptions>;
  readonly refused: readonly Parsed[];
  readonly script?: Record<string, McpHandler>;
  /** Whether no request of the array goes on. */
  readonly isAll?: boolean;
}

const LISTED: McpHandler = (message, reply) =>
  reply.json(result(message, { tools: [{ name: "x", inputSchema: {} }] }));

const REFUSED: Readonly<Record<string, Refused>> = {
  "a call of a tool that is denied": {
    options: tools({ deny: ["x"] }),
    refused: [call({})],
  },
  "a call of a tool that does not say that it reads": {
    options: tools({ readOnly: true }),
    script: { "tools/list": LISTED },
    refused: [call({})],
  },
  "a call that can be read in two ways": {
    options: tools({ deny: ["y"] }),
    refused: [call({ Name: "y" })],
  },
  "a call without an ID": {
    options: tools({ deny: ["y"] }),
    refused: [{ ...call({}), id: undefined }],
  },
  "a call that names a profile": {
    options: profiles,
    refused: [call({ arguments: { aws_profile: "prod" } })],
  },
  "a call that names a profile that is not there": {
    options: profiles,
    refused: [call({ arguments: { aws_profile: "nobody" } })],
  },
  "a message of 2026-07-28": {
    options: {},
    refused: [{ ...rpc, id: 1, method: "m", params: modern() }],
    isAll: true,
  },
  "two requests of one ID": {
    options: {},
    refused: [call({}), call({})],
    isAll: true,
  },
};

for (
  const [what, { options, script, refused, isAll = false }] of Object.entries(
    REFUSED,
  )
) {
  Deno.test(`an answer beside ${what} goes on in an array`, async () => {
    const arrays: Parsed[] = [];
    await using w = await StreamWorld.start({
      ...script,
      batch: async (messages, reply) => {
        arrays.push(messages);
        const asked = messages.filter(({ id, method }: Parsed) => id && method);
        if (asked.length === 0) return await reply.status(202);
        await reply.json(asked.map((one: Parsed) => result(one)));
      },
    }, options);
    await w.initialize();
    w.client.send([refused[0], ANSWER, ASK, NOTE, ...refused.slice(1)]);
    const left = await w.client.close();
    const told = left.flatMap(({ json }) => json)
      .map(({ id, error }) => [id, error !== undefined]);
    const ids = refused.flatMap(({ id }) => id === undefined ? [] : [id]);
    assertEquals(
      new Set(told.map(([id, isError]) => `${id} ${isError}`)),
      new Set([...ids.map((id) => `${id} true`), `other ${isAll}`]),
    );
    assertEquals(told.length, ids.length + 1);
    assertEquals(arrays, [isAll ? [ANSWER, NOTE] : [ANSWER, ASK, NOTE]]);
  });
}

Deno.test("an answer in an array does not wait for initialize, which may wait for it", async () => {
  const answered = Promise.withResolvers<unknown>();
  await using w = await StreamWorld.start({
    initialize: async (message, reply) => {
      const stream = await reply.sse();
      await stream.message({ ...rpc, id: "asked", method: "roots/list" });
      await answered.promise;
      await stream.message(result(message, INITIALIZED));
    },
    batch: (messages, reply) => {
      answered.resolve(messages);
      return reply.status(202);
    },
  });
  w.client.request(0, "initialize", {});
  assertEquals((await w.client.next()).json.method, "roots/list");
  w.client.send([ANSWER]);
  const seen = await within(answered.promise, "the answer");
  assertEquals(seen, [ANSWER]);
  assertEquals((await w.client.next()).json.id, 0);
});
