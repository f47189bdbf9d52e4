/**
 * The `--metadata` option: `key=value`, for `params._meta` of each request.
 *
 * @module
 */

import { expandVariables } from "./expand_variables.ts";
import { remedy } from "./option.ts";
import { OPTIONS } from "./options.ts";
import { quote } from "./settings.ts";

/** Metadata, read. */
export interface MetadataReading {
  readonly pairs: readonly (readonly [key: string, value: string])[];
  /** The variables that values name. */
  readonly variables: readonly string[];
  /** What is from variables, and not to be shown. */
  readonly secrets: readonly string[];
  /** What is wrong, a sentence each. None shows a value. */
  readonly faults: readonly string[];
}

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

/**
 * Reads `key=value` texts.
 *
 * @param texts What was given.
 * @param env Looks up the variables that values name.
 * @returns The pairs, and every fault.
 */
export function readMetadata(
  texts: readonly string[],
  env: (name: string) => string | undefined,
): MetadataReading {
  const pairs = new Map<string, string>();
  const variables = new Set<string>();
  const secrets = new Set<string>();
  const faults: string[] = [];
  const mend = remedy(OPTIONS.metadata);
  for (const text of texts) {
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
      const expansion = expandVariables(text.slice(equals + 1), env);
      if ("fault" in expansion) {
        faults.push(`metadata ${quote(key)} ${expansion.fault}`);
        continue;
      }
      pairs.set(key, expansion.text);
      for (const name of expansion.names) variables.add(name);
      for (const secret of expansion.secrets) secrets.add(secret);
    }
  }
  return {
    pairs: [...pairs],
    variables: [...variables],
    secrets: [...secrets],
    faults,
  };
}

/** Reserved: prefixes whose second label is `modelcontextprotocol` or `mcp`. */
function isReserved(key: string): boolean {
  const slash = key.indexOf("/");
  if (slash < 0) return PROTOCOL_NAMES.has(key);
  const labels = key.slice(0, slash).toLowerCase().split(".");
  return labels[1] === "modelcontextprotocol" || labels[1] === "mcp" ||
    labels[0] === "modelcontextprotocol" || labels[0] === "mcp";
}
