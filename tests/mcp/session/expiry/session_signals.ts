import { type McpHandler, result } from "../../../support/raw/mcp.ts";
import type { RawReply } from "../../../support/raw/reply.ts";
import { StreamWorld } from "../../../support/stream/world.ts";

// deno-lint-ignore no-explicit-any
export type Call = any;

/** Says that the session is lost, in one of the ways there are. */
export type Signal = (call: Call, reply: RawReply) => Promise<void>;

export const CALL = { name: "order", arguments: {} };

/** A target that meets the first call of its first session in some way. */
export async function world(
  signal: Signal,
  { runs = false, method = "tools/call", ...script }:
    & { readonly runs?: boolean; readonly method?: string }
    & Record<string, McpHandler | boolean | string | undefined> = {},
): Promise<StreamWorld & { ran(): number; opened(): number }> {
  let isFirst = true;
  let ran = 0;
  const handlers: Record<string, McpHandler> = {};
  for (const [name, handler] of Object.entries(script)) {
    if (typeof handler === "function") handlers[name] = handler;
  }
  const w = await StreamWorld.start({
    ...handlers,
    [method]: async (call, reply) => {
      if (isFirst) {
        isFirst = false;
        if (runs) ran++;
        return await signal(call, reply);
      }
      ran++;
      await reply.json(result(call, { said: "ok" }));
    },
  });
  await w.initialize();
  return Object.assign(w, {
    /** How often the target ran the call. */
    ran: () => ran,
    /** How many sessions were opened. */
    opened: () => w.sessions.known.size,
  });
}

export const rpc = (
  id: unknown,
  code: number,
  message: string,
  more = {},
): unknown => ({
  jsonrpc: "2.0",
  id,
  error: { code, message },
  ...more,
});

export const json = (status: number, body: unknown): Signal => (_call, reply) =>
  reply.json(body, status);

/** An error under the call's own ID. */
export const own =
  (status: number, code: number, message: string, more = {}): Signal =>
  (call, reply) => reply.json(rpc(call.id, code, message, more), status);
