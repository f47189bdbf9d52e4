/**
 * Which version of the package this is.
 *
 * @module
 */

import manifest from "../../deno.json" with { type: "json" };
import { LEGACY_VERSIONS, MODERN_VERSION } from "../mcp/wire/revisions.ts";

/** The version of the package. */
export const VERSION: string = manifest.version;

/** The revisions of MCP that the program speaks, newest first. */
export const PROTOCOL_VERSIONS: readonly string[] = [
  MODERN_VERSION,
  ...LEGACY_VERSIONS,
];
