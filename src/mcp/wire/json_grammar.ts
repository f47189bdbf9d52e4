/**
 * The grammar of JSON (RFC 8259) as states and bytes.
 *
 * @module
 */

export const QUOTE = 0x22;
const PLUS = 0x2b;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
const DOT = 0x2e;
export const ZERO = 0x30;
export const NINE = 0x39;
export const COLON = 0x3a;
export const OPEN_BRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_BRACKET = 0x5d;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;

// What comes next in a text; the states of numbers are the last.
export const VALUE = 0;
export const VALUE_OR_END = 1;
export const NAME_OR_END = 2;
export const NAME = 3;
export const NAME_END = 4;
export const COMMA_OR_END = 5;
export const IN_STRING = 6;
export const ESCAPED = 7;
export const HEX = 8;
export const UTF8 = 9;
export const LITERAL = 10;
export const BROKEN = 11;
export const AFTER_MINUS = 12;
export const AFTER_ZERO = 13;
export const IN_INTEGER = 14;
const AFTER_DOT = 15;
const IN_FRACTION = 16;
const AFTER_E = 17;
const AFTER_E_SIGN = 18;
const IN_EXPONENT = 19;

/** Bytes of a string that stand for themselves. */
export const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) => {
  const isPlain = byte >= 0x20 && byte < 0x80 && byte !== QUOTE &&
    byte !== BACKSLASH;
  return isPlain ? 1 : 0;
});

export const ESCAPES = new Set([...'"\\/bfnrt'].map((c) => c.charCodeAt(0)));

const bytesOf = (text: string) => [...text].map((c) => c.charCodeAt(0));
export const LITERALS = new Map(
  ["true", "false", "null"].map((word) => [word.charCodeAt(0), bytesOf(word)]),
);

/** A space, or what else may stand between tokens. */
export function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

export function isHex(byte: number): boolean {
  const lower = byte | 0x20;
  return (byte >= ZERO && byte <= NINE) || (lower >= 0x61 && lower <= 0x66);
}

/** Whether a number may end here. */
export function isNumberEnd(state: number): boolean {
  return state === AFTER_ZERO || state === IN_INTEGER ||
    state === IN_FRACTION || state === IN_EXPONENT;
}

/** What follows a byte of a number; {@linkcode BROKEN} when it is none of it. */
export function nextInNumber(state: number, byte: number): number {
  const isDigit = byte >= ZERO && byte <= NINE;
  const isE = byte === 0x65 || byte === 0x45;
  switch (state) {
    case AFTER_MINUS:
      if (!isDigit) return BROKEN;
      return byte === ZERO ? AFTER_ZERO : IN_INTEGER;
    case AFTER_ZERO:
    case IN_INTEGER:
      if (byte === DOT) return AFTER_DOT;
      if (isE) return AFTER_E;
      return isDigit && state === IN_INTEGER ? IN_INTEGER : BROKEN;
    case AFTER_DOT:
      return isDigit ? IN_FRACTION : BROKEN;
    case IN_FRACTION:
      if (isE) return AFTER_E;
      return isDigit ? IN_FRACTION : BROKEN;
    case AFTER_E:
      if (byte === PLUS || byte === MINUS) return AFTER_E_SIGN;
      return isDigit ? IN_EXPONENT : BROKEN;
    default:
      return isDigit ? IN_EXPONENT : BROKEN;
  }
}

/** The brackets that are open: a bit for each. */
export class BracketStack {
  /** How many are open. */
  depth = 0;
  #bits = new Uint32Array(4);

  /** Opens one. */
  push(isObject: boolean): void {
    const word = this.depth >> 5;
    if (word === this.#bits.length) {
      const larger = new Uint32Array(word * 2);
      larger.set(this.#bits);
      this.#bits = larger;
    }
    const mask = 1 << (this.depth & 31);
    if (isObject) this.#bits[word] |= mask;
    else this.#bits[word] &= ~mask;
    this.depth++;
  }

  /** Closes the last. */
  pop(): void {
    this.depth--;
  }

  /** Whether the last is an object's. */
  get isObject(): boolean {
    const last = this.depth - 1;
    return (this.#bits[last >> 5] >>> (last & 31) & 1) === 1;
  }
}
