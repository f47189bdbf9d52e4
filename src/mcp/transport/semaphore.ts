/**
 * How many requests may be upstream at once.
 *
 * @module
 */

/** A fixed number of places, given in the order in which they were asked for. */
export class Places {
  #free: number;
  readonly #waiting = new Set<() => void>();

  /** @param count How many places there are. */
  constructor(count: number) {
    this.#free = count;
  }

  /** How many wait for one. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Takes a place, if one is free. */
  tryTake(): boolean {
    if (this.#free === 0) return false;
    this.#free--;
    return true;
  }

  /**
   * Takes a place, as soon as there is one; false when `signal` was aborted
   * first.
   */
  async take(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.tryTake()) return true;
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

  /** Gives a place back, to the one that waits longest. */
  free(): void {
    for (const give of this.#waiting) {
      this.#waiting.delete(give);
      return give();
    }
    this.#free++;
  }
}
