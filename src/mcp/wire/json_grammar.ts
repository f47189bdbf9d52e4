/**
 * The grammar of JSON (RFC 8259) as a table: what follows each byte in each
 * state, with UTF-8 in strings. Brackets are counted by whoever reads it.
 */

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const CLOSE_BRACE = 0x7d;

// What comes next in a text.
export const BROKEN = 0;
export const NOT_UTF8 = 1;
export const VALUE = 2;
export const VALUE_OR_END = 3;
export const NAME = 4;
export const NAME_OR_END = 5;
const COLON = 6;
export const NAME_END = COLON;
export const COMMA_OR_END = 7;
export const SCALAR = 8;
export const IN_STRING = 9;
const ESCAPED = 10;
const HEX = 11;
const TAIL = 15;
const [AFTER_E0, AFTER_ED, AFTER_F0, AFTER_F4] = [18, 19, 20, 21];
const [AFTER_MINUS, AFTER_ZERO, IN_INTEGER] = [22, 23, 24];
const [AFTER_DOT, IN_FRACTION] = [25, 26];
const [AFTER_E, AFTER_SIGN, IN_EXPONENT] = [27, 28, 29];
const IN_LITERAL = 30;

// What there is to do at a byte, in place of a state.
export const OPENS = 64;
export const CLOSES = 65;
export const SEPARATES = 66;
export const BEGINS_NAME = 67;
export const BEGINS_SCALAR = 68;
export const ENDS_STRING = 69;
export const ENDS_LITERAL = 70;
/** The byte is the one after a number. */
export const ENDED_NUMBER = 71;

type Bytes = string | readonly [first: number, last: number];

type Row = readonly [states: number | readonly number[], Bytes, next: number];

const BLANK = " \n\r\t";
const DIGITS = "0123456789";
const ANY: Bytes = [0, 0xff];

/** A row holds unless a later one says something else. */
const ROWS: readonly Row[] = [
  [NOT_UTF8, ANY, NOT_UTF8],
  [[VALUE, VALUE_OR_END], "{[", OPENS],
  [[VALUE, VALUE_OR_END], `"-${DIGITS}tfn`, BEGINS_SCALAR],
  [VALUE_OR_END, "]", CLOSES],
  [[NAME, NAME_OR_END], '"', BEGINS_NAME],
  [NAME_OR_END, "}", CLOSES],
  [COLON, ":", VALUE],
  [COMMA_OR_END, ",", SEPARATES],
  [COMMA_OR_END, "]}", CLOSES],
  ...[VALUE, VALUE_OR_END, NAME, NAME_OR_END, COLON, COMMA_OR_END]
    .map((state): Row => [state, BLANK, state]),

  [SCALAR, '"', IN_STRING],
  [IN_STRING, [0x20, 0x7f], IN_STRING],
  [IN_STRING, '"', ENDS_STRING],
  [IN_STRING, "\\", ESCAPED],
  [ESCAPED, '"\\/bfnrt', IN_STRING],
  [ESCAPED, "u", HEX],
  ...[0, 1, 2, 3].map((n): Row => [
    HEX + n,
    `${DIGITS}abcdefABCDEF`,
    n < 3 ? HEX + n + 1 : IN_STRING,
  ]),

  // Unicode, table 3-7.
  [IN_STRING, [0x80, 0xff], NOT_UTF8],
  [IN_STRING, [0xc2, 0xdf], TAIL],
  [IN_STRING, [0xe0, 0xef], TAIL + 1],
  [IN_STRING, [0xf0, 0xf4], TAIL + 2],
  [IN_STRING, "\xe0", AFTER_E0],
  [IN_STRING, "\xed", AFTER_ED],
  [IN_STRING, "\xf0", AFTER_F0],
  [IN_STRING, "\xf4", AFTER_F4],
  [[TAIL, TAIL + 1, TAIL + 2, AFTER_E0, AFTER_ED], ANY, NOT_UTF8],
  [[AFTER_F0, AFTER_F4], ANY, NOT_UTF8],
  [TAIL, [0x80, 0xbf], IN_STRING],
  [TAIL + 1, [0x80, 0xbf], TAIL],
  [TAIL + 2, [0x80, 0xbf], TAIL + 1],
  [AFTER_E0, [0xa0, 0xbf], TAIL],
  [AFTER_ED, [0x80, 0x9f], TAIL],
  [AFTER_F0, [0x90, 0xbf], TAIL + 1],
  [AFTER_F4, [0x80, 0x8f], TAIL + 1],

  [[AFTER_ZERO, IN_INTEGER, IN_FRACTION, IN_EXPONENT], ANY, ENDED_NUMBER],
  [SCALAR, "-", AFTER_MINUS],
  [[SCALAR, AFTER_MINUS, IN_INTEGER], DIGITS, IN_INTEGER],
  [[SCALAR, AFTER_MINUS], "0", AFTER_ZERO],
  [[AFTER_ZERO, IN_INTEGER], ".", AFTER_DOT],
  [[AFTER_DOT, IN_FRACTION], DIGITS, IN_FRACTION],
  [[AFTER_ZERO, IN_INTEGER, IN_FRACTION], "eE", AFTER_E],
  [AFTER_E, "+-", AFTER_SIGN],
  [[AFTER_E, AFTER_SIGN, IN_EXPONENT], DIGITS, IN_EXPONENT],

  ...["true", "false", "null"].flatMap((word, which) =>
    Array.from(word, (letter, n): Row => {
      const before = IN_LITERAL + 4 * which + n;
      const isLast = n === word.length - 1;
      return [
        n === 0 ? SCALAR : before - 1,
        letter,
        isLast ? ENDS_LITERAL : before,
      ];
    })
  ),
];

/** What follows a byte in a state, at `state << 8 | byte`. */
export const NEXT: Uint8Array = table(ROWS);

function table(rows: readonly Row[]): Uint8Array {
  const next = new Uint8Array(OPENS << 8).fill(BROKEN);
  for (const [states, bytes, to] of rows) {
    for (const state of [states].flat()) {
      const row = next.subarray(state << 8, (state + 1) << 8);
      if (typeof bytes !== "string") row.fill(to, bytes[0], bytes[1] + 1);
      else for (const byte of bytes) row[byte.charCodeAt(0)] = to;
    }
  }
  return next;
}

/** The brackets that are open: a bit for each. */
export class BracketStack {
  depth = 0;
  #braces = new Uint32Array(4);

  get isBrace(): boolean {
    const last = this.depth - 1;
    return (this.#braces[last >> 5] >>> (last & 31) & 1) === 1;
  }

  push(isBrace: boolean): void {
    const word = this.depth >> 5;
    if (word === this.#braces.length) {
      const larger = new Uint32Array(word * 2);
      larger.set(this.#braces);
      this.#braces = larger;
    }
    const mask = 1 << (this.depth++ & 31);
    if (isBrace) this.#braces[word] |= mask;
    else this.#braces[word] &= ~mask;
  }

  /** Closes the last; false when that is no such one. */
  pop(isBrace: boolean): boolean {
    if (this.depth === 0 || this.isBrace !== isBrace) return false;
    this.depth--;
    return true;
  }
}
