/**
 * An MCP client that asks a few things: it talks to the proxy itself, over
 * streams in memory, so that what it finds is what a client would.
 *
 * @module
 */

import {
  runStdioProxy,
  type StdioProxyOptions,
} from "../../stdio/stdio_proxy.ts";

/** A JSON object, its values not yet looked at. */
export type JsonObject = { readonly [name: string]: unknown };

/** What a request was answered with. */
export type Answer =
  | { readonly result: JsonObject }
  | { readonly error: AnswerError };

/** A JSON-RPC error. */
export interface AnswerError {
  readonly code: number;
  readonly message: string;
  readonly data: JsonObject;
}

/** The proxy under way, and its client. */
export class Conversation {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #proxy: Promise<void>;
  #nextId = 1;
  #fragment = "";

  /** @param options What the proxy is to reach, and how. */
  constructor(options: Omit<StdioProxyOptions, "readable" | "writable">) {
    const input = new TransformStream<Uint8Array, Uint8Array>();
    const decoder = new TextDecoder();
    const output = new WritableStream<Uint8Array>({
      write: (chunk) => this.#read(decoder.decode(chunk, { stream: true })),
    });
    this.#writer = input.writable.getWriter();
    this.#proxy = runStdioProxy({
      ...options,
      readable: input.readable,
      writable: output,
    });
  }

  /** Sends a request and waits for its answer. */
  async request(method: string, params?: JsonObject): Promise<Answer> {
    const id = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#waiting.set(id, resolve);
    await this.#send({ jsonrpc: "2.0", id, method, params });
    return await promise;
  }

  /** Sends a notification. */
  async notify(method: string): Promise<void> {
    await this.#send({ jsonrpc: "2.0", method });
  }

  /** Ends the conversation; the proxy ends its session with the target. */
  async end(): Promise<void> {
    await this.#writer.close();
    await this.#proxy;
  }

  async #send(message: JsonObject): Promise<void> {
    const line = `${JSON.stringify(message)}\n`;
    await this.#writer.write(new TextEncoder().encode(line));
  }

  #read(text: string): void {
    const lines = (this.#fragment + text).split("\n");
    this.#fragment = lines.pop() ?? "";
    for (const line of lines) this.#take(asObject(parse(line)));
  }

  #take(message: JsonObject): void {
    const { id, method } = message;
    if (typeof method === "string") return this.#refuse(id);
    const resolve = typeof id === "number" ? this.#waiting.get(id) : undefined;
    if (typeof id !== "number" || resolve === undefined) return;
    this.#waiting.delete(id);
    const error = "error" in message ? asObject(message.error) : undefined;
    resolve(
      error === undefined ? { result: asObject(message.result) } : {
        error: {
          code: Number(error.code),
          message: String(error.message),
          data: asObject(error.data),
        },
      },
    );
  }

  /** What the server asks of its client: this one has nothing to offer. */
  #refuse(id: unknown): void {
    if (id === undefined) return;
    const error = { code: -32601, message: "not offered" };
    this.#send({ jsonrpc: "2.0", id, error }).catch(() => {});
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An object; an empty one in place of anything else. */
export function asObject(value: unknown): JsonObject {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value));
}
