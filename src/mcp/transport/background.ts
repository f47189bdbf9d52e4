/** Work that goes on after a message was taken. */

import type { Log } from "../../log/log.ts";

/** Work under way, which a layer waits for at its end. */
export class Background {
  readonly #log: Log;
  readonly #work = new Set<Promise<void>>();

  constructor(log: Log) {
    this.#log = log;
  }

  get isIdle(): boolean {
    return this.#work.size === 0;
  }

  /**
   * Starts some work; resolves when it is done. Only a client that is gone makes
   * it fail.
   */
  start(work: () => Promise<void>): Promise<void> {
    const done = work().catch((error) => {
      this.#log.debug("could not answer", { error: String(error) });
    }).finally(() => this.#work.delete(done));
    this.#work.add(done);
    return done;
  }

  /** Resolves when all that is under way now is done. */
  async settled(): Promise<void> {
    await Promise.all(this.#work);
  }
}
