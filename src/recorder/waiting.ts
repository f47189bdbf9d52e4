/**
 * What was noted and has no line yet. It is on the path of each message, so that
 * it is copied into memory that is there: many small things that live for long
 * are looked at by each garbage collection, which costs more than all the rest.
 */

import type { Bytes } from "../mcp/transport/observer.ts";
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

const HEADS: ReadonlySet<Noted["kind"]> = new Set(["request", "response"]);

/** Something that happened, and what was copied with it. */
export interface Noted {
  readonly kind: typeof KINDS[number];
  readonly at: number;
  /** The number of the HTTP request, or of the client's; 0 if there is none. */
  readonly id: number;
  /** What there is to say of it; of a head that is as the last one, nothing. */
  readonly more: string;
  /** How many bytes passed, and these, if they were kept. */
  readonly byteLength: number;
  readonly bytes: Uint8Array | undefined;
}

/** Before the text and the bytes: the numbers, and how long those are. */
const HEAD_BYTES = 32;

const encoder = new TextEncoder();
const decoder = new TextDecoder(undefined, { ignoreBOM: true });

/** A queue with room for so much; what is oldest goes. */
export class Waiting {
  readonly #ring = new Uint8Array(MAX_BYTES + MAX_NOTE_BYTES);
  readonly #times = new Float64Array(this.#ring.buffer);
  readonly #heads = new Uint32Array(this.#ring.buffer);
  #first = 0;
  #next = 0;
  #size = 0;
  #dropped = 0;
  /** What the last heads that are gone from here said. */
  readonly #said = new Map<Noted["kind"], string>();

  get size(): number {
    return this.#size;
  }

  /** Copies what happened, with bytes that their owner may write over. */
  push(
    kind: Noted["kind"],
    at: number,
    id: number,
    more: string,
    bytes: Bytes,
  ): void {
    const { byteLength } = bytes;
    const most = this.#isHalfFull() ? SMALL_BYTES : MAX_KEPT_BYTES;
    const isKept = bytes instanceof Uint8Array && byteLength <= most;
    const keptBytes = isKept ? byteLength : 0;
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
    if (isKept) this.#ring.set(bytes, moreAt + moreBytes);
    this.#times[this.#next / 8] = at;
    const head = this.#next / 4 + 2;
    this.#heads[head] = moreBytes;
    this.#heads[head + 1] = keptBytes;
    this.#heads[head + 2] = KINDS.indexOf(kind);
    this.#heads[head + 3] = id;
    this.#heads[head + 4] = byteLength;
    this.#next = this.#behind(this.#next);
    this.#size++;
  }

  /** The oldest of what is there; its bytes are until the next `push`. */
  shift(): Noted | undefined {
    if (this.#size === 0) return undefined;
    const start = this.#first;
    const more = this.#leave();
    const head = this.#heads.subarray(start / 4 + 2);
    const [moreBytes, keptBytes, kind, id, byteLength] = head;
    const keptAt = start + HEAD_BYTES + moreBytes;
    const kept = this.#ring.subarray(keptAt, keptAt + keptBytes);
    return {
      kind: KINDS[kind],
      at: this.#times[start / 8],
      id,
      more,
      byteLength,
      bytes: keptBytes > 0 ? kept : undefined,
    };
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

  /** The oldest leaves; what there is to say of it. */
  #leave(): string {
    const head = this.#first / 4 + 2;
    const kind = KINDS[this.#heads[head + 2]];
    const moreAt = this.#first + HEAD_BYTES;
    const moreEnd = moreAt + this.#heads[head];
    this.#first = this.#behind(this.#first);
    this.#size--;
    const more = moreAt === moreEnd
      ? ""
      : decoder.decode(this.#ring.subarray(moreAt, moreEnd));
    if (!HEADS.has(kind)) return more;
    if (more !== "") this.#said.set(kind, more);
    return this.#said.get(kind) ?? "";
  }

  /** Where what follows begins. */
  #behind(start: number): number {
    const head = start / 4 + 2;
    const length = this.#heads[head] + this.#heads[head + 1];
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
