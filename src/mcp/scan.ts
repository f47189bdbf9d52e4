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

/** Bytes that may stand outside of strings, besides those named above. */
const PLAIN_BYTES = new Set(
  [...'"[]{}:,+-.0123456789Eaeflnrstu \t\r\n'].map((c) => c.charCodeAt(0)),
);

/** What a byte outside of a string is, by its value. */
const CLASSES = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === QUOTE) return 1;
  if (byte === OPEN_BRACE || byte === OPEN_BRACKET) return 2;
  if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) return 3;
  return PLAIN_BYTES.has(byte) ? 0 : 4;
});

const decoder = new TextDecoder();

/** Reads a JSON text chunk by chunk and lists its outermost members. */
export class TopLevelScanner {
  /** The members that are complete so far, in their order. */
  readonly members: Member[] = [];

  #offset = 0;
  #depth = 0;
  #isObject = false;
  #isEnded = false;
  #isBroken = false;
  /** Opened brackets less closed ones. */
  #brackets = 0;
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

  /** Whether the outermost object or array has been closed. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /**
   * Whether the text is no JSON for certain: something stands where it cannot,
   * or was closed that was not open. The rest of the grammar is not checked.
   */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Reads the next bytes of the text. */
  feed(chunk: Uint8Array): this {
    for (let i = 0; i < chunk.length; i++) {
      if (this.#kept.length > MAX_SOURCE_BYTES) i = this.#skip(chunk, i);
      if (i < chunk.length) this.#step(chunk[i], this.#offset + i);
    }
    this.#offset += chunk.length;
    return this;
  }

  /**
   * Passes over the inside of a value that is too long to be kept: to the byte
   * after which the outermost level, or the end of the chunk, is reached.
   */
  #skip(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length) {
      if (this.#inString) {
        at = this.#skipString(chunk, at);
        continue;
      }
      if (this.#depth === 1) break;
      const kind = CLASSES[chunk[at]];
      if (kind !== 0) {
        if (kind === 1) this.#inString = true;
        else if (kind === 2) this.#depth++;
        else if (kind === 3) this.#depth--;
        else this.#isBroken = true;
        const isBracket = chunk[at] === OPEN_BRACKET ||
          chunk[at] === CLOSE_BRACKET;
        if (isBracket) this.#brackets += kind === 2 ? 1 : -1;
      }
      at++;
    }
    if (at > from) this.#end = this.#offset + at;
    return at;
  }

  /** Passes over a string to the byte after its quote. */
  #skipString(chunk: Uint8Array, from: number): number {
    if (this.#escaped) {
      this.#escaped = false;
      return from + 1;
    }
    const quote = chunk.indexOf(QUOTE, from);
    const end = quote < 0 ? chunk.length : quote;
    let backslashes = 0;
    while (
      end - backslashes > from && chunk[end - backslashes - 1] === BACKSLASH
    ) backslashes++;
    const isEscaped = backslashes % 2 === 1;
    if (quote < 0) {
      this.#escaped = isEscaped;
      return end;
    }
    if (!isEscaped) this.#inString = false;
    return end + 1;
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
    if (this.#isEnded || CLASSES[byte] === 4) this.#isBroken = true;
    if (this.#depth === 1) {
      if (byte === COLON && this.#inName) return this.#endName();
      if (byte === COMMA) return this.#endValue();
      if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        this.#endValue();
        this.#depth = 0;
        this.#isEnded = true;
        if (
          this.#brackets !== 0 || this.#inArray !== (byte === CLOSE_BRACKET)
        ) {
          this.#isBroken = true;
        }
        return;
      }
    }
    if (byte === QUOTE) this.#inString = true;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (this.#depth > 0 && byte === OPEN_BRACKET) this.#brackets++;
      if (++this.#depth === 1) {
        this.#inArray = byte === OPEN_BRACKET;
        this.#isObject = byte === OPEN_BRACE;
        this.#inName = !this.#inArray;
        return;
      }
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (byte === CLOSE_BRACKET) this.#brackets--;
      if (this.#depth === 0) this.#isBroken = true;
      else this.#depth--;
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
