/**
 * An HTTP proxy on loopback that tunnels (RFC 9110, 9.3.6, CONNECT) and
 * remembers where to.
 */

import { createServer, type Server } from "node:http";
import type { Socket } from "node:net";
import { Arrivals } from "../support/arrivals.ts";
import { passOn } from "../support/net/pass_on.ts";
import { closeServer, listenOn } from "../support/net/loopback.ts";

/** A running proxy: every tunnel leads to 127.0.0.1, whatever its host is. */
export class ConnectProxy implements AsyncDisposable {
  /** The `host:port` of each tunnel. */
  readonly tunnels = new Arrivals<string>("tunnel of the proxy");
  readonly #server: Server = createServer((_request, response) => {
    response.writeHead(405).end();
  });
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor() {
    this.#server.on("connect", (request, socket: Socket) => {
      const place = request.url ?? "";
      this.tunnels.add(place);
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      passOn(socket, Number(place.split(":").at(-1)), () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
      });
    });
  }

  /** A proxy that listens on a free port of 127.0.0.1. */
  static async start(): Promise<ConnectProxy> {
    const proxy = new ConnectProxy();
    proxy.#port = await listenOn(proxy.#server);
    return proxy;
  }

  /** What variables such as HTTPS_PROXY are set to. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeServer(this.#server, this.#sockets);
    this.tunnels.end("the proxy is closed");
  }
}
