/**
 * Long work in short turns, so that what waits meanwhile is not kept waiting.
 *
 * @module
 */

/** How long work on foreign bytes may hold the event loop. */
const TURN_MS = 8;

/** Measures the time that work takes, and gives way when it is due. */
export class Turn {
  #workedMs = 0;
  #since = performance.now();

  /** Begins to work: what came before was waiting. */
  begin(): void {
    this.#since = performance.now();
  }

  /** Stops to wait for something. */
  pause(): void {
    this.#workedMs += performance.now() - this.#since;
  }

  /** Whether others have waited long enough. */
  get isOver(): boolean {
    return this.#workedMs + performance.now() - this.#since >= TURN_MS;
  }

  /** Lets the event loop go round once. */
  async next(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#workedMs = 0;
    this.#since = performance.now();
  }
}
