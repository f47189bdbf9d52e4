/**
 * Server-sent events → frames (WHATWG HTML, "Server-sent events").
 *
 * The parser works on bytes: an event's data is handed on as it came, joined
 * from the pieces in which it arrived. A parser of strings would decode
 * and encode what only has to pass, and loses an `id` that comes without data,
 * which is what a server sends first so that its stream can be resumed.
 */

import { ProxyError } from "../../errors.ts";
import { BlockBuffer, joinBytes } from "./block_buffer.ts";
import { TopLevelScanner } from "./scan.ts";

/** An event, or the fields without data that a blank line ended. */
export interface ServerEvent {
  /** The `event` field; `message` when there was none. */
  readonly type: string;
  /** The `id` field of this very event. */
  readonly id: string | undefined;
  /** The `retry` field, in milliseconds. */
  readonly retryMs: number | undefined;
  /**
   * The data, its lines joined by a space instead of a newline, since it
   * becomes one line on stdout. Empty when there was none.
   */
  readonly data: Uint8Array;
  /** Set when the data was over the limit: it was read past and not kept. */
  readonly oversized: OversizedData | undefined;
  /** Whether the stream ended before the blank line that ends an event. */
  readonly isCut: boolean;
}

/** What is known of data that was too large to be kept. */
export interface OversizedData {
  /** The data's length in bytes. */
  readonly byteLength: number;
  /** Its outermost JSON members. */
  readonly scanner: TopLevelScanner;
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = Uint8Array.of(0x20);
const NONE = new Uint8Array();
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** A field name and the largest value kept of any field but `data`. */
const MAX_FIELD_BYTES = 8 * 1024;

/** How much of data over the limit is read past before the stream is given up. */
const MAX_PAST_BYTES = 64 * 1024 * 1024;

/** The longest time that a timer can wait. */
const MAX_RETRY_MS = 2 ** 31 - 1;

const decoder = new TextDecoder();

/** Turns the bytes of an event stream into events. */
export class EventParser {
  readonly #maxDataBytes: number;
  #isStart = true;
  // A CR ends a line; a LF right after it belongs to it, and may come with
  // the next chunk.
  #afterCr = false;
  // The pieces of a line that is not complete. Data may be long, so it is
  // moved to #data as it comes; this holds the short lines only.
  #line: Uint8Array[] = [];
  #lineBytes = 0;
  #inData = false;
  /** Whether the line is known not to be data. */
  #isField = false;

  readonly #data: BlockBuffer;
  #dataBytes = 0;
  #hasData = false;
  #scanner: TopLevelScanner | undefined;
  #type = "";
  #id: string | undefined;
  #retryMs: number | undefined;

  /** @param options The most bytes of data that one event may hold. */
  constructor(options: { maxDataBytes: number }) {
    this.#maxDataBytes = options.maxDataBytes;
    this.#data = new BlockBuffer(options.maxDataBytes);
  }

  /**
   * Reads a chunk and gives the events that it completes.
   *
   * @throws {ProxyError} `frame-too-large`: a line does not end.
   */
  *feed(chunk: Uint8Array): Generator<ServerEvent> {
    let start = 0;
    if (this.#isStart && chunk.length > 0) {
      this.#isStart = false;
      if (BYTE_ORDER_MARK.every((byte, i) => chunk[i] === byte)) start = 3;
    }
    // The next of each line end is looked for once, not for every line: a
    // stream may have one kind alone, and each search for the other would run
    // to the end of the chunk.
    let lf = chunk.indexOf(LF, start);
    let cr = chunk.indexOf(CR, start);
    while (start < chunk.length) {
      if (this.#afterCr) {
        this.#afterCr = false;
        if (chunk[start] === LF) {
          start++;
          continue;
        }
      }
      if (this.#isBlank && isLineEnd(chunk[start])) {
        // Nothing is there that a blank line could end.
        do start++; while (isLineEnd(chunk[start]));
        this.#afterCr = chunk[start - 1] === CR;
        continue;
      }
      if (lf >= 0 && lf < start) lf = chunk.indexOf(LF, start);
      if (cr >= 0 && cr < start) cr = chunk.indexOf(CR, start);
      const end = cr < 0 || (lf >= 0 && lf < cr) ? lf : cr;
      if (end < 0) {
        this.#push(chunk.subarray(start));
        return;
      }
      this.#push(chunk.subarray(start, end));
      this.#afterCr = end === cr;
      start = end + 1;
      const event = this.#endLine();
      if (event) yield event;
    }
  }

