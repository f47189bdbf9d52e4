/**
 * The client's frames on their way in: read as messages, refused where they are
 * none or too many wait, and handed on.
 */

import { release } from "../blob.ts";
import { ProxyError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import type { OptionNames } from "../naming.ts";
import { errorFrame } from "../mcp/transport/own_error.ts";
import {
  type Link,
  type Refusing,
  withoutMessages,
} from "../mcp/transport/link.ts";
import type { Frame, OversizedFrame } from "../mcp/wire/frames.ts";
import { SMALL_BYTES } from "../mcp/wire/large_message.ts";
import {
  type InvalidMessage,
  type Message,
  parseMessage,
  parseMessageInTurns,
  type RequestId,
  type RequestMessage,
  requestsOf,
  type SingleMessage,
  singlesOf,
  type ValidMessage,
} from "../mcp/wire/message.ts";
import {
  Backlog,
  MAX_REFUSALS,
  MAX_REQUESTS,
  MAX_UNANSWERED,
} from "./backlog.ts";

export interface ClientInputOptions extends Refusing {
  readonly names: OptionNames;
  readonly accept: Link["accept"];
  readonly log: Log;
  readonly maxFrameBytes: number;
  /** Nothing is waited for once it is aborted. */
  readonly signal: AbortSignal;
}

export class ClientInput {
  readonly #options: ClientInputOptions;
  readonly #requests: Backlog;
  readonly #notifications = new Backlog(MAX_UNANSWERED);
  readonly #answers = new Backlog(MAX_UNANSWERED);
  readonly #refusals = new Backlog(MAX_REFUSALS, Infinity);
  /** Whether it was told that there is no room, since there was much of it. */
  #isFull = false;

  constructor(options: ClientInputOptions) {
    this.#options = options;
    // One message of the largest size leaves room for others.
    const bytes = Math.max(MAX_REQUESTS.bytes, 2 * options.maxFrameBytes);
    this.#requests = new Backlog({ ...MAX_REQUESTS, bytes });
  }

  /**
   * Takes one frame. What it returns, if anything, is to be awaited before the
   * next: there is no room for another.
   */
  take(frame: Frame): Promise<void> | undefined {
    this.#options.observer?.received(frame);
    if (!(frame instanceof Uint8Array)) return this.#refuseOversized(frame);
    if (frame.length <= SMALL_BYTES) {
      return this.#takeMessage(frame, parseMessage(frame));
    }
    return parseMessageInTurns(frame)
      .then((message) => this.#takeMessage(frame, message));
  }

  #takeMessage(frame: Uint8Array, message: Message): Promise<void> | undefined {
    if (message.kind === "invalid") return this.#refuseInvalid(message);
    const requests = requestsOf(message);
    if (requests.length > 0) {
      return this.#takeRequests(frame, message, requests);
    }
    const kinds = singlesOf(message).map(({ kind }) => kind);
    const backlog = kinds.includes("response")
      ? this.#answers
      : this.#notifications;
    return backlog.hasRoomFor(frame.length)
      ? this.#pass(frame, message, backlog)
      : this.#passWhenRoom(frame, message, backlog);
  }

  #takeRequests(
    frame: Uint8Array,
    message: ValidMessage,
    requests: readonly RequestMessage[],
  ): Promise<void> | undefined {
    const { length } = requests;
    if (this.#requests.hasRoomFor(frame.length, length)) {
      if (this.#isFull && this.#requests.isRelaxed) this.#isFull = false;
      return this.#pass(frame, message, this.#requests, length);
    }
    const isRequest = ({ kind }: SingleMessage) => kind === "request";
    const rest = withoutMessages(frame, message, isRequest);
    // A large answer is read where it stands.
    if (!rest) release(frame);
    const error = new ProxyError(
      "overloaded",
      "the proxy holds as many of the client's requests as it has memory for; the target was not asked: send it again when others are answered",
      { data: { mayHaveRun: false } },
    );
    this.#tellFull(error.message);
    for (const { id, method, params } of requests) {
      const observed = { method, params, requests: [id] };
      this.#options.observer?.refused?.(error, observed);
    }
    const refused = this.#refuse(error, requests.map(({ id }) => id));
    const passed = rest && this.#takeMessage(...rest);
    return Promise.all([refused, passed]).then(() => {});
  }

  /** Says once that there is no room, until there is plenty again. */
  #tellFull(message: string): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.#options.log.warn(message);
  }

  #pass(
    frame: Uint8Array,
    message: ValidMessage,
    backlog: Backlog,
    messages = 1,
  ): undefined {
    // Once it is sent, its bytes may be gone.
    const { length } = frame;
    const over = this.#options.accept(frame, message);
    if (over) backlog.add(over, length, messages);
  }

  async #passWhenRoom(
    frame: Uint8Array,
    message: ValidMessage,
    backlog: Backlog,
  ): Promise<void> {
    const { signal } = this.#options;
    const hasRoom = await backlog.room(frame.length, signal);
    if (hasRoom) return this.#pass(frame, message, backlog);
    if (signal.aborted) return;
    this.#tellFull(
      "dropped notifications or answers of the client: the target has taken none for too long",
    );
  }

  #refuseInvalid(
    { reason, detail, ids }: InvalidMessage,
  ): Promise<void> {
    const { log, observer } = this.#options;
    const message = `${detail}; each line is one JSON-RPC 2.0 message`;
    const error = new ProxyError(reason, message);
    log.warn("refused a message of the client", { reason, detail });
    observer?.refused?.(error);
    return this.#refuse(error, ids.length > 0 ? ids : [undefined]);
  }

  #refuseOversized(
    { byteLength, isOwed, id }: OversizedFrame,
  ): Promise<void> | undefined {
    const { log, observer, names, maxFrameBytes: limitBytes } = this.#options;
    const error = new ProxyError(
      "frame-too-large",
      `a message of ${byteLength} bytes is over the limit of ${limitBytes} bytes and was not sent; ${names.maxFrameBytes} sets this limit`,
      { data: { byteLength, limitBytes } },
    );
    log.warn(error.message, { id: id?.source });
    observer?.refused?.(error);
    return isOwed ? this.#refuse(error, [id]) : undefined;
  }

  /** Answers with an error, and waits while many such are not read yet. */
  async #refuse(
    error: ProxyError,
    ids: readonly (RequestId | undefined)[],
  ): Promise<void> {
    const { emit, signal } = this.#options;
    for (const id of ids) {
      const frame = errorFrame(error, id);
      this.#refusals.add(emit(frame), frame.length);
    }
    await this.#refusals.room(0, signal);
  }
}
