/**
 * Reads a JSON text (RFC 8259) byte by byte, across chunks: whether it is one,
 * and where the members of its outer levels are. No values are built, and
 * nothing is kept of what lies deeper but one bit a level, so that a text costs
 * what its length is, whatever it holds.
 */

import {
  joinBytes,
  nearEnd,
  OPEN_BRACE,
  OPEN_BRACKET,
  wordsFrom,
} from "./bytes.ts";
import {
  BEGINS_NAME,
  BEGINS_SCALAR,
  BracketStack,
  BROKEN,
  CLOSE_BRACE,
  CLOSES,
  COMMA_OR_END,
  ENDED_NUMBER,
  ENDS_LITERAL,
  ENDS_STRING,
  IN_STRING,
  NAME,
  NAME_END,
  NAME_OR_END,
  NEXT,
  NOT_UTF8,
  OPENS,
  SCALAR,
  SEPARATES,
  VALUE,
  VALUE_OR_END,
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

/**
 * The most members that are kept; each takes some 150 bytes, and a small text
 * has fewer. Of an object that has more, those of the {@linkcode KNOWN_NAMES}
 * alone are, of one name the last, so that there is room again for others.
 */
const MAX_MEMBERS = 24 * 1024;

const NONE = new Uint8Array();

const decoder = new TextDecoder();

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
  const quote = (word ^ 0x22222222) - 0x01010101;
  const backslash = (word ^ 0x5c5c5c5c) - 0x01010101;
  return ((word | word - 0x20202020 | quote | backslash) & 0x80808080) === 0;
}

/** A member while it is read. */
type Open = { -readonly [Key in keyof Member]: Member[Key] } & {
  values: number;
  members?: Open[];
};

/** Reads a JSON text chunk by chunk, and keeps the members of its outer levels. */
export class TopLevelScanner {
  readonly #levels: number;
  #room: number;

  #offset = 0;
  #state = VALUE;
  readonly #brackets = new BracketStack();
  #inName = false;
  #values = 0;

  #isObject = false;
  #root: Open | undefined;
  /** The values that are being read, by their level. */
  readonly #open: (Open | undefined)[] = [];
  /** The name of the next value. */
  #name: string | undefined;
  /** Where the token that is kept begins in this chunk; -1 when none is. */
  #tokenStart = -1;
  /** What the chunks before had of it. */
  #kept = NONE;

  /**
   * @param limits The outermost levels whose members are kept, and how many of
   * these. Of arrays that is the outermost alone, and lists of tools.
   */
  constructor({ levels = 1, maxMembers = MAX_MEMBERS } = {}) {
    this.#levels = levels;
    this.#room = maxMembers;
  }

