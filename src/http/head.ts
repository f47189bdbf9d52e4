/** The heads of requests in HTTP server mode. */

import { IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import { invalid } from "./error.ts";
import type { HeaderMap } from "./headers.ts";

export interface RequestHead {
  /** The path, without the query. */
  readonly path: string;
  /** The host and port of a request target that is a whole URL. */
  readonly targetHost: string | undefined;
  /** The `Host` headers, which there should be one of. */
  readonly hosts: readonly string[];
  readonly headers: HeaderMap;
}

/**
 * A request whose URL has no query. The server ignores it, a client may have a
 * secret in it, and Deno's `node:http` puts the URL into its span before anyone
 * else sees the request.
 */
export class RequestWithoutQuery extends IncomingMessage {
  constructor(...args: ConstructorParameters<typeof IncomingMessage>) {
    super(...args);
    let path = this.url;
    Object.defineProperty(this, "url", {
      get: () => path,
      set(url: string) {
        [path] = url.split("?");
      },
    });
  }
}

/** The most headers: beyond some thousand the parser forgets them in silence. */
const MAX_HEADERS = 200;

/**
 * Reads the head of a request.
 *
 * @throws {HttpError} 400, 417, 431 or 501.
 */
export function readHead(
  { url = "", rawHeaders }: IncomingMessage,
): RequestHead {
  if (rawHeaders.length / 2 > MAX_HEADERS) {
    throw invalid(431, `a request has at most ${MAX_HEADERS} headers`);
  }
  const headers = new Map<string, string>();
  const hosts: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at].toLowerCase();
    const value = rawHeaders[at + 1];
    if (name === "host") hosts.push(value);
    if (name === "authorization" && headers.has(name)) {
      throw invalid(400, "a request has at most one Authorization header");
    }
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const coding = headers.get("transfer-encoding") ?? "chunked";
  if (coding.toLowerCase() !== "chunked") {
    // The parser takes no other off, and none off before it (RFC 9112, 6.1).
    throw invalid(501, "the only Transfer-Encoding here is chunked");
  }
  const expectation = headers.get("expect") ?? "100-continue";
  if (expectation.toLowerCase() !== "100-continue") {
    throw invalid(417, "the only expectation here is 100-continue");
  }
  // A whole URL stands before the Host header (RFC 9112, 3.2.2).
  const whole = url.startsWith("/") ? null : URL.parse(url);
  const path = whole?.pathname ?? url;
  return { path, targetHost: whole?.host, hosts, headers };
}

/** The status for what the parser gives up on; 400 for all else. */
const STATUSES: ReadonlyMap<unknown, string> = new Map([
  ["HPE_HEADER_OVERFLOW", "431 Request Header Fields Too Large"],
  ["ERR_HTTP_REQUEST_TIMEOUT", "408 Request Timeout"],
]);

/** How long a client may take to read why it was refused. */
const REFUSAL_MS = 250;

/**
 * Answers what is no request, or none that ends: 400, 408 or 431, and the
 * connection is closed.
 */
export function refuseBadHeads(server: Server): void {
  const known = new WeakSet<Socket>();
  server.on("clientError", (error: Error, socket: Socket) => {
    if (known.has(socket)) return;
    known.add(socket);
    if (!socket.writable) return void socket.destroy();
    const code = "code" in error ? error.code : undefined;
    const status = STATUSES.get(code) ?? "400 Bad Request";
    socket.end(
      `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    );
    // What still comes is not read: there may be any amount of it.
    socket.pause();
    const timer = setTimeout(() => socket.destroy(), REFUSAL_MS);
    socket.once("close", () => clearTimeout(timer));
  });
}
