/**
 * How much of what the client sends may be held at once.
 *
 * What is over a bound depends on what it is. A request is answered
 * `overloaded` at once, so that what comes after it is still read: the client's
 * answer to a question of the target's may be what all the others wait for. A
 * notification or an answer needs nothing from the client to end, so reading
 * stops until there is room, and the pipe slows the client down. Should nothing
 * end for {@linkcode STALL_MS}, it is dropped all the same: the target may be
 * waiting for an answer that stands behind it.
 *
 * Each kind has bounds of its own, so that none is refused for another's sake.
 * A message that is the only one of its kind is always taken.
 */

import { MAX_TIMER_MS, untilAborted } from "../time.ts";

/** How much of one kind is held at most. */
export interface Bounds {
  readonly messages: number;
  readonly bytes: number;
}

const MIB = 1024 * 1024;

/**
 * Requests that are not answered yet. A burst of ten thousand small ones is
 * taken; more of them, at some 6 KiB each, or larger ones, are not.
 */
export const MAX_REQUESTS: Bounds = { messages: 16_384, bytes: 128 * MIB };

/** Notifications, and the client's answers, that the target has not taken. */
export const MAX_UNANSWERED: Bounds = { messages: 2_048, bytes: 16 * MIB };

/** Refusals that the client has not read: whoever reads none is not read. */
export const MAX_REFUSALS: Bounds = { messages: 1_024, bytes: MIB };

/** How long reading stops when none of what is held comes to its end. */
const STALL_MS = 30_000;

export class Backlog {
  readonly #bounds: Bounds;
  readonly #stallMs: number;
  #messages = 0;
  #bytes = 0;
  #lastEndAt = performance.now();
  /** Resolves the wait for room, of which there is one at a time. */
  #onEnd: (() => void) | undefined;

  constructor(bounds: Bounds, stallMs: number = STALL_MS) {
    this.#bounds = bounds;
    this.#stallMs = stallMs;
  }

  hasRoomFor(bytes: number, messages = 1): boolean {
    return this.#messages === 0 ||
      (this.#messages + messages <= this.#bounds.messages &&
        this.#bytes + bytes <= this.#bounds.bytes);
  }

  /** Whether more than half of it is free again. */
  get isRelaxed(): boolean {
    return this.#messages * 2 < this.#bounds.messages &&
      this.#bytes * 2 < this.#bounds.bytes;
  }

  /** Counts a message until it is over; failing is one way to end. */
  add(over: Promise<void>, bytes: number, messages = 1): void {
    this.#messages += messages;
    this.#bytes += bytes;
    const end = () => {
      this.#messages -= messages;
      this.#bytes -= bytes;
      this.#lastEndAt = performance.now();
      this.#onEnd?.();
    };
    over.then(end, end);
  }

  /** Waits for room; false when nothing ends for too long, or at an abort. */
  async room(bytes: number, signal: AbortSignal): Promise<boolean> {
    while (!this.hasRoomFor(bytes)) {
      const leftMs = this.#lastEndAt + this.#stallMs - performance.now();
      if (leftMs <= 0 || signal.aborted) return false;
      const { promise: changed, resolve } = Promise.withResolvers<void>();
      this.#onEnd = resolve;
      const timer = setTimeout(resolve, Math.min(leftMs, MAX_TIMER_MS));
      await untilAborted(changed, signal);
      clearTimeout(timer);
      this.#onEnd = undefined;
    }
    return true;
  }
}
