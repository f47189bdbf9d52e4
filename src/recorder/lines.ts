/** What was noted → the lines of a recording. */

import { LruCache } from "../lru_cache.ts";
import type { Happening, Said } from "./format.ts";
import type { StandIns } from "./stand_ins.ts";
import { filler } from "./values.ts";
import { MAX_KEPT_BYTES, type Noted } from "./waiting.ts";

/** A body that is still being read: the target's, or one for a client. */
interface Body {
  readonly of:
    | { readonly kind: "body"; readonly http: number }
    | { readonly kind: "out"; readonly client?: number };
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
  readonly #bodies = new Map<string, Body>();
  readonly #sent = new LruCache<number>(MAX_SENT);
  #isOfHttp = false;
  #seq = 0;
  #identity: string | undefined;

  constructor(standIns: StandIns) {
    this.#standIns = standIns;
  }

  /** The lines of one thing, and none where it is a part of another. */
  of(noted: Noted): string[] {
    return this.#happenings(noted).map((happening) =>
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

  #happenings(noted: Noted): Happening[] {
    const { kind, id, more } = noted;
    const words = (text: string) => this.#standIns.words(text);
    switch (kind) {
      case "in": {
        this.#isOfHttp ||= id > 0;
        const said = this.#said(noted);
        if (id === 0) return [{ kind, ...said }];
        const { method, headers } = JSON.parse(more);
        const shown = this.#headers(headers);
        return [{ kind, client: id, method, headers: shown, ...said }];
      }
      case "out": {
        const of = id > 0 ? { kind, client: id } as const : { kind };
        // Whose request was not read is answered at once.
        if (more === "") return [{ ...of, ...this.#said(noted) }];
        const body = this.#bodies.get(`out ${id}`) ??
          this.#begin(`out ${id}`, { of, isError: Number(more) >= 400 });
        return this.#piece(body, noted);
      }
      case "closed": {
        const [status, by] = more.split(" ");
        const closed = {
          kind,
          client: id,
          status: Number(status),
          by,
        } as const;
        return [...this.#rest(`out ${id}`), closed];
      }
      case "request":
        return this.#request(noted);
      case "response": {
        const [text, headers] = JSON.parse(more);
        const status = Number(text);
        const type = headers["content-type"] ?? "";
        this.#begin(`body ${id}`, {
          of: { kind: "body", http: id },
          isError: status >= 400,
          isStream: /^text\/event-stream\b/i.test(type),
        });
        const shown = this.#headers(headers);
        return [{ kind, http: id, status, headers: shown }];
      }
      case "body":
        return this.#piece(this.#bodies.get(`body ${id}`), noted);
      case "end": {
        const body = this.#bodies.get(`body ${id}`);
        const pieces = noted.byteLength > 0 ? this.#piece(body, noted) : [];
        const [by, error] = (more || "target").split(/ (.*)/s);
        const shown = error !== undefined && { error: words(error) };
        const end = { kind, http: id, by, ...shown };
        return [...pieces, ...this.#rest(`body ${id}`), end];
      }
      case "failed":
        return [{ kind, http: id, error: words(more) }];
      case "recovered":
        return [{ kind }];
      case "log": {
        const { level, message, fields = {} } = JSON.parse(
          more,
          (name, value) =>
            typeof value === "string" && name !== "level"
              ? words(value)
              : value,
        );
        return [{ kind, level, message, fields }];
      }
    }
  }

  #said(
    { kind, byteLength, bytes }: Noted,
    text = bytes && utf8(bytes),
  ): Said {
    if (bytes === undefined) return { bytes: byteLength };
    const shown = text === undefined
      ? filler(decoder.decode(bytes))
      : kind === "out"
      ? this.#standIns.fromTarget(text)
      : this.#standIns.fromClient(text);
    return { text: shown, bytes: byteLength };
  }

  #request(noted: Noted): Happening[] {
    const [start, sent] = JSON.parse(noted.more);
    const [method, as, url] = start.split(/ (\d+) (.*)/s);
    const headers = this.#headers(sent);
    const text = noted.bytes && utf8(noted.bytes);
    // Clients of HTTP send what others sent, and again what they sent.
    const isOnce = text === undefined || this.#isOfHttp;
    const tries = isOnce ? 1 : this.#tries(text);
    const [, identity] = / (identity-\d+)\//.exec(headers.authorization) ?? [];
    const before = this.#identity;
    this.#identity = identity ?? before;
    const isOther = identity !== undefined && before !== undefined &&
      before !== identity;
    return [
      ...isOther ? [{ kind: "identity", identity } as const] : [],
      {
        kind: "request",
        http: noted.id,
        method,
        url: this.#standIns.url(url),
        headers,
        ...(as !== "1" && { as: Number(as) }),
        ...(tries > 1 && { try: tries }),
        ...this.#said(noted, text),
      },
    ];
  }

  #headers(
    headers: Readonly<Record<string, string | string[]>>,
  ): Record<string, string> {
    const shown: Record<string, string> = {};
    for (const [name, value] of Object.entries(headers)) {
      const lower = name.toLowerCase();
      shown[lower] = this.#standIns.header(lower, `${value}`);
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

  #begin(
    key: string,
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
    { byteLength, bytes }: Noted,
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
  #rest(key: string): Happening[] {
    const body = this.#bodies.get(key);
    this.#bodies.delete(key);
    const isLeft = body && (body.text !== "" || body.lostBytes > 0);
    return isLeft ? [this.#part(body, body.text)] : [];
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
