/** The proxy's own errors, as a client is told them. */

import { ProxyError } from "../../errors.ts";
import { isObject } from "../../json.ts";
import type { Redact } from "../../redact/redact.ts";
import { frameOf, type RequestId, type RpcError } from "../wire/message.ts";

/** The frame that answers a request with one of the proxy's own errors. */
export function errorFrame(
  error: ProxyError,
  id: RequestId | undefined,
  redact: Redact = (text) => text,
): Uint8Array {
  const data = ownErrorData(error);
  const message = sentenceOf(error);
  const body = JSON.stringify(
    { code: error.code, message, data },
    (_name, value) => typeof value === "string" ? redact(value) : value,
  );
  return frameOf(id, `"error":${body}`);
}

/** What tells the proxy's own errors from the target's. */
const SOURCE = "sigv4-proxy";

export function ownErrorData(
  { reason, data }: ProxyError,
): Record<string, unknown> {
  return { source: SOURCE, reason, ...data };
}

export function isOwnError(data: unknown): data is Record<string, unknown> {
  return isObject(data) && data.source === SOURCE;
}

/** What a client is told of a request that may have run. */
const DOUBT = "; the request may have run";

/** An error's message, with the doubt that it leaves. */
export function sentenceOf({ message, data }: ProxyError): string {
  return data.mayHaveRun === true ? message + DOUBT : message;
}

/**
 * What kept a layer's own request from its answer, in words: no doubt about
 * that one is a doubt about the client's, which waited for it.
 */
export function causeIn(
  { message, data }: Pick<RpcError, "message" | "data">,
): string {
  const isDoubted = isOwnError(data) && data.mayHaveRun === true &&
    message.endsWith(DOUBT);
  return isDoubted ? message.slice(0, -DOUBT.length) : message;
}

/** Whether an error to the first request may be due to the target's era. */
export function mayBeOfOtherEra(data: unknown): boolean {
  return !isOwnError(data) || data.reason === "http-status";
}

/** How far a request has come. */
export interface RequestState {
  /** Whether it left for the target, now or before. */
  readonly isSent: boolean;
  /** Whether it waits for credentials. */
  readonly isHeld: boolean;
}

export function shuttingDown(mayHaveRun: boolean, isHeld = false): ProxyError {
  const message = isHeld
    ? "the proxy is stopping, and there were no credentials yet"
    : "the proxy is stopping";
  return new ProxyError("shutting-down", message, { data: { mayHaveRun } });
}

/**
 * A time limit has passed.
 *
 * @param what What did not happen in time, where credentials were there.
 * @param option What sets the limit, if anything does.
 */
export function timedOut(
  what: string,
  limitMs: number,
  { isSent: mayHaveRun, isHeld }: RequestState,
  option?: string,
): ProxyError {
  const late = isHeld ? `no credentials came within ${limitMs} ms` : what;
  const message = option ? `${late}; ${option} sets this limit` : late;
  return new ProxyError("timeout", message, { data: { mayHaveRun, limitMs } });
}
