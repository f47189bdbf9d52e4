/**
 * Who asked to hear of the progress of what: strict clients end at progress
 * of a request that they take for over.
 *
 * @module
 */

import { idAsWritten, respelt } from "../wire/answer_id.ts";
import { metaOf } from "../wire/era.ts";
import type { Exchange, ExchangeInit } from "./exchange.ts";
import {
  isObject,
  type NotificationMessage,
  type RequestId,
  requestId,
  type SingleMessage,
} from "../wire/message.ts";
import { Recent } from "../../lru_cache.ts";

/** How many tokens that are over are remembered; the oldest go first. */
const MAX_OVER = 1_000;

const PROGRESS = "notifications/progress";
const RELATED_TASK = "io.modelcontextprotocol/related-task";

/** The tokens of requests under way, and of those that are over. */
export class ProgressTokens {
  readonly #asked = new Map<string, Exchange>();
  readonly #over = new Recent<true>(MAX_OVER);

  /** Notes the tokens that an exchange names. */
  expect(exchange: Exchange): void {
    for (const { key } of exchange.progressTokens.values()) {
      this.#asked.set(key, exchange);
      this.#over.delete(key);
    }
  }

  /** Keeps a token in use beyond the answer: a task goes on. */
  keep(exchange: Exchange, id: RequestId): void {
    const token = exchange.progressTokens.get(id.key);
    if (token) this.#asked.delete(token.key);
  }

  /** Notes that a request is over. */
  end(exchange: Exchange, id: RequestId): void {
    const token = exchange.progressTokens.get(id.key);
    if (!token || this.#asked.get(token.key) !== exchange) return;
    this.#asked.delete(token.key);
    this.#over.set(token.key, true);
  }

  /** The exchange whose progress a message tells of. */
  ownerOf(message: SingleMessage): Exchange | undefined {
    return keysIn(message).map((key) => this.#asked.get(key)).find(Boolean);
  }

  /** Whether a notification is for the client: it is no progress of the past. */
  isWanted(message: NotificationMessage): boolean {
    const owner = this.ownerOf(message);
    // What the client has cancelled is over to it.
    if (owner) return !owner.isSettled;
    return !keysIn(message).some((key) => this.#over.get(key));
  }
}

/** The token that progress is told of, in both spellings. */
function keysIn(message: SingleMessage): string[] {
  if (message.kind !== "notification" || message.method !== PROGRESS) return [];
  const { params } = message;
  const token = isObject(params) ? requestId(params.progressToken) : undefined;
  if (!token || RELATED_TASK in metaOf(params)) return [];
  return [token, respelt(token)].flatMap((one) => one ? [one.key] : []);
}

/** The requests among messages, and what they ask to hear of. */
export function requestsIn(
  parts: readonly {
    readonly message: SingleMessage;
    readonly bytes: Uint8Array;
  }[],
): Pick<ExchangeInit, "requests" | "progressTokens"> {
  const requests: RequestId[] = [];
  let progressTokens: Map<string, RequestId> | undefined;
  for (const { message, bytes } of parts) {
    if (message.kind !== "request") continue;
    requests.push(idAsWritten(message.id, bytes));
    const token = requestId(metaOf(message.params).progressToken);
    if (!token) continue;
    progressTokens ??= new Map();
    progressTokens.set(message.id.key, token);
  }
  return { requests, ...(progressTokens && { progressTokens }) };
}
