/**
 * The time of a test, which stands still until the test lets it pass: no limit
 * is over because the machine is slow, and none has to be waited for.
 */

import { within } from "./deadline.ts";

interface Held {
  readonly delayMs: number;
  readonly dueAt: number;
  readonly ring: () => void;
}

type Timer = ReturnType<typeof setTimeout>;
type Callback = (...args: readonly unknown[]) => void;

/** A real timer is what stands for one that is held. */
const FAR_MS = 2 ** 31 - 1;

let current: Clock | undefined;

/**
 * Lets time go on that a test has stopped: what ends at its end has limits that
 * may have to ring.
 */
export function letTimeGo(): void {
  current?.release();
}

/** What is ready runs. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Holds `performance.now` and the timers that have a delay. What has none runs
 * as ever, and so do `Date`, `AbortSignal.timeout` and the timers of tests'
 * own deadlines.
 */
export class Clock implements Disposable {
  readonly #held = new Map<Timer, Held>();
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();
  readonly #undo = new DisposableStack();
  readonly #realNow = performance.now.bind(performance);
  // Whole, so that sums and differences are exact.
  #now = Math.ceil(this.#realNow());
  #time = () => this.#now;

  /** Stops the time until it is disposed of. */
  constructor() {
    const { setTimeout, clearTimeout } = globalThis;
    this.#replace(performance, "now", () => this.#time());
    this.#replace(
      globalThis,
      "setTimeout",
      (callback: Callback, delayMs = 0, ...args: unknown[]) => {
        if (delayMs <= 0 || current !== this) {
          return setTimeout(callback, delayMs, ...args);
        }
        const ring = () => {
          globalThis.clearTimeout(timer);
          callback(...args);
        };
        const timer = setTimeout(ring, FAR_MS);
        this.#held.set(timer, { delayMs, dueAt: this.#now + delayMs, ring });
        this.#waiting.get(delayMs)?.resolve();
        return timer;
      },
    );
    this.#replace(globalThis, "clearTimeout", (timer?: Timer) => {
      if (timer !== undefined) this.#held.delete(timer);
      clearTimeout(timer);
    });
    current = this;
  }

  /** Lets time pass; what is due meanwhile rings, each in its turn. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    await turn();
    for (;;) {
      const [due] = this.#dueBy(until);
      if (due === undefined) break;
      this.#now = Math.max(this.#now, due.dueAt);
      due.ring();
      // Whoever waited for it may set the next one.
      await turn();
    }
    this.#now = until;
  }

  /** Lets time pass, bit by bit, until something has come. */
  async until<T>(promise: Promise<T>, stepMs = 50): Promise<T> {
    let isOver = false;
    promise.catch(() => {}).finally(() => isOver = true);
    while (!isOver) await this.pass(stepMs);
    return await promise;
  }

  /**
   * Lets time pass as for a process that stood still: what is due rings late,
   * and before anything is read that came meanwhile.
   */
  jump(ms: number): void {
    this.#now += ms;
    for (const { ring } of this.#dueBy(this.#now)) ring();
  }

  /** Waits until a timer of this delay is set; when it is due. */
  async set(delayMs: number): Promise<number> {
    const isSet = () =>
      this.#held.values().find((held) => held.delayMs === delayMs);
    if (!isSet()) {
      const set = Promise.withResolvers<void>();
      this.#waiting.set(delayMs, set);
      await within(set.promise, `a timer of ${delayMs} ms`);
      this.#waiting.delete(delayMs);
    }
    return isSet()?.dueAt ?? this.#now;
  }

  /** Waits until a timer of this delay is set, and lets it ring. */
  async ring(delayMs: number): Promise<void> {
    await this.pass(await this.set(delayMs) - this.#now);
  }

  /** Lets time go on: what is held rings after what is left of its delay. */
  release(): void {
    if (current !== this) return;
    current = undefined;
    const aheadMs = this.#now - this.#realNow();
    this.#time = () => this.#realNow() + aheadMs;
    for (const { resolve } of this.#waiting.values()) resolve();
    for (const [timer, { dueAt, ring }] of this.#held) {
      const left = setTimeout(() => {
        if (this.#held.has(timer)) ring();
      }, dueAt - this.#now);
      this.#undo.defer(() => clearTimeout(left));
    }
  }

  /** Lets time go on, and forgets what is held. */
  [Symbol.dispose](): void {
    this.release();
    this.#undo.dispose();
    for (const timer of this.#held.keys()) clearTimeout(timer);
  }

  #dueBy(until: number): Held[] {
    return [...this.#held.values()].filter(({ dueAt }) => dueAt <= until)
      .sort((one, other) => one.dueAt - other.dueAt);
  }

  #replace(on: object, name: string, value: unknown): void {
    const before = Object.getOwnPropertyDescriptor(on, name);
    Object.defineProperty(on, name, {
      value,
      configurable: true,
      writable: true,
    });
    this.#undo.defer(() => {
      Reflect.deleteProperty(on, name);
      if (before) Object.defineProperty(on, name, before);
    });
  }
}
