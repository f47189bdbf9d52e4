/** A client and a target of different eras, with the bridge between them. */

import { mcp, type McpHandler, result, Sessions } from "../raw/mcp.ts";
import type { RawHandler } from "../raw/server.ts";
import type { StreamClientOptions } from "./client.ts";
import { StreamWorld } from "./world.ts";

/** Where a modern request names its revision. */
export const VERSION = "io.modelcontextprotocol/protocolVersion";
/** Where a modern request says what its client can do. */
export const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";

/** The result of `server/discover`. */
export const DISCOVERED = {
  resultType: "complete",
  supportedVersions: ["2026-07-28"],
  capabilities: {
    tools: { listChanged: true },
    resources: { subscribe: true },
  },
  _meta: {
    "io.modelcontextprotocol/serverInfo": { name: "raw", version: "2" },
  },
  ttlMs: 0,
  cacheScope: "private",
};

/** An error answer. */
export const rpcError = (
  id: unknown,
  code: number,
  message: string,
): Record<string, unknown> => ({
  jsonrpc: "2.0",
  id,
  error: { code, message },
});

/** A target of 2026-07-28 alone. */
export const modernTarget = (
  script: Record<string, McpHandler> = {},
): RawHandler =>
  mcp({
    initialize: (message, reply) =>
      reply.json(rpcError(message.id, -32022, "Unsupported version"), 400),
    "server/discover": (message, reply) =>
      reply.json(result(message, DISCOVERED)),
    ...script,
  });

/** A target of a legacy revision alone, with a session. */
export const legacyTarget = (
  script: Record<string, McpHandler> = {},
): RawHandler => {
  const sessions = new Sessions();
  return mcp({
    "server/discover": (_message, reply) => reply.status(404, {}, "no"),
    ...script,
  }, sessions);
};

/** A client of the proxy with the bridge, and the target behind it. */
export function bridged(
  handler: RawHandler,
  options: Partial<StreamClientOptions> = {},
): Promise<StreamWorld> {
  return StreamWorld.start(handler, { bridge: true, ...options });
}

/** What a request of a client of 2026-07-28 holds. */
export const modernParams = (
  params = {},
  capabilities: Record<string, unknown> = {},
): Record<string, unknown> => ({
  ...params,
  _meta: {
    [VERSION]: "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "m", version: "1" },
    [CAPABILITIES]: capabilities,
  },
});
