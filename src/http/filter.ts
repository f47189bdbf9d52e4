/**
 * Answers at the HTTP front without the tools that a policy forbids.
 *
 * What cannot be looked through does not pass: another reader might find in it
 * what this one does not.
 *
 * @module
 */

import { ProxyError } from "../errors.ts";
import { BODY_HEADERS } from "./headers.ts";
import { checkEncoding, mediaType, readBody } from "../mcp/wire/body.ts";
import { EventParser, type ServerEvent } from "../mcp/wire/events.ts";
import { errorFrame, streamCut } from "../mcp/transport/failure.ts";
import { scanInTurns } from "../mcp/wire/large_message.ts";
import {
  type InvalidMessage,
  readMessage,
  type RequestId,
  type SingleMessage,
} from "../mcp/wire/message.ts";
import { withoutByteOrderMark, withoutNullMember } from "../mcp/wire/repair.ts";
import { badContentType } from "../mcp/transport/responses.ts";
import { membersOf, whole } from "../mcp/wire/splice.ts";
import {
  badList,
  checkClear,
  isListChange,
  withoutForbidden,
} from "../mcp/tools/list.ts";
import type { ToolPolicy } from "../mcp/tools/policy.ts";
import { Turn } from "../mcp/wire/turn.ts";

/** What a {@linkcode ListFilter} is handed. */
export interface ListFilterOptions {
  /** What is forbidden; it learns the tools. */
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

const EVENT_STREAM = "text/event-stream";
const JSON_TEXT = "application/json";

/** Takes forbidden tools out of one answer, and leaves the rest as it was. */
export class ListFilter {
  readonly #options: ListFilterOptions;
  #isAnswered = false;
  #fault: ProxyError | undefined;

  /** @param options What is forbidden, and to whom it would be told. */
  constructor(options: ListFilterOptions) {
    this.#options = options;
  }

  /**
   * A body as it goes on.
   *
   * @param headers Its headers; they are made to say of the body what was read
   * in it.
   * @throws {ProxyError} It cannot be looked through.
   */
  async body(
    answer: Response,
    headers: Map<string, string>,
  ): Promise<Uint8Array> {
    const { maxBytes } = this.#options;
    describe(answer, headers, JSON_TEXT);
    const body = await readBody(answer, { maxBytes }).catch((cause) => {
      throw streamCut(cause);
    });
    if (body === undefined) throw tooLarge(maxBytes);
    if (body.length === 0) return body;
    const type = mediaType(answer);
    if (type !== JSON_TEXT) throw badContentType(answer.status, type);
    const text = withoutByteOrderMark(body);
    await scanInTurns(text);
    return this.message(text);
  }

  /**
   * A stream of events as it goes on.
   *
   * @param headers Its headers; they are made to say of the body what was read
   * in it.
   * @throws {ProxyError} It cannot be looked through.
   */
  events(
    answer: Response,
    headers: Map<string, string>,
  ): AsyncIterable<Uint8Array> {
    describe(answer, headers, EVENT_STREAM);
    return this.#events(answer.body ?? []);
  }

  /**
   * A message without forbidden tools.
   *
   * @throws {ProxyError} `bad-answer`: it cannot be looked through.
   */
  message(body: Uint8Array): Uint8Array {
    const bytes = withoutByteOrderMark(body);
    const message = readMessage(bytes);
    if (message.kind === "invalid") throw badList(message.detail);
    if (message.kind !== "batch") return this.#single(bytes, message);
    const parts = membersOf(bytes, whole(bytes)).map(({ start, end }, index) =>
      decoder.decode(
        this.#single(bytes.subarray(start, end), message.messages[index]),
      )
    );
    return encoder.encode(`[${parts.join(",")}]`);
  }

  /**
   * The body of an HTTP error as it goes on. No client reads a list in what is
   * no message: there it may say what it likes.
   *
   * @throws {ProxyError} `bad-answer`: it is a message of more than one meaning.
   */
  errorBody(bytes: Uint8Array): Uint8Array {
    const { kind } = readMessage(withoutByteOrderMark(bytes));
    const isMessage = kind !== "invalid";
    return isMessage ? this.message(bytes) : bytes;
  }

  /**
   * The event that tells the client why its stream ends: nothing, unless this
   * filter ended it, and the client still waits for an answer.
   */
  lastEvent(cause: unknown): Uint8Array | undefined {
    const { id } = this.#options;
    const fault = this.#fault;
    if (fault === undefined || fault !== cause) return undefined;
    if (id === undefined || this.#isAnswered) return undefined;
    const data = decoder.decode(errorFrame(fault, id));
    return encoder.encode(`data: ${data}\n\n`);
  }

  async *#events(
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    const parser = new EventParser({ maxDataBytes: this.#options.maxBytes });
    const turn = new Turn();
    for await (const piece of pieces) {
      turn.begin();
      let isQuiet = true;
      for (const event of this.#eventsIn(parser, piece)) {
        await scanInTurns(event.data);
        yield this.#event(event);
        isQuiet = false;
        if (turn.isOver) await turn.next();
      }
      if (isQuiet) yield COMMENT;
      turn.pause();
    }
    const last = parser.end();
    // Without its blank line it counts as the answer that is waited for alone.
    if (last && isAnswerTo(this.#options.id, last.data)) {
      yield this.#event(last);
    }
  }

  *#eventsIn(parser: EventParser, piece: Uint8Array): Generator<ServerEvent> {
    try {
      yield* parser.feed(piece);
    } catch (cause) {
      if (cause instanceof ProxyError) this.#fault = cause;
      throw cause;
    }
  }

  #event(event: ServerEvent): Uint8Array {
    try {
      if (event.oversized) throw tooLarge(this.#options.maxBytes);
      return written(event, this.#data(event));
    } catch (cause) {
      if (cause instanceof ProxyError) this.#fault = cause;
      throw cause;
    }
  }

  #data({ type, data }: ServerEvent): Uint8Array {
    if (data.length === 0) return data;
    // In a heartbeat or the like there is no message, and none may be found
    // there.
    const message = readMessage(withoutByteOrderMark(data));
    const isOther = message.kind === "invalid" &&
      (type !== "message" || !mayHoldList(data, message));
    return isOther ? NONE : this.message(data);
  }

  #single(bytes: Uint8Array, message: SingleMessage): Uint8Array {
    const { policy, id } = this.#options;
    checkClear("result", bytes, whole(bytes));
    if (isListChange(message)) policy.forget();
    if (message.kind !== "response") return bytes;
    bytes = withoutNullMember(bytes, message);
    const isCurrent = policy.changes === this.#options.changes;
    const shown = withoutForbidden(bytes, message, policy, isCurrent);
    if (message.id?.key === id?.key) this.#isAnswered = true;
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

/** Whether data is the answer to a request. */
function isAnswerTo(id: RequestId | undefined, data: Uint8Array): boolean {
  const message = readMessage(withoutByteOrderMark(data));
  return message.kind === "response" && id !== undefined &&
    message.id?.key === id.key;
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

function tooLarge(limitBytes: number): ProxyError {
  return new ProxyError(
    "frame-too-large",
    `the target's answer is over ${limitBytes} bytes, too large to look for forbidden tools in it; --max-answer (MCP_MAX_ANSWER) sets this limit`,
    { data: { limitBytes } },
  );
}
