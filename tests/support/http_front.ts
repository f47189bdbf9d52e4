/** The HTTP server, in this process, before whatever a test puts behind it. */

import { createSignedFetch } from "../../src/aws/signing/signed_fetch.ts";
import { OPTION_NAMES } from "../../src/naming.ts";
import type { ListenAddress } from "../../src/net/listen_address.ts";
import { runHttpProxy } from "../../src/http/http_proxy.ts";
import type { HttpProxyOptions } from "../../src/http/options.ts";
import { createLog } from "../../src/log/line_log.ts";
import { Redactor } from "../../src/redact/redact.ts";
import { Arrivals } from "./arrivals.ts";
import { letTimeGo } from "./clock.ts";
import { within } from "./deadline.ts";
import { TEST_CREDENTIALS, TEST_SCOPE } from "./test_identity.ts";

/** The token that tests bring. */
export const TEST_TOKEN = "a-token-that-only-tests-know";

/** What an HTTP server is started with. */
export type FrontOptions = Partial<HttpProxyOptions> & { readonly target: URL };

/** A running HTTP server. */
export class Front implements AsyncDisposable {
  /** The log, line by line. */
  readonly log = new Arrivals<string>("log line");
  /** Resolves when it has returned. */
  readonly done: Promise<void>;
  readonly #stop = new AbortController();
  readonly #force = new AbortController();
  #address: ListenAddress = { path: "" };

  private constructor(options: FrontOptions, ready: (front: Front) => void) {
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
        ready(this);
      },
    }).finally(() => fetch[Symbol.dispose]());
  }

  /** Starts an HTTP server on a free port of loopback, unless it is said otherwise. */
  static async start(options: FrontOptions): Promise<Front> {
    const { promise, resolve, reject } = Promise.withResolvers<Front>();
    new Front(options, resolve).done.catch(reject);
    return await within(promise, "the front to listen");
  }

  /** Where it listens. */
  get address(): ListenAddress {
    return this.#address;
  }

  /** Its port. */
  get port(): number {
    if ("port" in this.#address) return this.#address.port;
    throw new Error("the front listens at no port");
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
    await within(this.done, "the front to stop");
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
    this.log.end("the front is stopped");
  }
}
