/**
 * The `--metadata` option: `key=value`, for `params._meta` of each request.
 */

import { expandVariables } from "./expand_variables.ts";
import { addFault, quote, type Reading } from "./settings.ts";

// MCP 2025-11-25 and 2026-07-28, "_meta": an optional prefix of labels and
// dots that ends with a slash, then a name.
const LABEL = "[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
const KEY = new RegExp(
  `^(?:${LABEL}(?:\\.${LABEL})*/)?[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$`,
);

/** Names of no prefix that the protocol itself uses. */
const PROTOCOL_NAMES = new Set([
  "progressToken",
  "traceparent",
  "tracestate",
  "baggage",
]);

/** Reads keys and their values. No fault shows a value. */
export function readMetadata(
  reading: Reading,
): readonly (readonly [key: string, value: string])[] {
  const pairs = new Map<string, string>();
  const fault = (words: string) => addFault(reading, "metadata", words);
  for (const text of reading.settings.metadata) {
    const [pair, given = "", rest = ""] = /^([^=]*)=([^]*)$/.exec(text) ?? [];
    const key = given.trim();
    const shown = quote(key);
    if (!KEY.test(key)) {
      const what = pair === undefined ? "" : `, got the key ${shown}`;
      fault(`metadata must be key=value${what}`);
    } else if (isReserved(key)) {
      fault(`metadata key ${shown} is the protocol's own`);
    } else if (pairs.has(key)) {
      fault(`metadata key ${shown} is given twice`);
    } else {
      const value = expandVariables(rest, `metadata ${shown}`, reading);
      if (value !== undefined) pairs.set(key, value);
    }
  }
  return [...pairs];
}

/** Reserved: prefixes whose second label is `modelcontextprotocol` or `mcp`. */
function isReserved(key: string): boolean {
  const slash = key.indexOf("/");
  if (slash < 0) return PROTOCOL_NAMES.has(key);
  return key.slice(0, slash).toLowerCase().split(".").slice(0, 2)
    .some((label) => label === "modelcontextprotocol" || label === "mcp");
}
