/**
 * What is left of a request's body when the request was answered before all of
 * it came.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { whenOver } from "../time.ts";

/** How long the rest may take; then the connection is destroyed. */
export const DISCARD_MS = 5_000;

/** How many bytes of it are read at most. */
export const MAX_DISCARDED_BYTES = 32 * 1024 * 1024;

/** How long reading rests after each piece: some 6 MB a second, no more. */
export const REST_MS = 10;

/** How many connections are read on at a time; others are closed at once. */
const MAX_CONNECTIONS = 16;

/**
 * Whether some of a request's body is still to come. That of a request which
 * was only just announced is, too, although it may lie in the same packet.
 */
export function isUnread(request: IncomingMessage): boolean {
  return !request.complete && hasBody(request);
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined ||
    Number(headers["content-length"] ?? 0) > 0;
}

/**
 * Throws away what still comes of bodies, for a while: a connection that is
 * closed on unread bytes is reset, and its client may never see the answer.
 * Whoever sends need not have shown a token, so that it is bounded in rate,
 * bytes, time and number.
 */
export class BodyDiscard {
  readonly #closing = new WeakSet<Socket>();
  #count = 0;

  /** Whether a connection is about to close: no more requests of it count. */
  isClosing(socket: Socket): boolean {
    return this.#closing.has(socket);
  }

  /**
   * Closes a connection when its answer is written and the rest of the request
   * came, or came for too long.
   */
  closeAfter(response: ServerResponse): void {
    const { req: request } = response;
    const { socket } = request;
    if (socket.destroyed || this.#closing.has(socket)) return;
    this.#closing.add(socket);
    if (this.#count >= MAX_CONNECTIONS) return;
    this.#count++;
    // What node:http calls once the answer is written, and the reading with it
    // would end.
    const { destroySoon } = socket;
    socket.destroySoon = () => void socket.end();
    let left = MAX_DISCARDED_BYTES;
    let rest: ReturnType<typeof setTimeout> | undefined;
    const limit = whenOver(DISCARD_MS, () => socket.destroy());
    const onData = ({ length }: { length: number }): void => {
      left -= length;
      if (left < 0) return void socket.destroy();
      request.pause();
      rest = setTimeout(() => request.resume(), REST_MS);
    };
    const onEnd = (): void => {
      socket.destroySoon = destroySoon;
      if (response.writableFinished) socket.destroySoon();
    };
    request.on("data", onData).once("end", onEnd).resume();
    socket.once("close", () => {
      limit[Symbol.dispose]();
      clearTimeout(rest);
      this.#count--;
    });
  }
}
