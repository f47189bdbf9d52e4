/**
 * An MCP client that asks a few things. It talks to the proxy itself, over
 * streams in memory, so that what it finds is what any client would.
 */

import type { CredentialSource } from "../../aws/credentials/types.ts";
import type { SignedFetch } from "../../aws/signing/signed_fetch.ts";
import { isObject } from "../../mcp/wire/message.ts";
import { runStdioProxy } from "../../stdio/stdio_proxy.ts";
import { withLimit } from "../../time.ts";
import { openTarget, proxyOptions, sessionHeaderOf } from "../target.ts";
import type { Checkup } from "./report.ts";

/** A JSON object, its values not yet looked at. */
export type JsonObject = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly result: JsonObject;
  /** `undefined` when there is a result. */
  readonly error: JsonObject | undefined;
}

/** The client, with the proxy between it and the target. */
export class Client implements Disposable {
  /** Whether the target has named a session. */
  hasSession = false;
  /** The HTTP status that the target ended the session with. */
  endStatus: number | undefined;
  readonly #limitMs: number;
  readonly #fetch: SignedFetch;
  readonly #writer: WritableStreamDefaultWriter<string>;
  readonly #proxy: Promise<void>;
  readonly #pending = new Map<unknown, (answer: Answer) => void>();
  #fragment = "";

  /**
   * As it is configured, but with the doctor's limit; the first's by default.
   */
  constructor(checkup: Checkup, source: CredentialSource, profile?: string) {
    const { config, redactor, log, limitMs } = checkup;
    this.#limitMs = limitMs;
    this.#fetch = openTarget(config, source, checkup);
    const input = new TextEncoderStream();
    this.#writer = input.writable.getWriter();
    const decoder = new TextDecoder();
    this.#proxy = runStdioProxy({
      url: config.targetUrl,
      readable: input.readable,
      writable: new WritableStream({
        write: (chunk) => this.#read(decoder.decode(chunk, { stream: true })),
      }),
      fetch: async (input, init) => {
        const response = await this.#fetch(input, init);
        this.hasSession ||= response.headers.has("mcp-session-id");
        if (init?.method === "DELETE") this.endStatus = response.status;
        return response;
      },
      ...proxyOptions(config, profile),
      sessionHeader: sessionHeaderOf(config),
      transport: config.transport,
      cookies: config.cookies,
      maxFrameBytes: config.maxFrameBytes,
      timeoutMs: limitMs,
      idleTimeoutMs: limitMs,
      log,
      redactor,
    });
  }

  async request(method: string, params: JsonObject): Promise<Answer> {
    const id = crypto.randomUUID();
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#pending.set(id, resolve);
    await this.#send({ id, method, params });
    return await promise;
  }

  notify(method: string): Promise<void> {
    return this.#send({ method });
  }

  /** Ends the conversation; the proxy ends its session with the target. */
  async end(): Promise<void> {
    await withLimit(this.#limitMs, async () => {
      await this.#writer.close();
      await this.#proxy;
    });
  }

  [Symbol.dispose](): void {
    this.#fetch[Symbol.dispose]();
  }

  #send(message: JsonObject): Promise<void> {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message });
    return this.#writer.write(`${text}\n`);
  }

  #read(text: string): void {
    const lines = (this.#fragment + text).split("\n");
    this.#fragment = lines.pop() ?? "";
    for (const line of lines) this.#take(asObject(parse(line)));
  }

  #take({ id, method, result, error }: JsonObject): void {
    if (method === undefined) {
      this.#pending.get(id)?.({
        result: asObject(result),
        error: error === undefined ? undefined : asObject(error),
      });
      this.#pending.delete(id);
    } else if (id !== undefined) {
      // What the server asks of its client: this one has nothing to offer.
      const error = { code: -32601, message: "not offered" };
      this.#send({ id, error }).catch(() => {});
    }
  }
}

/** An answer that breaks off leaves a line that is no JSON. */
function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** An object; an empty one in place of anything else. */
export function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}
