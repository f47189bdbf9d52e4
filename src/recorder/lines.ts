/** What was noted → the lines of a recording. */

import type { LogFields } from "../log/log.ts";
import { Recent } from "../lru_cache.ts";
import { isObject } from "../mcp/wire/message.ts";
import type { Redact } from "../redact/redact.ts";
import type { Happening, RecordLine, Said } from "./format.ts";
import type { Noted } from "./noted.ts";
import { MAX_KEPT_BYTES } from "./noted.ts";
import { StandIns } from "./stand_ins.ts";

/** An answer whose body is still being read. */
interface Answer {
  readonly isStream: boolean;
  readonly isError: boolean;
  readonly decoder: TextDecoder;
  /** What came since the last line of it. */
  text: string;
  bytes: number;
  isTooLong: boolean;
}

/** How many messages are remembered, to tell which are sent again. */
const MAX_SENT = 4_096;

/** Where an event of a stream ends. */
const EVENT_END = /\r\n\r\n|\n\n|\r\r/g;

/** Writes down what was noted, in order, with stand-ins for what is secret. */
export class RecordLines {
  readonly #standIns: StandIns;
  readonly #startedAt = performance.now();
  readonly #answers = new Map<number, Answer>();
  readonly #clients = new WeakMap<object, number>();
  readonly #sent = new Recent<number>(MAX_SENT);
  #clientCount = 0;
  #seq = 0;
  #identity: string | undefined;

  constructor(redact: Redact, bodies: boolean) {
    this.#standIns = new StandIns(redact, bodies);
  }

