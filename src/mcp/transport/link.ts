/**
 * One way to the target: what takes the client's messages, and the layers
 * before it that look at them.
 *
 * @module
 */

import type {
  BatchMessage,
  Message,
  RequestId,
  ResponseMessage,
  RpcError,
  SingleMessage,
} from "../wire/message.ts";
import { Recent } from "../../lru_cache.ts";
import { isObject, readMessage, requestId } from "../wire/message.ts";
import { partOf, scanInTurns } from "../wire/large_message.ts";
import { membersOf, removeMembers, whole } from "../wire/splice.ts";

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

/** How many cancelled requests are remembered; the oldest go first. */
const MAX_CANCELLED = 1024;

const encoder = new TextEncoder();

/** An answer, and its bytes. */
export type Answer = readonly [message: ResponseMessage, bytes: Uint8Array];

interface OwnRequest {
  readonly id: RequestId;
  readonly method: string;
  readonly resolve: (answer: Answer) => void;
}

/**
 * Requests that a layer makes on its own over a link. Their answers are taken
 * out of what goes to the client.
 */
export class OwnRequests {
  readonly #name: string;
  readonly #waiting = new Map<string, OwnRequest>();
  /** Those that may still be answered, which concerns nobody any more. */
  readonly #cancelled = new Recent<true>(MAX_CANCELLED);
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
  async ask(
    link: Pick<Link, "accept">,
    method: string,
    params: unknown,
    id?: RequestId,
  ): Promise<ResponseMessage> {
    const source = JSON.stringify(params);
    const [answer] = await this.askFor(link, method, source, id);
    return answer;
  }

  /** The same with parameters that are JSON, to the letter; so is the answer. */
  askFor(
    link: Pick<Link, "accept">,
    method: string,
    params: string | undefined,
    id: RequestId = this.nextId(),
  ): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#waiting.set(id.key, { id, method, resolve });
    send(link, requestFrame(id, method, params));
    return promise;
  }

  /** Whether an answer was to one of these requests, and is taken. */
  take(answer: ResponseMessage, bytes: Uint8Array): boolean {
    if (!answer.id) return false;
    const { key } = answer.id;
    const request = this.#waiting.get(key);
    request?.resolve([answer, bytes]);
    return this.#waiting.delete(key) || this.#cancelled.delete(key);
  }

  /** The parts of a frame that are no answers to these requests. */
  takeFrom(parts: readonly Part[]): Part[] {
    return parts.filter(({ message, bytes }) =>
      message.kind !== "response" || !this.take(message, bytes)
    );
  }

  /** Gives up on an answer; its promise stays pending. */
  forget({ key }: RequestId): void {
    this.#waiting.delete(key);
  }

  /** Cancels a request unless it is answered; its promise stays pending. */
  cancel(link: Pick<Link, "accept">, id: RequestId): void {
    if (!this.#waiting.delete(id.key)) return;
    this.#cancelled.set(id.key, true);
    notifyCancelled(link, id);
  }

  /** Cancels all requests of a method that are not answered. */
  cancelAll(link: Pick<Link, "accept">, method: string): void {
    for (const request of [...this.#waiting.values()]) {
      if (request.method === method) this.cancel(link, request.id);
    }
  }

  /** How many answers are waited for. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Whether no answer is waited for. */
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
export function partsOf(
  frame: Uint8Array,
  message: Message = readMessage(frame),
): Part[] {
  if (message.kind === "invalid") return [];
  if (message.kind !== "batch") return [{ message, bytes: frame }];
  const members = membersOf(frame, whole(frame));
  return message.messages.map((message, index) => ({
    message,
    bytes: partOf(frame, members[index]),
  }));
}

/** The same of a large frame, while others have their turn. */
export async function partsInTurns(frame: Uint8Array): Promise<Part[]> {
  await scanInTurns(frame);
  return partsOf(frame);
}

/** A batch without some of its messages; `undefined` if none is left. */
export function withoutMessages(
  bytes: Uint8Array,
  message: SingleMessage | BatchMessage,
  isDropped: (message: SingleMessage) => boolean,
): readonly [bytes: Uint8Array, batch: BatchMessage] | undefined {
  if (message.kind !== "batch") return undefined;
  const { messages } = message;
  const left = messages.filter((one) => !isDropped(one));
  if (left.length === 0) return undefined;
  const frame = removeMembers(
    bytes,
    whole(bytes),
    (_member, index) => isDropped(messages[index]),
  );
  return [frame, { kind: "batch", messages: left }];
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

/** The frame of a request; its parameters are JSON. */
export function requestFrame(
  { source }: RequestId,
  method: string,
  params: string | undefined,
): Uint8Array {
  return frameOf(`"id":${source},`, method, params);
}

/** The frame of a notification; its parameters are JSON. */
export function notificationFrame(method: string, params?: string): Uint8Array {
  return frameOf("", method, params);
}

function frameOf(
  id: string,
  method: string,
  params: string | undefined,
): Uint8Array {
  const rest = params === undefined ? "" : `,"params":${params}`;
  return encoder.encode(
    `{"jsonrpc":"2.0",${id}"method":${JSON.stringify(method)}${rest}}`,
  );
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

/** Sends a message of a layer's own over a link. */
export function send(link: Pick<Link, "accept">, frame: Uint8Array): void {
  const message = readMessage(frame);
  if (message.kind !== "invalid") link.accept(frame, message);
}

/** A notification that a layer sends on its own over a link. */
export function notify(link: Link, method: string, params?: unknown): void {
  send(link, notificationFrame(method, JSON.stringify(params)));
}

/** Tells a link that a request over it is cancelled. */
export function notifyCancelled(
  link: Pick<Link, "accept">,
  { source }: RequestId,
): void {
  const method = "notifications/cancelled";
  send(link, notificationFrame(method, `{"requestId":${source}}`));
}

/** Writes a frame of a layer's own; a client that is gone does not matter. */
export async function tell(emit: Emit, frame: Uint8Array): Promise<void> {
  await emit(frame).catch(() => {});
}

/** Requests whose answers a layer wants to see on their way to the client. */
export class AwaitedAnswers {
  readonly #keys = new Set<string>();
  /** Those that may never be answered: nothing else takes them out. */
  readonly #cancelled = new Recent<true>(MAX_CANCELLED);

  /** Notes a request. */
  expect({ key }: RequestId): void {
    this.#cancelled.delete(key);
    this.#keys.add(key);
  }

  /** Notes that the client wants no answer to a request; one may still come. */
  cancel({ key }: RequestId): void {
    if (this.#keys.delete(key)) this.#cancelled.set(key, true);
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
