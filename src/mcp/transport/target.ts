/** The target, as every part that has to do with it is handed it. */

import type { ProxyError } from "../../errors.ts";
import type { HoldingFetch } from "../../net/fetching.ts";
import type { Log } from "../../log/log.ts";
import type { Redactor } from "../../redact/redact.ts";
import type { HeaderPairs } from "../wire/headers.ts";
import type { RequestId } from "../wire/message.ts";
import type { Metadata } from "../wire/metadata.ts";
import type { Exchange, ExchangeLimits } from "./exchange.ts";
import type { Emit } from "./link.ts";
import type { Observer } from "./observer.ts";

/**
 * The largest message that the client is given unless it is told otherwise:
 * the official SDK's client closes itself on a longer line.
 */
export const DEFAULT_MAX_ANSWER_BYTES = 10 * 1024 * 1024;

/** How the target is reached, and what its answers must keep to. */
export interface Target extends ExchangeLimits {
  readonly url: URL;
  readonly fetch: HoldingFetch;
  readonly headers: HeaderPairs;
  readonly metadata?: Metadata;
  /** Writes one frame to the client; awaited, so that a slow client slows us. */
  readonly emit: Emit;
  /** Writes the answer to a request whose pieces are still on their way. */
  readonly emitPieces: (
    pieces: AsyncIterable<Uint8Array>,
    id: RequestId,
  ) => Promise<void>;
  /** The largest message that the client is given, in bytes. */
  readonly maxAnswerBytes: number;
  /**
   * Whether an answer may pass while it still arrives; `true` unless it is set.
   */
  readonly passesInPieces?: boolean;
  /** What is said, in JSON, of who answered, and put into results. */
  readonly receiptOf?: (response: Response) => Promise<string | undefined>;
  /** How many requests are upstream at once. */
  readonly maxConcurrency: number;
  /** How often a request is sent again that cannot have run. */
  readonly retries: number;
  /** Says what an HTTP error means where the transport knows more than MCP. */
  readonly explain: (
    response: Response,
    body: string,
  ) => ProxyError | undefined;
  /**
   * Waits until what kept a request from being sent is there again; nothing
   * where that cannot be waited for.
   *
   * @throws What the client is told in place of the answer.
   */
  readonly whenReady?: (
    failure: ProxyError,
    exchange: Exchange,
  ) => Promise<void> | undefined;
  readonly redactor: Redactor;
  readonly log: Log;
  /** Is told of the messages on their way, if anyone is. */
  readonly observer?: Observer;
}
