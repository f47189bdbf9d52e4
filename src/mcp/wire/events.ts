/**
 * Server-sent events → frames (WHATWG HTML, "Server-sent events").
 *
 * The parser works on bytes: an event's data is handed on as it came, joined
 * from the pieces in which it arrived. A parser of strings would decode
 * and encode what only has to pass, and loses an `id` that comes without data,
 * which is what a server sends first so that its stream can be resumed.
 */

import { ProxyError } from "../../errors.ts";
import { type Naming, OPTION_NAMES, type OptionNames } from "../../naming.ts";
import { MAX_TIMER_MS, Turn } from "../../time.ts";
import { BodyChunks } from "./body.ts";
import {
  BlockBuffer,
  CR,
  indexOfLineEnd,
  isLineEnd,
  joinBytes,
  LF,
  SPACE,
  withoutByteOrderMark,
} from "./bytes.ts";
import { TopLevelScanner } from "./scan.ts";

/** An event, or the fields without data that a blank line ended. */
export interface ServerEvent {
  /** The `event` field; `message` when there was none. */
  readonly type: string;
  readonly id: string | undefined;
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

/** Up to where a stream of events was received, response by response. */
export class ResumePoint {
  /** The ID to go on from; none where that is empty, or fits no header. */
  id: string | undefined;
  #byteLength = 0;
  #resumed: readonly [id?: string, byteLength?: number] = [];

  /** A response begins that goes on from here. */
  begin(): void {
    this.#resumed = [this.id, this.#byteLength];
  }

  /**
   * Moves to an event; false for the one where it stood, which some servers
   * replay. One that counts each stream's anew has another under its ID.
   */
  moveTo({ id, data: { length } }: ServerEvent): boolean {
    if (id === undefined) return true;
    const [resumedId, byteLength] = this.#resumed;
    if (id === resumedId && length === byteLength) return false;
    this.#byteLength = length;
    // deno-lint-ignore no-control-regex
    this.id = /^$|[\0-\x08\x0a-\x1f\x7f]/.test(id) ? undefined : id;
    return true;
  }
}

/** What is known of data that was too large to be kept. */
export interface OversizedData {
  readonly byteLength: number;
  /** Its outermost JSON members. */
  readonly scanner: TopLevelScanner;
}

const COLON = 0x3a;
const NONE = new Uint8Array();
const JOINED_BY = Uint8Array.of(SPACE);
const DATA = new TextEncoder().encode("data:");

/** A field name and the largest value kept of any field but `data`. */
const MAX_FIELD_BYTES = 8 * 1024;

/** How much of data over the limit is read past before the stream is given up. */
const MAX_PAST_BYTES = 64 * 1024 * 1024;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What an event has so far beside its data. */
interface Fields {
  type?: string;
  id?: string;
  retryMs?: number;
  /** Whether it has data, if only an empty line of it. */
  hasData?: boolean;
}

export class EventParser {
  readonly #maxDataBytes: number;
  readonly #names: OptionNames;
  /** Whether the first line has not ended: a byte order mark may be in it. */
  #isStart = true;
  // A CR ends a line; a LF right after it belongs to it, and may come with
  // the next chunk.
  #afterCr = false;
  /** What is kept of a line that is not complete; of one of data, nothing. */
  #line: Uint8Array = NONE;
  #lineBytes = 0;
  /** Whether the line is data, which may be long and is moved on as it comes. */
  #inData = false;

  readonly #data: BlockBuffer;
  #dataBytes = 0;
  #scanner: TopLevelScanner | undefined;
  /** `undefined` while nothing has begun that a blank line could end. */
  #fields: Fields | undefined;

  constructor(options: { maxDataBytes: number } & Naming) {
    this.#names = options.names;
    this.#maxDataBytes = options.maxDataBytes;
    this.#data = new BlockBuffer(options.maxDataBytes);
  }

