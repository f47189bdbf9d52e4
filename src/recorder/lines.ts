/** What was noted → the lines of a recording. */

import type { LogFields } from "../log/log.ts";
import { Recent } from "../lru_cache.ts";
import type { Redact } from "../redact/redact.ts";
import type { Happening, RecordLine } from "./format.ts";
import type { Noted } from "./noted.ts";
import { MAX_KEPT_BYTES } from "./noted.ts";
import { filler, StandIns } from "./stand_ins.ts";

/** An answer whose body is still being read. */
interface Answer {
  readonly isStream: boolean;
  readonly isError: boolean;
  readonly decoder: TextDecoder;
  /** What came since the last line of it. */
  text: string;
  /** How much of it is not kept. */
  lostBytes: number;
}

/** How many messages are remembered, to tell which are sent again. */
const MAX_SENT = 4_096;
const MAX_SENT_LENGTH = 16 * 1024;

const decoder = new TextDecoder(undefined, { ignoreBOM: true });

const encoder = new TextEncoder();

const END_LENGTH = 3;

/** Finds where events of a stream end, after a text in which none does. */
function eventEnd(text: string): RegExp {
  const end = /\r\n\r\n|\n\n|\r\r/g;
  end.lastIndex = Math.max(0, text.length - END_LENGTH);
  return end;
}

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
  of(noted: Noted): RecordLine[] {
    return this.#happenings(noted).map((happening) =>
      this.#line(noted.at, happening)
    );
  }

  /** The line that says how much is missing. */
  dropped(count: number): RecordLine {
    return this.#line(performance.now(), { kind: "dropped", count });
  }

  #line(at: number, happening: Happening): RecordLine {
    const t = Math.round((at - this.#startedAt) * 100) / 100;
    return { seq: ++this.#seq, t, ...happening };
  }

  #happenings(noted: Noted): Happening[] {
    switch (noted.kind) {
      case "in":
      case "out":
        return [this.#message(noted)];
      case "request":
        return this.#request(noted);
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
        return [{ kind: "recovered" }];
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
    const text = bytes && decoder.decode(bytes);
    const shown = text === undefined
      ? undefined
      : text.includes("\ufffd") && !isUtf8(bytes)
      ? filler(text)
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

  #request(
    { http, url, method, headers: sent, bytes, byteLength }: Extract<
      Noted,
      { kind: "request" }
    >,
  ): Happening[] {
    const headers: Record<string, string> = {};
    for (const [name, value] of new Headers(sent)) {
      headers[name] = this.#standIns.header(name, value);
    }
    const text = bytes && decoder.decode(bytes);
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
      bytes: byteLength,
    }];
    const [, identity] = / (identity-\d+)\//.exec(headers.authorization) ?? [];
    const before = this.#identity;
    this.#identity = identity ?? before;
    if (identity !== undefined && before !== undefined && before !== identity) {
      happenings.unshift({ kind: "identity", identity });
    }
    return happenings;
  }

  /** How often this very request was sent, this time included. */
  #tries(text: string): number {
    const isRequest = /"id"\s*:/.test(text) && /"method"\s*:/.test(text);
    if (!isRequest || text.length > MAX_SENT_LENGTH) return 1;
    const tries = (this.#sent.get(text) ?? 0) + 1;
    this.#sent.set(text, tries);
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
      lostBytes: 0,
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
    const { text } = answer;
    answer.text += answer.decoder.decode(bytes, { stream: true });
    const ends = answer.isStream ? answer.text.matchAll(eventEnd(text)) : [];
    const lines: Happening[] = [];
    let from = 0;
    for (const { 0: end, index } of ends) {
      const to = index + end.length;
      lines.push(this.#said(http, answer, answer.text.slice(from, to)));
      from = to;
    }
    answer.text = answer.text.slice(from);
    if (bytes !== undefined && answer.text.length <= MAX_KEPT_BYTES) {
      return lines;
    }
    // The end of it may be half of what ends an event.
    const lost = answer.text.slice(0, -END_LENGTH);
    answer.lostBytes += encoder.encode(lost).length +
      (bytes === undefined ? byteLength : 0);
    answer.text = answer.text.slice(lost.length);
    return lines;
  }

  #said(http: number, answer: Answer, text: string): Happening {
    const { isError, lostBytes } = answer;
    const bytes = encoder.encode(text).length + lostBytes;
    answer.lostBytes = 0;
    if (lostBytes > 0) return { kind: "body", http, bytes };
    const shown = this.#standIns.fromTarget(text, isError);
    return { kind: "body", http, text: shown, bytes };
  }

  #end(
    { http, by, cause }: Extract<Noted, { kind: "end" }>,
  ): Happening[] {
    const answer = this.#answers.get(http);
    this.#answers.delete(http);
    const isLeft = answer && (answer.text !== "" || answer.lostBytes > 0);
    const error = cause === undefined
      ? undefined
      : this.#standIns.words(causeText(cause));
    return [
      ...isLeft ? [this.#said(http, answer, answer.text)] : [],
      { kind: "end", http, by, ...(error && { error }) },
    ];
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

function isUtf8(bytes: Uint8Array | undefined): boolean {
  try {
    new TextDecoder(undefined, { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** What a fetch failed with: Deno says more in the cause of the error. */
function causeText(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? cause.cause.message : cause.message;
}
