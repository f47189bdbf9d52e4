/**
 * Which version of the package this is.
 *
 * @module
 */

import manifest from "../deno.json" with { type: "json" };

/** The version of the package. */
export const VERSION: string = manifest.version;

/** The revisions of MCP that the program speaks, newest first. */
export const PROTOCOL_VERSIONS: readonly string[] = [
  "2026-07-28",
  "2025-11-25",
  "2025-06-18",
  "2025-03-26",
  "2024-11-05",
];