  /** The lines of one thing, and of nothing where it is a part of another. */
  async of(at: number, noted: Noted): Promise<RecordLine[]> {
    const happenings = noted.kind === "request"
      ? await this.#request(noted)
      : this.#happenings(noted);
    return happenings.map((happening) => this.#line(at, happening));
  }

  /** The line that says how much is missing. */
  dropped(count: number, why: "busy" | "end"): RecordLine {
    return this.#line(performance.now(), { kind: "dropped", count, why });
  }

  #line(at: number, happening: Happening): RecordLine {
    const t = Math.round((at - this.#startedAt) * 100) / 100;
    return { seq: ++this.#seq, t, ...happening };
  }

  #happenings(noted: Exclude<Noted, { kind: "request" }>): Happening[] {
    switch (noted.kind) {
      case "in":
      case "out":
        return [this.#message(noted)];
      case "response":
        return [this.#response(noted)];
      case "body":
        return this.#body(noted);
      case "end":
        return this.#end(noted);
      case "failed": {
        const error = this.#standIns.words(causeText(noted.cause));
        return [{ kind: "failed", http: noted.http, error }];
      }
      case "recovered":
        return [noted];
      case "log": {
        const { level, message, fields } = noted;
        const said = this.#standIns.words(message);
        const shown = fields && this.#fields(fields);
        return [{ kind: "log", level, message: said, fields: shown }];
      }
    }
  }

  #message(
    { kind, bytes, byteLength, over }: Extract<Noted, { kind: "in" | "out" }>,
  ): Happening {
    const client = over && this.#clientOf(over);
    const text = bytes && new TextDecoder().decode(bytes);
    const shown = text === undefined
      ? undefined
      : kind === "in"
      ? this.#standIns.fromClient(text)
      : this.#standIns.fromTarget(text);
    return {
      kind,
      ...(client !== undefined && { client }),
      ...(shown !== undefined && { text: shown }),
      bytes: byteLength,
    };
  }

  #clientOf(over: object): number {
    const known = this.#clients.get(over) ?? ++this.#clientCount;
    this.#clients.set(over, known);
    return known;
  }

  async #request(
    { http, url, init }: Extract<Noted, { kind: "request" }>,
  ): Promise<Happening[]> {
    const { method = "GET", body } = init;
    const headers: Record<string, string> = {};
    for (const [name, value] of new Headers(init.headers)) {
      headers[name] = this.#standIns.header(name, value);
    }
    const blob = body instanceof Blob ? body : undefined;
    const isKept = blob !== undefined && blob.size <= MAX_KEPT_BYTES;
    const text = isKept ? await blob.text() : undefined;
    const shown = text === undefined
      ? undefined
      : this.#standIns.fromClient(text);
    const tries = text === undefined ? 1 : this.#tries(text);
    const happenings: Happening[] = [{
      kind: "request",
      http,
      method,
      url: this.#standIns.url(url),
      headers,
      ...(tries > 1 && { try: tries }),
      ...(shown !== undefined && { text: shown }),
      bytes: blob?.size ?? 0,
    }];
    const [, identity] = / (identity-\d+)\//.exec(headers.authorization) ?? [];
    const before = this.#identity;
    this.#identity = identity ?? before;
    if (identity !== undefined && before !== undefined && before !== identity) {
      happenings.unshift({ kind: "identity", identity });
    }
    return happenings;
  }

  /** How often a request of this ID was sent, this time included. */
  #tries(text: string): number {
    const message = jsonOf(text);
    if (!isObject(message)) return 1;
    const { id, method } = message;
    if (id === undefined || typeof method !== "string") return 1;
    const key = `${JSON.stringify(id)} ${method}`;
    const tries = (this.#sent.get(key) ?? 0) + 1;
    this.#sent.set(key, tries);
    return tries;
  }

  #response(
    { http, status, headers }: Extract<Noted, { kind: "response" }>,
  ): Happening {
    const type = headers.get("content-type") ?? "";
    this.#answers.set(http, {
      isStream: /^text\/event-stream\b/i.test(type),
      isError: status >= 400,
      decoder: new TextDecoder(undefined, { ignoreBOM: true }),
      text: "",
      bytes: 0,
      isTooLong: false,
    });
    const shown: Record<string, string> = {};
    for (const [name, value] of headers) {
      shown[name] = this.#standIns.header(name, value);
    }
    return { kind: "response", http, status, headers: shown };
  }

  #body(
    { http, bytes, byteLength }: Extract<Noted, { kind: "body" }>,
  ): Happening[] {
    const answer = this.#answers.get(http);
    if (!answer) return [];
    answer.bytes += byteLength;
    answer.isTooLong ||= bytes === undefined ||
      answer.text.length + byteLength > MAX_KEPT_BYTES;
    if (answer.isTooLong) answer.text = "";
    else answer.text += answer.decoder.decode(bytes, { stream: true });
    return answer.isStream ? this.#events(http, answer) : [];
  }

  /** The events that are there as a whole. */
  #events(http: number, answer: Answer): Happening[] {
    const lines: Happening[] = [];
    let from = 0;
    for (const { 0: end, index } of answer.text.matchAll(EVENT_END)) {
      const to = index + end.length;
      lines.push(this.#said(http, answer, answer.text.slice(from, to)));
      from = to;
    }
    answer.text = answer.text.slice(from);
    return lines;
  }

  #said(http: number, answer: Answer, text: string): Happening {
    const said: Said = {
      text: this.#standIns.fromTarget(text, answer.isError),
      bytes: new TextEncoder().encode(text).length,
    };
    return { kind: "body", http, ...said };
  }

  #end(
    { http, by, cause }: Extract<Noted, { kind: "end" }>,
  ): Happening[] {
    const lines: Happening[] = [];
    const answer = this.#answers.get(http);
    this.#answers.delete(http);
    if (answer?.isTooLong) {
      lines.push({ kind: "body", http, bytes: answer.bytes });
    } else if (answer && answer.text !== "") {
      lines.push(this.#said(http, answer, answer.text));
    }
    const error = cause === undefined
      ? undefined
      : this.#standIns.words(causeText(cause));
    return [...lines, { kind: "end", http, by, ...(error && { error }) }];
  }

  #fields(fields: LogFields): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        name,
        typeof value === "string" ? this.#standIns.words(value) : value,
      ]),
    );
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a fetch failed with: Deno says more in the cause of the error. */
function causeText(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? cause.cause.message : cause.message;
}
