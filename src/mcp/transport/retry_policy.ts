/**
 * Whether an attempt that failed is followed by another, and when.
 *
 * @module
 */

import type { Exchange } from "./exchange.ts";
import { AttemptError, type Repeat } from "./failure.ts";
import { isObject } from "../wire/message.ts";
import { Recent } from "../../lru_cache.ts";
import { backoffMs, isRepeatable } from "./retry.ts";

/** A `Retry-After` beyond this is the client's to wait for. */
const MAX_RETRY_AFTER_MS = 30_000;

/** How many tools are remembered; the oldest go first. */
const MAX_TOOLS = 10_000;

/** Knows which requests do no harm when they run twice. */
export class RepeatPolicy {
  readonly #retries: number;
  readonly #repeatableTools = new Recent<true>(MAX_TOOLS);

  /** @param retries How often a request is sent again at most. */
  constructor(retries: number) {
    this.#retries = retries;
  }

  /** Learns from the result of `tools/list` which tools are safe to repeat. */
  learn(result: unknown): void {
    if (!isObject(result) || !Array.isArray(result.tools)) return;
    for (const tool of result.tools) {
      if (!isObject(tool) || typeof tool.name !== "string") continue;
      const hints = isObject(tool.annotations) ? tool.annotations : {};
      const isSafe = hints.readOnlyHint === true ||
        hints.idempotentHint === true;
      if (isSafe) this.#repeatableTools.set(tool.name, true);
      else this.#repeatableTools.delete(tool.name);
    }
  }

  /** Whether an exchange may be sent again after what happened to it. */
  allows({ method, params }: Exchange, repeat: Repeat): boolean {
    if (repeat !== "if-repeatable") return repeat === "always";
    if (method !== "tools/call") return isRepeatable(method);
    return isObject(params) && typeof params.name === "string" &&
      this.#repeatableTools.get(params.name) === true;
  }

  /**
   * How long to wait before the next attempt, in milliseconds; `undefined`
   * when there is none.
   */
  delayMs(
    exchange: Exchange,
    cause: unknown,
    tries: number,
  ): number | undefined {
    if (!(cause instanceof AttemptError)) return undefined;
    if (tries >= this.#retries) return undefined;
    if (!this.allows(exchange, cause.repeat)) return undefined;
    const askedMs = cause.retryAfterMs ?? 0;
    if (askedMs > MAX_RETRY_AFTER_MS) return undefined;
    return Math.max(askedMs, backoffMs(tries));
  }
}
