/**
 * Reads a JSON text (RFC 8259) byte by byte, across chunks: whether it is one,
 * and where the members of its outer levels are. No values are built, and
 * nothing is kept of what lies deeper but one bit a level, so that a text costs
 * what its length is, whatever it holds.
 *
 * @module
 */

import { joinBytes } from "./block_buffer.ts";
import {
  AFTER_MINUS,
  AFTER_ZERO,
  BACKSLASH,
  BracketStack,
  BROKEN,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  COMMA_OR_END,
  ESCAPED,
  ESCAPES,
  HEX,
  IN_INTEGER,
  IN_STRING,
  isBlank,
  isHex,
  isNumberEnd,
  LITERAL,
  LITERALS,
  MINUS,
  NAME,
  NAME_END,
  NAME_OR_END,
  nextInNumber,
  NINE,
  OPEN_BRACE,
  OPEN_BRACKET,
  PLAIN,
  QUOTE,
  UTF8,
  VALUE,
  VALUE_OR_END,
  ZERO,
} from "./json_grammar.ts";

/** A member of an object, or an element of an array. */
export interface Member {
  /** The member's name, unescaped; the empty string in an array. */
  readonly name: string;
  /** Where the value begins, in bytes from the start of the text. */
  readonly start: number;
  /** Where the value ends (exclusive). */
  readonly end: number;
  /** A scalar's source text; `undefined` when it is longer than 1 KiB. */
  readonly source: string | undefined;
  /** How many values it is made of: itself, and all that are inside. */
  readonly values?: number;
  /** What is inside of it, as far as it was asked for. */
  readonly members?: readonly Member[];
  /** Whether there are more members inside than are kept. */
  readonly isPartial?: boolean;
}

/** How much of a text is kept. */
export interface ScanLimits {
  /**
   * The levels whose members are kept; 1, the outermost, unless it is set. Of
   * arrays that is the outermost alone, and lists of tools.
   */
  readonly levels?: number;
  /**
   * The most members that are kept; 24,576 unless it is set. Of an object that
   * has more, those of the {@linkcode KNOWN_NAMES} alone are, of one name the
   * last, so that there is room again for others.
   */
  readonly maxMembers?: number;
}

/** What is found in an object however much else is in it. */
const KNOWN_NAMES: ReadonlySet<string> = new Set([
  "jsonrpc",
  "id",
  "method",
  "params",
  "result",
  "error",
  "code",
  "message",
  "name",
  "uri",
  "arguments",
  "requestId",
  "task",
  "taskId",
  "_meta",
  "progressToken",
  "io.modelcontextprotocol/protocolVersion",
  "tools",
  "nextCursor",
  "resultType",
  "inputRequests",
  "requestState",
]);

/** How a name may begin that is one of them; it may be escaped. */
const KNOWN_BEGINNINGS: ReadonlySet<number> = new Set(
  [...KNOWN_NAMES, "\\"].map((name) => name.charCodeAt(0)),
);

/** An array whose elements are kept, wherever it is. */
const LIST = "tools";

/** A longer name is kept as the empty string, and its object as partial. */
const MAX_SOURCE_BYTES = 1024;

/** Each takes some 150 bytes. A small text has fewer. */
const MAX_MEMBERS = 24 * 1024;

const decoder = new TextDecoder();

/** A member while it is read. */
interface Open {
  name: string;
  start: number;
  end: number;
  source: string | undefined;
  values: number;
  members?: Open[];
  isPartial?: boolean;
  /** How many members inside are kept, and inside of those. */
  kept: number;
  /** Those of known names, where not all are kept. */
  known?: Map<string, Open>;
}

/** Reads a JSON text chunk by chunk, and keeps the members of its outer levels. */
export class TopLevelScanner {
  readonly #levels: number;
  #room: number;

  #offset = 0;
  #state = VALUE;
  readonly #brackets = new BracketStack();
  #isName = false;
  #literal: readonly number[] = [];
  /** How much of a literal, an escape or a character is still to come. */
  #left = 0;
  #low = 0;
  #high = 0;
  #isUtf8 = true;
  #values = 0;

