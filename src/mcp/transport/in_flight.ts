/**
 * What is under way, and how it comes to its end.
 *
 * @module
 */

import { untilAborted } from "../../time.ts";
import type { ResponseRouter } from "./response_router.ts";
import type { Exchange } from "./exchange.ts";
import { shuttingDown } from "./failure.ts";

/** How many answers are made at once at the end. */
const SLICE = 256;

interface Run {
  readonly done: Promise<void>;
  /** Whether it stands open, so that nothing is gained by waiting for it. */
  readonly isLongLived: boolean;
}

/** Exchanges from their start to their end. */
export class InFlight {
  readonly #delivery: ResponseRouter;
  readonly #runs = new Map<Exchange, Run>();

  constructor(delivery: ResponseRouter) {
    this.#delivery = delivery;
  }

  /** Notes an exchange until it is done. */
  add(exchange: Exchange, done: Promise<void>, isLongLived = false): void {
    this.#runs.set(exchange, { done, isLongLived });
    const end = () => void this.#runs.delete(exchange);
    done.then(end, end);
  }

  /**
   * Waits for what is under way until `patience` is aborted, then answers the
   * rest with an error.
   */
  async drain(patience: AbortSignal): Promise<void> {
    // What is answered may bring forth more, so look again.
    for (let open = this.#open(); open.length > 0; open = this.#open()) {
      await untilAborted(Promise.all(open), patience);
      if (patience.aborted) break;
    }
    const left = [...this.#runs.keys()];
    const errors = { sent: shuttingDown(true), held: shuttingDown(false) };
    // The latest first: those before have the places, which nobody is to get.
    for (let to = left.length; to > 0; to -= SLICE) {
      for (const exchange of left.slice(Math.max(0, to - SLICE), to)) {
        const error = exchange.isSent ? errors.sent : errors.held;
        void this.#delivery.fail(exchange, error).catch(() => {});
      }
      // Thousands take a while, which a stop has not: some leave in between.
      if (to > SLICE) await turn();
    }
    for (const exchange of left) {
      exchange.end(exchange.isSent ? errors.sent : errors.held);
    }
  }

  /** What is waited for: the ends of what still owes something. */
  #open(): Promise<void>[] {
    return [...this.#runs].flatMap(([exchange, { done, isLongLived }]) => {
      if (isLongLived) return [];
      if (!exchange.isRequest) return [done];
      return exchange.isSettled ? [] : [exchange.settled];
    });
  }
}

/** Resolves when what else is ready has had its turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
