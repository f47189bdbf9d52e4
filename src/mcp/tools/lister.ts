/**
 * Lists the target's tools anew, all pages of them, when it says that a call's
 * headers do not fit (MCP 2026-07-28, Streamable HTTP, "Client Behavior").
 *
 * @module
 */

import { Exchange } from "../transport/exchange.ts";
import { owesAlike } from "../transport/error_body.ts";
import { AttemptError } from "../transport/retry.ts";
import { requestId, type ResponseMessage } from "../wire/message.ts";
import { type Metadata, paramsWithMetadata } from "../wire/metadata.ts";
import { readRpcError } from "../transport/responses.ts";
import { type PageParams, toolPages } from "./pages.ts";

/** What a {@linkcode ToolLister} is handed. */
export interface ToolListerOptions {
  /** Sends an exchange of the proxy's own; what is listed is recorded there. */
  readonly carry: (exchange: Exchange) => Promise<void>;
  /** What is put into each request. */
  readonly metadata?: Metadata;
}

/** The target's error for headers that do not fit the message. */
const HEADER_MISMATCH = -32020;

const encoder = new TextEncoder();

/**
 * Whether a call was refused since its headers do not fit it, before it ran:
 * with HTTP 400, which is what tells it from the error of a call.
 */
export function isHeaderMismatch(exchange: Exchange, cause: unknown): boolean {
  if (exchange.method !== "tools/call") return false;
  if (!(cause instanceof AttemptError) || !cause.answer) return false;
  const { error, id } = readRpcError(cause.answer) ?? {};
  return error?.code === HEADER_MISMATCH && cause.error.data.status === 400 &&
    (id === undefined || owesAlike(exchange, id));
}

/** Asks for lists of tools. */
export class ToolLister {
  readonly #options: ToolListerOptions;
  #asked = 0;

  constructor(options: ToolListerOptions) {
    this.#options = options;
  }

  /**
   * Lists all tools on behalf of a call, for no longer than that is under way.
   *
   * @returns Whether the list could be had.
   */
  async list({ params, signal }: Exchange): Promise<boolean> {
    const pages = toolPages((asked) => this.#ask(asked, signal), params);
    for await (const answer of pages) {
      if (!answer || answer.error) return false;
    }
    return true;
  }

  async #ask(
    given: PageParams,
    signal: AbortSignal,
  ): Promise<ResponseMessage | undefined> {
    const { carry, metadata = [] } = this.#options;
    const params = paramsWithMetadata(given, metadata);
    const name = `sigv4-proxy:headers:${++this.#asked}`;
    const id = requestId(name);
    if (!id || signal.aborted) return undefined;
    const method = "tools/list";
    let answer: ResponseMessage | undefined;
    const exchange = new Exchange({
      bytes: encoder.encode(
        JSON.stringify({ jsonrpc: "2.0", id: name, method, params }),
      ),
      method,
      params,
      requests: [id],
      onAnswer: (given) => answer = given,
    });
    const end = () => exchange.end();
    signal.addEventListener("abort", end, { once: true });
    await carry(exchange);
    signal.removeEventListener("abort", end);
    return answer;
  }
}
