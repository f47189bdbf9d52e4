/** An LRU cache, bounded in entries and in the length of their texts. */

/** How long all keys may be together: a peer names things as long as it likes. */
const MAX_LENGTH = 4 * 1024 * 1024;

interface Entry<V> {
  readonly value: V;
  readonly length: number;
}

/** Values by their key: those that were set or looked up last. */
export class LruCache<V> {
  readonly #entries = new Map<string, Entry<V>>();
  /** Goes on where it was: a new one would pass all that was deleted. */
  #oldest: Iterator<string> | undefined;
  #deleted = 0;
  readonly #limit: number;
  #length = 0;

  /** @param limit How many are kept; the least recently used goes first. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Sets a value. What is too long is not kept.
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
      this.#oldest ??= this.#entries.keys();
      this.delete(this.#oldest.next().value);
    }
  }

  /** The value of a key, which is in use from then on. */
  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.delete(key);
    this.#entries.set(key, entry);
    this.#length += entry.length;
    return entry.value;
  }

  /** Removes a key; its value, if it was there. */
  delete(key: string): V | undefined {
    const entry = this.#entries.get(key);
    this.#length -= entry?.length ?? 0;
    this.#entries.delete(key);
    // One that is not asked holds whatever the map has been since.
    if (++this.#deleted > this.size) {
      this.#oldest = undefined;
      this.#deleted = 0;
    }
    return entry?.value;
  }

  /** The keys with their values, the least recently used first. */
  *entries(): Iterable<[key: string, value: V]> {
    for (const [key, { value }] of this.#entries) yield [key, value];
  }

  /** How many entries there are. */
  get size(): number {
    return this.#entries.size;
  }
}