  #isObject = false;
  #root: Open | undefined;
  /** The values that are being read, by their level. */
  readonly #open: (Open | undefined)[] = [];
  readonly #names: (string | undefined)[] = [];
  /** Where the token that is kept begins in this chunk; -1 when none is. */
  #tokenStart = -1;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;

  /** @param limits How much is kept. */
  constructor({ levels = 1, maxMembers = MAX_MEMBERS }: ScanLimits = {}) {
    this.#levels = levels;
    this.#room = maxMembers;
  }

  /** The outermost members that are complete so far, in their order. */
  get members(): readonly Member[] {
    const { members = [], known } = this.#root ?? {};
    return known ? [...known.values()] : members;
  }

  /** The text's one value. */
  get root(): Member | undefined {
    return this.#root;
  }

  /** Whether the text begins as an object. */
  get isObject(): boolean {
    return this.#isObject;
  }

  /** Whether the outermost value is complete. */
  get isEnded(): boolean {
    return this.#brackets.depth === 0 && this.#state === COMMA_OR_END;
  }

  /** Whether the text is no JSON, whatever follows. */
  get isBroken(): boolean {
    return this.#state === BROKEN;
  }

  /** Whether it is broken as UTF-8. */
  get isUtf8(): boolean {
    return this.#isUtf8;
  }

  /** Whether what was read is a whole JSON text; nothing more may be fed. */
  end(): boolean {
    // A number ends with the text.
    if (this.#brackets.depth === 0 && isNumberEnd(this.#state)) {
      this.#endValue(0, NONE);
    }
    return this.isEnded;
  }

