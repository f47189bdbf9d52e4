/**
 * What was noted and has no line yet. It is on the path of each message: bytes
 * are copied into memory that is there, since new memory, and many small things
 * that live for long, cost more than all the rest does.
 */

import { MAX_KEPT_BYTES, type Noted } from "./noted.ts";

const MAX_NOTES = 32_768;
const MAX_BYTES = 8 * 1024 * 1024;

/** What is larger does not push out what is small: it has half of the room. */
const SMALL_BYTES = 4 * 1024;

/** A queue with room for so much; what is oldest goes. */
export class Waiting {
  #notes: Noted[] = [];
  /** How much was copied before each of them. */
  #starts: number[] = [];
  #first = 0;
  #dropped = 0;
  readonly #ring = new Uint8Array(MAX_BYTES);
  #copied = 0;

  get size(): number {
    return this.#notes.length - this.#first;
  }

  /** Copies what its owner may write over; says where it is, if it is kept. */
  copy(bytes: Uint8Array): number | undefined {
    const { length } = bytes;
    if (length > MAX_KEPT_BYTES) return undefined;
    const waits = this.size && this.#copied - this.#starts[this.#first];
    if (length > SMALL_BYTES && waits > MAX_BYTES / 2) return undefined;
    const left = MAX_BYTES - this.#copied % MAX_BYTES;
    const start = this.#copied + (length > left ? left : 0);
    this.#ring.set(bytes, start % MAX_BYTES);
    this.#copied = start + length;
    while (this.#starts[this.#first] < this.#copied - MAX_BYTES) this.#drop();
    return start;
  }

  /** What was copied for a note: until more is. */
  bytesOf({ kept, byteLength }: Extract<Noted, { byteLength: number }>):
    | Uint8Array
    | undefined {
    if (kept === undefined) return undefined;
    const start = kept % MAX_BYTES;
    return this.#ring.subarray(start, start + byteLength);
  }

  push(note: Noted): void {
    this.#notes.push(note);
    this.#starts.push(
      "kept" in note ? note.kept ?? this.#copied : this.#copied,
    );
    if (this.size > MAX_NOTES) this.#drop();
  }

  shift(): Noted | undefined {
    const note = this.#notes[this.#first];
    if (note !== undefined && ++this.#first > MAX_NOTES) {
      this.#notes = this.#notes.slice(this.#first);
      this.#starts = this.#starts.slice(this.#first);
      this.#first = 0;
    }
    return note;
  }

  #drop(): void {
    this.shift();
    this.#dropped++;
  }

  /** Leaves only so many, the newest. */
  keep(count: number): void {
    while (this.size > count) this.#drop();
  }

  /** How many are gone since this was last asked. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }
}
