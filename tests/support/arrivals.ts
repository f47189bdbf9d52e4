/**
 * A list that grows while a test runs, each entry of which can be awaited
 * before it is there.
 */

import { within } from "./time/deadline.ts";

interface Waiting<T> {
  readonly take: () => T | undefined;
  readonly resolve: (item: T) => void;
  readonly reject: (reason: Error) => void;
}

/** Things in the order in which they came. */
export class Arrivals<T> {
  readonly #name: string;
  readonly #items: T[] = [];
  readonly #waiting = new Set<Waiting<T>>();
  #over: Error | undefined;
  #taken = 0;

  /** @param name What an entry is called in errors. */
  constructor(name: string) {
    this.#name = name;
  }

  /** All that came so far. */
  get all(): readonly T[] {
    return this.#items;
  }

  /** How many came so far. */
  get length(): number {
    return this.#items.length;
  }

  /** Adds an entry and wakes who waits for it. */
  add(item: T): void {
    this.#items.push(item);
    for (const waiting of this.#waiting) {
      const found = waiting.take();
      if (found === undefined) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(found);
    }
  }

  /** Nothing more will come: who still waits fails. */
  end(reason: string): void {
    if (this.#over !== undefined) return;
    this.#over = new Error(reason);
    for (const waiting of this.#waiting) {
      waiting.reject(this.#missing(this.#over));
    }
    this.#waiting.clear();
  }

  /** The entry at an index, counted from 0, as soon as it is there. */
  at(index: number, deadlineMs?: number): Promise<T> {
    return this.#wait(
      () => this.#items[index],
      `${this.#name} at index ${index}`,
      deadlineMs,
    );
  }

  /** The first entry, past or to come, of which the predicate holds. */
  find(predicate: (item: T) => boolean, deadlineMs?: number): Promise<T> {
    let seen = 0;
    return this.#wait(
      () => {
        while (seen < this.#items.length) {
          const item = this.#items[seen++];
          if (predicate(item)) return item;
        }
      },
      `a matching ${this.#name}`,
      deadlineMs,
    );
  }

  /** The first entry that no `next()` returned before. */
  next(deadlineMs?: number): Promise<T> {
    return this.at(this.#taken++, deadlineMs);
  }

  #wait(
    take: () => T | undefined,
    what: string,
    deadlineMs: number | undefined,
  ): Promise<T> {
    const found = take();
    if (found !== undefined) return Promise.resolve(found);
    if (this.#over !== undefined) {
      return Promise.reject(this.#missing(this.#over));
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const waiting = { take, resolve, reject };
    this.#waiting.add(waiting);
    return within(promise, what, deadlineMs).catch((error) => {
      this.#waiting.delete(waiting);
      throw error instanceof Error
        ? new Error(`${error.message} (${this.length} came)`, { cause: error })
        : error;
    });
  }

  #missing(cause: Error): Error {
    return new Error(`no such ${this.#name}: ${cause.message}`, { cause });
  }
}
