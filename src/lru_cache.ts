/** A memory that stays small. */

/** Values by their key, as many as were noted last. */
export class Recent<V> {
  readonly #values = new Map<string, V>();
  readonly #limit: number;

  /** @param limit How many are remembered; the oldest go first. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Notes a value; it is the newest now. */
  set(key: string, value: V): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size <= this.#limit) return;
    const [oldest] = this.#values.keys();
    this.#values.delete(oldest);
  }

  /** What was noted last under a key; `undefined` if nothing is remembered. */
  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  /** Forgets a key; whether there was anything under it. */
  delete(key: string): boolean {
    return this.#values.delete(key);
  }

  /** How many values there are. */
  get size(): number {
    return this.#values.size;
  }
}
