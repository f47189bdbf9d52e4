/**
 * Where the members of a JSON text's outer levels are. No values are built, and
 * nothing is kept of what lies deeper, so that a text costs what its length is,
 * whatever it holds.
 */

import { joinBytes, OPEN_BRACE, OPEN_BRACKET } from "./bytes.ts";
import { JsonReader } from "./json_reader.ts";

/** A member of an object, or an element of an array. */
export interface Member {
  /** The member's name, unescaped; the empty string in an array. */
  readonly name: string;
  /** Where the value begins and ends, in bytes from the start of the text. */
  readonly start: number;
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

/** The members that a message is made of. */
export const MESSAGE_MEMBERS: ReadonlySet<string> = new Set([
  "jsonrpc",
  "id",
  "method",
  "params",
  "result",
  "error",
]);

/** What is found in an object however much else is in it. */
const KNOWN_NAMES: ReadonlySet<string> = new Set([
  ...MESSAGE_MEMBERS,
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

/** How long they are; with an escape, a `\\`, one is longer. */
const KNOWN_LENGTHS: ReadonlySet<number> = new Set(
  [...KNOWN_NAMES].map(({ length }) => length),
);

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

/** A member while it is read. */
type Open = { -readonly [Key in keyof Member]: Member[Key] } & {
  values: number;
  members?: Open[];
};

/** Reads a JSON text chunk by chunk, and keeps the members of its outer levels. */
export class TopLevelScanner extends JsonReader {
  readonly #levels: number;
  #room: number;

  #offset = 0;
  #values = 0;
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
    super();
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

  /** What the members that come are kept in, if they are. */
  get #parent(): Open | undefined {
    const level = this.depth - 1;
    const open = level < this.#levels ? this.#open[level] : undefined;
    return open?.members && open;
  }

  protected override beginName(at: number): void {
    if (this.#parent) this.#tokenStart = at;
  }

  protected override endChunk(chunk: Uint8Array): void {
    if (this.#tokenStart >= 0) {
      this.#kept = this.#tokenUpTo(chunk, chunk.length).slice();
      this.#tokenStart = 0;
    }
    this.#offset += chunk.length;
  }

  protected override endName(chunk: Uint8Array, end: number): void {
    if (this.#tokenStart < 0) return;
    // Where known names alone are kept, most others need not be read. A name
    // that a chunk's end has cut, which is rare, just is.
    const begin = this.#tokenStart + 1;
    const mayBeKnown = !this.#parent?.isPartial || this.#kept !== NONE ||
      KNOWN_BEGINNINGS.has(chunk[begin]) &&
        (KNOWN_LENGTHS.has(end - 1 - begin) ||
          chunk.subarray(begin, end).includes(0x5c));
    const source = this.#endToken(chunk, end, mayBeKnown);
    this.#name = source && String(JSON.parse(source));
  }

  /** Begins to keep a value, as far as there is room. */
  protected override beginValue(byte: number, at: number): void {
    this.#values++;
    const level = this.depth;
    if (level > this.#levels) return;
    this.#open[level] = undefined;
    const parent = this.#parent;
    if (!parent && level > 0) return;
    const name = parent && this.isInObject ? this.#name : "";
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
    this.#root ??= open;
    this.#open[level] = open;
    if (byte !== OPEN_BRACE && byte !== OPEN_BRACKET) this.#tokenStart = at;
  }

  protected override endValue(chunk: Uint8Array, end: number): void {
    const level = this.depth;
    const open = level > this.#levels ? undefined : this.#open[level];
    if (!open) return;
    if (this.#tokenStart >= 0) open.source = this.#endToken(chunk, end);
    open.end = this.#offset + end;
    open.values = this.#values - open.values + 1;
    if (this.#parent) this.#keepIn(this.#parent, open);
    this.#open[level] = undefined;
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
    return kept === NONE ? part : joinBytes([kept, part]);
  }

  /** The token that ends here; `undefined` when it is too long. */
  #endToken(chunk: Uint8Array, end: number, isRead = true): string | undefined {
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
