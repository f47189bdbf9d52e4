/**
 * The `--metadata` option: `key=value`, for `params._meta` of each request.
 */

import { expandVariables } from "./expand_variables.ts";
import { remedy } from "./option.ts";
import { OPTIONS } from "./options.ts";
import { quote, type Reading } from "./settings.ts";

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
  const { settings, faults } = reading;
  const pairs = new Map<string, string>();
  const mend = remedy(OPTIONS.metadata);
  for (const text of settings.metadata) {
    const equals = text.indexOf("=");
    const key = text.slice(0, Math.max(equals, 0)).trim();
    if (equals < 0 || !KEY.test(key)) {
      const what = equals < 0 ? "" : `, got the key ${quote(key)}`;
      faults.push(`metadata must be key=value${what} (${mend})`);
    } else if (isReserved(key)) {
      faults.push(
        `metadata key ${quote(key)} is the protocol's own (${mend})`,
      );
    } else if (pairs.has(key)) {
      faults.push(`metadata key ${quote(key)} is given twice (${mend})`);
    } else {
      const about = `metadata ${quote(key)}`;
      const value = expandVariables(text.slice(equals + 1), about, reading);
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
