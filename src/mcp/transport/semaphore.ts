/**
 * How many requests may be upstream at once.
 *
 * @module
 */

/** A fixed number of permits, given in the order in which they were asked for. */
export class Semaphore {
  #free: number;
  readonly #waiting = new Set<() => void>();

  /** @param count How many permits there are. */
  constructor(count: number) {
    this.#free = count;
  }

  /** How many wait for one. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Takes a permit, if one is free. */
  tryAcquire(): boolean {
    if (this.#free === 0) return false;
    this.#free--;
    return true;
  }

  /**
   * Takes a permit, as soon as there is one; false when `signal` was aborted
   * first.
   */
  async acquire(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.tryAcquire()) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const give = () => resolve(true);
    const leave = () => {
      if (this.#waiting.delete(give)) resolve(false);
    };
    this.#waiting.add(give);
    signal.addEventListener("abort", leave, { once: true });
    const taken = await promise;
    signal.removeEventListener("abort", leave);
    return taken;
  }

  /** Gives a permit back, to the one that waits longest. */
  release(): void {
    for (const give of this.#waiting) {
      this.#waiting.delete(give);
      return give();
    }
    this.#free++;
  }
}
