/**
 * The flight recorder. What passes is noted at once, which costs next to
 * nothing; what has to be done for a line of it is done later, in a small part
 * of the time, so that messages never wait for it. What cannot be held until
 * then is dropped, and counted.
 *
 * Loaded only where a recording is asked for.
 */

import { messageOf } from "../errors.ts";
import { type Log, logOf } from "../log/log.ts";
import type { Bytes, Observer } from "../mcp/transport/observer.ts";
import type { Redact } from "../redact/redact.ts";
import { delay, within } from "../time.ts";
import type { RecordLine } from "./format.ts";
import { RecordLines } from "./lines.ts";
import { MAX_KEPT_BYTES, type Noted } from "./noted.ts";
import { tapResponse } from "./tapped_response.ts";

/** The time of something, in milliseconds, and what it was. */
type Timed = readonly [at: number, noted: Noted];

/** Where lines go. */
export interface LineWriter {
  write(lines: readonly string[]): Promise<void>;
  close(): Promise<void>;
  readonly hasLost?: boolean;
}

/** What a recorder is made with. */
export interface RecorderOptions {
  readonly out: LineWriter;
  readonly redact: Redact;
  /** Whether arguments and results are kept as they are. */
  readonly bodies: boolean;
  readonly log: Log;
  /** How long it may take in the end to write what waits. */
  readonly endMs?: () => number;
  /** Whether each line is made and written at once, whatever that costs. */
  readonly isEager?: boolean;
}

/** What waits for its turn. */
const MAX_WAITING = 16_384;
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** The time of one turn while messages pass. */
const TURN_MS = 1;

/** So many times as long as a turn takes, the messages have before the next. */
const REST = 60;

/** After so long without anything, messages need no time. */
const IDLE_MS = 100;

/** How long the end may take. */
const DEFAULT_END_MS = 5_000;

/** How long what was noted waits at first: more may come. */
const FIRST_MS = 20;

