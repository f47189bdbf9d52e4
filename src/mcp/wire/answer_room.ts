/**
 * How much of large answers is held at once.
 *
 * @module
 */

const MIB = 1024 * 1024;

/** So much of each answer, or event, is held whatever else is. */
export const FREE_BYTES: number = MIB;

/**
 * What all answers of this process together may hold beyond that. An answer
 * takes all that it may come to need before it is read on, so that none waits
 * in the middle for another that does, too.
 */
const ROOM_BYTES = 64 * MIB;

interface Waiting {
  readonly bytes: number;
  readonly onTaken: () => void;
}

/** Bytes that are given to whoever asked first. */
export class AnswerRoom {
  readonly #bytes: number;
  #freeBytes: number;
  readonly #waiting = new Map<AnswerShare, Waiting>();

  /** @param bytes All that there are. */
  constructor(bytes: number) {
    this.#bytes = bytes;
    this.#freeBytes = bytes;
  }

  /** What is there for one answer. */
  share(mostBytes: number): AnswerShare {
    return new AnswerShare(this, Math.min(mostBytes, this.#bytes));
  }

  /** Takes bytes for a share, now or when there are as many. */
  take(share: AnswerShare, waiting: Waiting): void {
    this.#waiting.set(share, waiting);
    this.#next();
  }

  /** Gives bytes of a share back; it waits for none any more. */
  give(share: AnswerShare, bytes: number): void {
    this.#waiting.delete(share);
    this.#freeBytes += bytes;
    this.#next();
  }

  #next(): void {
    for (const [share, { bytes, onTaken }] of this.#waiting) {
      if (bytes > this.#freeBytes) return;
      this.#freeBytes -= bytes;
      this.#waiting.delete(share);
      onTaken();
    }
  }
}

/** What one answer takes of the room. */
export class AnswerShare {
  readonly #room: AnswerRoom;
  readonly #mostBytes: number;
  #takenBytes = 0;
  #onOver = (): void => {};

  constructor(room: AnswerRoom, mostBytes: number) {
    this.#room = room;
    this.#mostBytes = mostBytes;
  }

  /**
   * Takes it, if it is not taken. What it returns, if anything, is to be
   * awaited before more of the answer is read.
   */
  take(): Promise<void> | undefined {
    if (this.#takenBytes > 0) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    const bytes = this.#mostBytes;
    this.#onOver = resolve;
    const onTaken = () => {
      this.#takenBytes = bytes;
      resolve();
    };
    this.#room.take(this, { bytes, onTaken });
    return this.#takenBytes > 0 ? undefined : promise;
  }

  /** Gives it back, or waits for it no longer. */
  give(): void {
    const bytes = this.#takenBytes;
    this.#takenBytes = 0;
    this.#room.give(this, bytes);
    this.#onOver();
  }
}

/** The room of this process. */
export const ANSWER_ROOM: AnswerRoom = new AnswerRoom(ROOM_BYTES);
