/** What a raw server can do to a connection, well behaved or not. */

import type { Socket } from "node:net";

/** Header fields of an answer. */
export type ReplyHeaders = Readonly<Record<string, string>>;

/** An event of a server-sent event stream. */
export interface SentEvent {
  readonly id?: string;
  readonly event?: string;
  readonly data?: string;
  readonly retry?: number;
}

/** How a streamed body is cut into chunks. */
export interface ChunkOptions {
  /** The size of each HTTP chunk. Default: one chunk a write. */
  readonly chunkBytes?: number;
}

const encoder = new TextEncoder();

/** The answer to one request: nothing is written that a test did not ask for. */
export class RawReply {
  /** The connection is gone, by whosever doing. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;

  /** @param socket The connection. */
  constructor(socket: Socket) {
    this.#socket = socket;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    if (socket.destroyed) resolve();
    else socket.once("close", () => resolve());
  }

  /** Writes bytes as they are. To a client that is gone: nothing. */
  write(bytes: Uint8Array | string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#socket.destroyed) return Promise.resolve();
    this.#socket.write(
      typeof bytes === "string" ? encoder.encode(bytes) : bytes,
      () => resolve(),
    );
    return Promise.race([promise, this.closed]);
  }

  /** Writes the head of an answer and no more. */
  head(code: number, headers: ReplyHeaders = {}): Promise<void> {
    const lines = Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}\r\n`);
    return this.write(`HTTP/1.1 ${code} Raw\r\n${lines.join("")}\r\n`);
  }

  /**
   * Writes a whole answer. Its `content-length` is the body's, unless the
   * headers say otherwise.
   */
  async status(
    code: number,
    headers: ReplyHeaders = {},
    body: Uint8Array | string = "",
  ): Promise<void> {
    const bytes = typeof body === "string" ? encoder.encode(body) : body;
    const saysLength = Object.keys(headers)
      .some((name) => /^(content-length|transfer-encoding)$/i.test(name));
    const hasBody = code >= 200 && code !== 204 && code !== 304;
    await this.head(
      code,
      saysLength || !hasBody
        ? headers
        : { ...headers, "content-length": String(bytes.length) },
    );
    if (bytes.length > 0) await this.write(bytes);
  }

  /** Writes a whole JSON answer. */
  json(value: unknown, code = 200, headers: ReplyHeaders = {}): Promise<void> {
    return this.status(
      code,
      { "content-type": "application/json", ...headers },
      JSON.stringify(value),
    );
  }

  /** Starts a chunked answer. */
  async stream(
    code: number,
    headers: ReplyHeaders = {},
    options: ChunkOptions = {},
  ): Promise<RawStream> {
    await this.head(code, { ...headers, "transfer-encoding": "chunked" });
    return new RawStream(this, options);
  }

  /** Starts an event stream. */
  async sse(
    headers: ReplyHeaders = {},
    options: ChunkOptions = {},
  ): Promise<RawEventStream> {
    await this.head(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-cache",
      ...headers,
      "transfer-encoding": "chunked",
    });
    return new RawEventStream(this, options);
  }

  /** Closes the connection after what was written, wherever that leaves off. */
  cut(): Promise<void> {
    this.#socket.end(() => this.#socket.destroy());
    return this.closed;
  }

  /** Resets the connection (RST). */
  reset(): Promise<void> {
    this.#socket.resetAndDestroy();
    return this.closed;
  }

  /** Resets the connection as soon as more comes on it, which is not read. */
  resetAtNext(onReset: () => void): void {
    this.#socket.removeAllListeners("data").once("data", () => {
      onReset();
      this.#socket.resetAndDestroy();
    });
  }

  /** Says nothing until the client gives up or the server stops. */
  hang(): Promise<void> {
    return this.closed;
  }
}

/** A chunked body under way. */
export class RawStream {
  readonly #reply: RawReply;
  readonly #chunkBytes: number;

  /**
   * @param reply The answer that it belongs to.
   * @param options How it is cut into chunks.
   */
  constructor(reply: RawReply, { chunkBytes = Infinity }: ChunkOptions) {
    this.#reply = reply;
    this.#chunkBytes = chunkBytes;
  }

  /** The client is gone, or the server closed the connection. */
  get closed(): Promise<void> {
    return this.#reply.closed;
  }

  /** Writes a part of the body. */
  async raw(part: Uint8Array | string): Promise<void> {
    const bytes = typeof part === "string" ? encoder.encode(part) : part;
    for (let at = 0; at < bytes.length; at += this.#chunkBytes) {
      const piece = bytes.subarray(at, at + this.#chunkBytes);
      const size = encoder.encode(`${piece.length.toString(16)}\r\n`);
      const chunk = new Uint8Array(size.length + piece.length + 2);
      chunk.set(size);
      chunk.set(piece, size.length);
      chunk.set([0x0d, 0x0a], size.length + piece.length);
      await this.#reply.write(chunk);
    }
  }

  /** Ends the body as it should be. */
  end(): Promise<void> {
    return this.#reply.write("0\r\n\r\n");
  }

  /** Closes the connection in the middle of the body. */
  cut(): Promise<void> {
    return this.#reply.cut();
  }

  /** Resets the connection in the middle of the body. */
  reset(): Promise<void> {
    return this.#reply.reset();
  }
}

/** A server-sent event stream under way. */
export class RawEventStream extends RawStream {
  /** Sends an event; each line of the data is a line of its own. */
  event({ id, event, data, retry }: SentEvent): Promise<void> {
    const lines = [
      ...(event === undefined ? [] : [`event: ${event}`]),
      ...(id === undefined ? [] : [`id: ${id}`]),
      ...(retry === undefined ? [] : [`retry: ${retry}`]),
      ...(data?.split("\n").map((line) => `data: ${line}`) ?? []),
    ];
    return this.raw(`${lines.join("\n")}\n\n`);
  }

  /** Sends a message as MCP servers do: JSON in a `message` event. */
  message(message: unknown, id?: string): Promise<void> {
    return this.event({
      event: "message",
      data: JSON.stringify(message),
      ...(id === undefined ? {} : { id }),
    });
  }

  /** Sends a comment. */
  comment(text = ""): Promise<void> {
    return this.raw(`: ${text}\n\n`);
  }
}
