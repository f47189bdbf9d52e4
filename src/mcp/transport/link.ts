/**
 * One way to the target: what takes the client's messages, and the layers
 * before it that look at them.
 */

import type { ProxyError } from "../../errors.ts";
import { asObject } from "../../json.ts";
import type { Log } from "../../log/log.ts";
import { withoutByteOrderMark } from "../wire/bytes.ts";
import {
  frameOf,
  type Message,
  parseMessage,
  type RequestId,
  requestId,
  requestsOf,
  type ResponseMessage,
  type RpcError,
  type SingleMessage,
  singlesOf,
  type ValidMessage,
} from "../wire/message.ts";
import { errorFrame } from "./own_error.ts";
import { partOf, rootOf, scanInTurns } from "../wire/large_message.ts";
import { membersOf, removeMembers } from "../wire/splice.ts";
import type { Observer } from "./observer.ts";

/** Takes the client's messages, and ends. */
export interface Link {
  /**
   * Takes one message of the client's, and answers it in its time.
   *
   * @returns Resolves when it is over, and nothing of it is held any more;
   * nothing for what is over at once.
   */
  accept(bytes: Uint8Array, message: ValidMessage): Promise<void> | void;
  /** Whether a request waits here unsent: cancelled, it never is. */
  holds?(id: RequestId): boolean;
  /** Waits for what is in flight until the deadline, then answers the rest. */
  drain(deadline: AbortSignal): Promise<void>;
  /** Ends what it holds upstream, as far as that is done within the limit. */
  close(limitMs: number): Promise<void>;
}

export type Emit = (frame: Uint8Array) => Promise<void>;

export interface Part {
  readonly message: SingleMessage;
  readonly bytes: Uint8Array;
}

export type Answer = readonly [message: ResponseMessage, bytes: Uint8Array];

/** What a frame holds: its one message, or those of an array. */
export function partsOf(
  frame: Uint8Array,
  message: Message = parseMessage(frame),
): Part[] {
  if (message.kind === "invalid") return [];
  if (message.kind !== "batch") return [{ message, bytes: frame }];
  const members = membersOf(frame, rootOf(frame));
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

/** A message without what is dropped of it; `undefined` if nothing is left. */
export function withoutMessages(
  bytes: Uint8Array,
  message: ValidMessage,
  isDropped: (message: SingleMessage) => boolean,
): readonly [bytes: Uint8Array, message: typeof message] | undefined {
  const singles = singlesOf(message);
  const messages = singles.filter((one) => !isDropped(one));
  if (messages.length === 0) return undefined;
  if (messages.length === singles.length) return [bytes, message];
  const frame = removeMembers(
    bytes,
    rootOf(bytes),
    (_member, index) => isDropped(singles[index]),
  );
  return [frame, { kind: "batch", messages }];
}

/** The request that a `notifications/cancelled` names; of no other message. */
export function cancelledId(message: ValidMessage): RequestId | undefined {
  const isOne = message.kind === "notification" &&
    message.method === "notifications/cancelled";
  if (!isOne) return undefined;
  return message.requestId ?? requestId(asObject(message.params).requestId);
}

/** The one response in a frame, whatever stands beside it; none of several. */
export function responseIn(frame: Uint8Array): ResponseMessage | undefined {
  return answerIn(frame)?.[0];
}

/** The same, with its bytes. */
export function answerIn(frame: Uint8Array): Answer | undefined {
  const answers = partsOf(withoutByteOrderMark(frame)).flatMap(
    ({ message, bytes }): Answer[] =>
      message.kind === "response" ? [[message, bytes]] : [],
  );
  return answers.length === 1 ? answers[0] : undefined;
}

/** The frame of a request, or of a notification; its parameters are JSON. */
export function messageFrame(
  method: string,
  params?: string,
  id?: RequestId,
): Uint8Array {
  const rest = params === undefined ? "" : `,"params":${params}`;
  return frameOf(id, `"method":${JSON.stringify(method)}${rest}`);
}

/** The frame of an answer with a result, given as JSON. */
export function resultFrame(id: RequestId, result: string): Uint8Array {
  return frameOf(id, `"result":${result}`);
}

/** The frame of an answer with an error, given as it came. */
export function rpcErrorFrame(
  id: RequestId,
  { code, message, data }: Partial<RpcError> & Pick<RpcError, "code">,
): Uint8Array {
  return frameOf(id, `"error":${JSON.stringify({ code, message, data })}`);
}

/** Sends a message of a layer's own over a link. */
export function send(link: Pick<Link, "accept">, frame: Uint8Array): void {
  const message = parseMessage(frame);
  if (message.kind !== "invalid") link.accept(frame, message);
}

/** A notification that a layer sends on its own over a link. */
export function notify(
  link: Pick<Link, "accept">,
  method: string,
  params?: unknown,
): void {
  send(link, messageFrame(method, JSON.stringify(params)));
}

export function notifyCancelled(
  link: Pick<Link, "accept">,
  { source }: RequestId,
): void {
  const method = "notifications/cancelled";
  send(link, messageFrame(method, `{"requestId":${source}}`));
}

/** Writes a frame of a layer's own; a client that is gone does not matter. */
export async function emitQuietly(
  emit: Emit,
  frame: Uint8Array,
): Promise<void> {
  await emit(frame).catch(() => {});
}

/** Who is told of what is refused. */
export interface Refusing {
  readonly emit: Emit;
  readonly observer?: Observer;
}

/**
 * Refuses what may not pass of a message, and hands on the rest, in an array
 * still: beside it may stand the client's answer that the target waits for.
 */
export function passAllowed(
  options: Refusing & { readonly log: Log },
  bytes: Uint8Array,
  message: ValidMessage,
  refusalOf: (one: SingleMessage) => ProxyError | undefined,
  pass: Link["accept"],
): Promise<void> | void {
  const refused = new Map<SingleMessage, ProxyError>();
  for (const one of singlesOf(message)) {
    const error = refusalOf(one);
    if (error) refused.set(one, error);
  }
  if (refused.size === 0) return pass(bytes, message);
  const ends = [...refused].map(([one, error]): Promise<void> | void => {
    const id = one.kind === "request" ? one.id.source : undefined;
    options.log.warn(error.summary, { id });
    return refuse(options, one, error);
  });
  const rest = withoutMessages(bytes, message, (one) => refused.has(one));
  if (rest) ends.push(pass(...rest));
  return Promise.all(ends).then(() => {});
}

export async function refuse(
  { emit, observer }: Refusing,
  message: ValidMessage,
  error: ProxyError,
): Promise<void> {
  await Promise.all(
    requestsOf(message).map(({ id, method, params }) => {
      observer?.refused?.(error, { method, params, requests: [id] });
      return emitQuietly(emit, errorFrame(error, id));
    }),
  );
}
