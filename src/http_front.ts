/**
 * The routes of the HTTP front, and what is under way on them.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { ProxyError } from "./errors.ts";
import { answerError, answerWord } from "./http_answer.ts";
import { HttpError, toHttpError } from "./http_error.ts";
import { HttpExchange, type HttpExchangeOptions } from "./http_exchange.ts";
import type { Guard } from "./http_guard.ts";
import { readHead, type RequestHead } from "./http_head.ts";

/** What a {@linkcode HttpFront} is handed. */
export interface HttpFrontOptions extends HttpExchangeOptions {
  readonly guard: Guard;
  /** How many requests may be under way at a time. */
  readonly maxRequests: number;
}

/** The path of the MCP endpoint. */
export const MCP_PATH = "/mcp";

/** The path that says whether the front serves. */
export const HEALTH_PATH = "/healthz";

const MCP_METHODS: readonly string[] = ["POST", "GET", "DELETE"];
const HEALTH_METHODS: readonly string[] = ["GET", "HEAD"];

/** Takes requests and carries those that may pass. */
export class HttpFront {
  readonly #options: HttpFrontOptions;
  readonly #exchanges = new Set<HttpExchange>();
  #isDraining = false;
  #onIdle: (() => void) | undefined;

  constructor(options: HttpFrontOptions) {
    this.#options = options;
  }

  /** Takes a request, and answers it whatever happens. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    // A client that leaves is told by "close"; unheard, an error would throw.
    request.on("error", () => {});
    response.on("error", () => {});
    try {
      this.#route(request, response);
    } catch (cause) {
      const failure = toHttpError(cause);
      this.#options.log.warn("refused a request", {
        http: request.method,
        status: failure.status,
        error: failure.message,
      });
      answerError(request, response, failure);
    }
  }

  #route(request: IncomingMessage, response: ServerResponse): void {
    const head = readHead(request);
    this.#options.guard.checkOrigin(head);
    switch (head.path) {
      case MCP_PATH:
        checkMethod(request, MCP_METHODS);
        return this.#carry(request, response, head);
      case HEALTH_PATH:
        checkMethod(request, HEALTH_METHODS);
        return this.#isDraining
          ? answerWord(request, response, 503, "draining")
          : answerWord(request, response, 200, "ok");
      default:
        throw new HttpError(
          404,
          new ProxyError(
            "invalid-request",
            `there is nothing here; the MCP endpoint is ${MCP_PATH}`,
          ),
        );
    }
  }

  #carry(
    request: IncomingMessage,
    response: ServerResponse,
    { headers }: RequestHead,
  ): void {
    const { guard, maxRequests } = this.#options;
    guard.checkToken(headers);
    if (this.#isDraining) throw stopping();
    if (this.#exchanges.size >= maxRequests) throw tooMany(maxRequests);
    const call = { request, headers, response };
    const exchange = new HttpExchange(this.#options, call);
    this.#exchanges.add(exchange);
    exchange.run().catch((cause) => {
      this.#options.log.error("an unexpected error", { error: String(cause) });
      response.destroy();
    }).finally(() => {
      this.#exchanges.delete(exchange);
      if (this.#exchanges.size === 0) this.#onIdle?.();
    });
  }

  /**
   * Takes no more requests, and lets those under way finish; streams that
   * stand open are ended at once.
   *
   * @param limitMs How long they may take.
   */
  async drain(limitMs: number): Promise<void> {
    this.#isDraining = true;
    for (const exchange of this.#exchanges) {
      if (exchange.isStanding) exchange.giveUp(shuttingDown());
    }
    await this.#idle(limitMs);
  }

  /**
   * Ends all that is still under way.
   *
   * @param limitMs How long that may take.
   */
  async giveUp(limitMs: number): Promise<void> {
    for (const exchange of this.#exchanges) exchange.giveUp(shuttingDown());
    await this.#idle(limitMs);
  }

  async #idle(limitMs: number): Promise<void> {
    if (this.#exchanges.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    const timer = setTimeout(resolve, limitMs);
    await promise;
    clearTimeout(timer);
  }
}

function checkMethod(
  { method }: IncomingMessage,
  allowed: readonly string[],
): void {
  if (method !== undefined && allowed.includes(method)) return;
  throw new HttpError(
    405,
    new ProxyError("invalid-request", `there is no ${method} here`),
    { allow: allowed.join(", ") },
  );
}

function shuttingDown(): ProxyError {
  return new ProxyError("shutting-down", "the proxy is stopping");
}

function stopping(): HttpError {
  return new HttpError(503, shuttingDown(), {
    "connection": "close",
    "retry-after": "1",
  });
}

function tooMany(limit: number): HttpError {
  return new HttpError(
    503,
    new ProxyError(
      "unreachable",
      `${limit} requests are under way, and the proxy takes no more`,
      { data: { mayHaveRun: false } },
    ),
    { "retry-after": "1" },
  );
}
