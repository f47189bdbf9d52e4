/** Calls, and the ways in which targets meet them. */

import { assert } from "@std/assert";
import { INITIALIZED, type McpHandler, result } from "../../support/raw/mcp.ts";
import type {
  StreamClient,
  StreamClientOptions,
} from "../../support/stream/client.ts";
import { StreamWorld } from "../../support/stream/world.ts";

/** A message that has nothing to do with any call. */
export const NOTE = '{"jsonrpc":"2.0","method":"notifications/message"}';

/** A text as it is, and anything else as JSON. */
export const textOf = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value);

/** Answers with a text, or a value, as JSON. */
export const asJson =
  (body: unknown, status = 200): McpHandler => (_message, reply) =>
    reply.status(status, { "content-type": "application/json" }, textOf(body));

/** Answers by events with these data, and the end of their stream. */
export const asEvents =
  (...datas: readonly unknown[]): McpHandler => async (_message, reply) => {
    const stream = await reply.sse();
    for (const data of datas) await stream.event({ data: textOf(data) });
    await stream.end();
  };

/** Answers `initialize` in a revision. */
export const initializes =
  (protocolVersion: string): McpHandler => (message, reply) =>
    reply.json(result(message, { ...INITIALIZED, protocolVersion }));

/** The lines that a call of the ID 3 brings in a session, to their end. */
export async function linesOf(
  call: McpHandler,
  { protocolVersion, script = {}, ...options }:
    & { protocolVersion?: string; script?: Record<string, McpHandler> }
    & Partial<StreamClientOptions> = {},
): Promise<readonly string[]> {
  await using w = await StreamWorld.start({
    ...protocolVersion && { initialize: initializes(protocolVersion) },
    "tools/call": call,
    ...script,
  }, options);
  await w.client.initialize();
  w.client.request(3, "tools/call", { name: "t" });
  return (await w.client.close()).map(({ text }) => text);
}

/** Leaves a request without an answer. */
export function hang(...[, reply]: Parameters<McpHandler>): Promise<void> {
  return reply.hang();
}

/** Answers by a stream of which nothing comes. */
export async function leaveOpen(
  ...[, reply]: Parameters<McpHandler>
): Promise<void> {
  await (await reply.sse()).closed;
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
