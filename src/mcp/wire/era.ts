/** The revisions of MCP, and of which era a message is. */

import { asObject } from "../../json.ts";
import type { Message, SingleMessage } from "./message.ts";

/**
 * `legacy`: up to 2025-11-25, a handshake and a session. `modern`: 2026-07-28
 * and later, where each request says of itself what it needs.
 */
export type Era = "legacy" | "modern";

/** The revision without a handshake. */
export const MODERN_VERSION = "2026-07-28";

/** The latest revision with sessions. */
export const LATEST_LEGACY_VERSION = "2025-11-25";

/** The revisions with sessions, newest first. */
export const LEGACY_VERSIONS: readonly string[] = [
  LATEST_LEGACY_VERSION,
  "2025-06-18",
  "2025-03-26",
  "2024-11-05",
];

/** The revisions of MCP that the program speaks, newest first. */
export const PROTOCOL_VERSIONS: readonly string[] = [
  MODERN_VERSION,
  ...LEGACY_VERSIONS,
];

/** Keys of a request's `_meta` (MCP 2026-07-28, "General fields"). */
export const META = {
  protocolVersion: "io.modelcontextprotocol/protocolVersion",
  clientInfo: "io.modelcontextprotocol/clientInfo",
  clientCapabilities: "io.modelcontextprotocol/clientCapabilities",
  serverInfo: "io.modelcontextprotocol/serverInfo",
  logLevel: "io.modelcontextprotocol/logLevel",
  subscriptionId: "io.modelcontextprotocol/subscriptionId",
} as const;

/** The `_meta` of a message's parameters; empty when there is none. */
export function metaOf(params: unknown): Record<string, unknown> {
  return asObject(asObject(params)._meta);
}

/** The era of a message: the modern one names its protocol version. */
export function eraOf(message: SingleMessage): Era {
  if (message.kind === "response") return "legacy";
  return META.protocolVersion in metaOf(message.params) ? "modern" : "legacy";
}

/**
 * What a client says of itself in a request: in 2025-11-25 and before in
 * `initialize`, later in each.
 */
export function clientInfoIn(message: Message): unknown {
  if (message.kind !== "request") return undefined;
  const { method, params } = message;
  return method === "initialize"
    ? asObject(params).clientInfo
    : metaOf(params)[META.clientInfo];
}

/** What a list asked for on behalf of a call says of its client. */
export function metaLike(params: unknown): Record<string, unknown> {
  const meta = metaOf(params);
  return Object.fromEntries(
    [META.protocolVersion, META.clientInfo, META.clientCapabilities]
      .flatMap((key) => key in meta ? [[key, meta[key]]] : []),
  );
}
