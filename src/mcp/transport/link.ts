/**
 * One way to the target: what takes the client's messages, and the layers
 * before it that look at them.
 *
 * @module
 */

import type {
  BatchMessage,
  RequestId,
  ResponseMessage,
  RpcError,
  SingleMessage,
} from "../wire/message.ts";
import { isObject, readMessage, requestId } from "../wire/message.ts";
import { membersOf, whole } from "../wire/splice.ts";

/** Takes the client's messages, and ends. */
export interface Link {
  /**
   * Takes one message of the client's, and answers it in its time.
   *
   * @returns Resolves when it is over, and nothing of it is held any more;
   * nothing for what is over at once.
   */
  accept(
    bytes: Uint8Array,
    message: SingleMessage | BatchMessage,
  ): Promise<void> | void;
  /**
   * Waits for what is in flight until `patience` is aborted, then answers the
   * rest with an error.
   */
  drain(patience: AbortSignal): Promise<void>;
  /** Ends what it holds upstream, as far as that is done within the limit. */
  close(limitMs: number): Promise<void>;
}

/** Writes one frame to the client. */
export type Emit = (frame: Uint8Array) => Promise<void>;

const encoder = new TextEncoder();

/**
 * Requests that a layer makes on its own over a link. Their answers are taken
 * out of what goes to the client.
 */
export class OwnRequests {
  readonly #name: string;
  readonly #waiting = new Map<string, (answer: ResponseMessage) => void>();
  #count = 0;

  /** @param name What their IDs begin with. */
  constructor(name: string) {
    this.#name = name;
  }

  /** An ID that no other request has. */
  nextId(): RequestId {
    const id = requestId(`${this.#name}:${++this.#count}`);
    if (!id) throw new TypeError("a string is a request ID");
    return id;
  }

  /** Sends a request, and resolves to its answer, error or result. */
  ask(
    link: Link,
    method: string,
    params: unknown,
    id: RequestId = this.nextId(),
  ): Promise<ResponseMessage> {
    const { promise, resolve } = Promise.withResolvers<ResponseMessage>();
    this.#waiting.set(id.key, resolve);
    const bytes = encoder.encode(
      `{"jsonrpc":"2.0","id":${id.source},"method":"${method}","params":${
        JSON.stringify(params)
      }}`,
    );
    link.accept(bytes, { kind: "request", id, method, params });
    return promise;
  }

  /** Whether an answer was to one of these requests, and is taken. */
  take(answer: ResponseMessage): boolean {
    const resolve = answer.id && this.#waiting.get(answer.id.key);
    if (!resolve || !answer.id) return false;
    this.#waiting.delete(answer.id.key);
    resolve(answer);
    return true;
  }

  /** The parts of a frame that are no answers to these requests. */
  takeFrom(parts: readonly Part[]): Part[] {
    return parts.filter(({ message }) =>
      message.kind !== "response" || !this.take(message)
    );
  }

  /** Gives up on an answer. */
  forget({ key }: RequestId): void {
    this.#waiting.delete(key);
  }

  /** Whether nothing is waited for. */
  get isIdle(): boolean {
    return this.#waiting.size === 0;
  }
}

/** One of the messages in a frame. */
export interface Part {
  readonly message: SingleMessage;
  /** The message as it stands in the frame. */
  readonly bytes: Uint8Array;
}

/** What a frame holds: its one message, or those of an array. */
export function partsOf(frame: Uint8Array): Part[] {
  const message = readMessage(frame);
  if (message.kind === "invalid") return [];
  if (message.kind !== "batch") return [{ message, bytes: frame }];
  const ranges = membersOf(frame, whole(frame));
  return message.messages.map((message, index) => {
    const { start, end } = ranges[index];
    return { message, bytes: frame.slice(start, end) };
  });
}

/** The request that a `notifications/cancelled` names; of no other message. */
export function cancelledId(
  message: SingleMessage | BatchMessage,
): RequestId | undefined {
  if (message.kind !== "notification") return undefined;
  const { method, params } = message;
  if (method !== "notifications/cancelled" || !isObject(params)) {
    return undefined;
  }
  return requestId(params.requestId);
}

/** The one response in a frame; `undefined` for anything else. */
export function responseIn(frame: Uint8Array): ResponseMessage | undefined {
  const message = readMessage(frame);
  return message.kind === "response" ? message : undefined;
}

/** The frame of an answer with a result, given as JSON. */
export function resultFrame({ source }: RequestId, result: string): Uint8Array {
  return encoder.encode(`{"jsonrpc":"2.0","id":${source},"result":${result}}`);
}

/** The frame of an answer with an error, given as it came. */
export function rpcErrorFrame(
  { source }: RequestId,
  { code, message, data }: Partial<RpcError> & Pick<RpcError, "code">,
): Uint8Array {
  const error = JSON.stringify({ code, message, data });
  return encoder.encode(`{"jsonrpc":"2.0","id":${source},"error":${error}}`);
}

/** A notification that a layer sends on its own over a link. */
export function notify(link: Link, method: string, params?: unknown): void {
  const bytes = encoder.encode(
    JSON.stringify({ jsonrpc: "2.0", method, params }),
  );
  link.accept(bytes, { kind: "notification", method, params });
}

/** How many cancelled requests are remembered; the oldest go first. */
const MAX_CANCELLED = 1024;

/** Tells a link that a request over it is cancelled. */
export function notifyCancelled(link: Link, { source }: RequestId): void {
  const requestId: unknown = JSON.parse(source);
  notify(link, "notifications/cancelled", { requestId });
}

/** Requests whose answers a layer wants to see on their way to the client. */
export class AwaitedAnswers {
  readonly #keys = new Set<string>();
  /** Those that may never be answered: nothing else takes them out. */
  readonly #cancelled = new Set<string>();

  /** Notes a request. */
  expect({ key }: RequestId): void {
    this.#cancelled.delete(key);
    this.#keys.add(key);
  }

  /** Notes that the client wants no answer to a request; one may still come. */
  cancel({ key }: RequestId): void {
    if (!this.#keys.delete(key)) return;
    this.#cancelled.add(key);
    for (const oldest of this.#cancelled) {
      if (this.#cancelled.size <= MAX_CANCELLED) break;
      this.#cancelled.delete(oldest);
    }
  }

  /** Whether a request was noted; it is forgotten. */
  take(id: RequestId | undefined): boolean {
    if (id === undefined) return false;
    return this.#keys.delete(id.key) || this.#cancelled.delete(id.key);
  }

  /** The parts of a frame that are answers to such requests; each is taken. */
  takeFrom(parts: readonly Part[]): Set<Part> {
    return new Set(
      parts.filter(({ message }) =>
        message.kind === "response" && this.take(message.id)
      ),
    );
  }

  /** Whether no answer is awaited. */
  get isIdle(): boolean {
    return this.#keys.size === 0 && this.#cancelled.size === 0;
  }
}
