/**
 * Answers in HTTP server mode without the tools that a policy forbids.
 *
 * What cannot be looked through does not pass: another reader might find in it
 * what this one does not.
 */

import { ProxyError } from "../errors.ts";
import {
  badList,
  checkClear,
  isListChange,
  withoutForbidden,
} from "../mcp/tools/list.ts";
import type { ToolPolicy } from "../mcp/tools/policy.ts";
import { badContentType, streamCut } from "../mcp/transport/failure.ts";
import { errorFrame } from "../mcp/transport/own_error.ts";
import { checkEncoding, mediaType, readBody } from "../mcp/wire/body.ts";
import { joinBytes, withoutByteOrderMark } from "../mcp/wire/bytes.ts";
import { EventParser, type ServerEvent } from "../mcp/wire/events.ts";
import { partOf, rootOf } from "../mcp/wire/large_message.ts";
import {
  type InvalidMessage,
  type Message,
  parseMessageInTurns,
  type RequestId,
  type SingleMessage,
} from "../mcp/wire/message.ts";
import { membersOf } from "../mcp/wire/splice.ts";
import type { Naming } from "../naming.ts";
import { Turn } from "../time.ts";
import { BODY_HEADERS } from "./headers.ts";

interface ListFilterOptions extends Naming {
  /** What is forbidden; it records the tools. */
  readonly policy: ToolPolicy;
  /** The largest body or event that is looked at, in bytes. */
  readonly maxBytes: number;
  /** The request that is answered, if it is one. */
  readonly id: RequestId | undefined;
  /** How often the tools had changed when that was sent. */
  readonly changes: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A comment: nothing to clients, and a sign of life to what lies between. */
const COMMENT = encoder.encode(":\n\n");

const NONE = new Uint8Array();

const [OPEN, COMMA, CLOSE] = [..."[,]"].map((text) => encoder.encode(text));

const EVENT_STREAM = "text/event-stream";
const JSON_TEXT = "application/json";

/** Takes forbidden tools out of one answer, and leaves the rest as it was. */
export class ListFilter {
  readonly #options: ListFilterOptions;
  #isAnswered = false;
  #fault: unknown;

  constructor(options: ListFilterOptions) {
    this.#options = options;
  }

