/** Bytes that come piece by piece and are needed as a whole. */

/** From this size on a piece is kept as it is. */
const LARGE_PIECE_BYTES = 16 * 1024;

const MIN_BLOCK_BYTES = 1024;
const MAX_BLOCK_BYTES = 64 * 1024;

/** From here on bytes are copied into one block, and not joined at the end. */
const LARGE_BYTES = 256 * 1024;

/**
 * Room that is made for what is expected, before it comes: memory costs nothing
 * until it is written to.
 */
const ROOMS_BYTES = [16 * 1024 * 1024, 64 * 1024 * 1024];

/** Up to this size memory may be in use although nothing was written to it. */
const MAX_SHRUNK_BYTES = 32 * 1024 * 1024;

/**
 * Keeps pieces until they are joined. What is read from a socket is often a
 * few bytes at the start of a large buffer, and keeping it would keep all of
 * that: small pieces are copied into blocks, so that memory is bounded by the
 * bytes that came and not by how they were cut.
 */
export class BlockBuffer {
  readonly #expectedBytes: number;
  /** What is kept where there is much of it. */
  #large: GrowingBuffer | undefined;
  #pieces: Uint8Array[] = [];
  /** The block that small pieces go into, the last of the pieces. */
  #block = new Uint8Array();
  #used = 0;
  #byteLength = 0;
  /** The only piece so far: most of what comes, comes whole. */
  #first: Uint8Array | undefined;

  /**
   * @param expectedBytes How many bytes there will be, or at most, if they are
   * needed as one; else they stay in pieces, however many they are.
   */
  constructor(expectedBytes = 0) {
    this.#expectedBytes = expectedBytes;
  }

  /** Whether there is so much that all pieces were copied. */
  get isLarge(): boolean {
    return this.#large !== undefined;
  }

  /** How many bytes are kept. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Adds a piece, which is not to be changed after. */
  push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    const isLarge = this.#byteLength + piece.length > LARGE_BYTES;
    if (isLarge && this.#byteLength > 0 && this.#expectedBytes > 0) {
      return this.#pushLarge(piece);
    }
    const first = this.#first;
    this.#first = undefined;
    if (first) this.#add(first);
    if (this.#byteLength === 0) this.#first = piece;
    else this.#add(piece);
    this.#byteLength += piece.length;
  }

  #pushLarge(piece: Uint8Array): void {
    const byteLength = this.#byteLength + piece.length;
    this.#large ??= new GrowingBuffer(this.takePieces(), this.#expectedBytes);
    this.#large.push(piece);
    this.#byteLength = byteLength;
  }

  #add(piece: Uint8Array): void {
    const isDense = piece.length * 2 >= piece.buffer.byteLength;
    if (piece.length >= LARGE_PIECE_BYTES && isDense) {
      this.#seal();
      this.#pieces.push(piece);
      return;
    }
    while (piece.length > 0) {
      if (this.#used === this.#block.length) this.#grow();
      const part = piece.subarray(0, this.#block.length - this.#used);
      this.#block.set(part, this.#used);
      this.#used += part.length;
      piece = piece.subarray(part.length);
    }
  }

  #grow(): void {
    this.#seal();
    const size = Math.max(MIN_BLOCK_BYTES, this.#byteLength);
    this.#block = new Uint8Array(Math.min(MAX_BLOCK_BYTES, size));
  }

  #seal(): void {
    const used = this.#block.subarray(0, this.#used);
    const isDense = this.#used * 2 >= this.#block.length;
    if (this.#used > 0) this.#pieces.push(isDense ? used : used.slice());
    this.#block = new Uint8Array();
    this.#used = 0;
  }

  /** Gives all that is kept, in pieces, and begins anew. */
  takePieces(): Uint8Array[] {
    if (this.#first) this.#pieces.push(this.#first);
    this.#seal();
    if (this.#large) this.#pieces.push(this.#large.take());
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#first = undefined;
    this.#large = undefined;
    this.#byteLength = 0;
    return pieces;
  }

  /** Gives all that is kept as one, and begins anew. */
  take(): Uint8Array {
    return joinBytes(this.takePieces());
  }
}

/**
 * Many bytes in one block that grows: at no time are there much more than twice
 * those that came, and once all are there, no copy of them. Joined from pieces
 * they would be there twice, until the pieces are collected as garbage.
 */
export class GrowingBuffer {
  readonly #expectedBytes: number;
  #bytes = new Uint8Array();
  #length = 0;

  /**
   * @param pieces What it begins with.
   * @param expectedBytes How many bytes there will be, or at most, as far as
   * that is known.
   */
  constructor(pieces: readonly Uint8Array[], expectedBytes = 0) {
    this.#expectedBytes = expectedBytes;
    for (const piece of pieces) this.push(piece);
  }

  /** Adds a piece. */
  push(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) this.#resize(this.#roomFor(length));
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  /** All that came. */
  take(): Uint8Array<ArrayBuffer> {
    // Memory that was never written to is not there yet; little is not worth it.
    const isDense = 8 * this.#length > 7 * this.#bytes.length;
    if (!isDense && this.#length <= MAX_SHRUNK_BYTES) {
      this.#resize(this.#length);
    }
    return this.#bytes.subarray(0, this.#length);
  }

  #roomFor(length: number): number {
    return ROOMS_BYTES.map((bytes) => Math.min(bytes, this.#expectedBytes))
      .find((bytes) => bytes >= length) ?? 2 * length;
  }

  #resize(size: number): void {
    // Memory that transfer() adds would be written to.
    const bytes = new Uint8Array(size);
    if (this.#length > 0) {
      bytes.set(this.#bytes.subarray(0, this.#length));
      this.#bytes.buffer.transfer(0);
    }
    this.#bytes = bytes;
  }
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
