/**
 * The target, whichever era the client speaks to it in: each message says by
 * itself which one that is, so that one connection may probe with
 * `server/discover` and then fall back to `initialize`.
 */

import { replace } from "../blob.ts";
import { ProxyError } from "../errors.ts";
import { eraOf } from "./wire/era.ts";
import { cancelledId, type Link, passAllowed } from "./transport/link.ts";
import {
  type BatchMessage,
  requestsOf,
  type ValidMessage,
} from "./wire/message.ts";
import { withMetadata } from "./wire/metadata.ts";
import {
  StatelessSession,
  type StatelessTarget,
} from "./stateless/stateless.ts";
import { Session } from "./session/session.ts";
import type { SessionTarget } from "./session/session_keeper.ts";
import type { RouterHooks } from "./transport/answers/delivery.ts";

export interface UpstreamOptions extends SessionTarget, StatelessTarget {
  /** Says which frames a message becomes on its way to the client. */
  readonly pass?: RouterHooks["pass"];
}

export class Upstream implements Link {
  readonly #options: UpstreamOptions;
  readonly #session: Session;
  readonly #modern: StatelessSession;
  /** Whether the client ever spoke to the target in the legacy era. */
  #hasSession = false;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.#session = new Session(options, options.pass);
    this.#modern = new StatelessSession(options);
  }

  accept(given: Uint8Array, original: ValidMessage): Promise<void> | void {
    const { metadata = [], log } = this.#options;
    // Here, so that what the layers before this one ask for has it, too.
    const [frame, message] = withMetadata(given, original, metadata);
    const bytes = replace(given, frame);
    if (message.kind === "batch") {
      const detail = batchFault(message);
      const fault = detail === undefined
        ? undefined
        : new ProxyError("invalid-request", detail);
      return passAllowed(
        this.#options,
        bytes,
        message,
        (one) =>
          one.kind === "request" || eraOf(one) === "modern" ? fault : undefined,
        (...rest) => this.#acceptLegacy(...rest),
      );
    }
    if (
      message.kind === "notification" &&
      message.method === "notifications/cancelled"
    ) {
      // It is of the era of the request that it names.
      const id = cancelledId(message);
      if (id && this.#modern.cancel(id)) return;
      if (!this.#hasSession) return log.debug("there is nothing to cancel");
    } else if (message.kind !== "response" && eraOf(message) === "modern") {
      return this.#modern.accept(bytes, message);
    }
    return this.#acceptLegacy(bytes, message);
  }

  #acceptLegacy(
    bytes: Uint8Array,
    message: ValidMessage,
  ): Promise<void> | void {
    this.#hasSession = true;
    return this.#session.accept(bytes, message);
  }

  async drain(deadline: AbortSignal): Promise<void> {
    const links = [this.#session, this.#modern];
    await Promise.all(links.map((link) => link.drain(deadline)));
  }

  async close(limitMs: number): Promise<void> {
    this.#modern.close();
    await this.#session.close(limitMs);
  }
}

/** Why the requests of a batch cannot be sent; `undefined` where they can. */
function batchFault(batch: BatchMessage): string | undefined {
  // The modern era has no batches, so what is of it cannot stand in one.
  if (batch.messages.some((message) => eraOf(message) === "modern")) {
    return "a batch holds a message of protocol version 2026-07-28 or later, which has no batches; send each message on a line of its own";
  }
  // Nobody could tell which of the two an answer is for.
  const ids = requestsOf(batch).map(({ id }) => id.key);
  if (new Set(ids).size === ids.length) return undefined;
  return "two requests of a batch have the same ID; give each request an ID of its own";
}
