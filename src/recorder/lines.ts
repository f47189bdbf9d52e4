/** What was noted → the lines of a recording. */

import { LruCache } from "../lru_cache.ts";
import type { HttpAnswer } from "../mcp/transport/observer.ts";
import type { Happening, Said } from "./format.ts";
import { MAX_KEPT_BYTES, type Noted } from "./noted.ts";
import type { StandIns } from "./stand_ins.ts";
import { filler } from "./values.ts";

/** A body that is still being read: the target's, or one for a client. */
interface Body {
  readonly of:
    | { readonly kind: "body"; readonly http: number }
    | { readonly kind: "out"; readonly client: number };
  readonly isError: boolean;
  /** `undefined` for a client's, until it begins. */
  isStream: boolean | undefined;
  /** From the first piece on that ends within a character. */
  decoder?: TextDecoder;
  /** What came since the last line of it. */
  text: string;
  /** How much of that is not kept. */
  lostBytes: number;
}

type Of<Kind extends Noted["kind"]> = Extract<Noted, { kind: Kind }>;

/** How many messages are remembered, to tell which are sent again. */
const MAX_SENT = 4_096;
const MAX_SENT_LENGTH = 16 * 1024;

/** How many bodies are read at once. */
const MAX_BODIES = 4_096;

const encoder = new TextEncoder();
const AS_IT_IS = { ignoreBOM: true };
const decoder = new TextDecoder(undefined, AS_IT_IS);
const strict = new TextDecoder(undefined, { ...AS_IT_IS, fatal: true });

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
  readonly #bodies = new Map<number | HttpAnswer, Body>();
  readonly #clients = new WeakMap<HttpAnswer, number>();
  readonly #sent = new LruCache<number>(MAX_SENT);
  #clientCount = 0;
  #seq = 0;
  #identity: string | undefined;

  constructor(standIns: StandIns) {
    this.#standIns = standIns;
  }

  /**
   * The lines of one thing, and none where it is a part of another.
   *
   * @param bytes What was kept of it.
   */
  of(noted: Noted, bytes?: Uint8Array): string[] {
    return this.#happenings(noted, bytes).map((happening) =>
      this.#line(noted.at, happening)
    );
  }

  /** The line of what happens now. */
  now(happening: Happening): string {
    return this.#line(performance.now(), happening);
  }

  #line(at: number, happening: Happening): string {
    const t = Math.round((at - this.#startedAt) * 100) / 100;
    const rest = JSON.stringify(happening).slice(1);
    return `{"seq":${++this.#seq},"t":${t},${rest}\n`;
  }

  #happenings(noted: Noted, bytes?: Uint8Array): Happening[] {
    const { kind } = noted;
    switch (kind) {
      case "in":
        return [{
          kind,
          ...noted.over && this.#client(noted.over),
          ...this.#said(noted, bytes),
        }];
      case "out": {
        const { over } = noted;
        if (over) return this.#toClient(noted, over, bytes);
        return [{ kind, ...this.#said(noted, bytes) }];
      }
      case "closed":
        return this.#closed(noted);
      case "request":
        return this.#request(noted, bytes);
      case "response":
        return [this.#response(noted)];
      case "body":
        return this.#piece(this.#bodies.get(noted.http), noted, bytes);
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
          fields: JSON.parse(
            JSON.stringify(fields),
            (_name, value) =>
              typeof value === "string" ? this.#standIns.words(value) : value,
          ),
        }];
      }
    }
  }

  #clientOf(over: HttpAnswer): number {
    const known = this.#clients.get(over) ?? ++this.#clientCount;
    this.#clients.set(over, known);
    return known;
  }

  /** How a client's HTTP request begins. */
  #client(over: HttpAnswer) {
    const { method = "", headers } = over.req;
    const pairs = Object.entries(headers)
      .map(([name, value = ""]): [string, string] => [name, `${value}`]);
    return {
      client: this.#clientOf(over),
      method,
      headers: this.#headers(pairs),
    };
  }

  #toClient(
    noted: Of<"in" | "out">,
    over: HttpAnswer,
    bytes: Uint8Array | undefined,
  ): Happening[] {
    const isRead = this.#clients.has(over);
    const client = this.#clientOf(over);
    const of = { kind: "out", client } as const;
    if (!isRead) return [{ ...of, ...this.#said(noted, bytes) }];
    const isError = over.statusCode >= 400;
    return this.#piece(
      this.#bodies.get(over) ?? this.#begin(over, { of, isError }),
      noted,
      bytes,
    );
  }

  #closed({ kind, over, by }: Of<"closed">): Happening[] {
    const { statusCode: status } = over;
    const client = this.#clientOf(over);
    return [...this.#rest(over), { kind, client, status, by }];
  }

  #said(
    { kind, byteLength }: Of<"in" | "out" | "request">,
    kept: Uint8Array | undefined,
    text = kept && utf8(kept),
  ): Said {
    if (kept === undefined) return { bytes: byteLength };
    const shown = text === undefined
      ? filler(decoder.decode(kept))
      : kind === "out"
      ? this.#standIns.fromTarget(text)
      : this.#standIns.fromClient(text);
    return { text: shown, bytes: byteLength };
  }

  #request(noted: Of<"request">, bytes: Uint8Array | undefined): Happening[] {
    const { kind, http, url, method, headers: sent = {} } = noted;
    const isList = sent instanceof Headers || Array.isArray(sent);
    const headers = this.#headers(isList ? sent : Object.entries(sent));
    const text = bytes && utf8(bytes);
    // Clients of HTTP send what others sent, and again what they sent.
    const isOfHttp = this.#clientCount > 0;
    const tries = text === undefined || isOfHttp ? 1 : this.#tries(text);
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
        ...(noted.byteLength > 0
          ? this.#said(noted, bytes, text)
          : { bytes: 0 }),
      },
    ];
  }

  #headers(headers: Iterable<readonly string[]>): Record<string, string> {
    const shown: Record<string, string> = {};
    for (const [name, value] of headers) {
      const lower = name.toLowerCase();
      shown[lower] = this.#standIns.header(lower, value);
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
    this.#begin(http, {
      of: { kind: "body", http },
      isError: status >= 400,
      isStream: /^text\/event-stream\b/i.test(type),
    });
    return { kind, http, status, headers: this.#headers(headers) };
  }

  #begin(
    key: number | HttpAnswer,
    { of, isError, isStream }: Pick<Body, "of" | "isError"> & Partial<Body>,
  ): Body {
    const body = { of, isError, isStream, text: "", lostBytes: 0 };
    this.#bodies.set(key, body);
    // Of some, the end was dropped.
    const [oldest] = this.#bodies.keys();
    if (this.#bodies.size > MAX_BODIES) this.#bodies.delete(oldest);
    return body;
  }

  #piece(
    body: Body | undefined,
    { byteLength }: Pick<Of<"body">, "byteLength">,
    bytes: Uint8Array | undefined,
  ): Happening[] {
    if (!body) return [];
    const { text } = body;
    const complete = body.decoder || !bytes ? undefined : utf8(bytes);
    if (complete === undefined) {
      body.decoder ??= new TextDecoder(undefined, AS_IT_IS);
    }
    body.text += complete ?? body.decoder?.decode(bytes, { stream: true });
    body.isStream ??= !/^\s*[[{]/.test(body.text);
    const ends = body.isStream ? body.text.matchAll(eventEnd(text)) : [];
    const lines: Happening[] = [];
    let from = 0;
    for (const { 0: end, index } of ends) {
      const to = index + end.length;
      lines.push(this.#part(body, body.text.slice(from, to)));
      from = to;
    }
    body.text = body.text.slice(from);
    if (bytes !== undefined && body.text.length <= MAX_KEPT_BYTES) {
      return lines;
    }
    // The end of it may be half of what ends an event.
    const lost = body.text.slice(0, -END_LENGTH);
    body.lostBytes += encoder.encode(lost).length +
      (bytes === undefined ? byteLength : 0);
    body.text = body.text.slice(lost.length);
    return lines;
  }

  #part(body: Body, text: string): Happening {
    const { of, isError, lostBytes } = body;
    const bytes = encoder.encode(text).length + lostBytes;
    body.lostBytes = 0;
    if (lostBytes > 0) return { ...of, bytes };
    return { ...of, text: this.#standIns.fromTarget(text, isError), bytes };
  }

  /** What came of a body since its last line; it is over. */
  #rest(key: number | HttpAnswer): Happening[] {
    const body = this.#bodies.get(key);
    this.#bodies.delete(key);
    const isLeft = body && (body.text !== "" || body.lostBytes > 0);
    return isLeft ? [this.#part(body, body.text)] : [];
  }

  #end({ kind, http, by, cause }: Of<"end">): Happening[] {
    const error = cause !== undefined &&
      { error: this.#standIns.words(causeText(cause)) };
    return [...this.#rest(http), { kind, http, by, ...error }];
  }
}

/** A text; nothing if the bytes are none, or end within a character. */
function utf8(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** What a fetch failed with: Deno says more in the cause of the error. */
function causeText(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? cause.cause.message : cause.message;
}