  /**
   * Reads a chunk and gives the events that it completes.
   *
   * @throws {ProxyError} `frame-too-large`: a line does not end.
   */
  *feed(chunk: Uint8Array): Generator<ServerEvent> {
    for (let start = 0; start < chunk.length;) {
      const byte = chunk[start];
      const isBlank = isLineEnd(byte) && this.#lineBytes === 0 &&
        this.#fields === undefined;
      if (isBlank || this.#afterCr && byte === LF) {
        this.#afterCr = byte === CR;
        this.#isStart = false;
        start++;
        continue;
      }
      this.#afterCr = false;
      const end = indexOfLineEnd(chunk, start);
      if (end < 0) return this.#push(chunk.subarray(start));
      this.#push(chunk.subarray(start, end));
      this.#afterCr = chunk[end] === CR;
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
    if (this.#lineBytes > 0) this.#endLine();
    if (this.#dataBytes === 0 || this.#scanner?.isEnded === false) return;
    const event = this.#dispatch();
    return event &&
      { ...event, id: undefined, retryMs: undefined, isCut: true };
  }

  /** How much is held of an event that is not complete. */
  get heldBytes(): number {
    return this.#data.byteLength + this.#line.length;
  }

  /** Whether an event has begun, and all that is held of it was copied. */
  get holdsCopies(): boolean {
    return this.#data.isLarge && this.#line.length === 0;
  }

  #push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#lineBytes += piece.length;
    if (this.#inData) return this.#pushData(piece);
    if (this.#line.length > MAX_FIELD_BYTES) {
      if (this.#lineBytes > this.#maxDataBytes) this.#abandon();
      return;
    }
    const { length } = this.#line;
    const joined = length > 0 ? joinBytes([this.#line, piece]) : piece;
    const line = this.#isStart ? withoutByteOrderMark(joined) : joined;
    if (line !== joined) this.#isStart = false;
    this.#inData = line.length > DATA.length && startsWith(line, DATA);
    if (!this.#inData) {
      // One more than is kept tells of a line that it is too long.
      this.#line = line.subarray(0, MAX_FIELD_BYTES + 1);
      return;
    }
    this.#line = NONE;
    this.#beginData();
    const start = line[DATA.length] === SPACE ? DATA.length + 1 : DATA.length;
    this.#pushData(line.subarray(start));
  }

  #beginData(): void {
    this.#fields ??= {};
    if (this.#fields.hasData) this.#pushData(JOINED_BY);
    this.#fields.hasData = true;
  }

  #pushData(piece: Uint8Array): void {
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
    this.#scanner = new TopLevelScanner().feed(this.#data.take());
  }

  #abandon(): never {
    const limitBytes = this.#maxDataBytes;
    throw new ProxyError(
      "frame-too-large",
      `a line of the target's event stream is far over ${limitBytes} bytes; ${this.#names.maxAnswerBytes} sets the limit`,
      { data: { limitBytes } },
    );
  }

  #endLine(): ServerEvent | undefined {
    const isEnd = this.#lineBytes === 0;
    this.#isStart = false;
    const line = this.#line;
    const isField = !this.#inData && line.length <= MAX_FIELD_BYTES;
    this.#line = NONE;
    this.#lineBytes = 0;
    this.#inData = false;
    if (isEnd) return this.#dispatch();
    if (isField) this.#parseField(line);
  }

  #parseField(line: Uint8Array): void {
    if (line[0] === COLON) return;
    const text = decoder.decode(line);
    const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(text) ?? [];
    const fields = this.#fields ??= {};
    // Any data that is not empty was known as such while it came.
    if (name === "data") this.#beginData();
    else if (name === "event") fields.type = value;
    else if (name === "id" && !value.includes("\0")) fields.id = value;
    else if (name === "retry" && /^[0-9]+$/.test(value)) {
      fields.retryMs = Math.min(Number(value), MAX_TIMER_MS);
    }
  }

  #dispatch(): ServerEvent | undefined {
    const { type, id, retryMs, hasData } = this.#fields ?? {};
    const byteLength = this.#dataBytes;
    const scanner = this.#scanner;
    const data = this.#data.take();
    this.#fields = undefined;
    this.#dataBytes = 0;
    this.#scanner = undefined;
    if (!hasData && id === undefined && retryMs === undefined) return undefined;
    return {
      type: type || "message",
      id,
      retryMs,
      data,
      oversized: scanner && { byteLength, scanner },
      isCut: false,
    };
  }
}

function startsWith(line: Uint8Array, wanted: Uint8Array): boolean {
  let at = 0;
  while (at < wanted.length && line[at] === wanted[at]) at++;
  return at === wanted.length;
}

/** The events of a stream that is all there, and what its end left of one. */
export function eventsIn(stream: Uint8Array): ServerEvent[] {
  // Nothing of it is over the limit, of which an error would name the option.
  const options = { maxDataBytes: stream.length, names: OPTION_NAMES };
  const parser = new EventParser(options);
  return [...parser.feed(stream), parser.end() ?? []].flat();
}

/**
 * The events of a response, one by one as they come; at its end, or when it
 * breaks, what is there of one more.
 */
export async function* readEvents(
  response: Response,
  options: { maxDataBytes: number; onChunk?: () => void } & Naming,
): AsyncGenerator<ServerEvent> {
  const parser = new EventParser(options);
  const turn = new Turn();
  let failure: { cause: unknown } | undefined;
  const { maxDataBytes: maxBytes, onChunk } = options;
  const chunks = new BodyChunks(response, { maxBytes, onChunk });
  try {
    for (;;) {
      const chunk = await chunks.next().catch((cause) => {
        failure = { cause };
      });
      if (!chunk) break;
      turn.begin();
      for (const event of parser.feed(chunk)) {
        yield event;
        if (turn.isOver) await turn.next();
      }
      chunks.heldBytes = parser.heldBytes;
      // No event of this chunk is under way while another is so large.
      if (parser.holdsCopies) chunks.reuse(chunk);
      if (turn.isOver) await turn.next();
      turn.pause();
    }
  } finally {
    await chunks.close();
  }
  const last = parser.end();
  if (last) yield last;
  if (failure) throw failure.cause;
}
