/**
 * TLS on loopback before any server of a test: it takes TLS off and passes the
 * bytes on.
 */

import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { Arrivals } from "../arrivals.ts";
import type { Identity } from "./certificates.ts";
import { passOn } from "./pass_on.ts";
import { closeServer, listenOn } from "./loopback.ts";

/** How a terminator behaves. */
export interface TlsTerminatorOptions {
  /** Where the bytes go. */
  readonly to: URL;
  /** Who the server is. */
  readonly identity: Identity;
  /** Demand a client's certificate that this root has issued. */
  readonly clientRoot?: string;
  /** Default: TLS 1.3. With 1.2 the handshake itself shows a refusal. */
  readonly maxVersion?: "TLSv1.2";
}

/** A running terminator. */
export class TlsTerminator implements AsyncDisposable {
  /** The name in each client's certificate; empty without one. */
  readonly clients = new Arrivals<string>("client of the TLS terminator");
  readonly #server: Server;
  readonly #path: string;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor(
    { to, identity, clientRoot, maxVersion }: TlsTerminatorOptions,
  ) {
    this.#path = to.pathname;
    this.#server = createServer({
      ...identity,
      maxVersion,
      ca: clientRoot,
      // What nobody asks for no client shows.
      requestCert: true,
      rejectUnauthorized: clientRoot !== undefined,
    }, (socket) => this.#accept(socket, to));
    // Clients that are refused, or leave, are what tests are about.
    this.#server.on("tlsClientError", () => {});
  }

  /** A terminator that listens on a free port of 127.0.0.1. */
  static async start(options: TlsTerminatorOptions): Promise<TlsTerminator> {
    const terminator = new TlsTerminator(options);
    terminator.#port = await listenOn(terminator.#server);
    return terminator;
  }

  /** The endpoint behind it, over TLS. */
  get url(): URL {
    return new URL(`https://127.0.0.1:${this.#port}${this.#path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeServer(this.#server, this.#sockets);
    this.clients.end("the TLS terminator is closed");
  }

  #accept(socket: TLSSocket, to: URL): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    this.clients.add(String(socket.getPeerCertificate()?.subject?.CN ?? ""));
    passOn(socket, Number(to.port));
  }
}
