/**
 * The flight recorder. What passes is noted at once, which costs next to
 * nothing; what has to be done for a line of it is done later, in a small part
 * of the time, so that messages never wait for it. Of what cannot be held until
 * then the oldest is dropped, and counted.
 *
 * Loaded only where a recording is asked for.
 */

import { heldBytes } from "../blob.ts";
import { messageOf } from "../errors.ts";
import { type Log, logOf } from "../log/log.ts";
import { LruCache } from "../lru_cache.ts";
import type { Naming } from "../naming.ts";
import type { Bytes, HttpAnswer, Observer } from "../mcp/transport/observer.ts";
import { delay, within } from "../time.ts";
import { Heads } from "./heads.ts";
import { RecordLines } from "./lines.ts";
import type { StandIns } from "./stand_ins.ts";
import { tapResponse } from "./tapped_response.ts";
import { type Noted, Waiting } from "./waiting.ts";

/** Where lines go. */
export interface LineWriter {
  write(lines: readonly string[]): Promise<void>;
  close(): Promise<void>;
  readonly hasLost?: boolean;
}

/** What a recorder is made with. */
export interface RecorderOptions extends Naming {
  readonly out: LineWriter;
  readonly standIns: StandIns;
  readonly log: Log;
  /** How long it may take in the end to write what waits. */
  readonly endMs?: () => number;
  /** Whether each line is made and written at once, whatever that costs. */
  readonly isEager?: boolean;
}

/** The time of one turn while messages pass. */
const TURN_MS = 1;

/** So many times as long as a turn takes, the messages have before the next. */
const REST = 400;

/** After so long without anything, messages need no time. */
const IDLE_MS = 100;

/** How long the end may take. */
const DEFAULT_END_MS = 5_000;

/** How many are known again when they are opened anew. */
const MAX_IDENTITIES = 1_000;

const NOTHING: Bytes = { byteLength: 0 };

/** So many lines are certainly made in a millisecond, even when it is new. */
const LINES_A_MS = 20;

