/**
 * Who may use the HTTP server. It lends an AWS identity, so that it hears
 * programs that know its token, and no web page.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { excerpt } from "../mcp/wire/excerpt.ts";
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
import type { RequestHead } from "./head.ts";
import type { HeaderMap } from "./headers.ts";

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
    for (const named of [host, targetHost ?? host]) {
      if (this.#isOwn(named)) continue;
      throw blocked(
        `the Host ${quote(named)} is not one that this proxy listens under`,
      );
    }
    const origin = headers.get("origin");
    if (origin !== undefined && !this.#isOwnOrigin(origin, host)) {
      throw blocked(
        `the Origin ${
          quote(origin)
        } is not allowed: this proxy is not for web pages`,
      );
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
    const realm = 'Bearer realm="sigv4-proxy"';
    if (token === undefined) {
      throw unauthorized(
        "this proxy wants its token: Authorization: Bearer <token>",
        realm,
      );
    }
    // Of digests all lengths are equal, and no prefix tells anything.
    if (timingSafeEqual(digestOf(token), this.#tokenDigest)) return;
    throw unauthorized(
      "the bearer token is not the one that this proxy wants",
      `${realm}, error="invalid_token"`,
    );
  }

  #isOwn(host: string): boolean {
    const [, name] = HOST.exec(host) ?? [];
    const hostname = normalHost(name);
    if (hostname === undefined) return false;
    // No browser reaches a Unix socket, and what does says any Host.
    return !isTcp(this.#listen) || this.#isOwnName(hostname);
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

function unauthorized(message: string, challenge: string): HttpError {
  return refused(401, "blocked", message, {
    headers: { "www-authenticate": challenge },
  });
}

function quote(text: string): string {
  return `'${excerpt(text.replace(/[^\x20-\x7e]/g, "?"), SHOWN_LENGTH)}'`;
}
