/**
 * What was noted and has no line yet. It is on the path of each message, so that
 * it is copied into memory that is there: many small things that live for long
 * are looked at by each garbage collection, which costs more than all the rest.
 */

import type { Happening } from "./format.ts";

/** A message or an event longer than this is told of by its length alone. */
export const MAX_KEPT_BYTES = 256 * 1024;

const MAX_BYTES = 8 * 1024 * 1024;

/** What is larger does not push out what is small: it has half of the room. */
const SMALL_BYTES = 4 * 1024;

/** So much of the last one may stand behind the end, and not at the start. */
const MAX_NOTE_BYTES = 1024 * 1024;

/** What may be noted. */
const KINDS = [
  "in",
  "out",
  "closed",
  "request",
  "response",
  "body",
  "end",
  "failed",
  "recovered",
  "log",
] as const satisfies readonly Happening["kind"][];

/** Something that happened, as it stands here. */
export interface Noted {
  readonly kind: typeof KINDS[number];
  readonly at: number;
  /** The number of the HTTP request, or of the client's; 0 if there is none. */
  readonly id: number;
  /** A length in bytes, or a status. */
  readonly count: number;
  /** What else there is to say. */
  readonly more: string;
}

/** Before the text and the bytes: the numbers, and how long those are. */
const HEAD_BYTES = 32;

const encoder = new TextEncoder();
const decoder = new TextDecoder(undefined, { ignoreBOM: true });

/** A queue with room for so much; what is oldest goes. */
export class Waiting {
  readonly #ring = new Uint8Array(MAX_BYTES + MAX_NOTE_BYTES);
  readonly #numbers = new Float64Array(this.#ring.buffer);
  readonly #counts = new Uint32Array(this.#ring.buffer);
  #first = 0;
  #next = 0;
  #size = 0;
  #dropped = 0;

  get size(): number {
    return this.#size;
  }

  /** Copies a note, and bytes that their owner may write over. */
  push({ kind, at, id, count, more }: Noted, bytes?: Uint8Array): void {
    const most = this.#isHalfFull() ? SMALL_BYTES : MAX_KEPT_BYTES;
    const kept = bytes && bytes.length <= most ? bytes : undefined;
    const keptBytes = kept?.length ?? 0;
    // UTF-8 has at most three bytes for a unit of UTF-16.
    const needed = HEAD_BYTES * 2 + more.length * 3 + keptBytes;
    if (needed > MAX_NOTE_BYTES) {
      this.#dropped++;
      return;
    }
    while (this.#size > 0 && this.#isInTheWay(needed)) this.#drop();
    const moreAt = this.#next + HEAD_BYTES;
    const moreBytes = more === ""
      ? 0
      : encoder.encodeInto(more, this.#ring.subarray(moreAt)).written;
    if (kept) this.#ring.set(kept, moreAt + moreBytes);
    this.#numbers[this.#next / 8] = at;
    const head = this.#next / 4 + 2;
    this.#counts[head] = KINDS.indexOf(kind);
    this.#counts[head + 1] = id;
    this.#counts[head + 2] = count;
    this.#counts[head + 3] = moreBytes;
    this.#counts[head + 4] = keptBytes;
    this.#next = this.#behind(this.#next);
    this.#size++;
  }

  /** The oldest note, and its bytes, which are there until the next `push`. */
  shift(): [noted: Noted, bytes: Uint8Array | undefined] | undefined {
    if (this.#size === 0) return undefined;
    const start = this.#first;
    this.#leave();
    const head = start / 4 + 2;
    const [kind, id, count, moreBytes, keptBytes] = this.#counts
      .subarray(head, head + 5);
    const moreAt = start + HEAD_BYTES;
    const keptAt = moreAt + moreBytes;
    return [
      {
        kind: KINDS[kind],
        at: this.#numbers[start / 8],
        id,
        count,
        more: decoder.decode(this.#ring.subarray(moreAt, keptAt)),
      },
      keptBytes > 0
        ? this.#ring.subarray(keptAt, keptAt + keptBytes)
        : undefined,
    ];
  }

  /** Leaves only so many, the newest. */
  keep(count: number): void {
    while (this.#size > count) this.#drop();
  }

  /** How many are gone since this was last asked. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  #drop(): void {
    this.#leave();
    this.#dropped++;
  }

  #leave(): void {
    this.#first = this.#behind(this.#first);
    this.#size--;
  }

  /** Where what follows begins. */
  #behind(start: number): number {
    const head = start / 4 + 2;
    const length = this.#counts[head + 3] + this.#counts[head + 4];
    const end = start + HEAD_BYTES + Math.ceil(length / 8) * 8;
    return end < MAX_BYTES ? end : 0;
  }

  #isHalfFull(): boolean {
    const used = this.#next - this.#first;
    const isRound = this.#size > 0 && used <= 0;
    return used + (isRound ? MAX_BYTES : 0) > MAX_BYTES / 2;
  }

  #isInTheWay(needed: number): boolean {
    return this.#next <= this.#first && this.#first < this.#next + needed;
  }
}