  /** Reads the next bytes of the text. */
  feed(chunk: Uint8Array): this {
    const { length } = chunk;
    let at = 0;
    while (at < length) {
      const byte = chunk[at];
      switch (this.#state) {
        case IN_STRING: {
          while (at < length && PLAIN[chunk[at]] === 1) at++;
          if (at < length) this.#inString(chunk, at++);
          break;
        }
        case VALUE:
        case VALUE_OR_END:
          if (!isBlank(byte)) this.#beginValue(byte, at, chunk);
          at++;
          break;
        case COMMA_OR_END:
          if (!isBlank(byte)) this.#afterValue(byte, at, chunk);
          at++;
          break;
        case NAME:
        case NAME_OR_END:
          if (byte === QUOTE) {
            this.#isName = true;
            this.#state = IN_STRING;
            if (this.#isKept(this.#brackets.depth)) this.#tokenStart = at;
          } else if (byte === CLOSE_BRACE && this.#state === NAME_OR_END) {
            this.#close(byte, at, chunk);
          } else if (!isBlank(byte)) this.#state = BROKEN;
          at++;
          break;
        case NAME_END:
          if (byte === COLON) this.#state = VALUE;
          else if (!isBlank(byte)) this.#state = BROKEN;
          at++;
          break;
        case BROKEN:
          at = length;
          break;
        case ESCAPED:
        case HEX:
        case UTF8:
        case LITERAL:
          this.#inToken(byte, at, chunk);
          at++;
          break;
        default:
          // What ends a number is not part of it.
          this.#inNumber(byte, at, chunk);
          if (this.#state >= AFTER_MINUS) at++;
      }
    }
    if (this.#tokenStart >= 0) {
      this.#keep(chunk, this.#tokenStart, length);
      this.#tokenStart = 0;
    }
    this.#offset += length;
    return this;
  }

  #beginValue(byte: number, at: number, chunk: Uint8Array): void {
    if (byte === CLOSE_BRACKET && this.#state === VALUE_OR_END) {
      return this.#close(byte, at, chunk);
    }
    this.#values++;
    if (this.#brackets.depth <= this.#levels) this.#openValue(byte, at);
    if (byte === QUOTE) {
      this.#isName = false;
      this.#state = IN_STRING;
    } else if (byte === OPEN_BRACE) {
      this.#brackets.push(true);
      this.#state = NAME_OR_END;
    } else if (byte === OPEN_BRACKET) {
      this.#brackets.push(false);
      this.#state = VALUE_OR_END;
    } else if (byte === MINUS) this.#state = AFTER_MINUS;
    else if (byte === ZERO) this.#state = AFTER_ZERO;
    else if (byte > ZERO && byte <= NINE) this.#state = IN_INTEGER;
    else this.#beginLiteral(byte);
  }

  #beginLiteral(byte: number): void {
    const literal = LITERALS.get(byte);
    this.#state = literal ? LITERAL : BROKEN;
    this.#literal = literal ?? [];
    this.#left = this.#literal.length - 1;
  }

  #afterValue(byte: number, at: number, chunk: Uint8Array): void {
    if (this.#brackets.depth === 0) this.#state = BROKEN;
    else if (byte === COMMA) {
      this.#state = this.#brackets.isObject ? NAME : VALUE;
    } else this.#close(byte, at, chunk);
  }

  #close(byte: number, at: number, chunk: Uint8Array): void {
    if (byte !== (this.#brackets.isObject ? CLOSE_BRACE : CLOSE_BRACKET)) {
      this.#state = BROKEN;
      return;
    }
    this.#brackets.pop();
    this.#endValue(at + 1, chunk);
  }

  /** A byte of a string that does not stand for itself. */
  #inString(chunk: Uint8Array, at: number): void {
    const byte = chunk[at];
    if (byte === BACKSLASH) this.#state = ESCAPED;
    else if (byte >= 0x80) this.#beginCharacter(byte);
    else if (byte !== QUOTE) this.#state = BROKEN;
    else if (this.#isName) {
      this.#state = NAME_END;
      if (this.#tokenStart < 0) return;
      const isPartial = this.#open[this.#brackets.depth - 1]?.isPartial;
      const isRead = !isPartial || this.#mayBeKnown(chunk);
      const source = this.#token(chunk, at + 1, isRead);
      this.#names[this.#brackets.depth] = unescapeName(source);
    } else this.#endValue(at + 1, chunk);
  }

  /** Whether the name that is kept may be one of those that are known. */
  #mayBeKnown(chunk: Uint8Array): boolean {
    // Cut by a chunk's end, which is rare, it is just read.
    return this.#keptBytes > 0 ||
      KNOWN_BEGINNINGS.has(chunk[this.#tokenStart + 1]);
  }

  /** The first byte of a character of several (Unicode, table 3-7). */
  #beginCharacter(byte: number): void {
    this.#low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    this.#high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
    this.#left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    const isFirst = byte >= 0xc2 && byte <= 0xf4;
    this.#state = isFirst ? UTF8 : BROKEN;
    this.#isUtf8 = isFirst;
  }

  #inToken(byte: number, at: number, chunk: Uint8Array): void {
    switch (this.#state) {
      case ESCAPED:
        this.#left = 4;
        if (byte === 0x75) this.#state = HEX;
        else this.#state = ESCAPES.has(byte) ? IN_STRING : BROKEN;
        return;
      case HEX:
        if (!isHex(byte)) this.#state = BROKEN;
        else if (--this.#left === 0) this.#state = IN_STRING;
        return;
      case UTF8:
        if (byte < this.#low || byte > this.#high) {
          this.#isUtf8 = false;
          this.#state = BROKEN;
          return;
        }
        this.#low = 0x80;
        this.#high = 0xbf;
        if (--this.#left === 0) this.#state = IN_STRING;
        return;
      default: {
        const { length } = this.#literal;
        if (byte !== this.#literal[length - this.#left]) this.#state = BROKEN;
        else if (--this.#left === 0) this.#endValue(at + 1, chunk);
      }
    }
  }

  #inNumber(byte: number, at: number, chunk: Uint8Array): void {
    const next = nextInNumber(this.#state, byte);
    if (next !== BROKEN || !isNumberEnd(this.#state)) this.#state = next;
    else this.#endValue(at, chunk);
  }

  /** Begins to keep a value, as far as there is room. */
  #openValue(byte: number, at: number): void {
    const level = this.#brackets.depth;
    this.#open[level] = undefined;
    const isContainer = byte === OPEN_BRACE || byte === OPEN_BRACKET;
    const parent = level === 0 ? undefined : this.#open[level - 1];
    const name = level > 0 && this.#brackets.isObject ? this.#names[level] : "";
    if (level === 0) this.#isObject = byte === OPEN_BRACE;
    else if (!parent?.members) return;
    if (parent) {
      if (name === undefined || this.#room <= 0) this.#dropUnknown(parent);
      if (parent.isPartial && !KNOWN_NAMES.has(name ?? "")) return;
    }
    const open: Open = {
      name: name ?? "",
      start: this.#offset + at,
      end: -1,
      source: undefined,
      values: this.#values,
      kept: 0,
    };
    const isKept = byte === OPEN_BRACE ||
      (isContainer && (level === 0 || name === LIST));
    if (isKept && level < this.#levels) open.members = [];
    if (level === 0) this.#root = open;
    else this.#room--;
    this.#open[level] = open;
    if (!isContainer) this.#tokenStart = at;
  }

  /** Whether what is inside of the open brackets is kept. */
  #isKept(level: number): boolean {
    return level <= this.#levels &&
      this.#open[level - 1]?.members !== undefined;
  }

  #endValue(at: number, chunk: Uint8Array): void {
    this.#state = COMMA_OR_END;
    if (this.#brackets.depth > this.#levels) return;
    const open = this.#open[this.#brackets.depth];
    if (!open) return;
    if (this.#tokenStart >= 0) open.source = this.#token(chunk, at);
    open.end = this.#offset + at;
    open.values = this.#values - open.values + 1;
    if (open.known) open.members = [...open.known.values()];
    const parent = this.#open[this.#brackets.depth - 1];
    if (parent) this.#keepIn(parent, open);
    this.#open[this.#brackets.depth] = undefined;
  }

  #keepIn(parent: Open, member: Open): void {
    parent.kept += 1 + member.kept;
    if (!parent.known) {
      parent.members?.push(member);
      return;
    }
    const before = parent.known.get(member.name);
    if (before) this.#free(parent, 1 + before.kept);
    parent.known.set(member.name, member);
  }

  /** Keeps of an object what is known of it, and no more from now on. */
  #dropUnknown(object: Open): void {
    if (object.known) return;
    object.isPartial = true;
    object.known = new Map();
    const { members = [] } = object;
    object.members = [];
    this.#free(object, object.kept);
    for (const member of members) {
      if (!KNOWN_NAMES.has(member.name)) continue;
      this.#room -= 1 + member.kept;
      this.#keepIn(object, member);
    }
  }

  #free(object: Open, members: number): void {
    object.kept -= members;
    this.#room += members;
  }

  #keep(chunk: Uint8Array, start: number, end: number): void {
    this.#keptBytes += end - start;
    if (this.#keptBytes > MAX_SOURCE_BYTES) this.#kept = [];
    else this.#kept.push(chunk.slice(start, end));
  }

  /** The token that ends here; `undefined` when it is too long. */
  #token(chunk: Uint8Array, end: number, isRead = true): string | undefined {
    let source: string | undefined;
    const byteLength = this.#keptBytes + end - this.#tokenStart;
    if (isRead && byteLength <= MAX_SOURCE_BYTES) {
      const last = chunk.subarray(this.#tokenStart, end);
      source = this.#keptBytes === 0
        ? decoder.decode(last)
        : decoder.decode(joinBytes([...this.#kept, last]));
    }
    this.#tokenStart = -1;
    this.#kept = [];
    this.#keptBytes = 0;
    return source;
  }
}

const NONE = new Uint8Array();

function unescapeName(source: string | undefined): string | undefined {
  if (source === undefined) return undefined;
  const name: unknown = JSON.parse(source);
  return typeof name === "string" ? name : undefined;
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
