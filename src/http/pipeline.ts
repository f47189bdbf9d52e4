/**
 * Requests that a connection brings before those before them are answered.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * How many requests of one connection may be unanswered. Each waits for those
 * before it with its answer, so that a client gains nothing by more.
 */
const MAX_PIPELINED = 32;

/** Counts the unanswered requests of each connection. */
export class Pipelines {
  readonly #counts = new WeakMap<Socket, number>();

  /**
   * Counts a request until it is answered.
   *
   * @param request The request.
   * @param response Its answer.
   * @returns Whether its connection may bring so many.
   */
  enter({ socket }: IncomingMessage, response: ServerResponse): boolean {
    const count = this.#counts.get(socket) ?? 0;
    if (count === MAX_PIPELINED) return false;
    this.#counts.set(socket, count + 1);
    response.once("finish", () => {
      this.#counts.set(socket, (this.#counts.get(socket) ?? 1) - 1);
    });
    return true;
  }
}
