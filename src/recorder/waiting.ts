/**
 * What was noted and has no line yet. It is little of the path of a message:
 * bytes are copied into large blocks, since what lives for long in many small
 * pieces costs the garbage collector more than all the rest does.
 */

import { MAX_KEPT_BYTES, type Noted } from "./noted.ts";

const MAX_NOTES = 32_768;
const MAX_BYTES = 8 * 1024 * 1024;
const BLOCK_BYTES = 256 * 1024;

/** A queue with room for so much; what is oldest goes. */
export class Waiting {
  /** How many are gone since it was last asked. */
  #dropped = 0;
  #notes: Noted[] = [];
  #first = 0;
  #bytes = 0;
  #block = new Uint8Array();
  #used = 0;

  get size(): number {
    return this.#notes.length - this.#first;
  }

  /** A copy: whoever the bytes belong to may write over them. */
  copy(bytes: Uint8Array): Uint8Array | undefined {
    const { length } = bytes;
    if (length > MAX_KEPT_BYTES) return undefined;
    if (this.#used + length > this.#block.length) {
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#used = 0;
    }
    const copy = this.#block.subarray(this.#used, this.#used + length);
    this.#used += length;
    copy.set(bytes);
    return copy;
  }

  push(note: Noted): void {
    this.#notes.push(note);
    if ("bytes" in note) this.#bytes += note.bytes?.length ?? 0;
    while (this.size > MAX_NOTES || this.#bytes > MAX_BYTES) this.#drop();
  }

  shift(): Noted | undefined {
    const note = this.#notes[this.#first];
    if (note === undefined) return undefined;
    if ("bytes" in note) this.#bytes -= note.bytes?.length ?? 0;
    if (++this.#first > MAX_NOTES) {
      this.#notes = this.#notes.slice(this.#first);
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

  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }
}
