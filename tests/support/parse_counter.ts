/** How often a large text is parsed. */

const LARGE = 64 * 1024;

/** Counts, until it is disposed of, the large texts that are parsed. */
export class ParseCounter implements Disposable {
  readonly #parse = JSON.parse;
  count = 0;

  constructor() {
    JSON.parse = (text, reviver) => {
      if (text.length > LARGE) this.count++;
      return this.#parse(text, reviver);
    };
  }

  [Symbol.dispose](): void {
    JSON.parse = this.#parse;
  }
}
