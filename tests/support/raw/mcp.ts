/**
 * A small MCP server on a raw server: it does what servers do, except where a
 * test says otherwise.
 */

import type { RawHandler, RawReply, SeenRequest } from "./server.ts";

/** The one message of a request, parsed. */
// deno-lint-ignore no-explicit-any
type Parsed = any;

/** What a request meets; the message is there for a POST. */
export type McpHandler = (
  message: Parsed,
  reply: RawReply,
  request: SeenRequest,
) => void | Promise<void>;

/** The session ID that a scripted server gives out: one a start. */
export class Sessions {
  #count = 0;
  /** The sessions that are known. */
  readonly known = new Set<string>();

  /** A new session. */
  open(): string {
    const id = `session-${++this.#count}-0123456789abcdef`;
    this.known.add(id);
    return id;
  }
}

/** A request of a method. */
export function request(method: string, id: number | string = 1): Parsed {
  return { jsonrpc: "2.0", id, method };
}

/** A ping, as it is sent. */
export const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

/** An answer to a message. */
export function result(message: Parsed, value: unknown = {}): unknown {
  return { jsonrpc: "2.0", id: message.id, result: value };
}

/** An error to a message. */
export function error(
  message: Parsed,
  code: number,
  text: string,
): unknown {
  return { jsonrpc: "2.0", id: message.id, error: { code, message: text } };
}

/** The messages that were posted, parsed. */
export function messages(requests: readonly SeenRequest[]): Parsed[] {
  return requests.filter(({ method }) => method === "POST")
    .map((seen) => JSON.parse(seen.text()));
}

/** The method of each request: its message's, or HTTP's where it has none. */
export function methods(requests: readonly SeenRequest[]): string[] {
  return requests.map((seen) =>
    seen.method === "POST" ? JSON.parse(seen.text()).method : seen.method
  );
}

/** The result of `initialize`. */
export const INITIALIZED = {
  protocolVersion: "2025-11-25",
  capabilities: { tools: {} },
  serverInfo: { name: "raw", version: "1" },
};

/** Answers an `initialize`, with a new session; more may be told in it. */
export function openSession(
  sessions: Sessions,
  message: Parsed,
  reply: RawReply,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const headers = { "mcp-session-id": sessions.open() };
  const answer = result(message, { ...INITIALIZED, ...more });
  return reply.json(answer, 200, headers);
}

/**
 * A handler that initialises (in a session, if there are some), takes
 * notifications and answers, refuses GET with 405 and takes DELETE; `script`
 * has the methods (JSON-RPC or HTTP) that meet something else. A request
 * without a script gets an empty result.
 */
export function mcp(
  script: Record<string, McpHandler>,
  sessions?: Sessions,
): RawHandler {
  return async (request, reply) => {
    if (request.method !== "POST") {
      const scripted = script[request.method];
      if (scripted) return await scripted(undefined, reply, request);
      return await reply.status(request.method === "DELETE" ? 200 : 405);
    }
    const message: Parsed = JSON.parse(request.text());
    const name = Array.isArray(message)
      ? "batch"
      : message.method ?? "response";
    const sessionId = request.header("mcp-session-id");
    const isUnknown = sessionId !== undefined && sessions &&
      !sessions.known.has(sessionId);
    if (isUnknown) {
      const gone = error({ id: null }, -32001, "Session not found");
      return await reply.json(gone, 404);
    }
    const scripted = script[name];
    if (scripted) return await scripted(message, reply, request);
    if (name === "initialize") {
      if (sessions) return await openSession(sessions, message, reply);
      return await reply.json(result(message, INITIALIZED));
    }
    if (message.id === undefined || name === "response") {
      return await reply.status(202);
    }
    await reply.json(result(message));
  };
}
