/** What was noted → the lines of a recording. */

import { Recent } from "../lru_cache.ts";
import type { Redact } from "../redact/redact.ts";
import type { Happening, RecordLine, Said } from "./format.ts";
import { MAX_KEPT_BYTES, type Noted } from "./noted.ts";
import { filler, StandIns } from "./stand_ins.ts";

/** An answer whose body is still being read. */
interface Answer {
  readonly isStream: boolean;
  readonly isError: boolean;
  readonly decoder: TextDecoder;
  /** What came since the last line of it. */
  text: string;
  /** How much of that is not kept. */
  lostBytes: number;
}

type Of<Kind extends Noted["kind"]> = Extract<Noted, { kind: Kind }>;

/** How many messages are remembered, to tell which are sent again. */
const MAX_SENT = 4_096;
const MAX_SENT_LENGTH = 16 * 1024;

/** How many answers are read at once. */
const MAX_ANSWERS = 4_096;

const encoder = new TextEncoder();
const decoder = new TextDecoder(undefined, { ignoreBOM: true });
const strict = new TextDecoder(undefined, { fatal: true });

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

  /**
   * The lines of one thing, and none where it is a part of another.
   *
   * @param bytes What was kept of it.
   */
  of(noted: Noted, bytes?: Uint8Array): RecordLine[] {
    return this.#happenings(noted, bytes).map((happening) =>
      this.#line(noted.at, happening)
    );
  }

  /** The line of what happens now. */
  now(happening: Happening): RecordLine {
    return this.#line(performance.now(), happening);
  }

  #line(at: number, happening: Happening): RecordLine {
    const t = Math.round((at - this.#startedAt) * 100) / 100;
    return { seq: ++this.#seq, t, ...happening };
  }

  #happenings(noted: Noted, bytes?: Uint8Array): Happening[] {
    const { kind } = noted;
    switch (kind) {
      case "in":
      case "out": {
        const client = noted.over && { client: this.#clientOf(noted.over) };
        return [{ kind, ...client, ...this.#said(noted, bytes) }];
      }
      case "request":
        return this.#request(noted, bytes);
      case "response":
        return [this.#response(noted)];
      case "body":
        return this.#body(noted, bytes);
      case "end":
        return this.#end(noted);
      case "failed": {
        const error = this.#standIns.words(causeText(noted.cause));
        return [{ kind, http: noted.http, error }];
      }
      case "recovered":
        return [{ kind }];
      case "log": {
        const { level, message, fields = {} } = noted;
        return [{
          kind,
          level,
          message: this.#standIns.words(message),
          fields: Object.fromEntries(
            Object.entries(fields).map(([name, value]) => [
              name,
              typeof value === "string" ? this.#standIns.words(value) : value,
            ]),
          ),
        }];
      }
    }
  }

  #clientOf(over: object): number {
    const known = this.#clients.get(over) ?? ++this.#clientCount;
    this.#clients.set(over, known);
    return known;
  }

  #said(
    { kind, byteLength }: Of<"in" | "out" | "request">,
    kept: Uint8Array | undefined,
  ): Said {
    if (kept === undefined) return { bytes: byteLength };
    const text = decoder.decode(kept);
    const shown = text.includes("\ufffd") && !isUtf8(kept)
      ? filler(text)
      : kind === "out"
      ? this.#standIns.fromTarget(text)
      : this.#standIns.fromClient(text);
    return { text: shown, bytes: byteLength };
  }

  #request(noted: Of<"request">, bytes: Uint8Array | undefined): Happening[] {
    const { kind, http, url, method } = noted;
    const headers = this.#headers(new Headers(noted.headers));
    const tries = bytes ? this.#tries(decoder.decode(bytes)) : 1;
    const [, identity] = / (identity-\d+)\//.exec(headers.authorization) ?? [];
    const before = this.#identity;
    this.#identity = identity ?? before;
    const isOther = identity !== undefined && before !== undefined &&
      before !== identity;
    return [
      ...isOther ? [{ kind: "identity", identity } as const] : [],
      {
        kind,
        http,
        method,
        url: this.#standIns.url(url),
        headers,
        ...(tries > 1 && { try: tries }),
        ...(noted.byteLength > 0 ? this.#said(noted, bytes) : { bytes: 0 }),
      },
    ];
  }

  #headers(headers: Headers): Record<string, string> {
    const shown: Record<string, string> = {};
    for (const [name, value] of headers) {
      shown[name] = this.#standIns.header(name, value);
    }
    return shown;
  }

  /** How often this very request was sent, this time included. */
  #tries(text: string): number {
    const isRequest = /"id"\s*:/.test(text) && /"method"\s*:/.test(text);
    if (!isRequest || text.length > MAX_SENT_LENGTH) return 1;
    const tries = (this.#sent.get(text) ?? 0) + 1;
    this.#sent.set(text, tries);
    return tries;
  }

  #response({ kind, http, status, headers }: Of<"response">): Happening {
    const type = headers.get("content-type") ?? "";
    this.#answers.set(http, {
      isStream: /^text\/event-stream\b/i.test(type),
      isError: status >= 400,
      decoder: new TextDecoder(undefined, { ignoreBOM: true }),
      text: "",
      lostBytes: 0,
    });
    // Of some, the end was dropped.
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > MAX_ANSWERS) this.#answers.delete(oldest);
    return { kind, http, status, headers: this.#headers(headers) };
  }

  #body(
    { http, byteLength }: Of<"body">,
    bytes: Uint8Array | undefined,
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
      lines.push(this.#part(http, answer, answer.text.slice(from, to)));
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

  #part(http: number, answer: Answer, text: string): Happening {
    const { isError, lostBytes } = answer;
    const bytes = encoder.encode(text).length + lostBytes;
    answer.lostBytes = 0;
    if (lostBytes > 0) return { kind: "body", http, bytes };
    const shown = this.#standIns.fromTarget(text, isError);
    return { kind: "body", http, text: shown, bytes };
  }

  #end({ kind, http, by, cause }: Of<"end">): Happening[] {
    const answer = this.#answers.get(http);
    this.#answers.delete(http);
    const isLeft = answer && (answer.text !== "" || answer.lostBytes > 0);
    const error = cause !== undefined &&
      { error: this.#standIns.words(causeText(cause)) };
    return [
      ...isLeft ? [this.#part(http, answer, answer.text)] : [],
      { kind, http, by, ...error },
    ];
  }
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
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
