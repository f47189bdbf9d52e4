/** Random numbers that a seed makes, the same on every machine. */

/** mulberry32: numbers from 0 up to 1. */
export function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Choices that a seed makes. */
export class Random {
  readonly #next: () => number;

  /**
   * @param seeds What the choices depend on: the same numbers, the same choices.
   */
  constructor(...seeds: readonly number[]) {
    const mixed = seeds.reduce(
      (hash, seed) => Math.imul(hash ^ seed, 0x9e3779b1) ^ (hash >>> 13),
      0x2545f491,
    );
    this.#next = mulberry32(mixed);
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.#next() * end);
  }

  /** True in a share of the cases, 0 to 1. */
  chance(share: number): boolean {
    return this.#next() < share;
  }

  /** One of some choices. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }
}
