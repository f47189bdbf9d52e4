/**
 * Reads a JSON text (RFC 8259) byte by byte, across chunks, and says where its
 * values are. The grammar is a table: what follows each byte in each state, with
 * UTF-8 in strings. Nothing is kept but one bit for each open bracket.
 */

import { nearEnd, OPEN_BRACE, wordsFrom } from "./bytes.ts";

const CLOSE_BRACE = 0x7d;

// What comes next in a text.
const [BROKEN, NOT_UTF8, VALUE, VALUE_OR_END, NAME] = [0, 1, 2, 3, 4];
const [NAME_OR_END, COLON, COMMA_OR_END, SCALAR] = [5, 6, 7, 8];
const [IN_STRING, ESCAPED, HEX, TAIL] = [9, 10, 11, 15];
const [AFTER_E0, AFTER_ED, AFTER_F0, AFTER_F4] = [18, 19, 20, 21];
const [AFTER_MINUS, AFTER_ZERO, IN_INTEGER] = [22, 23, 24];
const [AFTER_DOT, IN_FRACTION] = [25, 26];
const [AFTER_E, AFTER_SIGN, IN_EXPONENT] = [27, 28, 29];
const IN_LITERAL = 30;

// What there is to do at a byte, in place of a state.
const [OPENS, CLOSES, SEPARATES, BEGINS_NAME] = [64, 65, 66, 67];
const [BEGINS_SCALAR, ENDS_STRING, ENDS_LITERAL] = [68, 69, 70];
/** The byte is the one after a number. */
const ENDED_NUMBER = 71;

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
const NEXT: Uint8Array = table(ROWS);

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

/** What is in a string for itself is passed over. */
const PLAIN = NEXT.slice(IN_STRING << 8, (IN_STRING + 1) << 8);

/** Where a string has the next byte that is not there for itself. */
function endOfPlain(chunk: Uint8Array, from: number): number {
  const start = nearEnd(chunk, from);
  let at = from;
  while (at < start && PLAIN[chunk[at]] === IN_STRING) at++;
  if (at < start) return at;
  const words = wordsFrom(chunk, start);
  let word = 0;
  while (word < words.length && isPlain(words[word])) word++;
  at += 4 * word;
  while (at < chunk.length && PLAIN[chunk[at]] === IN_STRING) at++;
  return at;
}

/** Whether the four bytes of a word are ASCII and no `"`, `\\`, or control. */
function isPlain(word: number): boolean {
  // The highest bit of a byte stays set, or is where it was too small.
  const control = word - 0x20202020;
  const quote = (word ^ 0x22222222) - 0x01010101;
  const backslash = (word ^ 0x5c5c5c5c) - 0x01010101;
  return ((control | quote | backslash) & 0x80808080) === 0;
}

const NONE = new Uint8Array();

/** What is told of a text as it is read; places are in the present chunk. */
export abstract class JsonReader {
  #state = VALUE;
  #inName = false;
  #depth = 0;
  /** The open brackets: a bit for each. */
  #braces = new Uint32Array(4);

  /** A value begins with this byte; of a bracket, before it is open. */
  protected abstract beginValue(byte: number, at: number): void;

  /** The value that began last at this depth is over. */
  protected abstract endValue(chunk: Uint8Array, end: number): void;

  /** The name of a member begins, with its quotation mark. */
  protected abstract beginName(at: number): void;

  protected abstract endName(chunk: Uint8Array, end: number): void;

  /** All of a chunk was read. */
  protected abstract endChunk(chunk: Uint8Array): void;

  /** How many brackets are open. */
  protected get depth(): number {
    return this.#depth;
  }

  /** Whether the last of them is a brace. */
  protected get isInObject(): boolean {
    const last = this.#depth - 1;
    return (this.#braces[last >> 5] >>> (last & 31) & 1) === 1;
  }

  /** Whether the text begins as an object. */
  get isObject(): boolean {
    return (this.#braces[0] & 1) === 1;
  }

  /** Whether the outermost value is complete. */
  get isEnded(): boolean {
    return this.#depth === 0 && this.#state === COMMA_OR_END;
  }

  /** Whether the text is no JSON, whatever follows. */
  get isBroken(): boolean {
    return this.#state === BROKEN || !this.isUtf8;
  }

  get isUtf8(): boolean {
    return this.#state !== NOT_UTF8;
  }

  /** Whether what was read is a whole JSON text; nothing more may be fed. */
  end(): boolean {
    // A number ends with the text.
    if (this.#depth === 0 && NEXT[this.#state << 8] === ENDED_NUMBER) {
      this.#state = this.#endValue(NONE, 0);
    }
    return this.isEnded;
  }

  /** Reads the next bytes of the text. */
  feed(chunk: Uint8Array): this {
    const { length } = chunk;
    let state = this.#state;
    for (let at = 0; at < length; at++) {
      if (state === IN_STRING) {
        at = endOfPlain(chunk, at);
        if (at === length) break;
      }
      const next = NEXT[state << 8 | chunk[at]];
      state = next < OPENS ? next : this.#act(next, chunk, at);
    }
    this.#state = state;
    this.endChunk(chunk);
    return this;
  }

  /** Does what the grammar says of a byte, and gives the state after it. */
  #act(action: number, chunk: Uint8Array, at: number): number {
    const byte = chunk[at];
    switch (action) {
      case OPENS:
        this.beginValue(byte, at);
        this.#open(byte === OPEN_BRACE);
        return byte === OPEN_BRACE ? NAME_OR_END : VALUE_OR_END;
      case CLOSES:
        if (this.#depth === 0 || this.isInObject !== (byte === CLOSE_BRACE)) {
          return BROKEN;
        }
        this.#depth--;
        return this.#endValue(chunk, at + 1);
      case SEPARATES:
        if (this.#depth === 0) return BROKEN;
        return this.isInObject ? NAME : VALUE;
      case BEGINS_NAME:
        this.#inName = true;
        this.beginName(at);
        return IN_STRING;
      case BEGINS_SCALAR:
        this.#inName = false;
        this.beginValue(byte, at);
        return NEXT[SCALAR << 8 | byte];
      case ENDS_STRING:
        if (!this.#inName) return this.#endValue(chunk, at + 1);
        this.endName(chunk, at + 1);
        return COLON;
      case ENDS_LITERAL:
        return this.#endValue(chunk, at + 1);
      default: {
        // A number has ended; this byte is what follows it.
        const next = NEXT[this.#endValue(chunk, at) << 8 | byte];
        return next < OPENS ? next : this.#act(next, chunk, at);
      }
    }
  }

  #open(isBrace: boolean): void {
    const word = this.#depth >> 5;
    if (word === this.#braces.length) {
      const larger = new Uint32Array(word * 2);
      larger.set(this.#braces);
      this.#braces = larger;
    }
    const mask = 1 << (this.#depth++ & 31);
    if (isBrace) this.#braces[word] |= mask;
    else this.#braces[word] &= ~mask;
  }

  #endValue(chunk: Uint8Array, end: number): number {
    this.endValue(chunk, end);
    return COMMA_OR_END;
  }
}