  /** A body as it goes on; its headers are made to say what was read in it. */
  async body(
    answer: Response,
    headers: Map<string, string>,
  ): Promise<Uint8Array> {
    const { maxBytes } = this.#options;
    describe(answer, headers, JSON_TEXT);
    const body = await readBody(answer, { maxBytes })
      .catch((cause) => Promise.reject(streamCut(cause)));
    if (body === undefined) throw tooLarge(this.#options);
    if (body.length === 0) return body;
    const type = mediaType(answer);
    if (type !== JSON_TEXT) throw badContentType(answer.status, type);
    return await this.#message(body);
  }

  /** The same of a stream of events. */
  events(
    answer: Response,
    headers: Map<string, string>,
  ): AsyncIterable<Uint8Array> {
    describe(answer, headers, EVENT_STREAM);
    return this.#events(answer.body ?? []);
  }

  /** A message without forbidden tools; `bad-answer` if it cannot be read. */
  async #message(body: Uint8Array): Promise<Uint8Array> {
    const bytes = withoutByteOrderMark(body);
    const message = await parseMessageInTurns(bytes);
    if (message.kind === "invalid") throw badList(message.detail);
    if (message.kind !== "batch") return await this.#single(bytes, message);
    const pieces: Uint8Array[] = [OPEN];
    for (const [index, member] of membersOf(bytes, rootOf(bytes)).entries()) {
      const part = partOf(bytes, member);
      if (index > 0) pieces.push(COMMA);
      pieces.push(await this.#single(part, message.messages[index]));
    }
    return joinBytes([...pieces, CLOSE]);
  }

  /**
   * The body of an HTTP error as it goes on. No client reads a list in what is
   * no message: there it may say what it likes.
   *
   * @throws {ProxyError} `bad-answer`: it is a message of more than one meaning.
   */
  async errorBody(bytes: Uint8Array): Promise<Uint8Array> {
    const { kind } = await parseMessageInTurns(withoutByteOrderMark(bytes));
    return kind === "invalid" ? bytes : await this.#message(bytes);
  }

  /**
   * The event that tells the client why its stream ends: nothing, unless this
   * filter ended it, and the client still waits for an answer.
   */
  lastEvent(cause: unknown): Uint8Array | undefined {
    const { id } = this.#options;
    if (cause !== this.#fault || !(cause instanceof ProxyError)) return;
    if (id === undefined || this.#isAnswered) return;
    const data = decoder.decode(errorFrame(cause, id));
    return encoder.encode(`data: ${data}\n\n`);
  }

  async *#events(
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    const { maxBytes: maxDataBytes, names } = this.#options;
    const parser = new EventParser({ maxDataBytes, names });
    const turn = new Turn();
    for await (const piece of pieces) {
      turn.begin();
      let isQuiet = true;
      for (const event of this.#eventsIn(parser, piece)) {
        yield await this.#event(event);
        isQuiet = false;
        if (turn.isOver) await turn.next();
      }
      if (isQuiet) yield COMMENT;
      turn.pause();
    }
    const last = parser.end();
    if (last === undefined) return;
    // Without its blank line it counts as the answer that is waited for alone.
    const message = await parseMessageInTurns(withoutByteOrderMark(last.data));
    if (this.#isAnswer(message)) yield await this.#event(last);
  }

  #isAnswer(message: Message): boolean {
    const { id } = this.#options;
    return message.kind === "response" && id !== undefined &&
      message.id?.key === id.key;
  }

  *#eventsIn(parser: EventParser, piece: Uint8Array): Generator<ServerEvent> {
    try {
      yield* parser.feed(piece);
    } catch (cause) {
      this.#fault = cause;
      throw cause;
    }
  }

  async #event(event: ServerEvent): Promise<Uint8Array> {
    try {
      if (event.oversized) throw tooLarge(this.#options);
      return written(event, await this.#data(event));
    } catch (cause) {
      this.#fault = cause;
      throw cause;
    }
  }

  async #data({ type, data }: ServerEvent): Promise<Uint8Array> {
    if (data.length === 0) return data;
    // In a heartbeat or the like there is no message, and none may be found
    // there.
    const message = await parseMessageInTurns(withoutByteOrderMark(data));
    const isOther = message.kind === "invalid" &&
      (type !== "message" || !mayHoldList(data, message));
    return isOther ? NONE : await this.#message(data);
  }

  async #single(
    bytes: Uint8Array,
    message: SingleMessage,
  ): Promise<Uint8Array> {
    const { policy, changes } = this.#options;
    checkClear("result", bytes, rootOf(bytes));
    if (isListChange(message)) policy.forget();
    const shown = await withoutForbidden(bytes, message, policy, changes);
    if (this.#isAnswer(message)) this.#isAnswered = true;
    return shown;
  }
}

/** Makes headers say of a body what it is read as. */
function describe(
  answer: Response,
  headers: Map<string, string>,
  type: string,
): void {
  checkEncoding(answer);
  for (const name of BODY_HEADERS) headers.delete(name);
  headers.set("content-type", type);
}

/** Whether another reader might find a list of tools in what is no message. */
function mayHoldList(data: Uint8Array, { reason }: InvalidMessage): boolean {
  const text = decoder.decode(data).trimStart().toLowerCase();
  const isBroken = reason === "parse" && /^[[\s]*{/.test(text);
  return isBroken || text.includes("tool") || text.includes("\\u");
}

function written(
  { type, id, retryMs }: ServerEvent,
  data: Uint8Array,
): Uint8Array {
  const lines = [
    ...type === "message" ? [] : [`event: ${type}\n`],
    ...id === undefined ? [] : [`id: ${id}\n`],
    ...retryMs === undefined ? [] : [`retry: ${retryMs}\n`],
    // Without data, too: some parsers miss the ID of an event that has none.
    `data: ${decoder.decode(data)}\n\n`,
  ];
  return encoder.encode(lines.join(""));
}

function tooLarge(
  { maxBytes: limitBytes, names }: ListFilterOptions,
): ProxyError {
  return new ProxyError(
    "frame-too-large",
    `the target's answer is over ${limitBytes} bytes, too large to look for forbidden tools in it; ${names.maxAnswerBytes} sets this limit`,
    { data: { limitBytes } },
  );
}
