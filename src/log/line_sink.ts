/**
 * Lines → a slow sink, without waiting for it.
 *
 * @module
 */

/** How many lines wait for a sink that does not take them. */
const MAX_WAITING_LINES = 1000;

/**
 * Writes lines in the background. When the sink takes none for long, lines
 * are dropped and counted: a client that never reads stderr must not stop the
 * messages on stdout.
 */
export class LineSink {
  readonly #sink: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  #waiting: string[] = [];
  #dropped = 0;
  #writing: Promise<void> | undefined;

  /** @param sink Where the lines go. It is not closed. */
  constructor(sink: WritableStream<Uint8Array>) {
    this.#sink = sink.getWriter();
    // A sink that is gone has no reader who could be told.
    this.#sink.closed.catch(() => {});
  }

  /** Writes a line, newline included, as soon as the sink takes it. */
  write(line: string): void {
    if (this.#waiting.length >= MAX_WAITING_LINES) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(line);
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when all lines are written, or the time is over. */
  async flush(limitMs: number): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limitMs);
    await Promise.race([this.#writing, late]);
    clearTimeout(timer);
  }

  async #writeAll(): Promise<void> {
    await null;
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.join("");
      const dropped = this.#dropped;
      this.#waiting = [];
      this.#dropped = 0;
      const note = dropped === 0 ? "" : `[${dropped} log lines were dropped]\n`;
      await this.#sink.write(this.#encoder.encode(lines + note))
        .catch(() => {});
    }
    this.#writing = undefined;
  }
}
