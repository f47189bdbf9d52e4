/** The HTTP server, in this process, before whatever a test puts behind it. */

import { createSignedFetch } from "../../../src/aws/signing/signed_fetch.ts";
import { OPTION_NAMES } from "../../../src/naming.ts";
import type { ListenAddress } from "../../../src/net/listen_address.ts";
import { runHttpProxy } from "../../../src/http/http_proxy.ts";
import type { HttpProxyOptions } from "../../../src/http/options.ts";
import { createLog } from "../../../src/log/line_log.ts";
import { Redactor } from "../../../src/redact/redact.ts";
import { Arrivals } from "../arrivals.ts";
import { letTimeGo } from "../time/clock.ts";
import { within } from "../time/deadline.ts";
import { mcp, type McpHandler } from "../raw/mcp.ts";
import { type RawHandler, RawServer } from "../raw/server.ts";
import { TEST_CREDENTIALS, TEST_SCOPE } from "../aws/test_identity.ts";

/** The token that tests bring. */
export const TEST_TOKEN = "a-token-that-only-tests-know";

/** What an HTTP server is started with. */
export type HttpProxyStart = Partial<HttpProxyOptions> & {
  readonly target: URL;
};

type HttpProxyClass<F> = new (options: HttpProxyStart) => F;

/** A running HTTP server. */
export class HttpProxy implements AsyncDisposable {
  /** The log, line by line. */
  readonly log = new Arrivals<string>("log line");
  /** Resolves when it has returned. */
  readonly done: Promise<void>;
  readonly #stop = new AbortController();
  readonly #force = new AbortController();
  readonly #listening = Promise.withResolvers<void>();
  #target: RawServer | undefined;
  #address: ListenAddress = { path: "" };

  /** {@linkcode HttpProxy.start} waits for it to listen. */
  constructor(options: HttpProxyStart) {
    const redactor = new Redactor();
    const fetch = createSignedFetch({
      ...TEST_SCOPE,
      origin: options.target,
      credentials: TEST_CREDENTIALS,
      redactor,
    });
    this.done = runHttpProxy({
      fetch,
      names: OPTION_NAMES,
      listen: { hostname: "127.0.0.1", port: 0 },
      token: TEST_TOKEN,
      // Beyond what a test waits for; its end hurries.
      drainMs: 600_000,
      redactor,
      log: createLog({
        level: "debug",
        format: "json",
        write: (line) => this.log.add(line),
        redact: redactor.redact,
      }),
      ...options,
      signal: this.#stop.signal,
      force: AbortSignal.any([
        this.#force.signal,
        ...options.force ? [options.force] : [],
      ]),
      onListen: (address) => {
        this.#address = address;
        this.#listening.resolve();
      },
    }).finally(() => fetch[Symbol.dispose]());
    this.done.catch(this.#listening.reject);
  }

  /** Starts an HTTP server on a free port of loopback, unless it is said otherwise. */
  static async start<F extends HttpProxy>(
    this: HttpProxyClass<F>,
    options: HttpProxyStart,
  ): Promise<F> {
    const proxy = new this(options);
    await within(proxy.#listening.promise, "the HTTP server to listen");
    return proxy;
  }

  /** The same before a target, which does what servers do but for this script. */
  static async before<F extends HttpProxy>(
    this: HttpProxyClass<F>,
    script: Record<string, McpHandler> | RawHandler,
    options: Partial<HttpProxyStart> = {},
  ): Promise<F> {
    const handler = typeof script === "function" ? script : mcp(script);
    await using stack = new AsyncDisposableStack();
    const target = stack.use(await RawServer.start(handler));
    const proxy = new this({ target: target.url, ...options });
    await within(proxy.#listening.promise, "the HTTP server to listen");
    proxy.#target = target;
    stack.move();
    return proxy;
  }

  /** What {@linkcode HttpProxy.before} put behind it. */
  get target(): RawServer {
    if (this.#target !== undefined) return this.#target;
    throw new Error("the HTTP server is not before a target of its own");
  }

  /** Where it listens. */
  get address(): ListenAddress {
    return this.#address;
  }

  /** Its port. */
  get port(): number {
    if ("port" in this.#address) return this.#address.port;
    throw new Error("the HTTP server listens at no port");
  }

  /** The MCP endpoint. */
  get url(): URL {
    return new URL(`http://127.0.0.1:${this.port}/mcp`);
  }

  /** The whole log so far. */
  get logText(): string {
    return this.log.all.join("");
  }

  /** Stops it, as a signal does; resolves when it is over. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await within(this.done, "the HTTP server to stop");
  }

  /** Sends a request to the MCP endpoint, with the token. */
  async fetch(init: RequestInit = {}, path = "/mcp"): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has("authorization")) {
      headers.set("authorization", `Bearer ${TEST_TOKEN}`);
    }
    return await fetch(new URL(path, this.url), { ...init, headers });
  }

  /** Sends a JSON-RPC message. */
  async post(
    message: unknown,
    headers: Record<string, string> = {},
    init: RequestInit = {},
  ): Promise<Response> {
    return await this.fetch({
      ...init,
      method: "POST",
      headers: {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        ...headers,
      },
      body: typeof message === "string" ? message : JSON.stringify(message),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    letTimeGo();
    this.#force.abort();
    await this.stop();
    this.log.end("the HTTP server is stopped");
    await this.#target?.[Symbol.asyncDispose]();
  }
}
