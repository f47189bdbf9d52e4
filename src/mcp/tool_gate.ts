/**
 * The layer that keeps tools from being seen and called.
 *
 * @module
 */

import { ProxyError } from "../errors.ts";
import type { Log } from "../log.ts";
import { checkUnambiguous } from "./ambiguity.ts";
import { Background } from "./background.ts";
import { META, metaOf } from "./era.ts";
import { errorFrame } from "./failure.ts";
import {
  AwaitedAnswers,
  cancelledId,
  type Emit,
  type Link,
  OwnRequests,
  type Part,
  partsOf,
} from "./link.ts";
import {
  type BatchMessage,
  isObject,
  type RequestMessage,
  type SingleMessage,
} from "./message.ts";
import type { Observer } from "./observer.ts";
import { includesBytes } from "./scan.ts";
import { removeMembers, whole } from "./splice.ts";
import { withoutForbidden } from "./tool_list.ts";
import type { ToolPolicy } from "./tool_policy.ts";

/** What a {@linkcode ToolGate} is handed. */
export interface ToolGateOptions {
  readonly policy: ToolPolicy;
  /** Writes one frame to the client. */
  readonly emit: Emit;
  readonly log: Log;
  /** Is told of what is refused, if anyone is. */
  readonly observer?: Observer;
  /** What lies behind the gate; it is handed the gate's own emit. */
  readonly link: (emit: Emit) => Link;
}

/** More pages than any list has: a target may hand out cursors for ever. */
const MAX_PAGES = 1000;

/** How often a list is fetched anew that changes while it is fetched. */
const MAX_LISTINGS = 3;

const LIST_CHANGED = "notifications/tools/list_changed";

/** Its end: whether the slashes before that are escaped does not matter. */
const LIST_CHANGED_END = new TextEncoder().encode("_changed");

type Message = SingleMessage | BatchMessage;

/** Lets through what the policy allows. */
export class ToolGate implements Link {
  readonly #options: ToolGateOptions;
  readonly #link: Link;
  readonly #lists = new AwaitedAnswers();
  readonly #own = new OwnRequests("sigv4-proxy:tools");
  /** Messages that wait for the list of tools, by the requests in them. */
  readonly #held = new Map<string, Held>();
  readonly #background: Background;
  /** How often the target said that its list has changed. */
  #changes = 0;

  constructor(options: ToolGateOptions) {
    this.#options = options;
    this.#background = new Background(options.log);
    this.#link = options.link((frame) => this.#emit(frame));
  }

  accept(bytes: Uint8Array, message: Message): void {
    try {
      checkUnambiguous(bytes, message);
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      return this.#refuseAll(message, error);
    }
    if (this.#cancelsHeld(message)) return;
    if (isUnansweredCall(message)) return this.#refuseUnanswered(message);
    const unknown = callsIn(message).find(({ params }) =>
      !this.#options.policy.knows(toolName(params))
    );
    if (!unknown) return this.#pass(bytes, message);
    this.#hold(bytes, message, unknown);
  }

  #refuseAll(message: Message, error: ProxyError): void {
    this.#options.log.warn(error.message);
    for (const request of requestsIn(message)) this.#answer(request, error);
  }

