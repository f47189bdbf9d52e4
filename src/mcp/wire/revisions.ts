/** The revisions of MCP that the program speaks. */

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
