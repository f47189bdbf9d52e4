/**
 * Finds many secrets in a text at once, in whatever form they stand there, and
 * in time that grows with the text's length alone, whatever the secrets and the
 * text hold: both are foreign.
 */

import { fullyDecoded } from "./decoded_text.ts";

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
const BEGINNING = 64;

/** What each code unit is compared as; 0 if it is not looked at. */
type Folding = (codeUnit: number) => number;

/** As it is: for secrets that have too few letters and digits. */
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

/** A text as it is compared, and where in it each character stands. */
interface Folded {
  readonly text: string;
  readonly positions: readonly number[];
}

function fold(text: string, folding: Folding): Folded {
  let folded = "";
  const positions: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const code = folding(text.charCodeAt(at));
    if (code === 0) continue;
    folded += String.fromCharCode(code);
    positions.push(at);
  }
  return { text: folded, positions };
}

/** A form of a secret, and the ends of it that are not looked at. */
interface Ends {
  readonly folded: string;
  readonly before: string;
  readonly after: string;
}

/** A form of a secret, as it is looked for. */
export interface Needle {
  /** Its beginning, which is looked for; too short when there is nothing to. */
  readonly head: string;
  readonly shown: string;
  readonly folding: Folding;
  /** Folds all of it, once its head was found: to keep all forms would be much. */
  readonly ends: () => Ends;
}

function endsOf(form: string, folding: Folding): Ends {
  const { text, positions } = fold(form, folding);
  return {
    folded: text,
    before: form.slice(0, positions[0] ?? 0),
    after: form.slice((positions.at(-1) ?? 0) + 1),
  };
}

/** Of what lengths heads are, the longest first: few, since each is looked up. */
const HEAD_LENGTHS = [MAX_HEAD, 16, 12, 11, 10, 9, MIN_LENGTH];

/** How much of a secret, cut short, is still taken for it. */
function headLength(length: number): number {
  if (length < 12) return length;
  const most = Math.ceil(length * 0.75);
  return most <= 12 ? most : most < 16 ? 12 : most < MAX_HEAD ? 16 : MAX_HEAD;
}

const encoder = new TextEncoder();

/** The forms in which a secret is looked for: eight at most. */
const FORMS: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => encoder.encode(secret).toHex(),
  // As some programs write bytes: `[119,74,97]`.
  (secret) => encoder.encode(secret).join(),
  // Where a text around it is encoded, too, it begins anywhere in three bytes.
  (secret) => base64Within(secret, 0),
  (secret) => base64Within(secret, 1),
  (secret) => base64Within(secret, 2),
];

/** The part of the Base64 of a longer text that a secret in it decides. */
function base64Within(secret: string, before: number): string {
  const bytes = encoder.encode("\0".repeat(before) + secret);
  const first = Math.ceil(before * 8 / 6);
  return bytes.toBase64().slice(first, Math.floor(bytes.length * 8 / 6));
}

/** What a secret is found by: each form that is long enough to tell. */
export function needlesOf(secret: string, shown: string): Needle[] {
  const beginning = secret.slice(0, BEGINNING);
  const needles = FORMS.map((form) =>
    needleOf(() => form(secret), form(beginning), shown)
  );
  const end = reversed(secret.slice(-BEGINNING));
  needles.push(needleOf(() => reversed(secret), end, shown));
  const decoded = fullyDecoded(secret);
  if (decoded !== secret) {
    needles.push(needleOf(() => decoded, decoded.slice(0, BEGINNING), shown));
  }
  return needles.filter(({ head }) => head.length >= MIN_LENGTH);
}

function reversed(text: string): string {
  return [...text].reverse().join("");
}

/**
 * By letters and digits alone, where there are enough of them.
 *
 * @param beginning As much of the form as a head may need: to make all of each
 * form of a long secret takes a hundred times as long.
 */
function needleOf(
  form: () => string,
  beginning: string,
  shown: string,
  folding: Folding = alphanumeric,
): Needle {
  let known: Ends | undefined;
  const ends = () => known ??= endsOf(form(), folding);
  const { text: begun } = fold(beginning, folding);
  const text = begun.length < 2 * MAX_HEAD ? ends().folded : begun;
  const head = text.slice(0, headLength(text.length));
  return head.length >= MIN_LENGTH || folding === literal
    ? { head, shown, folding, ends }
    : needleOf(form, beginning, shown, literal);
}

export class SecretIndex {
  readonly #folding: Folding;
  readonly #heads = new Map<string, Needle[]>();
  /** How many heads end in eight characters of this hash. */
  #table: Uint16Array | undefined;

  constructor(folding: Folding) {
    this.#folding = folding;
  }

  add(needle: Needle): void {
    const alike = this.#heads.get(needle.head);
    if (alike === undefined) this.#heads.set(needle.head, [needle]);
    else alike.push(needle);
    this.#count(needle.head, 1);
  }

  remove(needle: Needle): void {
    const alike = this.#heads.get(needle.head) ?? [];
    alike.splice(alike.indexOf(needle), 1);
    if (alike.length === 0) this.#heads.delete(needle.head);
    this.#count(needle.head, -1);
  }

  #count(head: string, change: 1 | -1): void {
    let hash = 0;
    for (let at = head.length - MIN_LENGTH; at < head.length; at++) {
      hash = shifted(hash, head.charCodeAt(at));
    }
    this.#table ??= new Uint16Array(1 << TABLE_BITS);
    this.#table[slot(hash)] += change;
  }

  /** Where secrets are in a text, in the order of their ends. */
  find(text: string): Span[] {
    const spans: Span[] = [];
    const table = this.#table;
    if (table === undefined || this.#heads.size === 0) return spans;
    const folding = this.#folding;
    // Made where it is needed: most texts have nothing that is like a secret.
    let folded: Folded | undefined;
    let hash = 0;
    let covered = 0;
    let end = 0;
    for (let at = 0; at < text.length; at++) {
      const code = folding(text.charCodeAt(at));
      if (code === 0) continue;
      end++;
      hash = shifted(hash, code);
      if (table[slot(hash)] === 0 || at < covered) continue;
      folded ??= fold(text, folding);
      const span = this.#spanAt(text, folded, end);
      if (span === undefined) continue;
      spans.push(span);
      covered = span.end;
    }
    return spans;
  }

  /**
   * The secret whose head ends there in the folded text, if one does: the one
   * that ends last, and of those with the longest head.
   */
  #spanAt(text: string, folded: Folded, end: number): Span | undefined {
    let last: Span | undefined;
    for (const length of HEAD_LENGTHS) {
      const head = folded.text.slice(end - length, end);
      const alike = this.#heads.get(head)?.slice(-MAX_COMPARED) ?? [];
      for (const needle of alike) {
        const span = spanOf(needle, text, folded, end);
        if (last === undefined || span.end > last.end) last = span;
      }
    }
    return last;
  }
}

/**
 * All of a secret whose head was found; of one cut short, what follows.
 *
 * @param end Where its head ends in the folded text.
 */
function spanOf(
  needle: Needle,
  text: string,
  folded: Folded,
  end: number,
): Span {
  const { folded: secret, before, after } = needle.ends();
  let length = needle.head.length;
  let start = folded.positions[end - length];
  while (length < secret.length && folded.text[end] === secret[length]) {
    length++;
    end++;
  }
  end = folded.positions[end - 1] + 1;
  if (length < secret.length) end = endOfRun(text, end);
  for (let at = 0; at < after.length && text[end] === after[at]; at++) end++;
  let at = before.length;
  while (at > 0 && text[start - 1] === before[--at]) start--;
  return { start, end, shown: needle.shown };
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
