/**
 * How a target says that it does not know a session: a signal of every row of
 * `src/mcp/transport/session_expiry.ts`. The request ran in none of them.
 */

import type { RawReply } from "../support/raw/server.ts";

type Signal = (reply: RawReply, id: unknown) => Promise<void>;

const json = (status: number, error: unknown, id: unknown): Signal => (reply) =>
  reply.json({ jsonrpc: "2.0", id, error }, status);

const text = (status: number, words: string): Signal => (reply) =>
  reply.status(status, { "content-type": "text/plain" }, words);

const AWS = {
  code: -30001,
  message:
    "The provided SessionId was not found or has expired, please re-initialize your connection.",
};

/** Writes one of them. */
export const LOST_SIGNALS: readonly Signal[] = [
  text(404, "Not Found"),
  json(404, { code: -32001, message: "Session not found" }, null),
  text(400, "Bad Request: No valid session ID provided"),
  json(
    400,
    { code: -32600, message: "Bad Request: No valid session ID provided" },
    "server-error",
  ),
  text(401, "Unauthorized: Session not found"),
  json(401, { code: -32001, message: "Session not found" }, null),
  text(410, "Session has been terminated"),
  (reply) => reply.json({ error: "Session not found" }, 400),
  (reply, id) => reply.json({ jsonrpc: "2.0", id, error: AWS }, 404),
  (reply, id) =>
    reply.json({
      jsonrpc: "2.0",
      id,
      error: { code: -32001, message: "Session not found" },
    }, 404),
  (reply, id) => reply.json({ jsonrpc: "2.0", id, error: AWS }),
  (reply, id) => reply.json({ jsonrpc: "2.0", id, result: null, error: AWS }),
  (reply) => reply.json({ jsonrpc: "2.0", id: "", error: AWS }),
  (reply, id) =>
    reply.json({
      jsonrpc: "2.0",
      id,
      error: { code: -32600, message: "Invalid or expired session ID" },
    }),
  (reply, id) => reply.json({ jsonrpc: "2.0", id, error: AWS }, 410),
  (reply) => reply.json({ error: "Session not found" }),
  text(200, "Session not found"),
  async (reply) => {
    const stream = await reply.sse();
    await stream.event({ data: '{"error":"Session not found"}' });
    await stream.end();
  },
  async (reply, id) => {
    const stream = await reply.sse();
    await stream.message({ jsonrpc: "2.0", id, error: AWS });
    await stream.end();
  },
];
