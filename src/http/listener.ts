/** The routes of the HTTP server, and what is under way on them. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { shuttingDown } from "../mcp/transport/own_error.ts";
import { within } from "../time.ts";
import { hasBody } from "./discard.ts";
import {
  answerError,
  answerWord,
  HttpError,
  invalid,
  overloaded,
  toHttpError,
} from "./error.ts";
import { HttpExchange } from "./exchange.ts";
import { type Guard, parseHead, type RequestHead } from "./guard.ts";
import type { HttpContext } from "./options.ts";

export const MCP_PATH = "/mcp";

/** The path that says whether requests are taken. */
const HEALTH_PATH = "/healthz";

/**
 * How many requests of one connection may be unanswered. Each waits for those
 * before it with its answer, so that a client gains nothing by more.
 */
const MAX_PIPELINED = 32;

/** How long a stop waits for a client that takes nothing of its answer. */
const MAX_HELD_MS = 5_000;

/** How often it is looked for such clients. */
const LOOK_MS = 500;

export class HttpListener {
  readonly #context: HttpContext;
  readonly #guard: Guard;
  readonly #requests = new Set<HttpExchange>();
  /** Those that may stand open until someone ends them. */
  readonly #streams = new Set<HttpExchange>();
  /** How many requests of each connection are unanswered. */
  readonly #pipelined = new WeakMap<Socket, number>();
  #isDraining = false;
  #onDone: (() => void) | undefined;

  constructor(context: HttpContext, guard: Guard) {
    this.#context = context;
    this.#guard = guard;
  }

  /**
   * Takes a request, and answers it whatever happens. After an answer that
   * closes the connection none follows (RFC 9112, 9.6).
   */
  handle(request: IncomingMessage, response: ServerResponse): void {
    const { discard, log, observer } = this.#context;
    const { socket } = request;
    if (socket.destroyed) return;
    const unanswered = this.#pipelined.get(socket) ?? 0;
    if (unanswered === MAX_PIPELINED) {
      log.warn("closed a connection: too many requests of it are unanswered");
      return void socket.destroy();
    }
    this.#pipelined.set(socket, unanswered + 1);
    response.once("finish", () => {
      this.#pipelined.set(socket, (this.#pipelined.get(socket) ?? 1) - 1);
    });
    if (discard.isClosing(socket)) return;
    // A client that leaves is told by "close"; unheard, an error would throw.
    request.on("error", () => {});
    response.on("error", () => {});
    const carry = () => this.#routeOrRefuse(response);
    if (observer?.serves) observer.serves(response, carry);
    else carry();
  }

  #routeOrRefuse(response: ServerResponse): void {
    try {
      this.#route(response);
    } catch (cause) {
      const failure = toHttpError(cause);
      const { log, observer } = this.#context;
      const { status, message, error } = failure;
      const { method: http } = response.req;
      log.warn("refused a request", { http, status, error: message });
      observer?.refused?.(error);
      answerError(response, this.#context, failure);
    }
  }

  #route(response: ServerResponse): void {
    const { req: request } = response;
    const head = parseHead(request);
    this.#guard.checkOrigin(head);
    switch (head.path) {
      case MCP_PATH:
        checkMethod(request, ["POST", "GET", "DELETE"]);
        return this.#carry(response, head);
      case HEALTH_PATH: {
        checkMethod(request, ["GET", "HEAD"]);
        const [status, word] = this.#isDraining
          ? [503, "draining"] as const
          : [200, "ok"] as const;
        return answerWord(response, this.#context, status, word);
      }
      default: {
        const place = `the MCP endpoint is ${MCP_PATH}`;
        throw invalid(404, `there is nothing here; ${place}`);
      }
    }
  }

  #carry(response: ServerResponse, { headers }: RequestHead): void {
    const { req: request } = response;
    this.#guard.checkToken(headers);
    if (this.#isDraining) {
      const headers = { "connection": "close", "retry-after": "1" };
      throw new HttpError(503, shuttingDown(false), headers);
    }
    if (request.method !== "POST" && hasBody(request)) {
      throw invalid(400, `a ${request.method} has no body here`);
    }
    const exchange = new HttpExchange(this.#context, headers, response);
    this.#place(exchange);
    // Where a header said what the message does not, it moves to the others.
    exchange.run(() => this.#place(exchange)).catch((cause) => {
      this.#context.log.error("an unexpected error", { error: String(cause) });
      response.destroy();
    }).finally(() => {
      this.#remove(exchange);
      this.#onDone?.();
    });
  }

  /**
   * Gives an exchange a place among its kind. Streams stand for hours: with a
   * limit of their own they leave room for what is answered at once.
   */
  #place(exchange: HttpExchange): void {
    const { maxRequests, maxStreams } = this.#context;
    const [places, limit, what] = exchange.isStandaloneStream
      ? [this.#streams, maxStreams, "streams stand open"] as const
      : [this.#requests, maxRequests, "requests are under way"] as const;
    if (places.has(exchange)) return;
    if (places.size >= limit) {
      throw overloaded(
        `${limit} ${what}, and the proxy takes no more: try again later, or run more proxies`,
      );
    }
    this.#remove(exchange);
    places.add(exchange);
  }

  #remove(exchange: HttpExchange): void {
    this.#requests.delete(exchange);
    this.#streams.delete(exchange);
  }

  /**
   * Takes no more requests, and lets those under way finish. Streams that stand
   * open are ended at once, and so is what is not read yet: nothing of it was
   * sent, and its client may take its time. So is an answer that is not read.
   */
  async drain(limitMs: number, force?: AbortSignal): Promise<void> {
    this.#isDraining = true;
    for (const stream of this.#streams) stream.stop();
    for (const request of this.#requests) {
      if (request.isRead) request.closeConnection();
      else request.stop();
    }
    const looking = setInterval(() => {
      for (const request of this.#requests) {
        if (request.answer.heldMs >= MAX_HELD_MS) request.stop();
      }
    }, LOOK_MS);
    await this.#untilEmpty([this.#requests], limitMs, force);
    clearInterval(looking);
  }

  async abortAll(limitMs: number): Promise<void> {
    for (const request of this.#requests) request.stop();
    await this.#untilEmpty([this.#requests, this.#streams], limitMs);
  }

  async #untilEmpty(
    places: readonly ReadonlySet<HttpExchange>[],
    limitMs: number,
    force?: AbortSignal,
  ): Promise<void> {
    const { promise: empty, resolve } = Promise.withResolvers<void>();
    this.#onDone = () => {
      if (places.every(({ size }) => size === 0)) resolve();
    };
    this.#onDone();
    await within(limitMs, empty, force);
  }
}

function checkMethod(
  { method }: IncomingMessage,
  allowed: readonly string[],
): void {
  if (method !== undefined && allowed.includes(method)) return;
  const allow = allowed.join(", ");
  throw invalid(405, `there is no ${method} here`, { allow });
}
