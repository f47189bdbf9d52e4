/**
 * The layer that keeps tools from being seen and called.
 *
 * @module
 */

import { untilAborted } from "../../time.ts";
import { ProxyError } from "../../errors.ts";
import { Recent } from "../../lru_cache.ts";
import type { Log } from "../../log/log.ts";
import { checkUnambiguous } from "./ambiguity.ts";
import { Background } from "../transport/background.ts";
import { errorFrame, shuttingDown } from "../transport/failure.ts";
import {
  AwaitedAnswers,
  cancelledId,
  type Emit,
  type Link,
  OwnRequests,
  type Part,
  partsInTurns,
  withoutMessages,
} from "../transport/link.ts";
import {
  type BatchMessage,
  type RequestId,
  type RequestMessage,
  type SingleMessage,
  singlesOf,
} from "../wire/message.ts";
import type { Observer } from "../transport/observer.ts";
import { dense } from "../wire/block_buffer.ts";
import { includesBytes } from "../wire/scan.ts";
import { ToolRecorder } from "./recorder.ts";
import { isListChange, withoutForbidden } from "./list.ts";
import { toolName, type ToolPolicy, unansweredCall } from "./policy.ts";

/** What a {@linkcode ToolGate} is handed. */
export interface ToolGateOptions {
  readonly policy: ToolPolicy;
  /** Writes one frame to the client. */
  readonly emit: Emit;
  readonly log: Log;
  /** Is told of what is refused, if anyone is. */
  readonly observer?: Observer;
  /**
   * What lies behind the gate; it is handed the gate's own emit, and what looks
   * at calls once more before they are sent.
   */
  readonly link: (emit: Emit, guard: ToolRecorder | undefined) => Link;
}

/** The end of the notification: whether the slashes before that are escaped does not matter. */
const LIST_CHANGED_END = new TextEncoder().encode("_changed");

type Message = SingleMessage | BatchMessage;

/** How many lists may be in flight and still be recorded. */
const MAX_LISTS = 1024;

/** Lets through what the policy allows. */
export class ToolGate implements Link {
  readonly #options: ToolGateOptions;
  readonly #link: Link;
  readonly #lists = new AwaitedAnswers();
  readonly #own = new OwnRequests("sigv4-proxy:tools");
  /** Messages that wait for the list of tools, by the requests in them. */
  readonly #suspended = new Map<string, Suspended>();
  /** How often the tools had changed when a list was asked for. */
  readonly #changesBefore = new Recent<number>(MAX_LISTS);
  readonly #background: Background;
  readonly #recorder: ToolRecorder;

  constructor(options: ToolGateOptions) {
    this.#options = options;
    this.#background = new Background(options.log);
    this.#recorder = new ToolRecorder(options);
    // Names are known for good; only what tools say of themselves may change.
    const guard = options.policy.usesHints ? this.#recorder : undefined;
    this.#link = options.link((frame) => this.#emit(frame), guard);
  }

