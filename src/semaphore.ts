/** How much may be in use at once. */

/** A fixed number of permits, given in the order in which they were asked for. */
export class Semaphore {
  #free: number;
  /** Those that wait, and for how many. */
  readonly #waiting = new Map<() => void, number>();

  /** @param count How many permits there are. */
  constructor(count: number) {
    this.#free = count;
  }

  /** How many callers wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Takes permits, if they are free and nobody waits. */
  tryAcquire(count = 1): boolean {
    if (this.#waiting.size > 0 || count > this.#free) return false;
    this.#free -= count;
    return true;
  }

  /** Takes permits in their time; false when `signal` was aborted first. */
  async acquire(signal: AbortSignal, count = 1): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.tryAcquire(count)) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const give = () => resolve(true);
    const leave = () => {
      // Those behind it may have asked for fewer.
      if (this.#waiting.delete(give)) this.release(0);
      resolve(false);
    };
    this.#waiting.set(give, count);
    signal.addEventListener("abort", leave, { once: true });
    const isTaken = await promise;
    signal.removeEventListener("abort", leave);
    if (!isTaken || !signal.aborted) return isTaken;
    this.release(count);
    return false;
  }

  /** Gives permits back, to those that wait longest. */
  release(count = 1): void {
    this.#free += count;
    for (const [give, wanted] of this.#waiting) {
      if (wanted > this.#free) return;
      this.#free -= wanted;
      this.#waiting.delete(give);
      give();
    }
  }
}
