/** Patterns with `*` and `?`. */

/** A pattern for whole texts. */
export class Glob {
  readonly #pattern: readonly string[];

  /** @param glob The pattern as it is written. */
  constructor(glob: string) {
    this.#pattern = [...glob];
  }

  /**
   * Whether a text is of this pattern. Only the last `*` is ever tried anew,
   * since what the ones before it took can stay as it is; so no text takes
   * longer than its length times that of the pattern.
   */
  matches(text: string): boolean {
    const pattern = this.#pattern;
    const characters = [...text];
    let at = 0;
    let place = 0;
    let star = -1;
    let resumeAt = 0;
    while (at < characters.length) {
      if (pattern[place] === "*") {
        star = place++;
        resumeAt = at;
      } else if (pattern[place] === "?" || pattern[place] === characters[at]) {
        place++;
        at++;
      } else if (star >= 0) {
        at = ++resumeAt;
        place = star + 1;
      } else return false;
    }
    while (pattern[place] === "*") place++;
    return place === pattern.length;
  }
}
