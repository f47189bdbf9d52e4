/** A target on loopback that answers as the recorded one did, when it is told. */

import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { within } from "../../time.ts";
import type { RecordLine } from "../../recorder/format.ts";
import {
  type Exchange,
  isOpen,
  isStream,
  requestKey,
  SESSION,
} from "./script.ts";

/** What HTTP makes anew for each answer. */
const OWN_HEADERS =
  /^(?:connection|content-encoding|content-length|keep-alive|transfer-encoding)$/;

/** What HTTP takes for the name of a header, and in its value does not. */
export const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
export const NO_HEADER_VALUE = /[^\t -~\x80-\xff]/g;

/** Where requests arrive, and wait for what the recording says. */
export class ReplayTarget implements AsyncDisposable {
  readonly url: URL;
  readonly #server: ReturnType<typeof createServer>;
  readonly #closedUrl: URL;
  readonly #exchanges: ReadonlyMap<number, Exchange>;
  /** The exchanges of a key that have not come yet. */
  readonly #awaited = new Map<string, number[]>();
  readonly #arrivals = new Map<number, PromiseWithResolvers<void>>();
  readonly #responses = new Map<number, ServerResponse>();
  readonly #shiftMs: number;
  #isOver = false;

  private constructor(
    server: ReturnType<typeof createServer>,
    [url, closedUrl]: readonly [URL, URL],
    exchanges: ReadonlyMap<number, Exchange>,
    shiftMs: number,
  ) {
    this.#server = server;
    this.url = url;
    this.#closedUrl = closedUrl;
    this.#exchanges = exchanges;
    this.#shiftMs = shiftMs;
    for (const [http, { key }] of exchanges) {
      this.#arrivals.set(http, Promise.withResolvers());
      this.#awaited.getOrInsert(key, []).push(http);
    }
    server.on("request", (request, response) => {
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      request.on("data", (piece: Uint8Array) => pieces.push(piece.slice()));
      request.on("error", () => {});
      response.on("error", () => {});
      request.on("end", () => {
        void new Blob(pieces).text().then((text) =>
          this.#arrive(request, text, response)
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
    exchanges: ReadonlyMap<number, Exchange>,
    shiftMs: number,
  ): Promise<ReplayTarget> {
    const server = createServer();
    // A port that was free a moment ago: nothing takes a connection there.
    const other = createServer();
    const [port, closedPort] = [await listen(server), await listen(other)];
    other.close();
    const at = (port: number) => new URL(path, `http://127.0.0.1:${port}`);
    const urls = [at(port), at(closedPort)] as const;
    return new ReplayTarget(server, urls, exchanges, shiftMs);
  }

  /** Sends to the target, or to nobody where nobody was there. */
  fetch: typeof globalThis.fetch = async (input, init) => {
    const { method = "GET", body } = init ?? {};
    const text = body instanceof Blob ? await body.text() : undefined;
    const session = new Headers(init?.headers).get(SESSION) ?? undefined;
    const [take, http] = this.#next(method, text, session);
    if (http === undefined || !this.#exchanges.get(http)?.isUnreached) {
      return await fetch(input, init);
    }
    take();
    return await fetch(this.#closedUrl, init);
  };

  /** Of those that are awaited under a key the one that is meant, or the first. */
  #next(
    method: string,
    text: string | undefined,
    session: string | undefined,
  ): [take: () => void, http: number | undefined] {
    const awaited = this.#awaited.get(requestKey(method, text)) ?? [];
    const same = awaited.findIndex((http) => {
      const then = this.#exchanges.get(http);
      return then?.text === text && then?.session === session;
    });
    const at = Math.max(0, same);
    return [() => void awaited.splice(at, 1), awaited[at]];
  }

  #arrive(
    { method = "", headers }: IncomingMessage,
    text: string,
    response: ServerResponse,
  ): void {
    const session = headers[SESSION]?.toString();
    const [take, next] = this.#next(method, text || undefined, session);
    const http = this.#isOver ? undefined : next;
    take();
    if (http === undefined) {
      response.writeHead(400).end("this request is not in the recording");
      return;
    }
    this.#responses.set(http, response);
    this.#arrivals.get(http)?.resolve();
  }

  /** Says what the target said of a request, once that has arrived today. */
  async say(
    line: RecordLine & { http: number },
    limitMs: number,
  ): Promise<void> {
    const exchange = this.#exchanges.get(line.http);
    if (!exchange || exchange.isUnreached) return;
    const arrival = this.#arrivals.get(line.http);
    if (arrival) await within(limitMs, arrival.promise);
    const response = this.#responses.get(line.http);
    if (!response || response.destroyed) return;
    // A response has one only once the last one of its connection is over.
    const { socket } = response.req;
    if (line.kind === "failed") {
      if (/\bclosed\b/.test(line.error)) socket.destroy();
      else socket.resetAndDestroy();
    } else if (line.kind === "response") this.#begin(response, exchange);
    else if (line.kind === "body" && line.text !== undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      response.write(line.text, () => resolve());
      await within(limitMs, promise);
    } else if (line.kind === "end" && line.by === "cut") {
      socket.destroy();
      // What the proxy had enough of is not ended by the target.
    } else if (
      line.kind === "end" && !(line.by === "proxy" && isOpen(exchange))
    ) {
      response.end();
    }
  }

  /** Has no more to say, whatever is asked: the recording is over. */
  release(): void {
    this.#isOver = true;
    for (const response of this.#responses.values()) {
      if (!response.headersSent) response.writeHead(400).end();
    }
  }

  #begin(response: ServerResponse, exchange: Exchange): void {
    const { status = 500, headers, bodyBytes, by } = exchange;
    if (response.headersSent) return;
    for (const [name, value] of Object.entries(headers)) {
      if (OWN_HEADERS.test(name) || !HEADER_NAME.test(name)) continue;
      const text = name === "date"
        ? new Date(Date.parse(value) + this.#shiftMs).toUTCString()
        : value;
      response.setHeader(name, text.replaceAll(NO_HEADER_VALUE, "?"));
    }
    const hasLength = status >= 200 && status !== 204 && status !== 304;
    if (!isStream(exchange) && by !== "proxy" && hasLength) {
      // What was cut had more to come.
      const missing = by === "cut" ? 1 : 0;
      response.setHeader("content-length", bodyBytes + missing);
    }
    response.writeHead(status >= 200 && status < 600 ? status : 500);
    response.flushHeaders();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server.close(), "close");
    this.#server.closeAllConnections();
    await closed;
  }
}

async function listen(
  server: ReturnType<typeof createServer>,
): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
