import { assert } from "@std/assert";
import { type McpHandler, result } from "../../support/raw_mcp.ts";
import type { StreamClient } from "../../support/stream_client.ts";

/** Leaves a request without an answer. */
export function hang(...[, reply]: Parameters<McpHandler>): Promise<void> {
  return reply.hang();
}

/** A tool that asks its caller, and is done when that was answered. */
export function asking(): Record<string, McpHandler> {
  const answered = Promise.withResolvers<void>();
  return {
    ask: async (message, reply) => {
      const stream = await reply.sse();
      await stream.message({
        jsonrpc: "2.0",
        id: "question",
        method: "elicitation/create",
      });
      await Promise.race([answered.promise, stream.closed]);
      await stream.message(result(message));
      await stream.end();
    },
    response: async (_message, reply) => {
      await reply.status(202);
      answered.resolve();
    },
  };
}

/** Frames until the call and all that were refused are answered: by their ID. */
export async function answers(
  client: StreamClient,
  count: number,
): Promise<Map<unknown, number | undefined>> {
  const codes = new Map<unknown, number | undefined>();
  while (codes.size < count) {
    const { json } = await client.next();
    if ("method" in json) continue;
    assert(!codes.has(json.id), `${json.id} was answered twice`);
    codes.set(json.id, json.error?.code);
  }
  return codes;
}
