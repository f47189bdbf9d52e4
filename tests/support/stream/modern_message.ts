/** Parameters as clients of revision 2026-07-28 send them. */

/** The revision. */
export const MODERN_VERSION = "2026-07-28";

/** What such a client says of itself with every request. */
export const MODERN_META = {
  "io.modelcontextprotocol/protocolVersion": MODERN_VERSION,
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
} as const;

/** Parameters with that in them. */
export function modern(
  params: Readonly<Record<string, unknown>> = {},
  meta: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return { ...params, _meta: { ...MODERN_META, ...meta } };
}
