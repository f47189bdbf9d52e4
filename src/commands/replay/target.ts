/** A target on loopback that answers as the recorded one did, when it is told. */

import { createServer, type ServerResponse } from "node:http";
import type { Exchange } from "./script.ts";
import { requestKey } from "./script.ts";

/** What HTTP makes anew for each answer. */
const OWN_HEADERS =
  /^(?:connection|content-encoding|content-length|keep-alive|transfer-encoding)$/;

/** Where requests arrive, and wait for what the recording says. */
export class ReplayTarget implements AsyncDisposable {
  readonly url: URL;
  readonly #server: ReturnType<typeof createServer>;
  readonly #closedUrl: URL;
  readonly #waiting: Exchange[];
  readonly #arrived = new Map<number, ServerResponse>();
  readonly #shiftMs: number;
  #onArrival = (): void => {};

  private constructor(
    server: ReturnType<typeof createServer>,
    url: URL,
    closedUrl: URL,
    exchanges: readonly Exchange[],
    shiftMs: number,
  ) {
    this.#server = server;
    this.url = url;
    this.#closedUrl = closedUrl;
    this.#waiting = [...exchanges];
    this.#shiftMs = shiftMs;
    server.on("request", (request, response) => {
      const pieces: Uint8Array[] = [];
      request.on("data", (piece: Uint8Array) => pieces.push(piece));
      request.on("error", () => {});
      response.on("error", () => {});
      request.on("end", () => {
        const bytes = new Blob(pieces.map((piece) => piece.slice()));
        void bytes.text().then((text) =>
          this.#arrive(request.method ?? "", text, response)
        );
      });
    });
  }

  /**
   * @param path The path of the recorded target.
   * @param shiftMs How much later it is than it was then.
   */
  static async start(
    path: string,
    exchanges: readonly Exchange[],
    shiftMs: number,
  ): Promise<ReplayTarget> {
    const server = createServer();
    const port = await listen(server);
    // A port that was free a moment ago: nothing takes a connection there.
    const other = createServer();
    const closedPort = await listen(other);
    other.close();
    return new ReplayTarget(
      server,
      new URL(path, `http://127.0.0.1:${port}`),
      new URL(path, `http://127.0.0.1:${closedPort}`),
      exchanges,
      shiftMs,
    );
  }

  /** Sends to the target, or to nobody where nobody was there. */
  fetch: typeof globalThis.fetch = async (input, init) => {
    const { method = "GET", body } = init ?? {};
    const text = body instanceof Blob ? await body.text() : undefined;
    const key = requestKey(method, text);
    const next = this.#waiting.find((exchange) => exchange.key === key);
    if (!next?.isUnreached) return await fetch(input, init);
    this.#take(next);
    return await fetch(this.#closedUrl, init);
  };

  #take(exchange: Exchange): void {
    this.#waiting.splice(this.#waiting.indexOf(exchange), 1);
  }

  #arrive(method: string, text: string, response: ServerResponse): void {
    const key = requestKey(method, text === "" ? undefined : text);
    const next = this.#waiting.find((exchange) => exchange.key === key);
    if (next === undefined) {
      response.writeHead(400).end("this request is not in the recording");
      return;
    }
    this.#take(next);
    this.#arrived.set(next.http, response);
    this.#onArrival();
  }

  /** The answer to a recorded request, once it has arrived today. */
  async answerTo(
    http: number,
    limitMs: number,
  ): Promise<ServerResponse | undefined> {
    const until = performance.now() + limitMs;
    while (!this.#arrived.has(http) && performance.now() < until) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onArrival = resolve;
      const timer = setTimeout(resolve, until - performance.now());
      await promise;
      clearTimeout(timer);
    }
    return this.#arrived.get(http);
  }

  /** Has no more to say, whatever is asked: the recording is over. */
  release(): void {
    this.#waiting.length = 0;
    for (const response of this.#arrived.values()) {
      if (!response.headersSent) response.writeHead(400).end();
    }
  }

  /** Writes the head of an answer. */
  begin(response: ServerResponse, exchange: Exchange): void {
    const { status = 500, headers, texts, by } = exchange;
    const isStream = /^text\/event-stream\b/i.test(
      headers["content-type"] ?? "",
    );
    for (const [name, value] of Object.entries(headers)) {
      if (OWN_HEADERS.test(name)) continue;
      response.setHeader(name, name === "date" ? this.#later(value) : value);
    }
    if (!isStream && by !== "proxy") {
      const length = new TextEncoder().encode(texts.join("")).length;
      // What was cut had more to come.
      const missing = by === "cut" ? 1 : 0;
      if (status >= 200 && status !== 204 && status !== 304) {
        response.setHeader("content-length", length + missing);
      }
    }
    response.writeHead(status >= 200 && status < 600 ? status : 500);
    response.flushHeaders();
  }

  #later(date: string): string {
    const then = Date.parse(date);
    return Number.isNaN(then)
      ? date
      : new Date(then + this.#shiftMs).toUTCString();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }
}

async function listen(
  server: ReturnType<typeof createServer>,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
