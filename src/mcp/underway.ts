/**
 * What is under way, and how it comes to its end.
 *
 * @module
 */

import { aborted } from "../aborted.ts";
import type { Delivery } from "./delivery.ts";
import type { Exchange } from "./exchange.ts";
import { shuttingDown } from "./failure.ts";

interface Run {
  readonly done: Promise<void>;
  /** Whether it stands open, so that nothing is gained by waiting for it. */
  readonly isStanding: boolean;
}

/** Exchanges from their start to their end. */
export class Underway {
  readonly #delivery: Delivery;
  readonly #runs = new Map<Exchange, Run>();

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
  }

  /** Notes an exchange until it is done. */
  add(exchange: Exchange, done: Promise<void>, isStanding = false): void {
    this.#runs.set(exchange, { done, isStanding });
    void done.finally(() => this.#runs.delete(exchange));
  }

  /**
   * Waits for what is under way until `patience` is aborted, then answers the
   * rest with an error.
   */
  async drain(patience: AbortSignal): Promise<void> {
    await Promise.race([this.#settled(), aborted(patience)]);
    for (const exchange of [...this.#runs.keys()]) {
      const error = shuttingDown(exchange.isSent);
      void this.#delivery.fail(exchange, error).catch(() => {});
      exchange.end(error);
    }
  }

  async #settled(): Promise<void> {
    // What is answered may bring forth more, so look again.
    for (;;) {
      const open = [...this.#runs].filter(([exchange, { isStanding }]) =>
        !isStanding && !(exchange.isRequest && exchange.isSettled)
      );
      if (open.length === 0) return;
      await Promise.all(
        open.map(([exchange, { done }]) =>
          exchange.isRequest ? exchange.settled : done
        ),
      );
    }
  }
}
