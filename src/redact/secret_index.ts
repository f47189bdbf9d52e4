/**
 * Finds many secrets in a text at once, in time that grows with the text's
 * length alone, whatever the secrets and the text hold: both are foreign.
 *
 * @module
 */

/** A stretch of a text that must not be seen, and what is shown for it. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly shown: string;
}

/** A shorter beginning would be found everywhere. */
export const MIN_LENGTH = 8;

/** How much of a long secret's beginning is taken for the secret. */
const MAX_HEAD = 20;

/** Of those that begin alike, so many are compared to their ends. */
const MAX_COMPARED = 8;

/** How many values a hash has in the table of those that occur. */
const TABLE_BITS = 16;

/** How much of a secret is folded for its head, if that is enough. */
export const BEGINNING = 64;

/** What each code unit is compared as; 0 if it is not looked at. */
export type Folding = (codeUnit: number) => number;

/** As it is, but for NUL. */
export function literal(codeUnit: number): number {
  return codeUnit;
}

/**
 * Letters in either case, and digits. What stands between them is not looked
 * at: line ends, separators, the signs of Base64, invisible characters.
 */
export function alphanumeric(codeUnit: number): number {
  return codeUnit < 128 ? ALPHANUMERIC[codeUnit] : 0;
}

const ALPHANUMERIC = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code).toLowerCase();
  return /[a-z0-9]/.test(character) ? character.charCodeAt(0) : 0;
});

/** What a secret is compared as, and the ends of it that are not looked at. */
interface Folded {
  readonly text: string;
  readonly before: string;
  readonly after: string;
}

function fold(secret: string, folding: Folding): Folded {
  let text = "";
  let first: number | undefined;
  let last = 0;
  for (let at = 0; at < secret.length; at++) {
    const code = folding(secret.charCodeAt(at));
    if (code === 0) continue;
    text += String.fromCharCode(code);
    first ??= at;
    last = at;
  }
  return {
    text,
    before: secret.slice(0, first ?? 0),
    after: secret.slice(last + 1),
  };
}

/** A form of a secret, as it is looked for. */
export class Needle {
  /** Its beginning, which is looked for; too short when there is nothing to. */
  readonly head: string;
  readonly shown: string;
  readonly folding: Folding;
  readonly #form: () => string;
  #folded: Folded | undefined;

  /**
   * @param form Makes the form. It is made anew when its head was found: to
   * keep seven forms of each secret would be much.
   * @param beginning The form of as much of it as a head may need.
   * @param shown What is shown in its place.
   * @param folding What it is compared as.
   */
  constructor(
    form: () => string,
    { beginning, shown, folding }: {
      readonly beginning: string;
      readonly shown: string;
      readonly folding: Folding;
    },
  ) {
    this.shown = shown;
    this.folding = folding;
    this.#form = form;
    const begun = fold(beginning, folding).text;
    const text = begun.length < 2 * MAX_HEAD ? this.folded.text : begun;
    this.head = text.slice(0, headLength(text.length));
  }

  get folded(): Folded {
    return this.#folded ??= fold(this.#form(), this.folding);
  }
}

/** How much of a secret, cut short, is still taken for it. */
function headLength(length: number): number {
  if (length < 12) return length;
  const most = Math.ceil(length * 0.75);
  // Few lengths, since each is looked up.
  return most <= 12 ? most : most < 16 ? 12 : most < MAX_HEAD ? 16 : MAX_HEAD;
}

/** Secrets, found by their beginnings. */
export class SecretIndex {
  readonly #folding: Folding;
  /** How many heads end in eight characters of this hash. */
  #table: Uint16Array | undefined;
  readonly #heads = new Map<number, Needle[]>();
  /** How many heads there are of each length. */
  readonly #lengths = new Map<number, number>();
  #longest = 0;

  constructor(folding: Folding) {
    this.#folding = folding;
  }

  add(needle: Needle): void {
    const hash = headHash(needle.head);
    const alike = this.#heads.get(hash);
    if (alike === undefined) this.#heads.set(hash, [needle]);
    else alike.push(needle);
    this.#count(needle.head, 1);
  }

  remove(needle: Needle): void {
    const hash = headHash(needle.head);
    const alike = this.#heads.get(hash) ?? [];
    const at = alike.indexOf(needle);
    if (at === -1) return;
    alike.splice(at, 1);
    if (alike.length === 0) this.#heads.delete(hash);
    this.#count(needle.head, -1);
  }