  /**
   * The data that the end of the stream left without its blank line. To the
   * standard that is no event; its ID does not count.
   */
  end(): ServerEvent | undefined {
    if (this.#lineBytes > 0 || this.#inData) this.#endLine();
    if (this.#dataBytes === 0 || this.#scanner) return undefined;
    const event = this.#dispatch();
    return event &&
      { ...event, id: undefined, retryMs: undefined, isCut: true };
  }

  /** How much is held of an event that is not complete. */
  get heldBytes(): number {
    return this.#data.byteLength + this.#lineBytes;
  }

  /** Whether an event has begun, and all that is held of it was copied. */
  get holdsCopies(): boolean {
    return this.#data.isLarge && this.#lineBytes === 0;
  }

  /** Whether neither an event nor a line has begun. */
  get #isBlank(): boolean {
    return this.#lineBytes === 0 && !this.#inData && !this.#hasData &&
      this.#id === undefined && this.#retryMs === undefined &&
      this.#type === "";
  }

  #push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    if (this.#inData) return this.#pushData(piece);
    this.#lineBytes += piece.length;
    if (this.#lineBytes <= MAX_FIELD_BYTES || !this.#isField) {
      this.#line.push(piece);
    } else if (this.#lineBytes > this.#maxDataBytes) this.#abandon();
    if (this.#isField || this.#lineBytes < "data: ".length) return;
    const line = joinBytes(this.#line);
    const value = dataValue(line);
    this.#line = value || line.length > MAX_FIELD_BYTES ? [] : [line];
    if (value) {
      this.#lineBytes = 0;
      this.#beginData();
      this.#pushData(value);
    } else this.#isField = true;
  }

  #beginData(): void {
    if (this.#hasData) this.#pushData(SPACE);
    this.#hasData = true;
    this.#inData = true;
  }

  #pushData(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#dataBytes += piece.length;
    if (this.#scanner) {
      if (this.#dataBytes > this.#maxDataBytes + MAX_PAST_BYTES) {
        this.#abandon();
      }
      this.#scanner.feed(piece);
      return;
    }
    this.#data.push(piece);
    if (this.#dataBytes <= this.#maxDataBytes) return;
    this.#scanner = new TopLevelScanner();
    for (const kept of this.#data.takePieces()) this.#scanner.feed(kept);
  }

  #abandon(): never {
    const limitBytes = this.#maxDataBytes;
    throw new ProxyError(
      "frame-too-large",
      `a line of the target's event stream is far over ${limitBytes} bytes; --max-answer (MCP_MAX_ANSWER) sets the limit`,
      { data: { limitBytes } },
    );
  }

  #endLine(): ServerEvent | undefined {
    if (this.#inData) {
      this.#inData = false;
      return undefined;
    }
    if (this.#lineBytes === 0) return this.#dispatch();
    const line = joinBytes(this.#line);
    const isTooLong = this.#lineBytes > MAX_FIELD_BYTES;
    this.#line = [];
    this.#lineBytes = 0;
    this.#isField = false;
    if (!isTooLong) this.#field(line);
    return undefined;
  }

  #field(line: Uint8Array): void {
    const colon = line.indexOf(COLON);
    if (colon === 0) return;
    const name = decoder.decode(colon < 0 ? line : line.subarray(0, colon));
    const after = colon < 0 ? line.length : colon + 1;
    const from = line[after] === SPACE[0] ? after + 1 : after;
    const value = line.subarray(from);
    if (name === "data") {
      this.#beginData();
      this.#pushData(value);
      this.#inData = false;
      return;
    }
    const text = decoder.decode(value);
    if (name === "event") this.#type = text;
    else if (name === "id" && !text.includes("\0")) this.#id = text;
    else if (name === "retry" && /^[0-9]+$/.test(text)) {
      this.#retryMs = Math.min(Number(text), MAX_RETRY_MS);
    }
  }

  #dispatch(): ServerEvent | undefined {
    const event: ServerEvent = {
      type: this.#type || "message",
      id: this.#id,
      retryMs: this.#retryMs,
      data: this.#data.byteLength === 0 ? NONE : this.#data.take(),
      oversized: this.#scanner &&
        { byteLength: this.#dataBytes, scanner: this.#scanner },
      isCut: false,
    };
    const isEmpty = !this.#hasData && event.id === undefined &&
      event.retryMs === undefined;
    this.#dataBytes = 0;
    this.#hasData = false;
    this.#scanner = undefined;
    this.#type = "";
    this.#id = undefined;
    this.#retryMs = undefined;
    return isEmpty ? undefined : event;
  }
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR;
}

/** What follows `data:` in a line of at least six bytes that begins so. */
function dataValue(line: Uint8Array): Uint8Array | undefined {
  const isData = line[0] === 0x64 && line[1] === 0x61 && line[2] === 0x74 &&
    line[3] === 0x61 && line[4] === COLON;
  if (!isData) return undefined;
  return line.subarray(line[5] === SPACE[0] ? 6 : 5);
}