/** Notes what passes, and writes it down in its time. */
export class Recorder implements AsyncDisposable {
  readonly observer: Observer;
  readonly #options: RecorderOptions;
  readonly #lines: RecordLines;
  readonly #waiting = new Waiting();
  readonly #requests = new Heads();
  readonly #responses = new Heads();
  #notedAt = 0;
  readonly #clients = new WeakMap<HttpAnswer, number>();
  #clientCount = 0;
  readonly #identities = new LruCache<number>(MAX_IDENTITIES);
  #identityCount = 0;
  #http = 0;
  #isStopped = false;
  #hasFailed = false;
  #isEnding = false;
  #hasSaidLost = false;
  #working: Promise<void> | undefined;
  #rest: AbortController | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#lines = new RecordLines(options.standIns);
    this.observer = {
      received: (bytes, over) => {
        const { method, headers } = over?.req ?? {};
        const head = over ? JSON.stringify({ method, headers }) : "";
        this.#note("in", this.#clientOf(over), head, bytes);
      },
      delivered: (bytes, over) => {
        const isPart = over && this.#clients.has(over);
        const status = isPart ? `${over.statusCode}` : "";
        this.#note("out", this.#clientOf(over), status, bytes);
      },
      closed: (over, by) =>
        this.#note("closed", this.#clientOf(over), `${over.statusCode} ${by}`),
      recovered: () => this.#note("recovered"),
    };
  }

  /** A `fetch` of which all that is sent and answered is noted, and as whom. */
  fetch(send: typeof globalThis.fetch, who = ""): typeof globalThis.fetch {
    const as = this.#identities.get(who) ?? ++this.#identityCount;
    this.#identities.set(who, as);
    return async (input, init = {}) => {
      if (this.#isStopped) return await send(input, init);
      const http = ++this.#http;
      const { method = "GET", headers = {}, body } = init;
      const blob = body instanceof Blob ? body : undefined;
      const url = input instanceof Request ? input.url : String(input);
      const head = this.#requests.textOf(`${method} ${as} ${url}`, headers);
      const bytes = blob && (heldBytes(blob) ?? { byteLength: blob.size });
      this.#note("request", http, head, bytes);
      let response: Response;
      try {
        response = await send(input, init);
      } catch (cause) {
        const error = causeText(cause);
        // Nobody waited for it any more.
        if (init.signal?.aborted) this.#note("end", http, `proxy ${error}`);
        else this.#note("failed", http, error);
        throw cause;
      }
      const { status, headers: answered } = response;
      const received = this.#responses.textOf(`${status}`, answered);
      this.#note("response", http, received);
      return tapResponse(response, {
        read: (bytes) => this.#note("body", http, "", bytes),
        ended: (by, cause, rest) => {
          const error = cause === undefined ? "" : ` ${causeText(cause)}`;
          // What says nothing costs least.
          const isUsual = by === "target" && error === "";
          this.#note("end", http, isUsual ? "" : by + error, rest);
        },
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
        this.#note("log", 0, JSON.stringify({ level, message, fields }));
      },
    );
  }

  /** The number of a client's HTTP request; 0 over stdio. */
  #clientOf(over: HttpAnswer | undefined): number {
    return over === undefined
      ? 0
      : this.#clients.getOrInsertComputed(over, () => ++this.#clientCount);
  }

  #note(kind: Noted["kind"], id = 0, more = "", bytes = NOTHING): void {
    if (this.#isStopped) return;
    this.#notedAt = performance.now();
    this.#waiting.push(kind, this.#notedAt, id, more, bytes);
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    // More may come: short bursts are over then.
    await this.#pause(IDLE_MS);
    while (this.#waiting.size > 0 && !this.#isStopped) {
      let restMs = await this.#write() * REST;
      // In parts: when nothing passes any more, nothing waits for it either.
      do {
        const isBusy = performance.now() - this.#notedAt < IDLE_MS;
        await this.#pause(isBusy ? Math.min(restMs, IDLE_MS) : 0);
        restMs = isBusy && !this.#isEnding ? restMs - IDLE_MS : 0;
      } while (restMs > 0);
    }
    // At once: what is noted from here on begins anew.
    this.#working = undefined;
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isEnding || this.#options.isEager) return;
    this.#rest = new AbortController();
    await delay(ms, this.#rest.signal).catch(() => {});
  }

  /** The lines of what was noted first, as many as there is time for. */
  #take(): string[] {
    const until = performance.now() + TURN_MS;
    const made: string[] = [];
    const dropped = this.#waiting.takeDropped();
    if (dropped > 0) {
      made.push(this.#lines.now({ kind: "dropped", count: dropped }));
    }
    for (let noted; (noted = this.#waiting.shift());) {
      made.push(...this.#lines.of(noted));
      if (performance.now() >= until) break;
    }
    return made;
  }

  /** Writes some lines; says how long that kept others from what they do. */
  async #write(): Promise<number> {
    const { out, log, names } = this.#options;
    const startedAt = performance.now();
    let workedMs = 0;
    try {
      const written = out.write(this.#take());
      workedMs = performance.now() - startedAt;
      await written;
    } catch (error) {
      this.#fail(error);
    }
    if (out.hasLost && !this.#hasSaidLost && !this.#isStopped) {
      this.#hasSaidLost = true;
      log.warn(
        `the recording is full, and its oldest part is dropped; ${names.recordMaxBytes} sets its size`,
      );
    }
    return workedMs;
  }

  #fail(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = this.#isStopped = true;
    this.#waiting.keep(0);
    const message = "the recording ends here: it cannot be written";
    this.#options.log.warn(message, { error: messageOf(error) });
  }

  /** Writes what waits, as far as there is time, and closes the recording. */
  async [Symbol.asyncDispose](): Promise<void> {
    const limitMs = this.#options.endMs?.() ?? DEFAULT_END_MS;
    this.#isEnding = true;
    this.#waiting.keep(limitMs * LINES_A_MS);
    this.#rest?.abort();
    if (this.#working) await within(limitMs / 2, this.#working);
    this.#isStopped = true;
    await within(limitMs / 2, this.#close());
  }

  async #close(): Promise<void> {
    const { out } = this.#options;
    const count = this.#waiting.size;
    await this.#working;
    const last = [
      ...count > 0 ? [this.#lines.now({ kind: "dropped", count })] : [],
      this.#lines.now({ kind: "over" }),
    ];
    await out.write(last).catch((error) => this.#fail(error));
    await out.close().catch((error) => this.#fail(error));
  }
}

/** What a fetch failed with: Deno says more in the cause of the error. */
function causeText(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? cause.cause.message : cause.message;
}
