import {
  type McpHandler,
  methods,
  type Sessions,
} from "../../support/raw/mcp.ts";
import type { RawServer } from "../../support/raw/server.ts";
import type { StreamClientOptions } from "../../support/stream/client.ts";
import { StreamWorld } from "../../support/stream/world.ts";

/** A target with sessions, and a client that has initialised one. */
export async function initialised(
  script: Record<string, McpHandler> = {},
  options: Partial<StreamClientOptions> = {},
  sessions?: Sessions,
): Promise<StreamWorld> {
  const started = await StreamWorld.start(script, options, sessions);
  return await started.initialize();
}

/** How many requests of a method, JSON-RPC's or HTTP's, reached a target. */
export function count(server: RawServer, method: string): number {
  return methods(server.requests.all).filter((seen) => seen === method).length;
}

/** What the target was sent after `initialized`: method, session, ID. */
export function trace(server: RawServer): [string, string | undefined][] {
  const { all } = server.requests;
  const sessions = all.map((seen) => seen.header("mcp-session-id"));
  return methods(all).map((method, n) => [method, sessions[n]?.slice(0, 9)]);
}
