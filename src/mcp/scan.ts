/**
 * Finds the members of a JSON text's outermost object (or the elements of its
 * outermost array) without building values, across chunks. It reads what
 * `JSON.parse` has accepted, or what is too large to be kept.
 *
 * @module
 */

/** A member of the outermost object, or an element of the outermost array. */
export interface Member {
  /** The member's name, unescaped; the empty string in an array. */
  readonly name: string;
  /** Where the value begins, in bytes from the start of the text. */
  readonly start: number;
  /** Where the value ends (exclusive). */
  readonly end: number;
  /** The value's source text; `undefined` when it is longer than 1 KiB. */
  readonly source: string | undefined;
}

const MAX_SOURCE_BYTES = 1024;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const decoder = new TextDecoder();

/** Reads a JSON text chunk by chunk and lists its outermost members. */
export class TopLevelScanner {
  /** The members that are complete so far, in their order. */
  readonly members: Member[] = [];

  #offset = 0;
  #depth = 0;
  #isObject = false;
  #inArray = false;
  #inString = false;
  #escaped = false;
  #inName = false;
  #name = "";
  #start = -1;
  #end = -1;
  #kept: number[] = [];

  /** Whether the text begins as an object. */
  get isObject(): boolean {
    return this.#isObject;
  }

  /** Reads the next bytes of the text. */
  feed(chunk: Uint8Array): this {
    for (let i = 0; i < chunk.length; i++) this.#step(chunk[i], this.#offset++);
    return this;
  }

  #step(byte: number, at: number): void {
    if (this.#inString) {
      this.#keep(byte, at);
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) this.#inString = false;
      return;
    }
    // space, tab, newline, carriage return
    if (byte <= 0x20) return;
    if (this.#depth === 1) {
      if (byte === COLON && this.#inName) return this.#endName();
      if (byte === COMMA) return this.#endValue();
      if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        this.#endValue();
        this.#depth = 0;
        return;
      }
    }
    if (byte === QUOTE) this.#inString = true;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++this.#depth === 1) {
        this.#inArray = byte === OPEN_BRACKET;
        this.#isObject = byte === OPEN_BRACE;
        this.#inName = !this.#inArray;
        return;
      }
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      this.#depth--;
    }
    if (this.#depth > 0) this.#keep(byte, at);
  }

  #keep(byte: number, at: number): void {
    if (this.#start < 0) this.#start = at;
    this.#end = at + 1;
    if (this.#kept.length <= MAX_SOURCE_BYTES) this.#kept.push(byte);
  }

  #source(): string | undefined {
    if (this.#kept.length > MAX_SOURCE_BYTES) return undefined;
    return decoder.decode(Uint8Array.from(this.#kept));
  }

  #reset(): void {
    this.#start = -1;
    this.#end = -1;
    this.#kept = [];
  }

  #endName(): void {
    this.#name = unescapeName(this.#source());
    this.#inName = false;
    this.#reset();
  }

  #endValue(): void {
    if (this.#start >= 0) {
      this.members.push({
        name: this.#inArray ? "" : this.#name,
        start: this.#start,
        end: this.#end,
        // White space between tokens is not kept, so only a scalar's source
        // is its text to the letter; nobody asks for more.
        source: this.#source(),
      });
    }
    this.#inName = !this.#inArray;
    this.#reset();
  }
}

function unescapeName(source: string | undefined): string {
  if (source === undefined) return "";
  try {
    const name: unknown = JSON.parse(source);
    return typeof name === "string" ? name : "";
  } catch {
    return "";
  }
}

/** The members of a whole JSON text. */
export function scanMembers(text: Uint8Array): readonly Member[] {
  return new TopLevelScanner().feed(text).members;
}
