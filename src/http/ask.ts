/**
 * Requests that the HTTP front makes itself, on behalf of a client's.
 *
 * @module
 */

import { ProxyError } from "../errors.ts";
import { blobOf } from "../blob.ts";
import type { HeaderMap } from "./headers.ts";
import { mediaType, readBody, readEvents } from "../mcp/wire/body.ts";
import { fetchFailure, streamCut } from "../mcp/transport/failure.ts";
import { frameTooLarge } from "../mcp/transport/large_answer.ts";
import { responseIn } from "../mcp/transport/link.ts";
import type { ResponseMessage } from "../mcp/wire/message.ts";

/** Whom to ask, and as whom. */
export interface AskOptions {
  readonly target: URL;
  /** A signed fetch. */
  readonly fetch: typeof globalThis.fetch;
  /** The headers of the client's own request. */
  readonly headers: HeaderMap;
  readonly signal: AbortSignal;
  /** The largest answer, in bytes. */
  readonly maxBytes: number;
}

/** The target did not do what the proxy asked of it itself. */
export class TargetRefusal extends Error {
  override name = "TargetRefusal";

  /** @param answer What the target said: an HTTP error or a redirect. */
  constructor(readonly answer: Response) {
    super(`the target answered HTTP ${answer.status}`);
  }
}

/**
 * Asks the target something.
 *
 * @param method The method of the message.
 * @param message The message.
 * @param options Whom to ask, and as whom.
 * @returns The answer.
 * @throws {TargetRefusal} The target answers with an HTTP error or a redirect.
 * @throws {ProxyError} It is not reached, or its answer is none.
 */
export async function askTarget(
  method: string,
  message: Uint8Array,
  { target, fetch, headers, signal, maxBytes }: AskOptions,
): Promise<ResponseMessage> {
  let answer: Response;
  try {
    answer = await fetch(target, {
      method: "POST",
      headers: [...ownHeaders(method, headers)],
      body: blobOf(message),
      redirect: "manual",
      signal,
    });
  } catch (cause) {
    throw fetchFailure(cause, target).error;
  }
  if (!answer.ok) throw new TargetRefusal(answer);
  const response = await responseOf(answer, maxBytes).catch((cause) => {
    throw cause instanceof ProxyError ? cause : streamCut(cause);
  });
  if (response !== undefined) return response;
  throw new ProxyError(
    "no-answer",
    `the target did not answer ${method}, which the proxy asked for itself`,
  );
}

/** The client's headers, as far as they are not about its own message. */
function ownHeaders(method: string, given: HeaderMap): HeaderMap {
  const headers = new Map(given);
  for (const name of [...headers.keys()]) {
    if (name === "mcp-name" || name.startsWith("mcp-param-")) {
      headers.delete(name);
    }
  }
  if (headers.has("mcp-method")) headers.set("mcp-method", method);
  headers.set("content-type", "application/json");
  headers.set("accept", "application/json, text/event-stream");
  return headers;
}

async function responseOf(
  answer: Response,
  maxBytes: number,
): Promise<ResponseMessage | undefined> {
  if (mediaType(answer) === "text/event-stream") {
    return await responseInEvents(answer, maxBytes);
  }
  const body = await readBody(answer, { maxBytes });
  if (body === undefined) throw frameTooLarge(undefined, maxBytes);
  return responseIn(body);
}

async function responseInEvents(
  answer: Response,
  maxDataBytes: number,
): Promise<ResponseMessage | undefined> {
  for await (
    const { data, oversized } of readEvents(answer, { maxDataBytes })
  ) {
    if (oversized) throw frameTooLarge(undefined, maxDataBytes);
    const response = responseIn(data);
    if (response !== undefined) return response;
  }
  return undefined;
}
