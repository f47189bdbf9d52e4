/** What is done with bytes, whatever they hold. */

export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const OPEN_BRACKET = 0x5b;
export const OPEN_BRACE = 0x7b;

/** A search sets out byte by byte: most ends are near. */
const NEAR_BYTES = 32;

/** Where a search from some place on goes on by words of four bytes. */
export function nearEnd(
  { byteOffset, length }: Uint8Array,
  from: number,
): number {
  return Math.min(from + NEAR_BYTES + (-(byteOffset + from) & 3), length);
}

/** The words from there on: V8 looks at one as fast as at a byte. */
export function wordsFrom(
  { buffer, byteOffset, length }: Uint8Array,
  start: number,
): Uint32Array {
  const count = (length - start) >> 2;
  return count > 0
    ? new Uint32Array(buffer, byteOffset + start, count)
    : NO_WORDS;
}

const NO_WORDS = new Uint32Array();

/** Where the next LF or CR is; -1 if there is none. */
export function indexOfLineEnd(bytes: Uint8Array, from = 0): number {
  const start = nearEnd(bytes, from);
  let words: Uint32Array | undefined;
  let at = from;
  for (let end = start;; end = Math.min(at + 16, bytes.length)) {
    for (; at < end; at++) if (isLineEnd(bytes[at])) return at;
    if (at === bytes.length) return -1;
    words ??= wordsFrom(bytes, start);
    let word = (at - start) >> 2;
    while (
      word + 3 < words.length &&
      ((low(words[word]) | low(words[word + 1]) | low(words[word + 2]) |
          low(words[word + 3])) & 0x80808080) === 0
    ) word += 4;
    at = start + 4 * word;
  }
}

/** Has the highest bit of a byte set where one of the word is below 0x0e. */
function low(word: number): number {
  return (word - 0x0e0e0e0e) & ~word;
}

/** Whether a byte ends a line to some reader. */
export function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR;
}

/** Replaces each line end by a space, in place: clients may split at either. */
export function replaceNewlines(bytes: Uint8Array): Uint8Array {
  for (
    let at = indexOfLineEnd(bytes);
    at >= 0;
    at = indexOfLineEnd(bytes, at + 1)
  ) bytes[at] = SPACE;
  return bytes;
}

/** The text without the byte order mark that it may begin with. */
export function withoutByteOrderMark(text: Uint8Array): Uint8Array {
  const hasMark = text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf;
  return hasMark ? text.subarray(3) : text;
}

/** Bytes that keep no more than themselves: a copy of a part of many more. */
export function dense(bytes: Uint8Array): Uint8Array {
  const isDense = bytes.length * 2 >= bytes.buffer.byteLength;
  return isDense ? bytes : bytes.slice();
}

/** The pieces as one; a single piece is handed back as it is. */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0];
  const joined = new Uint8Array(
    pieces.reduce((sum, piece) => sum + piece.length, 0),
  );
  let offset = 0;
  for (const piece of pieces) {
    joined.set(piece, offset);
    offset += piece.length;
  }
  return joined;
}

/** Whether some bytes are found in a text. */
export function includesBytes(text: Uint8Array, wanted: Uint8Array): boolean {
  const [first] = wanted;
  for (
    let at = text.indexOf(first);
    at >= 0;
    at = text.indexOf(first, at + 1)
  ) {
    if (wanted.every((byte, index) => text[at + index] === byte)) return true;
  }
  return false;
}
