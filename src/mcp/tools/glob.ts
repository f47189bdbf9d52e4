/**
 * Globs: `*` is any text, `?` one character.
 *
 * @module
 */

const STAR = 0x2a;
const QUESTION = 0x3f;

/** A pattern for whole texts. */
export class Glob {
  readonly #pattern: readonly number[];

  /** @param glob The pattern as it is written. */
  constructor(glob: string) {
    this.#pattern = Array.from(glob, (char) => codePoint(char));
  }

  /**
   * Whether a text is of this pattern. Only the last `*` is ever tried anew,
   * since what the ones before it took can stay as it is; so no text takes
   * longer than its length times that of the pattern.
   */
  matches(text: string): boolean {
    const pattern = this.#pattern;
    let at = 0;
    let place = 0;
    let star = -1;
    let resumeAt = 0;
    while (at < text.length) {
      const char = codePoint(text, at);
      if (pattern[place] === STAR) {
        star = place++;
        resumeAt = at;
      } else if (pattern[place] === QUESTION || pattern[place] === char) {
        place++;
        at += unitsOf(char);
      } else if (star >= 0) {
        resumeAt += unitsOf(codePoint(text, resumeAt));
        at = resumeAt;
        place = star + 1;
      } else return false;
    }
    while (pattern[place] === STAR) place++;
    return place === pattern.length;
  }
}

function codePoint(text: string, at = 0): number {
  return text.codePointAt(at) ?? NaN;
}

/** How many units of a string a character takes. */
function unitsOf(char: number): number {
  return char > 0xffff ? 2 : 1;
}
