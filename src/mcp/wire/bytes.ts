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

export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
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

/** Up to this size the room for bytes is doubled as they come. */
const LARGE_BYTES = 256 * 1024;

/**
 * Room that is made for what is expected, before it comes: memory costs nothing
 * until it is written to.
 */
const ROOMS_BYTES = [16 * 1024 * 1024, 64 * 1024 * 1024];

/** Up to this size memory may be in use although nothing was written to it. */
const MAX_SHRUNK_BYTES = 32 * 1024 * 1024;

/**
 * A block that was used, for the next who needs a large one: the kernel gives
 * memory page by page, which takes longer than to copy what goes into it.
 */
let spare: Uint8Array<ArrayBuffer> | undefined;

/** How much of a block may have been written to for it to be kept. */
const MAX_SPARE_BYTES = 4 * 1024 * 1024;

const NONE = new Uint8Array();

/**
 * Copies pieces into one block that grows: at no time are there much more than
 * twice the bytes that came, however they were cut (what is read from a socket
 * is often a few bytes at the start of a large buffer), and once all are there,
 * no copy of them. A piece that stays alone, as most do, is not copied.
 */
export class BlockBuffer {
  readonly #expectedBytes: number;
  #alone: Uint8Array | undefined;
  #block = NONE;
  #byteLength = 0;

  /**
   * @param expectedBytes How many bytes there will be, or at most, as far as
   * that is known.
   */
  constructor(expectedBytes = 0) {
    this.#expectedBytes = expectedBytes;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  /** Whether there are so many that no piece has a part of anything else. */
  get isLarge(): boolean {
    return this.#byteLength > LARGE_BYTES && this.#alone === undefined;
  }

  /** Adds a piece, which is not to be changed after. */
  push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    const byteLength = this.#byteLength + piece.length;
    if (this.#byteLength === 0) this.#alone = piece;
    else {
      if (byteLength > this.#block.length) this.#grow(byteLength);
      this.#block.set(piece, this.#byteLength);
    }
    this.#byteLength = byteLength;
  }

  /** All that is kept; begins anew. */
  take(): Uint8Array {
    return this.#ended(this.#alone ?? this.#takeBlock());
  }

  /** The same, copied if someone else has it. */
  takeOwn(): Uint8Array<ArrayBuffer> {
    return this.#ended(this.#alone?.slice() ?? this.#takeBlock());
  }

  #ended<T extends Uint8Array>(bytes: T): T {
    this.#alone = undefined;
    this.#block = NONE;
    this.#byteLength = 0;
    return bytes;
  }

  #takeBlock(): Uint8Array<ArrayBuffer> {
    const length = this.#byteLength;
    const bytes = this.#block.subarray(0, length);
    // Memory that was never written to is not there yet; little is not worth it.
    const isDense = 8 * length > 7 * this.#block.length;
    if (isDense || length > MAX_SHRUNK_BYTES) return bytes;
    const copy = bytes.slice();
    if (length > MAX_SPARE_BYTES) this.#block.buffer.transfer(0);
    else if (length > LARGE_BYTES) spare = this.#block;
    return copy;
  }

  #grow(length: number): void {
    const block = length > LARGE_BYTES
      ? largeBlock(length, this.#expectedBytes)
      : new Uint8Array(2 * length);
    block.set(this.#alone ?? this.#block.subarray(0, this.#byteLength));
    // Memory that transfer() adds would be written to.
    if (this.#block.length > 0) this.#block.buffer.transfer(0);
    this.#alone = undefined;
    this.#block = block;
  }
}

function largeBlock(length: number, expected: number): Uint8Array<ArrayBuffer> {
  const block = spare;
  if (block && block.length >= length) {
    spare = undefined;
    return block;
  }
  const room = ROOMS_BYTES.map((bytes) => Math.min(bytes, expected))
    .find((bytes) => bytes >= length) ?? 2 * length;
  return new Uint8Array(room);
}
