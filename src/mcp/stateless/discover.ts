/**
 * `server/discover`, by which a client finds out the target's era. Over stdio
 * any error to it reads as "legacy", so none is told in haste.
 */

import {
  askedMsOf,
  AttemptError,
  backoffMs,
  errorOf,
  isPassing,
} from "../transport/retry.ts";
import type { Exchange } from "../transport/exchange.ts";
import { ownErrorData } from "../transport/failure.ts";
import { readRpcError } from "../transport/error_body.ts";

export const DISCOVER = "server/discover";

/** How long failures that have nothing to do with an era are waited out. */
const PATIENCE_MS = 10_000;

/** The longest pause between two attempts that the target did not ask for. */
const MAX_PAUSE_MS = 2_000;

/** Statuses with which servers of an earlier era meet what they do not know. */
const LEGACY_STATUSES: ReadonlySet<unknown> = new Set([400, 404, 405]);

/**
 * Errors that servers of the modern era alone have: HeaderMismatch,
 * MissingRequiredClientCapability, UnsupportedProtocolVersion (MCP 2026-07-28,
 * "Error Codes").
 */
const MODERN_CODES: ReadonlySet<number> = new Set([-32020, -32021, -32022]);

/** "Method not found", in JSON-RPC 2.0: what makes clients fall back. */
const METHOD_NOT_FOUND = -32601;

const encoder = new TextEncoder();

/** The wait before it is sent again, in ms; `undefined`: it has failed. */
export function discoverDelayMs(
  { startedAt }: Exchange,
  cause: unknown,
  tries: number,
  timeoutMs = Infinity,
): number | undefined {
  if (!isPassing(cause)) return undefined;
  const pauseMs = Math.min(backoffMs(tries), MAX_PAUSE_MS);
  const waitMs = Math.max(askedMsOf(cause), pauseMs);
  const spentMs = performance.now() - startedAt;
  const isTooLong = spentMs + waitMs > Math.min(PATIENCE_MS, timeoutMs);
  return isTooLong ? undefined : waitMs;
}

/** The answer to one that a server of an earlier era refused, if it did. */
export function legacyAnswer(cause: unknown): Uint8Array | undefined {
  const error = errorOf(cause);
  const answer = cause instanceof AttemptError ? cause.answer : undefined;
  if (error?.reason !== "http-status") return undefined;
  if (!LEGACY_STATUSES.has(error.data.status)) return undefined;
  const code = answer && readRpcError(answer)?.error.code;
  if (code !== undefined && MODERN_CODES.has(code)) return undefined;
  return encoder.encode(JSON.stringify({
    jsonrpc: "2.0",
    error: {
      code: METHOD_NOT_FOUND,
      message:
        `the target does not know ${DISCOVER}, so it is taken for a server of an earlier protocol version: ${error.message}`,
      data: ownErrorData(error),
    },
  }));
}
