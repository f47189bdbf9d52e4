/**
 * What a message in HTTP server mode says of itself: whether it opens a stream,
 * and what an observer is told of it and of its answer.
 */

import { BlockBuffer, includesBytes } from "../mcp/wire/bytes.ts";
import type { HeaderMap } from "./headers.ts";
import { LONG_LIVED_METHODS } from "../mcp/stateless/listen.ts";
import { isUnclear } from "../mcp/tools/ambiguity.ts";
import {
  type Message,
  requestsOf,
  type ResponseMessage,
} from "../mcp/wire/message.ts";
import { rootOf } from "../mcp/wire/large_message.ts";
import { type Era, eraOf } from "../mcp/wire/era.ts";
import { eventsIn } from "../mcp/wire/events.ts";
import { responseIn } from "../mcp/transport/link.ts";
import type { Observation, Observer } from "../mcp/transport/observer.ts";

/** Tells what the head of a request says, which is all there is at first. */
export function claimsStandaloneStream(
  method: string | undefined,
  headers: HeaderMap,
): boolean {
  return method === "GET" ||
    method === "POST" &&
      LONG_LIVED_METHODS.has(headers.get("mcp-method") ?? "");
}

/** How the methods end: whether the slash before that is escaped is no matter. */
const METHOD_ENDS = [...LONG_LIVED_METHODS].map((method) =>
  new TextEncoder().encode(method.slice(method.indexOf("/") + 1))
);

/** Tells whether a message may open such a stream, and should be read. */
export function mayOpenStandaloneStream(bytes: Uint8Array): boolean {
  return METHOD_ENDS.some((end) => includesBytes(bytes, end));
}

/** Tells whether a message opens such a stream, whoever reads it. */
export function opensStandaloneStream(
  bytes: Uint8Array,
  message: Message,
): boolean {
  return message.kind === "request" && LONG_LIVED_METHODS.has(message.method) &&
    !isUnclear("method", bytes, rootOf(bytes));
}

export function observeRequest(
  observer: Observer,
  headers: HeaderMap,
  message: Message | undefined,
): Observation | undefined {
  if (!observer.began) return undefined;
  const requests = message === undefined || message.kind === "invalid"
    ? []
    : requestsOf(message).map(({ id }) => id);
  const { method, params, era } = namesOf(message, headers);
  return observer.began(
    { method, params, requests, headers: new Headers([...headers]) },
    era,
  );
}

function namesOf(
  message: Message | undefined,
  headers: HeaderMap,
): { method: string; params: unknown; era: Era } {
  if (message?.kind === "request" || message?.kind === "notification") {
    const { method, params } = message;
    return { method, params, era: eraOf(message) };
  }
  // Clients of 2026-07-28 name the method in a header, too.
  const named = message === undefined ? headers.get("mcp-method") : undefined;
  return named === undefined
    ? { method: message?.kind ?? "unread", params: undefined, era: "legacy" }
    : {
      method: named,
      params: { name: headers.get("mcp-name") },
      era: "modern",
    };
}

/** A larger answer is not kept only to be told of. */
const MAX_KEPT_BYTES = 64 * 1024;

/**
 * An answer that passes, and is kept on the side as long as it is small: most
 * errors of MCP come with HTTP 200. Nothing of it waits for that.
 */
export class PassingAnswer {
  readonly #kept = new BlockBuffer();
  #isSmall = true;

  keep(piece: Uint8Array): void {
    if (!this.#isSmall) return;
    this.#isSmall = this.#kept.byteLength + piece.length <= MAX_KEPT_BYTES;
    if (this.#isSmall) this.#kept.push(piece);
    else this.#kept.take();
  }

  /** The answer that passed, in one piece or as events, if it was small. */
  read(isStream: boolean): ResponseMessage | undefined {
    if (!this.#isSmall) return undefined;
    const bytes = this.#kept.take();
    return isStream ? lastResponseIn(bytes) : responseIn(bytes);
  }
}

function lastResponseIn(bytes: Uint8Array): ResponseMessage | undefined {
  return eventsIn(bytes).flatMap(({ data }) => responseIn(data) ?? []).at(-1);
}
