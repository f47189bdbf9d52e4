/**
 * Looks on while a response is read, whoever reads it and however: nothing is
 * read for that, and nothing is read twice.
 */

/** Is told what was read of a body. The bytes are its own only until it returns. */
export interface BodyTap {
  read(bytes: Uint8Array): void;
  /** It is over; `cause` if it broke, `rest` if more of it was read just now. */
  ended(
    by: "target" | "cut" | "proxy",
    cause?: unknown,
    rest?: Uint8Array,
  ): void;
}

/** Has a tap told of the body of a response. It is the same response. */
export function tapResponse(response: Response, tap: BodyTap): Response {
  return tapReading(response, new Progress(tap));
}

/** How far a body was read by any who reads it: a clone has the same one. */
class Progress {
  readonly #tap: BodyTap;
  #toldBytes = 0;
  #isOver = false;
  /** How many there are that may read it. */
  readers = 1;

  constructor(tap: BodyTap) {
    this.#tap = tap;
  }

  /** Somebody has read so much before, and now this. */
  read(before: number, bytes: Uint8Array): void {
    const known = this.#toldBytes - before;
    if (this.#isOver || known >= bytes.length) return;
    this.#toldBytes = before + bytes.length;
    this.#tap.read(known > 0 ? bytes.subarray(known) : bytes);
  }

  /** Somebody has read all of it. */
  complete(all: Uint8Array): void {
    this.end("target", undefined, all.subarray(this.#toldBytes));
  }

  end(...how: Parameters<BodyTap["ended"]>): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tap.ended(...how);
  }
}

const PROGRESS = Symbol("progress");

function tapReading(response: Response, progress: Progress): Response {
  const tapped: TappedResponse = Object.setPrototypeOf(
    response,
    TappedResponse.prototype,
  );
  tapped[PROGRESS] = progress;
  return tapped;
}

/** What a response is made into: methods of its own would cost more. */
class TappedResponse extends Response {
  [PROGRESS]?: Progress;

  override async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const progress = this[PROGRESS];
    try {
      const all = await super.bytes();
      progress?.complete(all);
      return all;
    } catch (cause) {
      progress?.end("cut", cause);
      throw cause;
    }
  }

  override clone(): Response {
    const progress = this[PROGRESS];
    const clone = super.clone();
    if (!progress) return clone;
    progress.readers++;
    return tapReading(clone, progress);
  }

  override get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    const body = super.body;
    const progress = this[PROGRESS];
    if (!progress) return body;
    if (body === null) progress.end("target");
    // A clone leaves another one behind.
    else if (!tapped.has(body)) {
      tapped.add(body);
      tapStream(body, progress);
    }
    return body;
  }
}

const tapped = new WeakSet<ReadableStream>();

type Reader =
  | ReadableStreamDefaultReader<Uint8Array>
  | ReadableStreamBYOBReader;

function tapStream(
  stream: ReadableStream<Uint8Array>,
  progress: Progress,
): void {
  let readBytes = 0;
  const cancelled = (): void => {
    if (--progress.readers <= 0) progress.end("proxy");
  };
  const tapReader = (reader: Reader): Reader => {
    const cancel = reader.cancel.bind(reader);
    const read = readOf(reader);
    return Object.assign(reader, {
      async read(view?: Uint8Array) {
        try {
          const result = await read(view);
          const { done, value } = result;
          if (value !== undefined && value.length > 0) {
            progress.read(readBytes, value);
            readBytes += value.length;
          }
          if (done) progress.end("target");
          return result;
        } catch (cause) {
          progress.end("cut", cause);
          throw cause;
        }
      },
      cancel(reason?: unknown): Promise<void> {
        cancelled();
        return cancel(reason);
      },
    });
  };
  const cancel = stream.cancel.bind(stream);
  const getReader: (options?: { mode: "byob" }) => Reader = stream.getReader
    .bind(stream);
  Object.assign(stream, {
    getReader: (options?: { mode: "byob" }) => tapReader(getReader(options)),
    cancel(reason?: unknown): Promise<void> {
      cancelled();
      return cancel(reason);
    },
    async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
      const reader = stream.getReader();
      try {
        for (let next; !(next = await reader.read()).done;) yield next.value;
      } finally {
        await reader.cancel().catch(() => {});
        reader.releaseLock();
      }
    },
  });
}

function readOf(
  reader: Reader,
): (view?: Uint8Array) => Promise<ReadableStreamReadResult<Uint8Array>> {
  if (reader instanceof ReadableStreamDefaultReader) {
    return reader.read.bind(reader);
  }
  const read = reader.read.bind(reader);
  return (view = new Uint8Array(64 * 1024)) => read(view);
}
