/** What is on its way to the client, and who looks at it there. */

import { untilAborted, within } from "../../../time.ts";
import { rootOf, scanInTurns } from "../../wire/large_message.ts";
import type { ProxyError } from "../../../errors.ts";
import type { Era } from "../../wire/era.ts";
import type { SessionHeaders } from "../../wire/headers.ts";
import type {
  BatchMessage,
  RequestId,
  ResponseMessage,
  SingleMessage,
} from "../../wire/message.ts";
import { withResultMeta } from "../../wire/metadata.ts";
import { mapElements } from "../../wire/splice.ts";
import { Background } from "../awaited.ts";
import type { Exchange } from "../exchange.ts";
import type { Origin } from "./pending_requests.ts";

/** The one revision of MCP in which several messages make one frame. */
const BATCH_VERSION = "2025-03-26";

/** Where a result says who answered it. */
const IDENTITY_KEY = "sigv4-proxy/identity";

/**
 * How long a result waits for it: the head of its POST may come after it, where
 * the result comes over another stream.
 */
const RECEIPT_MS = 5_000;

export interface Delivery {
  readonly message: SingleMessage;
  readonly frame: Uint8Array;
  readonly owner: Exchange | undefined;
}

/** How long results may take at the end that wait for their receipt no more. */
const LAST_RESULTS_MS = 100;

/** Deliveries that wait to be told who answered. */
export class Receipts extends Background {
  readonly #isEnding = new AbortController();

  /**
   * The frame, of a result with what is said of who answered; where that is not
   * known, without what the target says of it.
   */
  async put({ message, frame, owner }: Delivery): Promise<Uint8Array> {
    if (message.kind !== "response" || message.error) return frame;
    let receipt: string | undefined;
    const known = owner?.receipt?.then((text) => receipt = text);
    if (known) await within(RECEIPT_MS, known, this.#isEnding.signal);
    await scanInTurns(frame);
    return withResultMeta(frame, IDENTITY_KEY, receipt);
  }

  /** The same of a batch: one frame, if nothing of it is left out. */
  async putAll(
    bytes: Uint8Array,
    deliveries: readonly (Delivery | undefined)[],
  ): Promise<readonly (Uint8Array | undefined)[]> {
    const frames = await Promise.all(
      deliveries.map((one) => one && this.put(one)),
    );
    if (frames.includes(undefined)) return frames;
    const change = (part: Uint8Array, n: number) => frames[n] ?? part;
    return [mapElements(bytes, rootOf(bytes), change)];
  }

  /** Waits for those that wait; at a stop they go without. */
  async drain(deadline: AbortSignal): Promise<void> {
    await untilAborted(this.settled(), deadline);
    if (!deadline.aborted) return;
    this.#isEnding.abort();
    await within(LAST_RESULTS_MS, this.settled());
  }
}

/** Who takes part in the routing of responses. */
export interface RouterHooks {
  readonly era: Era;
  /** Sees each answer first; one for which it throws is not delivered. */
  readonly onAnswer: (
    answer: ResponseMessage,
    frame: Uint8Array,
    exchange: Exchange,
    session: SessionHeaders,
  ) => void;
  /** Says which frames a message becomes for the client; itself by default. */
  readonly pass?: (
    message: SingleMessage,
    frame: Uint8Array,
    exchange: Exchange | undefined,
  ) => readonly Uint8Array[];
  /** Answers a request of the target's that cannot be delivered. */
  readonly refuse: (id: RequestId, error: ProxyError) => void;
}

/** Whether the client can read a batch, as far as that is known. */
export function mayBeBatch(
  { messages: { length } }: BatchMessage,
  { session: { protocolVersion }, exchange }: Origin,
): boolean {
  if (exchange?.method === "batch") return true;
  if (protocolVersion !== undefined) return protocolVersion === BATCH_VERSION;
  return length > 1 && exchange?.method !== "initialize";
}
