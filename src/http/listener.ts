/**
 * The routes of the HTTP front, and what is under way on them.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { hasBody } from "./discard.ts";
import {
  answerError,
  answerWord,
  HttpError,
  overloaded,
  refused,
  toHttpError,
} from "./error.ts";
import { HttpExchange, type HttpExchangeOptions } from "./exchange.ts";
import type { Guard } from "./guard.ts";
import { readHead, type RequestHead } from "./head.ts";
import { shuttingDown } from "../mcp/transport/failure.ts";
import { MAX_TIMER_MS } from "../time.ts";

/** What a {@linkcode HttpListener} is handed. */
export interface HttpListenerOptions extends HttpExchangeOptions {
  readonly guard: Guard;
  /** How many requests may be under way at a time. */
  readonly maxRequests: number;
  /** How many streams may stand open at a time. */
  readonly maxStreams: number;
}

/** The path of the MCP endpoint. */
export const MCP_PATH = "/mcp";

/** The path that says whether the front serves. */
export const HEALTH_PATH = "/healthz";

const MCP_METHODS: readonly string[] = ["POST", "GET", "DELETE"];
const HEALTH_METHODS: readonly string[] = ["GET", "HEAD"];

/** Takes requests and carries those that may pass. */
export class HttpListener {
  readonly #options: HttpListenerOptions;
  readonly #requests = new Set<HttpExchange>();
  /** Those that may stand open until someone ends them. */
  readonly #streams = new Set<HttpExchange>();
  readonly #pipelines = new Pipelines();
  #isDraining = false;
  #onDone: (() => void) | undefined;

  constructor(options: HttpListenerOptions) {
    this.#options = options;
  }

  /**
   * Takes a request, and answers it whatever happens. After an answer that
   * closes the connection none follows (RFC 9112, 9.6).
   */
  handle(request: IncomingMessage, response: ServerResponse): void {
    const { discard, log } = this.#options;
    const { socket } = request;
    if (socket.destroyed) return;
    if (!this.#pipelines.enter(request, response)) {
      log.warn("closed a connection: too many requests of it are unanswered");
      return void socket.destroy();
    }
    if (discard.isClosing(socket)) return;
    // A client that leaves is told by "close"; unheard, an error would throw.
    request.on("error", () => {});
    response.on("error", () => {});
    const { observer } = this.#options;
    const carry = () => this.#routeOrRefuse(request, response);
    if (observer?.serves) observer.serves(response, carry);
    else carry();
  }

  #routeOrRefuse(request: IncomingMessage, response: ServerResponse): void {
    try {
      this.#route(request, response);
    } catch (cause) {
      const failure = toHttpError(cause);
      this.#options.log.warn("refused a request", {
        http: request.method,
        status: failure.status,
        error: failure.message,
      });
      const { discard, observer } = this.#options;
      const byteLength = answerError({ request, response, discard }, failure);
      observer?.refused(failure.error);
      observer?.delivered(byteLength);
    }
  }

  #route(request: IncomingMessage, response: ServerResponse): void {
    const head = readHead(request);
    const { discard, guard } = this.#options;
    guard.checkOrigin(head);
    switch (head.path) {
      case MCP_PATH:
        checkMethod(request, MCP_METHODS);
        return this.#carry(request, response, head);
      case HEALTH_PATH:
        checkMethod(request, HEALTH_METHODS);
        return this.#isDraining
          ? answerWord({ request, response, discard }, 503, "draining")
          : answerWord({ request, response, discard }, 200, "ok");
      default:
        throw refused(
          404,
          "invalid-request",
          `there is nothing here; the MCP endpoint is ${MCP_PATH}`,
        );
    }
  }

  #carry(
    request: IncomingMessage,
    response: ServerResponse,
    { headers }: RequestHead,
  ): void {
    this.#options.guard.checkToken(headers);
    if (this.#isDraining) {
      const headers = { "connection": "close", "retry-after": "1" };
      throw new HttpError(503, shuttingDown(false), headers);
    }
    if (request.method !== "POST" && hasBody(request)) {
      const message = `a ${request.method} has no body here`;
      throw refused(400, "invalid-request", message);
    }
    const call = { request, headers, response };
    const exchange = new HttpExchange(this.#options, call);
    this.#place(exchange);
    // Where a header said what the message does not, it moves to the others.
    exchange.run(() => this.#place(exchange)).catch((cause) => {
      this.#options.log.error("an unexpected error", { error: String(cause) });
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
    const { maxRequests, maxStreams } = this.#options;
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
   * sent, and its client may take its time.
   */
  async drain(limitMs: number, hurry?: AbortSignal): Promise<void> {
    this.#isDraining = true;
    for (const stream of this.#streams) stream.stop();
    for (const request of this.#requests) {
      if (request.isRead) request.closeConnection();
      else request.stop();
    }
    await this.#until(() => this.#requests.size === 0, limitMs, hurry);
  }

  /**
   * Ends all that is still under way.
   */
  async abortAll(limitMs: number): Promise<void> {
    for (const request of this.#requests) request.stop();
    const isIdle = () => this.#requests.size + this.#streams.size === 0;
    await this.#until(isIdle, limitMs);
  }

  /** Waits until something holds, for so long at the most. */
  async #until(
    holds: () => boolean,
    limitMs: number,
    hurry?: AbortSignal,
  ): Promise<void> {
    if (holds() || hurry?.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = (): void => resolve();
    this.#onDone = () => {
      if (holds()) resolve();
    };
    hurry?.addEventListener("abort", stop, { once: true });
    const timer = setTimeout(stop, Math.min(limitMs, MAX_TIMER_MS));
    await promise;
    clearTimeout(timer);
    hurry?.removeEventListener("abort", stop);
  }
}

function checkMethod(
  { method }: IncomingMessage,
  allowed: readonly string[],
): void {
  if (method !== undefined && allowed.includes(method)) return;
  throw refused(405, "invalid-request", `there is no ${method} here`, {
    headers: { allow: allowed.join(", ") },
  });
}

/**
 * How many requests of one connection may be unanswered. Each waits for those
 * before it with its answer, so that a client gains nothing by more.
 */
const MAX_PIPELINED = 32;

/** Counts the unanswered requests of each connection. */
class Pipelines {
  readonly #counts = new WeakMap<Socket, number>();

  /** Counts a request until it is answered; false if there are too many. */
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
