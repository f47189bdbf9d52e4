/** Bytes that come piece by piece and are needed as one. */

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

  /** How many bytes are kept. */
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
