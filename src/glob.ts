/** Patterns with `*` and `?`. */

/** How far a character reaches: beyond 16 bits it is two of a text's units. */
const unitsOf = (character: number): number => character > 0xffff ? 2 : 1;

const codeOf = (character: string): number | undefined =>
  character.codePointAt(0);

const ANY = codeOf("*");
const ONE = codeOf("?");

/** A pattern for whole texts. */
export class Glob {
  readonly #pattern: readonly (number | undefined)[];

  /** @param glob The pattern as it is written. */
  constructor(glob: string) {
    this.#pattern = Array.from(glob, codeOf);
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
    for (;;) {
      const character = text.codePointAt(at);
      if (character === undefined) break;
      if (pattern[place] === ANY) {
        star = place++;
        resumeAt = at;
      } else if (pattern[place] === ONE || pattern[place] === character) {
        place++;
        at += unitsOf(character);
      } else if (star >= 0) {
        resumeAt += unitsOf(text.codePointAt(resumeAt) ?? 0);
        at = resumeAt;
        place = star + 1;
      } else return false;
    }
    while (pattern[place] === ANY) place++;
    return place === pattern.length;
  }
}
