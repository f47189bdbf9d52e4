/**
 * The heads of requests in HTTP server mode, and who may use it. It lends an AWS
 * identity, so that it hears programs that know its token, and no web page.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import { excerpt } from "../excerpt.ts";
import { isLoopback } from "../net/address.ts";
import {
  hostOf,
  isIpAddress,
  isLocal,
  isTcp,
  type ListenAddress,
  normalHost,
} from "../net/listen_address.ts";
import { type HttpError, invalid, refused } from "./error.ts";
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

/** @throws {HttpError} 400, 417, 431 or 501. */
export function parseHead(
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
  const absolute = url.startsWith("/") ? null : URL.parse(url);
  const path = absolute?.pathname ?? url;
  return { path, targetHost: absolute?.host, hosts, headers };
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

/** `name`, `name:port`, `[ipv6]:port`. */
const HOST = /^(\[[0-9a-f:.]+\]|[^\s:/?#@\\[\]]+)(?::\d{1,5})?$/i;

const SHOWN_LENGTH = 80;

/** Looks at a request before anything of it is trusted. */
export class Guard {
  readonly #listen: ListenAddress;
  readonly #hosts: ReadonlySet<string>;
  readonly #tokenDigest: Uint8Array | undefined;

  constructor(
    listen: ListenAddress,
    token: string | undefined,
    hosts: readonly string[] = [],
  ) {
    this.#listen = listen;
    this.#tokenDigest = token === undefined ? undefined : digestOf(token);
    this.#hosts = new Set(hosts.map((host) => normalHost(host) ?? host));
  }

  /**
   * Refuses what a web page may have sent, or a name that resolves to this
   * machine without its owner's doing (DNS rebinding).
   *
   * @throws {HttpError} It is not to be answered.
   */
  checkOrigin({ headers, hosts, targetHost }: RequestHead): void {
    const [host] = hosts;
    if (hosts.length !== 1 || host === undefined || host === "") {
      throw invalid(400, "a request has exactly one Host header");
    }
    const other = [host, targetHost ?? host].find((name) => !this.#isOwn(name));
    if (other !== undefined) {
      const named = `the Host ${quote(other)}`;
      throw blocked(`${named} is not one that this proxy listens under`);
    }
    const origin = headers.get("origin");
    if (origin !== undefined && !this.#isOwnOrigin(origin, host)) {
      const named = `the Origin ${quote(origin)}`;
      throw blocked(`${named} is not allowed: this proxy is not for web pages`);
    }
    // Fetch Metadata: some requests of web pages come without an Origin.
    const site = headers.get("sec-fetch-site");
    if (site !== undefined && site !== "same-origin" && site !== "none") {
      throw blocked("this proxy is not for web pages of other sites");
    }
  }

  checkToken(headers: HeaderMap): void {
    if (this.#tokenDigest === undefined) return;
    const authorization = headers.get("authorization") ?? "";
    const [, token] = /^bearer +(\S+) *$/i.exec(authorization) ?? [];
    // Of digests all lengths are equal, and no prefix tells anything.
    const digest = token === undefined ? undefined : digestOf(token);
    if (digest && timingSafeEqual(digest, this.#tokenDigest)) return;
    const message = digest
      ? "the bearer token is not the one that this proxy wants"
      : "this proxy wants its token: Authorization: Bearer <token>";
    const error = digest ? ', error="invalid_token"' : "";
    const challenge = `Bearer realm="sigv4-proxy"${error}`;
    throw refused(401, "blocked", message, {
      headers: { "www-authenticate": challenge },
    });
  }

  #isOwn(host: string): boolean {
    const hostname = normalHost(HOST.exec(host)?.[1]);
    // No browser reaches a Unix socket, and what does says any Host.
    return hostname !== undefined &&
      (!isTcp(this.#listen) || this.#isOwnName(hostname));
  }

  #isOwnName(hostname: string): boolean {
    if (isLoopback(hostname) || this.#hosts.has(hostname)) return true;
    if (isLocal(this.#listen) || !isTcp(this.#listen)) return false;
    return isIpAddress(hostname) || hostname === hostOf(this.#listen);
  }

  #isOwnOrigin(origin: string, host: string): boolean {
    const url = URL.parse(origin);
    if (url === null || !/^https?:$/.test(url.protocol)) return false;
    const own = URL.parse(`${url.protocol}//${host}`);
    return own !== null && own.host === url.host &&
      this.#isOwnName(url.hostname);
  }
}

function digestOf(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}

function blocked(message: string): HttpError {
  return refused(403, "blocked", message);
}

function quote(text: string): string {
  return `'${excerpt(text.replace(/[^\x20-\x7e]/g, "?"), SHOWN_LENGTH)}'`;
}