/** Notes what passes, and writes it down in its time. */
export class Recorder implements AsyncDisposable {
  readonly observer: Observer;
  readonly #options: RecorderOptions;
  readonly #lines: RecordLines;
  #waiting: Timed[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #notedAt = 0;
  #http = 0;
  #isStopped = false;
  #isEnding = false;
  #hasSaidLost = false;
  #working: Promise<void> | undefined;
  #rest: AbortController | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#lines = new RecordLines(options.redact, options.bodies);
    this.observer = {
      received: (bytes, over) => this.#noteSaid("in", bytes, over),
      delivered: (bytes, over) => this.#noteSaid("out", bytes, over),
      recovered: () => this.#note({ kind: "recovered" }),
    };
  }

  /** A `fetch` of which all that is sent and answered is noted. */
  fetch(send: typeof globalThis.fetch): typeof globalThis.fetch {
    return async (input, init = {}) => {
      if (this.#isStopped) return await send(input, init);
      const http = ++this.#http;
      const url = input instanceof Request ? input.url : String(input);
      this.#note({ kind: "request", http, url, init });
      let response: Response;
      try {
        response = await send(input, init);
      } catch (cause) {
        this.#note({ kind: "failed", http, cause });
        throw cause;
      }
      const { status, headers } = response;
      this.#note({ kind: "response", http, status, headers });
      return tapResponse(response, {
        read: (bytes) => {
          const kept = keptOf(bytes);
          const { byteLength } = bytes;
          this.#note({ kind: "body", http, bytes: kept, byteLength });
        },
        ended: (by, cause) => this.#note({ kind: "end", http, by, cause }),
      });
    };
  }

  /** A log of which all but details is noted. */
  log(log: Log): Log {
    return logOf(
      (level) => log.enabled?.(level) ?? true,
      (level, message, fields) => {
        log[level](message, fields);
        if (level === "debug") return;
        this.#note({ kind: "log", level, message, fields });
      },
    );
  }

  #noteSaid(
    kind: "in" | "out",
    bytes: Bytes,
    over: object | undefined,
  ): void {
    const kept = bytes instanceof Uint8Array ? keptOf(bytes) : undefined;
    this.#note({ kind, bytes: kept, byteLength: bytes.byteLength, over });
  }

  #note(noted: Noted): void {
    if (this.#isStopped) return;
    const bytes = sizeOf(noted);
    if (
      this.#waiting.length >= MAX_WAITING ||
      this.#waitingBytes + bytes > MAX_WAITING_BYTES
    ) {
      this.#dropped++;
      return;
    }
    this.#notedAt = performance.now();
    this.#waitingBytes += bytes;
    this.#waiting.push([this.#notedAt, noted]);
    this.#working ??= this.#work().finally(() => this.#working = undefined);
  }

  async #work(): Promise<void> {
    await this.#pause(this.#options.isEager ? 0 : FIRST_MS);
    while (this.#waiting.length > 0 && !this.#isStopped) {
      const startedAt = performance.now();
      await this.#write(await this.#take());
      const now = performance.now();
      const isBusy = now - this.#notedAt < IDLE_MS;
      await this.#pause(isBusy ? Math.ceil((now - startedAt) * REST) : 0);
    }
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isEnding || this.#options.isEager) return;
    this.#rest = new AbortController();
    await delay(ms, this.#rest.signal).catch(() => {});
  }

  /** The lines of what was noted first, as many as there is time for. */
  async #take(): Promise<string[]> {
    const until = performance.now() + TURN_MS;
    const made: RecordLine[] = [];
    let taken = 0;
    for (const [at, noted] of this.#waiting) {
      this.#waitingBytes -= sizeOf(noted);
      taken++;
      made.push(...await this.#lines.of(at, noted));
      if (performance.now() >= until) break;
    }
    this.#waiting = this.#waiting.slice(taken);
    if (this.#waiting.length === 0 && this.#dropped > 0) {
      made.push(this.#lines.dropped(this.#dropped, "busy"));
      this.#dropped = 0;
    }
    return made.map((line) => `${JSON.stringify(line)}\n`);
  }

  async #write(lines: readonly string[]): Promise<void> {
    const { out, log } = this.#options;
    try {
      if (lines.length > 0) await out.write(lines);
    } catch (error) {
      this.#stop();
      log.warn("the recording ends here: it cannot be written", {
        error: messageOf(error),
      });
      return;
    }
    if (!out.hasLost || this.#hasSaidLost) return;
    this.#hasSaidLost = true;
    log.warn(
      "the recording is full, and its oldest part is dropped; --record-max (MCP_RECORD_MAX) sets its size",
    );
  }

  #stop(): void {
    this.#isStopped = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  /** Writes what waits, as far as there is time, and closes the recording. */
  async [Symbol.asyncDispose](): Promise<void> {
    const limitMs = this.#options.endMs?.() ?? DEFAULT_END_MS;
    this.#isEnding = true;
    this.#rest?.abort();
    if (this.#working) await within(limitMs / 2, this.#working);
    const left = this.#waiting.length;
    this.#stop();
    await within(limitMs / 2, this.#close(left));
  }

  async #close(left: number): Promise<void> {
    const { out } = this.#options;
    try {
      await this.#working;
      if (left > 0) {
        const line = this.#lines.dropped(left, "end");
        await out.write([`${JSON.stringify(line)}\n`]);
      }
      await out.close();
    } catch {
      // What is there of it is all that there is.
    }
  }
}

/** A copy: whoever the bytes belong to may write over them. */
function keptOf(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.byteLength <= MAX_KEPT_BYTES ? bytes.slice() : undefined;
}

/** About what it takes to hold it. */
function sizeOf(noted: Noted): number {
  const bytes = "bytes" in noted ? noted.bytes?.byteLength ?? 0 : 0;
  const body = "init" in noted && noted.init.body instanceof Blob
    ? noted.init.body.size
    : 0;
  return 100 + bytes + body;
}
