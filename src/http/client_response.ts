/** The answer to one request in HTTP server mode, until its client has it. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { ProxyError } from "../errors.ts";
import type { Observer } from "../mcp/transport/observer.ts";
import { type Deadlines, TimeLimit } from "../time.ts";
import { statusOf } from "./answer.ts";
import type { HeaderMap } from "./headers.ts";

/** How long a client may take for an error, of up to 1 MiB. */
const ERROR_MS = 30_000;

const SMALL_BYTES = 64 * 1024;

const NONE = new Uint8Array();

/** Writes an answer as fast as its client takes it. */
export class ClientResponse {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #observer: Observer | undefined;
  readonly #done = Promise.withResolvers<void>();
  readonly #close: () => void;
  #isClosed = false;
  /** Since when nothing happens before the client has taken more. */
  #heldSince: number | undefined;
  #onClosed = (): void => {};

  /** @param onGone Is told when the client leaves before it has all. */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    observer: Observer | undefined,
    onGone: () => void,
  ) {
    this.#request = request;
    this.#response = response;
    this.#observer = observer;
    // Not everyone awaits it.
    this.#done.promise.catch(() => {});
    this.#close = (): void => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      if (!response.writableFinished) onGone();
      this.#done.resolve();
      this.#onClosed();
    };
    response.once("close", this.#close);
    // An answer that waits behind another one of its connection hears no
    // "close" of its own.
    request.socket.once("close", this.#close);
  }

  /** Resolves when the client has all of it; rejects when it is aborted. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** How long the client has taken nothing of what it was given, in ms. */
  get heldMs(): number {
    if (this.#heldSince === undefined) return 0;
    return performance.now() - this.#heldSince;
  }

  /** Gives up on the client. */
  abort(reason: unknown): void {
    this.#done.reject(reason);
  }

  /**
   * Resolves when nothing is written any more. A client that takes no error
   * holds nothing for long.
   */
  async untilClosed(deadlines: Deadlines): Promise<void> {
    const { socket } = this.#request;
    if (!this.#isClosed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onClosed = resolve;
      const destroy = (): void => void socket.destroy();
      using _limit = new TimeLimit(deadlines, ERROR_MS, destroy);
      await promise;
    }
    socket.off("close", this.#close);
  }

  send(
    answer: Response,
    headers: Map<string, string>,
    body: Uint8Array,
  ): void {
    // One that has no body, such as a 304, may tell the length of another's.
    if (answer.body !== null) headers.set("content-length", `${body.length}`);
    this.#writeHead(answer, headers);
    this.#end(body);
  }

  /**
   * Answers with a body while it comes.
   *
   * @param isStream Whether the head is news by itself: what comes first may
   * take a while.
   * @param onMove Is told of each piece, and of each that is taken late.
   * @throws What the body failed with, or why it was aborted.
   */
  async pipe(
    answer: Response,
    headers: HeaderMap,
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    isStream: boolean,
    onMove: (piece?: Uint8Array) => void,
  ): Promise<void> {
    this.#writeHead(answer, headers);
    if (isStream) this.#response.flushHeaders();
    for await (const piece of pieces) {
      onMove(piece);
      this.#observer?.delivered(piece, this.#response);
      if (this.#response.write(piece)) continue;
      const { promise: drained, resolve } = Promise.withResolvers<void>();
      this.#response.once("drain", resolve);
      this.#heldSince = performance.now();
      await Promise.race([drained, this.#done.promise]);
      this.#heldSince = undefined;
      onMove();
    }
    this.#end(NONE);
    await this.#done.promise;
  }

  /** An answer that breaks off before any of it went on does so after its head. */
  async cutShort(
    cause: unknown,
    answer: Response,
    headers: HeaderMap,
  ): Promise<never> {
    const { socket } = this.#response;
    if (cause instanceof ProxyError || socket === null) throw cause;
    this.#writeHead(answer, headers);
    this.#response.flushHeaders();
    await new Promise<void>((flushed) => socket.write(NONE, () => flushed()));
    throw cause;
  }

  #writeHead(answer: Response, headers: HeaderMap): void {
    this.#response.writeHead(statusOf(answer), Object.fromEntries(headers));
  }

  #end(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#observer?.delivered(bytes, this.#response);
    // Of a larger one it is not seen how much of it was taken.
    const isSmall = bytes.length <= SMALL_BYTES;
    this.#heldSince = isSmall ? performance.now() : undefined;
    this.#response.end(bytes);
  }

  /** Ends an answer that has begun, as if complete or not. */
  breakOff(mayEnd: boolean, lastEvent?: Uint8Array): void {
    if (mayEnd) this.#response.end();
    else if (lastEvent) this.#end(lastEvent);
    else if (this.#request.httpVersion === "1.0") {
      // The end of the connection would be the end of such an answer.
      this.#request.socket.resetAndDestroy();
    } else this.#response.destroy();
  }
}
