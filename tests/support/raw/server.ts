/**
 * An HTTP/1.1 server at the level of TCP, for peers that do not behave: a test
 * says what each request meets, byte by byte.
 */

import { createServer, type Server, type Socket } from "node:net";
import { Arrivals } from "../arrivals.ts";
import { RawReply } from "./reply.ts";
import { RequestReader, type SeenRequest } from "./request.ts";
import { dressRefusal } from "../aws/refusal_dress.ts";
import { SECRETS_SEEN } from "../aws/secrets_seen.ts";
import {
  type RawRequest,
  SigV4Verifier,
  type VerifierOptions,
} from "../sigv4/verifier.ts";
import { closeServer, listenOn } from "../net/loopback.ts";

export type { RawEventStream, RawReply, RawStream } from "./reply.ts";
export type { SeenRequest } from "./request.ts";

/** What a request meets. The next one of its connection waits for it. */
export type RawHandler = (
  request: SeenRequest,
  reply: RawReply,
) => void | Promise<void>;

/** How a raw server behaves. */
export interface RawServerOptions {
  /** What each request meets. */
  readonly handler: RawHandler;
  /** Refuses what is not rightly signed, before the handler. Default: none. */
  readonly verifier?: VerifierOptions;
  /** Whether its requests are kept, which many thousands are not. Default: yes. */
  readonly remembers?: boolean;
}

// Those of the system, also where a test holds the time.
const { setTimeout, clearTimeout } = globalThis;

/** How long a handler may run on after its connection is gone. */
const STUCK_HANDLER_MS = 500;

/** A running raw server. An error of its handler is thrown when it is disposed. */
export class RawServer implements AsyncDisposable {
  /** Every request, read whole, so far and to come. */
  readonly requests = new Arrivals<SeenRequest>("request at the raw server");
  /** Every connection, by its number. */
  readonly connections = new Arrivals<number>("connection to the raw server");
  readonly #handler: RawHandler;
  readonly #verifier: SigV4Verifier | undefined;
  readonly #remembers: boolean;
  readonly #sockets = new Set<Socket>();
  readonly #running = new Set<Promise<void>>();
  readonly #faults: unknown[] = [];
  #server: Server | undefined;
  #port = 0;

  private constructor(
    { handler, verifier, remembers = true }: RawServerOptions,
  ) {
    this.#handler = handler;
    this.#remembers = remembers;
    this.#verifier = verifier && new SigV4Verifier(verifier);
  }

  /** A server that listens on a free port of 127.0.0.1. */
  static async start(
    options: RawServerOptions | RawHandler,
  ): Promise<RawServer> {
    const server = new RawServer(
      typeof options === "function" ? { handler: options } : options,
    );
    await server.start();
    return server;
  }

  /** An endpoint on it; the same after a restart. */
  get url(): URL {
    return new URL(`http://127.0.0.1:${this.#port}/mcp`);
  }

  /** How many connections are open. */
  get openCount(): number {
    return this.#sockets.size;
  }

  /** Listens again after {@linkcode RawServer.stop}, on the same port. */
  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((socket) => this.#accept(socket));
    this.#port = await listenOn(server, this.#port);
    this.#server = server;
  }

  /** Closes every connection and refuses new ones until it is started again. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    await closeServer(server, this.#sockets);
    await this.#settle();
  }

  /** Stops and starts again on the same port. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Stops for good; throws what a handler threw. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.requests.end("the raw server is closed");
    this.connections.end("the raw server is closed");
    const [fault] = this.#faults;
    if (this.#faults.length > 1) throw new AggregateError(this.#faults);
    if (fault !== undefined) throw fault;
  }

  /** Waits for handlers to throw what they will; a stuck one is left alone. */
  async #settle(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, STUCK_HANDLER_MS);
    await Promise.race([Promise.all(this.#running), late]);
    clearTimeout(timer);
  }

  #accept(socket: Socket): void {
    const connection = this.connections.length;
    const reader = new RequestReader();
    let onConnection = 0;
    let previous = Promise.resolve();
    this.#sockets.add(socket);
    this.connections.add(connection);
    socket.setNoDelay(true);
    // Each request of a connection listens for its end.
    socket.setMaxListeners(0);
    // A client that leaves in the middle is what tests are about.
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (bytes) => {
      if (typeof bytes === "string") return;
      try {
        reader.push(bytes);
        for (let raw = reader.take(); raw; raw = reader.take()) {
          const request = this.#seen(raw, connection, onConnection++);
          previous = this.#run(previous, request, new RawReply(socket));
        }
      } catch (fault) {
        this.#faults.push(fault);
        socket.destroy();
      }
    });
  }

  #seen(
    raw: RawRequest & Pick<SeenRequest, "body">,
    connection: number,
    onConnection: number,
  ): SeenRequest {
    const request: SeenRequest = {
      ...raw,
      connection,
      onConnection,
      index: this.requests.length,
      verdict: this.#verifier?.verify(raw),
      header: (name) => joined(raw.headers, name),
      text: () => new TextDecoder().decode(raw.body),
    };
    if (!this.#remembers) return request;
    SECRETS_SEEN.noteHeaders(request.headers);
    this.requests.add(request);
    return request;
  }

  #run(
    previous: Promise<void>,
    request: SeenRequest,
    reply: RawReply,
  ): Promise<void> {
    const running = previous.then(() => this.#answer(request, reply))
      .catch(async (fault) => {
        this.#faults.push(fault);
        await reply.cut();
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
    return running;
  }

  async #answer(request: SeenRequest, reply: RawReply): Promise<void> {
    if (request.verdict?.ok === false) {
      const refusal = dressRefusal(request.verdict, "api-gateway", 403);
      await reply.status(refusal.status, refusal.headers, refusal.body);
      return;
    }
    await this.#handler(request, reply);
  }
}

function joined(
  headers: SeenRequest["headers"],
  name: string,
): string | undefined {
  const wanted = name.toLowerCase();
  const values = headers.filter(([field]) => field.toLowerCase() === wanted)
    .map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(", ");
}
