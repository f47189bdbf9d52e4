import type { McpHandler } from "../../support/raw/mcp.ts";
import type { RawEventStream, RawReply } from "../../support/raw/reply.ts";

export const LISTEN = "subscriptions/listen";

export const ID_KEY = "io.modelcontextprotocol/subscriptionId";

/** A notification on the stream of a subscription. */
export function note(id: unknown, name: string, params = {}): unknown {
  return {
    jsonrpc: "2.0",
    method: `notifications/${name}`,
    params: { _meta: { [ID_KEY]: id }, ...params },
  };
}

/** Opens the stream of a subscription as servers do. */
export async function acknowledge(
  id: unknown,
  reply: RawReply,
  notifications: unknown,
): Promise<RawEventStream> {
  const stream = await reply.sse();
  const params = { notifications };
  await stream.message(note(id, "subscriptions/acknowledged", params));
  return stream;
}

/** A target whose n-th listen meets the n-th handler, and then the last. */
export function listening(...handlers: McpHandler[]): McpHandler {
  let count = 0;
  return (...exchange) =>
    handlers[Math.min(count++, handlers.length - 1)](...exchange);
}

/** Acknowledges and breaks the connection. */
export async function acknowledgeAndCut(
  ...[message, reply]: Parameters<McpHandler>
): Promise<void> {
  const { notifications } = message.params;
  await (await acknowledge(message.id, reply, notifications)).cut();
}

/** Acknowledges, sends one more event and stays open. */
export async function acknowledgeAndStay(
  ...[message, reply]: Parameters<McpHandler>
): Promise<void> {
  const { notifications } = message.params;
  const stream = await acknowledge(message.id, reply, notifications);
  await stream.message(note(message.id, "after"));
  await reply.hang();
}

/** The method of event streams. */
export const EVENTS = "events/stream";

/** Opens an event stream as servers of SEP-3415 do. */
export async function activate(
  id: unknown,
  reply: RawReply,
  cursor: string,
): Promise<RawEventStream> {
  const stream = await reply.sse();
  await stream.message(note(id, "events/active", { cursor }));
  return stream;
}