  #refuseUnanswered(message: Message): void {
    const error = new ProxyError(
      "blocked",
      "a call without an ID cannot be refused, so with a tool policy it is not sent",
    );
    this.#options.log.warn(error.message);
    for (const request of requestsIn(message)) this.#answer(request, error);
  }

  #pass(bytes: Uint8Array, message: Message): void {
    const { policy, log } = this.#options;
    const refused = new Set<RequestMessage>();
    for (const request of requestsIn(message)) {
      if (request.method === "tools/list") this.#lists.expect(request.id);
      if (request.method !== "tools/call") continue;
      const error = policy.refusal(toolName(request.params));
      if (!error) continue;
      refused.add(request);
      log.warn(error.message, { id: request.id.source });
      this.#answer(request, error);
    }
    if (refused.size === 0) return this.#link.accept(bytes, message);
    if (message.kind !== "batch") return;
    this.#passRest(bytes, message, refused);
  }

  /** A batch without the calls in it that are refused. */
  #passRest(
    bytes: Uint8Array,
    { messages }: BatchMessage,
    refused: ReadonlySet<SingleMessage>,
  ): void {
    const rest = messages.filter((message) => !refused.has(message));
    if (rest.length === 0) return;
    const frame = removeMembers(
      bytes,
      whole(bytes),
      (_member, index) => refused.has(messages[index]),
    );
    this.#link.accept(frame, { kind: "batch", messages: rest });
  }

  /** Keeps a call until the target has said what its tools are. */
  #hold(bytes: Uint8Array, message: Message, like: RequestMessage): void {
    const held: Held = { cancelled: new Set(), isAnswered: false, message };
    for (const { id } of requestsIn(message)) this.#held.set(id.key, held);
    this.#background.start(async () => {
      await this.#list(like.params);
      for (const { id } of requestsIn(message)) this.#held.delete(id.key);
      if (!held.isAnswered) this.#passKept(bytes, held);
    });
  }

  /** Passes what was held, but for what the client has cancelled of it. */
  #passKept(bytes: Uint8Array, { message, cancelled }: Held): void {
    if (cancelled.size === 0) return this.#pass(bytes, message);
    if (message.kind !== "batch") return;
    const isDropped = (one: SingleMessage): boolean =>
      one.kind === "request" && cancelled.has(one.id.key);
    const messages = message.messages.filter((one) => !isDropped(one));
    if (messages.length === 0) return;
    const frame = removeMembers(
      bytes,
      whole(bytes),
      (_member, index) => isDropped(message.messages[index]),
    );
    this.#pass(frame, { kind: "batch", messages });
  }

  #cancelsHeld(message: Message): boolean {
    const id = cancelledId(message);
    if (!id) return false;
    this.#lists.cancel(id);
    const held = this.#held.get(id.key);
    if (!held) return false;
    held.cancelled.add(id.key);
    return true;
  }

  /** Lists all tools, anew if the list changes meanwhile. */
  async #list(like: unknown): Promise<void> {
    for (let listing = 0; listing < MAX_LISTINGS; listing++) {
      const before = this.#changes;
      await this.#listOnce(like);
      if (this.#changes === before) return;
    }
  }

  /** Lists all tools; what cannot be listed stays unknown, and is refused. */
  async #listOnce(like: unknown): Promise<void> {
    const meta = metaOf(like);
    const _meta = Object.fromEntries(
      [META.protocolVersion, META.clientInfo, META.clientCapabilities]
        .flatMap((key) => key in meta ? [[key, meta[key]]] : []),
    );
    const isModern = META.protocolVersion in _meta;
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const { result, error } = await this.#own.ask(this.#link, "tools/list", {
        ...(isModern && { _meta }),
        ...(cursor !== undefined && { cursor }),
      });
      if (error) {
        this.#options.log.warn("could not list the tools for the policy", {
          error: error.message,
        });
      }
      if (!isObject(result)) return;
      for (const tool of toolsIn(result)) this.#options.policy.learn(tool);
      const { nextCursor } = result;
      if (typeof nextCursor !== "string" || nextCursor === cursor) return;
      cursor = nextCursor;
    }
  }

  async #emit(frame: Uint8Array): Promise<void> {
    const { emit, policy } = this.#options;
    const isIdle = this.#lists.isIdle && this.#own.isIdle;
    const mayTellOfChange = policy.usesHints &&
      includesBytes(frame, LIST_CHANGED_END);
    if (isIdle && !mayTellOfChange) return await emit(frame);
    const parts = partsOf(frame);
    if (mayTellOfChange && parts.some(isListChange)) {
      this.#changes++;
      policy.forget();
    }
    const rest = this.#own.takeFrom(parts);
    const lists = this.#lists.takeFrom(rest);
    const isAsItWas = lists.size === 0 && rest.length === parts.length;
    if (isAsItWas) return await emit(frame);
    // What is left of an array goes on one by one.
    for (const part of rest) {
      await emit(lists.has(part) ? this.#withoutForbidden(part) : part.bytes);
    }
  }

  /** The answer to a `tools/list` without what may not be seen. */
  #withoutForbidden({ message, bytes }: Part): Uint8Array {
    if (message.kind !== "response") return bytes;
    try {
      return withoutForbidden(bytes, message, this.#options.policy);
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      const { id } = message;
      this.#options.log.warn(error.message, { id: id?.source });
      return errorFrame(error, id);
    }
  }

  #answer({ id, method, params }: RequestMessage, error: ProxyError): void {
    const { emit, observer } = this.#options;
    observer?.refused(error, { method, params, requests: [id] });
    void emit(errorFrame(error, id)).catch(() => {});
  }

  async drain(patience: AbortSignal): Promise<void> {
    // A link that is drained answers what waits here, and that may send more.
    while (!this.#background.isIdle && !patience.aborted) {
      await Promise.race([this.#background.any(), aborted(patience)]);
    }
    const error = new ProxyError("shutting-down", "the proxy is stopping");
    for (const held of new Set(this.#held.values())) {
      held.isAnswered = true;
      for (const request of requestsIn(held.message)) {
        if (held.cancelled.has(request.id.key)) continue;
        this.#answer(request, error);
      }
    }
    await this.#link.drain(patience);
  }

  async close(limitMs: number): Promise<void> {
    await this.#link.close(limitMs);
  }
}

/** A call that asks for no answer: it could be run, and not be refused. */
function isUnansweredCall(message: Message): boolean {
  const messages = message.kind === "batch" ? message.messages : [message];
  return messages.some((one) =>
    one.kind === "notification" && one.method === "tools/call"
  );
}

/** Whether the target says that its tools are not what they were. */
function isListChange({ message }: Part): boolean {
  return message.kind === "notification" && message.method === LIST_CHANGED;
}

interface Held {
  /** The requests in it that the client has cancelled. */
  readonly cancelled: Set<string>;
  isAnswered: boolean;
  readonly message: Message;
}

function requestsIn(message: Message): RequestMessage[] {
  const messages = message.kind === "batch" ? message.messages : [message];
  return messages.filter((message) => message.kind === "request");
}

function callsIn(message: Message): RequestMessage[] {
  return requestsIn(message).filter(({ method }) => method === "tools/call");
}

/** The tool that a call names; a call that names none is for no tool. */
function toolName(params: unknown): string {
  return isObject(params) && typeof params.name === "string" ? params.name : "";
}

function toolsIn(result: unknown): unknown[] {
  return isObject(result) && Array.isArray(result.tools) ? result.tools : [];
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