  #count(head: string, change: 1 | -1): void {
    let hash = 0;
    for (let at = head.length - MIN_LENGTH; at < head.length; at++) {
      hash = shifted(hash, head.charCodeAt(at));
    }
    this.#table ??= new Uint16Array(1 << TABLE_BITS);
    this.#table[slot(hash)] += change;
    const count = (this.#lengths.get(head.length) ?? 0) + change;
    if (count === 0) this.#lengths.delete(head.length);
    else this.#lengths.set(head.length, count);
    this.#longest = Math.max(0, ...this.#lengths.keys());
  }

  /** Where secrets are in a text, in the order of their ends. */
  find(text: string): Span[] {
    const spans: Span[] = [];
    const table = this.#table;
    if (table === undefined || this.#heads.size === 0) return spans;
    const folding = this.#folding;
    let hash = 0;
    let covered = 0;
    for (let at = 0; at < text.length; at++) {
      const code = folding(text.charCodeAt(at));
      if (code === 0) continue;
      hash = shifted(hash, code);
      if (table[slot(hash)] === 0 || at < covered) continue;
      const span = this.#spanAt(text, at);
      if (span === undefined) continue;
      spans.push(span);
      covered = span.end;
    }
    return spans;
  }

  /** The secret whose head ends with this character, if one does. */
  #spanAt(text: string, last: number): Span | undefined {
    let longest: Span | undefined;
    let hash = 0;
    let length = 0;
    for (let at = last; at >= 0 && length < this.#longest; at--) {
      const code = this.#folding(text.charCodeAt(at));
      if (code === 0) continue;
      hash = headHashed(hash, code);
      length++;
      if (!this.#lengths.has(length)) continue;
      const found = this.#longestOf(text, { start: at, end: last + 1, hash });
      if (found && !(longest && longest.end > found.end)) longest = found;
    }
    return longest;
  }

  /** The longest of the secrets whose head is in these bounds. */
  #longestOf(
    text: string,
    { start, end, hash }: { start: number; end: number; hash: number },
  ): Span | undefined {
    const alike = this.#heads.get(hash);
    if (alike === undefined) return undefined;
    const head = fold(text.slice(start, end), this.#folding).text;
    let longest: Span | undefined;
    for (const needle of alike.slice(-MAX_COMPARED)) {
      if (needle.head !== head) continue;
      const span = this.#extend(text, { start, end }, needle);
      if (longest === undefined || span.end > longest.end) longest = span;
    }
    return longest;
  }

  /** All of a secret whose head was found; of one cut short, what follows. */
  #extend(
    text: string,
    { start, end }: { start: number; end: number },
    needle: Needle,
  ): Span {
    const { text: secret, before, after } = needle.folded;
    let length = needle.head.length;
    for (let at = end; at < text.length && length < secret.length; at++) {
      const code = this.#folding(text.charCodeAt(at));
      if (code === 0) continue;
      if (code !== secret.charCodeAt(length)) break;
      length++;
      end = at + 1;
    }
    if (length < secret.length) end = endOfRun(text, end);
    for (let at = 0; at < after.length && text[end] === after[at]; at++) end++;
    let at = before.length;
    while (at > 0 && start > 0 && text[start - 1] === before[at - 1]) {
      at--;
      start--;
    }
    return { start, end, shown: needle.shown };
  }
}

/** Where a stretch ends that may be the rest of a token in any encoding. */
function endOfRun(text: string, from: number): number {
  const run = /[\w+/=%.~\\&#;-]*/y;
  run.lastIndex = from;
  run.exec(text);
  return Math.max(from, run.lastIndex);
}

/** A hash of the last eight characters: as many shifts take one out again. */
function shifted(hash: number, code: number): number {
  return (hash << 4) + code;
}

/** Which value of the table that hash has: its upper bits, once mixed. */
function slot(hash: number): number {
  return Math.imul(hash, 0x9e3779b1) >>> (32 - TABLE_BITS);
}

/** The hash of a head, which is read from its end. */
function headHash(head: string): number {
  let hash = 0;
  for (let at = head.length - 1; at >= 0; at--) {
    hash = headHashed(hash, head.charCodeAt(at));
  }
  return hash;
}

function headHashed(hash: number, code: number): number {
  return Math.imul(hash + code, 0x01000193) ^ (hash >>> 15);
}
