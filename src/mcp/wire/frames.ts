/** Bytes ⇄ newline-delimited frames. */

import { free, giveAway } from "../../blob.ts";
import {
  BlockBuffer,
  CR,
  dense,
  LF,
  replaceNewlines,
  SPACE,
  withoutByteOrderMark,
} from "./bytes.ts";
import { within } from "../../time.ts";
import { idIn, type RequestId } from "./message.ts";
import { TopLevelScanner } from "./scan.ts";

/** A line over the limit: it was read past and not kept. */
export interface OversizedFrame {
  /** Its length in bytes, without the newline. */
  readonly byteLength: number;
  /** Whether an answer is owed: not to what is a notification or an answer. */
  readonly isOwed: boolean;
  /** The ID of the request, as far as it could be read. */
  readonly id: RequestId | undefined;
}

export type Frame = Uint8Array | OversizedFrame;

export interface FrameParserOptions {
  /** The longest line that is kept, in bytes. */
  readonly maxFrameBytes: number;
  /**
   * Whether nobody else has the chunks; then the memory of those of a large
   * line is given back at once. `false` unless it is set.
   */
  readonly takesChunks?: boolean;
}

/** From here on the memory of a line is given back as soon as it can be. */
const LARGE_LINE_BYTES = 64 * 1024;

const NONE = new Uint8Array();

/**
 * Bytes → frames: one a line, ended by `\n` or `\r\n`, or by the stream's end.
 * Blank lines and byte order marks before a line are skipped.
 */
export class FrameParser {
  readonly #maxBytes: number;
  readonly #takesChunks: boolean;
  /** The line that has begun. */
  readonly #kept: BlockBuffer;
  #byteLength = 0;
  #skipped: TopLevelScanner | undefined;

  constructor({ maxFrameBytes, takesChunks = false }: FrameParserOptions) {
    this.#maxBytes = maxFrameBytes;
    this.#kept = new BlockBuffer(maxFrameBytes);
    this.#takesChunks = takesChunks;
  }

