/**
 * Timers that are let go of together.
 *
 * @module
 */

/** The longest delay of a timer; a longer one would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Timers under way. */
export class Timers {
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  /** Calls back later, unless they are cleared before. */
  after(delayMs: number, callback: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, Math.min(delayMs, MAX_TIMER_MS));
    this.#timers.add(timer);
  }

  /** Lets go of all of them. */
  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
