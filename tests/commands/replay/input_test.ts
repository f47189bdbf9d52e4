/** Recordings of calls that ask for input, from one era to the other. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  legacyTarget,
  modernParams,
  modernTarget,
} from "../../support/stream/bridge_world.ts";
import type { ProxyProcess } from "../../support/program/proxy_process.ts";
import { result } from "../../support/raw/mcp.ts";
import { type RawHandler, RawServer } from "../../support/raw/server.ts";
import { RecordingDirectory, replay } from "../../recorder/recording.ts";

const CALL = { name: "work", arguments: {} };
const TEXT = { content: [{ type: "text", text: "it is done" }] };
const ASKED = {
  method: "elicitation/create",
  params: { message: "where?", requestedSchema: { type: "object" } },
};
const GIVEN = { action: "accept", content: { city: "Ulm" } };

/** A target of 2026-07-28 that asks twice before it answers. */
function stateless(): RawHandler {
  let round = 0;
  return modernTarget({
    // One that ended would be opened again after a time of its own.
    "subscriptions/listen": async (message, reply) => {
      const stream = await reply.sse();
      await stream.message({
        jsonrpc: "2.0",
        method: "notifications/subscriptions/acknowledged",
        params: {
          _meta: { "io.modelcontextprotocol/subscriptionId": message.id },
          notifications: message.params.notifications,
        },
      });
      await stream.closed;
    },
    "tools/call": (message, reply) =>
      reply.json(result(
        message,
        round++ < 2
          ? {
            resultType: "input_required",
            requestState: `round-${round}`,
            inputRequests: { city: ASKED },
          }
          : { resultType: "complete", ...TEXT },
      )),
  });
}

/** A client of 2025-11-25 that answers what it is asked. */
async function answer(proxy: ProxyProcess): Promise<void> {
  await proxy.initialize({
    protocolVersion: "2025-11-25",
    capabilities: { elicitation: {} },
    clientInfo: { name: "test", version: "1" },
  });
  const call = proxy.request("tools/call", CALL);
  const seen = new Set<string>();
  for (let round = 0; round < 2; round++) {
    const { text } = await proxy.frames.find(({ text }) =>
      text.includes(ASKED.method) && !seen.has(text)
    );
    seen.add(text);
    const { id } = JSON.parse(text);
    await proxy.send({ jsonrpc: "2.0", id, result: GIVEN });
  }
  const { text } = await call;
  assertEquals(JSON.parse(text).result.content, TEXT.content);
}

/** A target with sessions that asks twice within a call. */
function legacy(): RawHandler {
  let answered = Promise.withResolvers<void>();
  return legacyTarget({
    "tools/call": async (message, reply) => {
      const stream = await reply.sse();
      for (const id of ["q1", "q2"]) {
        answered = Promise.withResolvers<void>();
        await stream.message({ jsonrpc: "2.0", id, ...ASKED });
        await answered.promise;
      }
      await stream.message(result(message, TEXT));
      await stream.end();
    },
    response: async (_message, reply) => {
      await reply.status(202);
      answered.resolve();
    },
  });
}

/** A client of 2026-07-28 that calls again with what it was asked for. */
async function retry(proxy: ProxyProcess): Promise<void> {
  const params = modernParams(CALL, { elicitation: {} });
  let { text } = await proxy.request("tools/call", params);
  for (let round = 0; round < 2; round++) {
    const { requestState, inputRequests } = JSON.parse(text).result;
    const inputResponses = Object.fromEntries(
      Object.keys(inputRequests).map((name) => [name, GIVEN]),
    );
    ({ text } = await proxy.request("tools/call", {
      ...params,
      inputResponses,
      requestState,
    }));
  }
  assertEquals(JSON.parse(text).result.content, TEXT.content);
}

const KINDS = {
  "a target without sessions": [stateless, answer],
  "a target with them": [legacy, retry],
} as const;

for (const [name, [target, client]] of Object.entries(KINDS)) {
  Deno.test(`input that ${name} asks a client of the other era for is asked for again in a replay`, async () => {
    for (const args of [["--bridge"], ["--bridge", "--record-bodies"]]) {
      await using directory = await RecordingDirectory.make();
      await using server = await RawServer.start(target());
      await directory.record({ target: server.url, args }, client);
      const { code, text } = await replay(directory.path, "--fast");
      assertEquals(code, 0, text);
      assertStringIncludes(text, "as it was:");
    }
  });
}