  /** Reads a chunk and gives the frames that it completes. */
  feed(chunk: Uint8Array): readonly Frame[] {
    const frames: Frame[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LF, start);
      if (end < 0) break;
      const frame = this.#endLine(chunk.subarray(start, end));
      if (frame) frames.push(frame);
      start = end + 1;
    }
    this.#push(chunk.subarray(start));
    return frames;
  }

  /** The line that the stream's end left without its newline. */
  end(): Frame | undefined {
    return this.#endLine(NONE);
  }

  #push(piece: Uint8Array): void {
    this.#byteLength += piece.length;
    if (this.#skipped) {
      this.#skipped.feed(piece);
      return;
    }
    this.#kept.push(piece);
    // In a large one its bytes were copied; it is freed if nothing else is in it.
    const isWhole = piece.length === piece.buffer.byteLength;
    if (this.#takesChunks && isWhole && this.#kept.isLarge) free(piece);
    if (this.#byteLength <= this.#maxBytes) return;
    this.#skipped = new TopLevelScanner().feed(this.#kept.take());
  }

  #endLine(piece: Uint8Array): Frame | undefined {
    if (this.#byteLength === 0 && piece.length <= this.#maxBytes) {
      const line = trimmed(piece);
      // A small line would keep the whole chunk, for as long as it is asked.
      return line && dense(line);
    }
    this.#push(piece);
    const byteLength = this.#byteLength;
    const skipped = this.#skipped;
    this.#byteLength = 0;
    this.#skipped = undefined;
    if (skipped) return oversizedFrame(byteLength, skipped);
    if (byteLength <= LARGE_LINE_BYTES) {
      return trimmed(this.#kept.take());
    }
    const line = trimmed(this.#kept.takeOwn());
    return line && giveAway(line);
  }
}

/** The text of a line; nothing of a blank one. */
function trimmed(line: Uint8Array): Uint8Array | undefined {
  line = withoutByteOrderMark(line);
  if (line[line.length - 1] === CR) line = line.subarray(0, -1);
  return line.every((byte) => byte === SPACE || byte === 0x09 || byte === CR)
    ? undefined
    : line;
}

function oversizedFrame(
  byteLength: number,
  { members }: TopLevelScanner,
): OversizedFrame {
  const names = new Set(members.map(({ name }) => name));
  const isAnswer = names.has("result") || names.has("error");
  const isNotification = names.has("method") && !names.has("id");
  const isOwed = !isAnswer && !isNotification;
  return { byteLength, isOwed, id: isOwed ? idIn(members) : undefined };
}

/** How much one write takes at most, unless a single frame is larger. */
const MAX_WRITE_BYTES = 64 * 1024;

/** What is queued before whoever writes is made to wait. */
const MAX_QUEUED_BYTES = 64 * 1024;

/** A write that nobody need wait for: there is room for more. */
export const NO_WAIT: Promise<void> = Promise.resolve();

interface QueuedFrame {
  /** The frame, or its pieces as they come. */
  readonly frame: Uint8Array | AsyncIterable<Uint8Array>;
  /** Who waits for it to be written. */
  readonly waiting?: PromiseWithResolvers<void>;
}

const NEWLINE = Uint8Array.of(LF);

/**
 * Writes frames whole and in order, as many in one write as are ready: a
 * write to a pipe costs far more than the bytes in it.
 */
export class FrameWriter {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #takesChunks: boolean;
  #queue: QueuedFrame[] = [];
  #queuedBytes = 0;
  /** How many writes the sink has taken. */
  #taken = 0;
  #flushing: Promise<void> | undefined;
  #failure: { cause: unknown } | undefined;
  readonly #broken = Promise.withResolvers<unknown>();

  /** Resolves with the cause when the sink has failed. */
  readonly broken: Promise<unknown> = this.#broken.promise;

  /**
   * @param sink Where the bytes go; it is not closed by this class.
   * @param options Whether the sink is done with a chunk when its write
   * resolves, as files and pipes are.
   */
  constructor(
    sink: WritableStream<Uint8Array>,
    options: { takesChunks?: boolean } = {},
  ) {
    this.#takesChunks = options.takesChunks ?? false;
    this.#writer = sink.getWriter();
    // A sink that fails between two writes is told by the next write.
    this.#writer.closed.catch(() => {});
  }

  /**
   * Writes one frame; its newline is added.
   *
   * @returns {@linkcode NO_WAIT} while little is queued; else it resolves when
   * the sink has taken the frame, so that whoever awaits it is slowed by a slow
   * reader.
   * @throws What the sink failed with, now or before.
   */
  write(frame: Uint8Array): Promise<void> {
    this.#queuedBytes += frame.length + 1;
    return this.#enqueue(frame, this.#queuedBytes > MAX_QUEUED_BYTES);
  }

  /**
   * Writes one frame whose pieces are still on their way. Until they have all
   * come, or failed, no other frame is written. Its line is ended in any case.
   *
   * @throws What the pieces failed with, or the sink.
   */
  writePieces(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#enqueue(pieces, true);
  }

  #enqueue(frame: QueuedFrame["frame"], isAwaited: boolean): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure.cause);
    const waiting = isAwaited ? Promise.withResolvers<void>() : undefined;
    this.#queue.push({ frame, waiting });
    this.#flushing ??= this.#flush();
    return waiting?.promise ?? NO_WAIT;
  }

  /**
   * Resolves when nothing is waiting to be written, or the sink has failed or
   * takes nothing for so long.
   */
  async idle(stallMs = Infinity, signal?: AbortSignal): Promise<void> {
    for (let seen = -1; seen !== this.#taken && !signal?.aborted;) {
      seen = this.#taken;
      if (this.#flushing) await within(stallMs, this.#flushing, signal);
    }
  }

  release(): void {
    this.#writer.releaseLock();
  }

  async #flush(): Promise<void> {
    // One turn of the microtask queue, so that frames made together go together.
    await null;
    while (this.#queue.length > 0) {
      const batch = this.#takeBatch();
      try {
        await this.#writeBatch(batch);
        for (const { waiting } of batch) waiting?.resolve();
      } catch (cause) {
        this.#failure = { cause };
        this.#broken.resolve(cause);
        for (const { waiting } of [...batch, ...this.#queue.splice(0)]) {
          waiting?.reject(cause);
        }
      }
    }
    this.#flushing = undefined;
  }

  /** Frames that go in one write; one in pieces goes alone. */
  #takeBatch(): QueuedFrame[] {
    let byteLength = 0;
    let count = 0;
    for (const { frame } of this.#queue) {
      const isWhole = frame instanceof Uint8Array;
      byteLength += isWhole ? frame.length + 1 : MAX_WRITE_BYTES;
      if (count > 0 && byteLength > MAX_WRITE_BYTES) break;
      count++;
      if (!isWhole) break;
    }
    return this.#queue.splice(0, count);
  }

  async #writeBatch(batch: readonly QueuedFrame[]): Promise<void> {
    const frames: Uint8Array[] = [];
    for (const { frame, waiting } of batch) {
      if (frame instanceof Uint8Array) frames.push(frame);
      else return await this.#writePieces(frame, waiting);
    }
    // One that is large is too large to be copied for its newline.
    const isLarge = frames[0].length >= MAX_WRITE_BYTES;
    for (const bytes of isLarge ? [frames[0], NEWLINE] : [lines(frames)]) {
      await this.#writer.write(bytes);
      this.#taken++;
      this.#queuedBytes -= bytes.length;
    }
  }

  async #writePieces(
    pieces: AsyncIterable<Uint8Array>,
    waiting: QueuedFrame["waiting"],
  ): Promise<void> {
    const iterator = pieces[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await iterator.next().catch((cause) => {
          waiting?.reject(cause);
        });
        if (!next || next.done) break;
        await this.#writer.write(replaceNewlines(next.value));
        this.#taken++;
        if (this.#takesChunks) free(next.value);
      }
      await this.#writer.write(NEWLINE);
    } finally {
      await iterator.return?.();
    }
  }
}

function lines(frames: readonly Uint8Array[]): Uint8Array {
  let byteLength = 0;
  for (const { length } of frames) byteLength += length + 1;
  const block = new Uint8Array(byteLength).fill(LF);
  let at = 0;
  for (const frame of frames) {
    block.set(frame, at);
    at += frame.length + 1;
  }
  return block;
}
