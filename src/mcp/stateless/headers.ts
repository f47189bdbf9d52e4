/**
 * The headers that mirror a message of 2026-07-28 (Streamable HTTP, "Request
 * Metadata"), so that what lies between can route it without reading it.
 */

import { asObject } from "../../json.ts";
import { parseRpcError } from "../transport/answers/error_body.ts";
import type { Exchange } from "../transport/exchange.ts";
import { AttemptError } from "../transport/retry.ts";
import { META, metaOf } from "../wire/era.ts";
import type { HeaderPairs } from "../wire/headers.ts";

const SENTINEL_START = "=?base64?";
const SENTINEL_END = "?=";

/** Visible ASCII, with spaces inside alone. */
const PLAIN = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/** The parameter that `Mcp-Name` mirrors, by method; of tasks by SEP-2663. */
const NAME_PARAMETER: ReadonlyMap<string, "name" | "uri" | "taskId"> = new Map([
  ["tools/call", "name"],
  ["prompts/get", "name"],
  ["resources/read", "uri"],
  ["tasks/get", "taskId"],
  ["tasks/update", "taskId"],
  ["tasks/cancel", "taskId"],
]);

/** The target's error for headers that do not fit the message. */
const HEADER_MISMATCH = -32020;

/** A text as a header value ("Value Encoding"). */
export function encodeHeaderValue(text: string): string {
  const looksEncoded = text.startsWith(SENTINEL_START) &&
    text.endsWith(SENTINEL_END);
  if (PLAIN.test(text) && !looksEncoded) return text;
  const base64 = new TextEncoder().encode(text).toBase64();
  return `${SENTINEL_START}${base64}${SENTINEL_END}`;
}

/** The headers of a message, without those of a tool's parameters. */
export function standardHeaders(method: string, params: unknown): HeaderPairs {
  const parameter = NAME_PARAMETER.get(method);
  const values: [string, unknown][] = [
    ["mcp-protocol-version", metaOf(params)[META.protocolVersion]],
    ["mcp-method", method],
    ["mcp-name", parameter && asObject(params)[parameter]],
  ];
  return values.flatMap(([header, value]) =>
    typeof value === "string" ? [[header, encodeHeaderValue(value)]] : []
  );
}

/**
 * The value of a tool's parameter as a header; `undefined` when it has none:
 * it is null, no primitive, or an integer that has lost digits.
 */
export function parameterValue(value: unknown): string | undefined {
  switch (typeof value) {
    case "string":
      return encodeHeaderValue(value);
    case "boolean":
      return String(value);
    case "number":
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) return;
      return String(value);
    default:
      return undefined;
  }
}

/**
 * Whether a call was refused since its headers do not fit it, before it ran:
 * with HTTP 400, which is what tells it from the error of a call.
 */
export function isHeaderMismatch(exchange: Exchange, cause: unknown): boolean {
  if (exchange.method !== "tools/call") return false;
  if (!(cause instanceof AttemptError) || !cause.answer) return false;
  const { error, id } = parseRpcError(cause.answer) ?? {};
  return error?.code === HEADER_MISMATCH && cause.error.data.status === 400 &&
    (id === undefined || exchange.owedAlike(id) !== undefined);
}