  /** The outermost members that are complete so far, in their order. */
  get members(): readonly Member[] {
    return this.#root?.members ?? [];
  }

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
    return this.#state === BROKEN || !this.isUtf8;
  }

  get isUtf8(): boolean {
    return this.#state !== NOT_UTF8;
  }

  /** Whether what was read is a whole JSON text; nothing more may be fed. */
  end(): boolean {
    // A number ends with the text.
    if (this.#brackets.depth === 0 && NEXT[this.#state << 8] === ENDED_NUMBER) {
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
    if (this.#tokenStart >= 0) {
      this.#kept = this.#tokenUpTo(chunk, length).slice();
      this.#tokenStart = 0;
    }
    this.#offset += length;
    return this;
  }

  /** Does what the grammar says of a byte, and gives the state after it. */
  #act(action: number, chunk: Uint8Array, at: number): number {
    const byte = chunk[at];
    switch (action) {
      case OPENS:
        this.#beginValue(byte, at);
        this.#brackets.push(byte === OPEN_BRACE);
        return byte === OPEN_BRACE ? NAME_OR_END : VALUE_OR_END;
      case CLOSES:
        return this.#brackets.pop(byte === CLOSE_BRACE)
          ? this.#endValue(chunk, at + 1)
          : BROKEN;
      case SEPARATES:
        if (this.#brackets.depth === 0) return BROKEN;
        return this.#brackets.isBrace ? NAME : VALUE;
      case BEGINS_NAME:
        this.#inName = true;
        if (this.#isKept) this.#tokenStart = at;
        return IN_STRING;
      case BEGINS_SCALAR:
        this.#inName = false;
        this.#beginValue(byte, at);
        return NEXT[SCALAR << 8 | byte];
      case ENDS_STRING:
        if (!this.#inName) return this.#endValue(chunk, at + 1);
        if (this.#tokenStart >= 0) this.#endName(chunk, at + 1);
        return NAME_END;
      case ENDS_LITERAL:
        return this.#endValue(chunk, at + 1);
      default: {
        // A number has ended; this byte is what follows it.
        const next = NEXT[this.#endValue(chunk, at) << 8 | byte];
        return next < OPENS ? next : this.#act(next, chunk, at);
      }
    }
  }

  /** Whether what is inside of the open brackets is kept. */
  get #isKept(): boolean {
    return this.#brackets.depth <= this.#levels &&
      this.#open[this.#brackets.depth - 1]?.members !== undefined;
  }

  #endName(chunk: Uint8Array, end: number): void {
    // Where known names alone are kept, most others need not be read. A name
    // that a chunk's end has cut, which is rare, just is.
    const mayBeKnown = !this.#open[this.#brackets.depth - 1]?.isPartial ||
      this.#kept !== NONE || KNOWN_BEGINNINGS.has(chunk[this.#tokenStart + 1]);
    const source = this.#endToken(chunk, end, mayBeKnown);
    this.#name = source && String(JSON.parse(source));
  }

  /** Begins to keep a value, as far as there is room. */
  #beginValue(byte: number, at: number): void {
    this.#values++;
    const level = this.#brackets.depth;
    if (level > this.#levels) return;
    this.#open[level] = undefined;
    const parent = this.#open[level - 1];
    if (level === 0) this.#isObject = byte === OPEN_BRACE;
    else if (!parent?.members) return;
    const name = parent && this.#brackets.isBrace ? this.#name : "";
    if (parent) {
      if (name === undefined || this.#room <= 0) this.#dropUnknown(parent);
      if (parent.isPartial && !KNOWN_NAMES.has(name ?? "")) return;
      this.#room--;
    }
    const isList = byte === OPEN_BRACKET && (level === 0 || name === LIST);
    const isKept = level < this.#levels && (byte === OPEN_BRACE || isList);
    const open: Open = {
      name: name ?? "",
      start: this.#offset + at,
      end: -1,
      source: undefined,
      values: this.#values,
      members: isKept ? [] : undefined,
    };
    if (level === 0) this.#root = open;
    this.#open[level] = open;
    if (byte !== OPEN_BRACE && byte !== OPEN_BRACKET) this.#tokenStart = at;
  }

  #endValue(chunk: Uint8Array, end: number): number {
    const level = this.#brackets.depth;
    const open = level > this.#levels ? undefined : this.#open[level];
    if (!open) return COMMA_OR_END;
    if (this.#tokenStart >= 0) open.source = this.#endToken(chunk, end);
    open.end = this.#offset + end;
    open.values = this.#values - open.values + 1;
    const parent = this.#open[level - 1];
    if (parent) this.#keepIn(parent, open);
    this.#open[level] = undefined;
    return COMMA_OR_END;
  }

  #keepIn({ members = [], isPartial }: Open, member: Open): void {
    const before = isPartial
      ? members.findIndex(({ name }) => name === member.name)
      : -1;
    if (before < 0) members.push(member);
    else this.#room += countOf(members.splice(before, 1, member));
  }

  /** Keeps of an object what is known of it, and no more from now on. */
  #dropUnknown(object: Open): void {
    if (object.isPartial) return;
    object.isPartial = true;
    const all = object.members ?? [];
    object.members = [];
    for (const member of all) {
      if (KNOWN_NAMES.has(member.name)) this.#keepIn(object, member);
      else this.#room += countOf([member]);
    }
  }

  /** What there is of the token, as far as it matters. */
  #tokenUpTo(chunk: Uint8Array, end: number): Uint8Array {
    const kept = this.#kept;
    const most = this.#tokenStart + MAX_SOURCE_BYTES + 1 - kept.length;
    const part = chunk.subarray(this.#tokenStart, Math.min(end, most));
    return joinBytes(kept === NONE ? [part] : [kept, part]);
  }

  /** The token that ends here; `undefined` when it is too long. */
  #endToken(
    chunk: Uint8Array,
    end: number,
    isRead = true,
  ): string | undefined {
    const token = this.#tokenUpTo(chunk, end);
    this.#tokenStart = -1;
    this.#kept = NONE;
    const isShort = token.length <= MAX_SOURCE_BYTES;
    return isRead && isShort ? decoder.decode(token) : undefined;
  }
}

/** How many members these are, with those inside of them. */
function countOf(members: readonly Member[] = []): number {
  return members.reduce((sum, one) => sum + 1 + countOf(one.members), 0);
}

/** The members of a whole JSON text. */
export function scanMembers(text: Uint8Array): readonly Member[] {
  return new TopLevelScanner().feed(text).members;
}
