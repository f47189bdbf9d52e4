/**
 * A client on in-memory streams: the proxy runs in this process, with the
 * fetch that the test gives it.
 */

import {
  runStdioProxy,
  type StdioProxyRun,
} from "../../../src/stdio/stdio_proxy.ts";
import { OPTION_NAMES } from "../../../src/naming.ts";
import { type Log, type LogLevel, SILENT_LOG } from "../../../src/log/log.ts";
import { letTimeGo } from "../time/clock.ts";
import { within } from "../time/deadline.ts";
import { SECRETS_SEEN } from "../aws/secrets_seen.ts";

/** A frame as a test reads it. */
export interface ReadFrame {
  /** The line, without its newline. */
  readonly text: string;
  /** The line, parsed. */
  // deno-lint-ignore no-explicit-any
  readonly json: any;
}

/** What the proxy is started with: everything but the streams. */
export type StreamClientOptions =
  & Omit<StdioProxyRun, "readable" | "writable" | "fetch" | "names">
  & Partial<Pick<StdioProxyRun, "fetch" | "names">>;

/** Talks to a proxy as a client does: line by line. */
export class StreamClient implements AsyncDisposable {
  /** Resolves when the proxy has returned. */
  readonly done: Promise<void>;
  /** Every frame that was read so far. */
  readonly frames: ReadFrame[] = [];
  readonly #stdin = new TransformStream<Uint8Array, Uint8Array>(
    undefined,
    { highWaterMark: 1000 },
  );
  readonly #writer = this.#stdin.writable.getWriter();
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #stop = new AbortController();
  readonly #log: string[] = [];
  #isClosed = false;

  /** Starts a proxy. */
  constructor(options: StreamClientOptions) {
    const stdout = new TransformStream<Uint8Array, Uint8Array>();
    const signal = options.signal
      ? AbortSignal.any([options.signal, this.#stop.signal])
      : this.#stop.signal;
    this.done = runStdioProxy({
      fetch,
      names: OPTION_NAMES,
      ...options,
      log: keepLines(this.#log, options.log),
      signal,
      readable: this.#stdin.readable,
      writable: stdout.writable,
    }).finally(() => {
      // Not awaited: a test may leave what was written unread.
      stdout.writable.close().catch(() => {});
    });
    this.#lines = ReadableStream.from(lines(stdout.readable)).getReader();
  }

  /** Sends one line: a text as it is, anything else as JSON. */
  send(message: unknown): void {
    const text = typeof message === "string"
      ? message
      : JSON.stringify(message);
    this.sendBytes(new TextEncoder().encode(`${text}\n`));
  }

  /** Sends bytes as they are. */
  sendBytes(bytes: Uint8Array): void {
    this.#writer.write(bytes).catch(() => {});
  }

  /** Sends a request. */
  request(id: number | string, method: string, params?: unknown): void {
    this.send({ jsonrpc: "2.0", id, method, ...(params ? { params } : {}) });
  }

  /** Sends a notification. */
  notify(method: string, params?: unknown): void {
    this.send({ jsonrpc: "2.0", method, ...(params ? { params } : {}) });
  }

  /** The next frame; fails the test if none comes in time. */
  async next(): Promise<ReadFrame> {
    const { done, value } = await within(this.#lines.read(), "a frame");
    if (done) throw new Error("stdout ended");
    const frame = { text: value, json: JSON.parse(value) };
    this.frames.push(frame);
    return frame;
  }

  /** Frames up to the answer with this ID, which is returned. */
  async answer(id: number | string): Promise<ReadFrame> {
    for (;;) {
      const frame = await this.next();
      if (frame.json.id === id && !("method" in frame.json)) return frame;
    }
  }

  /** Sends a request; the answer, whatever else comes before it. */
  async ask(
    id: number | string,
    method: string,
    params?: unknown,
  ): Promise<ReadFrame["json"]> {
    this.request(id, method, params);
    return (await this.answer(id)).json;
  }

  /** `initialize` and `notifications/initialized`, as a client begins. */
  async initialize(
    params: Record<string, unknown> = {},
  ): Promise<ReadFrame> {
    this.request("init", "initialize", {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "test", version: "1" },
      ...params,
    });
    const answer = await this.answer("init");
    this.notify("notifications/initialized");
    return answer;
  }

  /** Ends the client's stream; resolves to what was still answered. */
  async close(): Promise<ReadFrame[]> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#writer.close().catch(() => {});
    }
    const rest: ReadFrame[] = [];
    for (;;) {
      const { done, value } = await within(this.#lines.read(), "the end");
      if (done) break;
      rest.push({ text: value, json: JSON.parse(value) });
    }
    await this.done;
    return rest;
  }

  /** Stops the proxy, as a signal does. */
  stop(): void {
    this.#stop.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    letTimeGo();
    this.#stop.abort();
    await this.#lines.cancel().catch(() => {});
    await this.#writer.abort().catch(() => {});
    await this.done.catch(() => {});
    const frames = this.frames.map(({ json }) => json);
    SECRETS_SEEN.check(this.#log.join("\n"), frames);
  }
}

/** A log that keeps what goes through it. */
function keepLines(lines: string[], log: Log = SILENT_LOG): Log {
  const keep = (level: LogLevel): Log[LogLevel] => (message, fields) => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
    log[level](message, fields);
  };
  return {
    debug: keep("debug"),
    info: keep("info"),
    warn: keep("warn"),
    error: keep("error"),
  };
}

async function* lines(
  readable: ReadableStream<Uint8Array>,
): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of readable) {
    const [first, ...others] = decoder.decode(chunk, { stream: true })
      .split("\n");
    rest += first;
    for (const other of others) {
      yield rest;
      rest = other;
    }
  }
  if (rest !== "") throw new Error(`a last line without a newline: ${rest}`);
}
