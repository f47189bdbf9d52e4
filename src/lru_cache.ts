/** A memory that stays small. */

/** How long all keys may be together: a peer names things as long as it likes. */
const MAX_LENGTH = 4 * 1024 * 1024;

interface Entry<V> {
  readonly value: V;
  readonly length: number;
}

/** Values by their key, as many as were noted last. */
export class Recent<V> {
  readonly #entries = new Map<string, Entry<V>>();
  readonly #limit: number;
  #length = 0;

  /** @param limit How many are remembered; the oldest go first. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Notes a value; it is the newest now. What is too long is not remembered.
   *
   * @param valueLength How long the texts in the value are, if a peer says so.
   */
  set(key: string, value: V, valueLength = 0): void {
    this.delete(key);
    const length = key.length + valueLength;
    if (length > MAX_LENGTH) return;
    this.#entries.set(key, { value, length });
    this.#length += length;
    while (this.size > this.#limit || this.#length > MAX_LENGTH) {
      const [oldest] = this.#entries.keys();
      this.delete(oldest);
    }
  }

  /** What was noted last under a key; `undefined` if nothing is remembered. */
  get(key: string): V | undefined {
    return this.#entries.get(key)?.value;
  }

  /** Forgets a key; whether there was anything under it. */
  delete(key: string): boolean {
    this.#length -= this.#entries.get(key)?.length ?? 0;
    return this.#entries.delete(key);
  }

  /** What is remembered, the oldest first. */
  keys(): Iterable<string> {
    return this.#entries.keys();
  }

  /** How many values there are. */
  get size(): number {
    return this.#entries.size;
  }
}