  accept(bytes: Uint8Array, message: Message): Promise<void> | void {
    try {
      checkUnambiguous(bytes, message);
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      return this.#refuseAll(message, error);
    }
    if (this.#cancelsSuspended(message)) return;
    if (isUnansweredCall(message)) {
      return this.#refuseAll(message, unansweredCall());
    }
    const unknown = callsIn(message).find(({ params }) =>
      !this.#options.policy.knows(toolName(params))
    );
    if (!unknown) return this.#pass(bytes, message);
    return this.#suspend(dense(bytes), message, unknown);
  }

  async #refuseAll(message: Message, error: ProxyError): Promise<void> {
    this.#options.log.warn(error.summary);
    await Promise.all(
      requestsIn(message).map((request) => this.#answer(request, error)),
    );
  }

  /**
   * Passes what is allowed of a message.
   *
   * @param listFailure Why the list of tools could not be had, if it was asked
   * for.
   */
  #pass(
    bytes: Uint8Array,
    message: Message,
    listFailure?: string,
  ): Promise<void> | void {
    const { policy, log } = this.#options;
    const refused = new Set<SingleMessage>();
    const answers: (Promise<void> | void)[] = [];
    for (const request of requestsIn(message)) {
      if (request.method === "tools/list") this.#expectList(request.id);
      if (request.method !== "tools/call") continue;
      const error = policy.refusal(toolName(request.params), listFailure);
      if (!error) continue;
      refused.add(request);
      log.warn(error.summary, { id: request.id.source });
      answers.push(this.#answer(request, error));
    }
    if (refused.size === 0) return this.#link.accept(bytes, message);
    const rest = withoutMessages(bytes, message, (one) => refused.has(one));
    if (rest) answers.push(this.#link.accept(...rest));
    return Promise.all(answers).then(() => {});
  }

  #expectList(id: RequestId): void {
    this.#lists.expect(id);
    this.#changesBefore.set(id.key, this.#options.policy.changes);
  }

  /** Keeps a call until the target has said what its tools are. */
  #suspend(
    bytes: Uint8Array,
    message: Message,
    like: RequestMessage,
  ): Promise<void> {
    const call: Suspended = {
      cancelled: new Set(),
      isAnswered: false,
      message,
    };
    for (const { id } of requestsIn(message)) this.#suspended.set(id.key, call);
    let passed: Promise<void> | void;
    const recorded = this.#background.start(async () => {
      const failure = await this.#recorder.record(
        like.params,
        (params) => this.#own.ask(this.#link, "tools/list", params),
      );
      for (const { id } of requestsIn(message)) this.#suspended.delete(id.key);
      // Not awaited here: the end waits for what is suspended, not for answers.
      if (!call.isAnswered) passed = this.#passKept(bytes, call, failure);
    });
    return recorded.then(() => passed);
  }

  /** Passes what was suspended, but for what the client has cancelled of it. */
  #passKept(
    bytes: Uint8Array,
    { message, cancelled }: Suspended,
    failure: string | undefined,
  ): Promise<void> | void {
    if (cancelled.size === 0) return this.#pass(bytes, message, failure);
    const rest = withoutMessages(
      bytes,
      message,
      (one) => one.kind === "request" && cancelled.has(one.id.key),
    );
    if (rest) return this.#pass(...rest, failure);
  }

  #cancelsSuspended(message: Message): boolean {
    const id = cancelledId(message);
    if (!id) return false;
    this.#lists.cancel(id);
    const call = this.#suspended.get(id.key);
    if (!call) return false;
    call.cancelled.add(id.key);
    return true;
  }

  async #emit(frame: Uint8Array): Promise<void> {
    const { emit, policy } = this.#options;
    const isIdle = this.#lists.isIdle && this.#own.isIdle;
    const mayTellOfChange = policy.usesHints &&
      includesBytes(frame, LIST_CHANGED_END);
    if (isIdle && !mayTellOfChange) return await emit(frame);
    const parts = await partsInTurns(frame);
    if (mayTellOfChange && parts.some(({ message }) => isListChange(message))) {
      policy.forget();
    }
    const rest = this.#own.takeFrom(parts);
    const lists = this.#lists.takeFrom(rest);
    const isAsItWas = lists.size === 0 && rest.length === parts.length;
    if (isAsItWas) return await emit(frame);
    // What is left of an array goes on one by one.
    for (const part of rest) {
      const { bytes } = part;
      await emit(lists.has(part) ? await this.#withoutForbidden(part) : bytes);
    }
  }

  /** The answer to a `tools/list` without what may not be seen. */
  async #withoutForbidden({ message, bytes }: Part): Promise<Uint8Array> {
    if (message.kind !== "response") return bytes;
    const { policy } = this.#options;
    const { id } = message;
    const before = id && this.#changesBefore.get(id.key);
    if (id) this.#changesBefore.delete(id.key);
    const isCurrent = before === policy.changes;
    try {
      return await withoutForbidden(bytes, policy, isCurrent);
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      this.#options.log.warn(error.summary, { id: id?.source });
      return errorFrame(error, id);
    }
  }

  async #answer(
    { id, method, params }: RequestMessage,
    error: ProxyError,
  ): Promise<void> {
    const { emit, observer } = this.#options;
    observer?.refused(error, { method, params, requests: [id] });
    await emit(errorFrame(error, id)).catch(() => {});
  }

  async drain(patience: AbortSignal): Promise<void> {
    // A link that is drained answers what waits here, and that may send more.
    while (!this.#background.isIdle && !patience.aborted) {
      await untilAborted(this.#background.idle(), patience);
    }
    const error = shuttingDown(false);
    for (const call of new Set(this.#suspended.values())) {
      call.isAnswered = true;
      for (const request of requestsIn(call.message)) {
        if (call.cancelled.has(request.id.key)) continue;
        void this.#answer(request, error);
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
  return singlesOf(message).some((one) =>
    one.kind === "notification" && one.method === "tools/call"
  );
}

interface Suspended {
  /** The requests in it that the client has cancelled. */
  readonly cancelled: Set<string>;
  isAnswered: boolean;
  readonly message: Message;
}

function requestsIn(message: Message): RequestMessage[] {
  return singlesOf(message).filter((one) => one.kind === "request");
}

function callsIn(message: Message): RequestMessage[] {
  return requestsIn(message).filter(({ method }) => method === "tools/call");
}
