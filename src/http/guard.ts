/**
 * Who may use the HTTP front. It lends an AWS identity, so that it hears
 * programs that know its token, and no web page.
 *
 * @module
 */

import { isLoopback } from "../net/address.ts";
import {
  hostOf,
  isIpAddress,
  isLocal,
  isTcp,
  type ListenAddress,
  normalHost,
} from "../net/listen_address.ts";
import { refused } from "./error.ts";
import type { HeaderMap } from "./headers.ts";
import { TokenCheck } from "./token.ts";

/** What a {@linkcode Guard} is handed. */
export interface GuardOptions {
  /** Where the front listens. */
  readonly listen: ListenAddress;
  /** The token that a request has to bring; none if any program may ask. */
  readonly token: string | undefined;
  /** More names under which the front is reached: a load balancer's, say. */
  readonly hosts: readonly string[];
}

/** What is looked at of a request. */
export interface GuardedRequest {
  readonly headers: HeaderMap;
  /** The `Host` headers, which there should be one of. */
  readonly hosts: readonly string[];
  /** The host and port of a request target that is a whole URL. */
  readonly targetHost: string | undefined;
}

/** `name`, `name:port`, `[ipv6]:port`. */
const HOST = /^(\[[0-9a-f:.]+\]|[^\s:/?#@\\[\]]+)(?::\d{1,5})?$/i;

/** How much of a text from outside is shown in an error. */
const SHOWN_LENGTH = 80;

/** Looks at a request before anything of it is trusted. */
export class Guard {
  readonly #listen: ListenAddress;
  readonly #hosts: ReadonlySet<string>;
  readonly #token: TokenCheck | undefined;

  constructor({ listen, token, hosts }: GuardOptions) {
    this.#listen = listen;
    this.#token = token === undefined ? undefined : new TokenCheck(token);
    this.#hosts = new Set(hosts.map((host) => normalHost(host) ?? host));
  }

  /**
   * Refuses what a web page may have sent, or a name that resolves to this
   * machine without its owner's doing (DNS rebinding).
   *
   * @throws {HttpError} It is not to be answered.
   */
  checkOrigin({ headers, hosts, targetHost }: GuardedRequest): void {
    const [host] = hosts;
    if (hosts.length !== 1 || host === undefined || host === "") {
      throw refused(
        400,
        "invalid-request",
        "a request has exactly one Host header",
      );
    }
    for (
      const named of [host, ...targetHost === undefined ? [] : [targetHost]]
    ) {
      if (this.#isOwn(named)) continue;
      throw refused(
        403,
        "blocked",
        `the Host ${quote(named)} is not one that this proxy listens under`,
      );
    }
    const origin = headers.get("origin");
    if (origin !== undefined && !this.#isOwnOrigin(origin, host)) {
      throw refused(
        403,
        "blocked",
        `the Origin ${
          quote(origin)
        } is not allowed: this proxy is not for web pages`,
      );
    }
    // Fetch Metadata: some requests of web pages come without an Origin.
    const site = headers.get("sec-fetch-site");
    if (site !== undefined && site !== "same-origin" && site !== "none") {
      throw refused(
        403,
        "blocked",
        "this proxy is not for web pages of other sites",
      );
    }
  }

  /**
   * Refuses a request without the token.
   *
   * @throws {HttpError} The token is missing or wrong.
   */
  checkToken(headers: HeaderMap): void {
    const found = this.#token?.check(headers.get("authorization")) ?? "right";
    if (found === "right") return;
    const realm = 'Bearer realm="sigv4-proxy"';
    throw refused(
      401,
      "blocked",
      found === "missing"
        ? "this proxy wants its token: Authorization: Bearer <token>"
        : "the bearer token is not the one that this proxy wants",
      {
        headers: {
          "www-authenticate": found === "missing"
            ? realm
            : `${realm}, error="invalid_token"`,
        },
      },
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

function quote(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]/g, "?");
  return plain.length > SHOWN_LENGTH
    ? `'${plain.slice(0, SHOWN_LENGTH)}…'`
    : `'${plain}'`;
}
