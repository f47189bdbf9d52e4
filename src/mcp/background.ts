/**
 * Work that goes on after a message was taken.
 *
 * @module
 */

import type { Log } from "../log.ts";

/** Work under way, which a layer waits for at its end. */
export class Background {
  readonly #log: Log;
  readonly #work = new Set<Promise<void>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Whether nothing is under way. */
  get isIdle(): boolean {
    return this.#work.size === 0;
  }

  /** Starts some work. Only a client that is gone makes it fail. */
  start(work: () => Promise<void>): void {
    const done = work().catch((error) => {
      this.#log.debug("could not answer", { error: String(error) });
    }).finally(() => this.#work.delete(done));
    this.#work.add(done);
  }

  /** Resolves when all that is under way now is done. */
  async settled(): Promise<void> {
    await Promise.all(this.#work);
  }

  /** Resolves when any of it is done. */
  async any(): Promise<void> {
    await Promise.race(this.#work);
  }
}
