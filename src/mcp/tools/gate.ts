/** The layer that keeps tools from being seen and called. */

import { messageOf, ProxyError } from "../../errors.ts";
import { asObject } from "../../json.ts";
import type { Log } from "../../log/log.ts";
import { orAborted, untilAborted } from "../../time.ts";
import {
  AwaitedAnswers,
  Background,
  OwnRequests,
} from "../transport/awaited.ts";
import { errorFrame, shuttingDown } from "../transport/own_error.ts";
import {
  cancelledId,
  type Emit,
  type Link,
  type Part,
  partsInTurns,
  passAllowed,
  refuse,
  type Refusing,
  withoutMessages,
} from "../transport/link.ts";
import { SessionExpiredError } from "../transport/retry.ts";
import { dense, includesBytes } from "../wire/bytes.ts";
import { metaLike } from "../wire/era.ts";
import type { SessionHeaders } from "../wire/headers.ts";
import {
  isCall,
  type RequestId,
  type RequestMessage,
  requestsOf,
  type ResponseMessage,
  type SingleMessage,
  singlesOf,
  type ValidMessage,
} from "../wire/message.ts";
import { ambiguitiesIn } from "./ambiguity.ts";
import { isListChange, withoutForbidden } from "./list.ts";
import { toolName, type ToolPolicy, unansweredCall } from "./policy.ts";
import { type AskForTools, recordTools } from "./recorder.ts";

/** How many lists of one ID are awaited at once; the oldest go first. */
const MAX_ALIKE = 16;

/**
 * Has a last look at calls before they are sent: what allowed them may have been
 * said in a session that is gone.
 */
export type CallGuard = Pick<ToolGate, "sessionBegan" | "refusals">;

export interface ToolGateOptions extends Refusing {
  readonly policy: ToolPolicy;
  readonly log: Log;
  /** What lies behind, handed the gate's emit and what has a last look. */
  readonly link: (emit: Emit, guard: CallGuard | undefined) => Link;
}

/** How `notifications/…/list_changed` ends: the slashes may be escaped. */
const LIST_CHANGED_END = new TextEncoder().encode("_changed");

export class ToolGate implements Link {
  readonly #options: ToolGateOptions;
  readonly #link: Link;
  /** How often the tools had changed when each list of an ID was asked for. */
  readonly #lists = new AwaitedAnswers<readonly number[]>();
  readonly #own: OwnRequests;
  /** Requests that wait for the list of tools. */
  readonly #suspended = new Set<RequestMessage>();
  readonly #background: Background;
  /** Lists that are being fetched, by where they are fetched. */
  readonly #listings = new Map<unknown, Promise<string | undefined>>();
  /** Aborted at the end, when no call waits for a list any more. */
  readonly #forNobody = new AbortController();
  #hasSession = false;
  #isDrained = false;

  constructor(options: ToolGateOptions) {
    this.#options = options;
    this.#background = new Background(options.log);
    // Names are known for good; only what tools say of themselves may change.
    const guard = options.policy.usesHints ? this : undefined;
    this.#link = options.link((frame) => this.#emit(frame), guard);
    this.#own = new OwnRequests("sigv4-proxy:tools", this.#link);
  }

  accept(bytes: Uint8Array, message: ValidMessage): Promise<void> | void {
    const ambiguities = ambiguitiesIn(bytes, message);
    return passAllowed(
      this.#options,
      bytes,
      message,
      (one) => ambiguities.get(one) ?? unansweredCall(one),
      (bytes, message) => this.#passWhenKnown(bytes, message),
    );
  }

  #passWhenKnown(
    bytes: Uint8Array,
    message: ValidMessage,
  ): Promise<void> | void {
    const cancelled = cancelledId(message);
    if (cancelled) {
      this.#lists.cancel(cancelled);
      const suspended = this.#suspendedAs(cancelled);
      if (suspended) return void this.#suspended.delete(suspended);
    }
    const unknown = singlesOf(message).filter(isCall)
      .find(({ params }) => !this.#options.policy.knows(toolName(params)));
    if (!unknown) return this.#pass(bytes, message);
    return this.#suspend(dense(bytes), message, unknown);
  }

  /** Passes what is allowed of a message. */
  #pass(
    bytes: Uint8Array,
    message: ValidMessage,
    listFailure?: string,
  ): Promise<void> | void {
    const { policy } = this.#options;
    for (const { id, method } of requestsOf(message)) {
      if (method !== "tools/list") continue;
      const others = this.#lists.take(id)?.slice(-MAX_ALIKE) ?? [];
      this.#lists.expect(id, [...others, policy.changes]);
    }
    return passAllowed(
      this.#options,
      bytes,
      message,
      (one) =>
        isCall(one)
          ? policy.refusalAnywhere(toolName(one.params), listFailure)
          : undefined,
      (...rest) => this.#link.accept(...rest),
    );
  }

  /** Keeps a call until the target has said what its tools are. */
  #suspend(
    bytes: Uint8Array,
    message: ValidMessage,
    like: RequestMessage,
  ): Promise<void> {
    const requests = requestsOf(message);
    for (const one of requests) this.#suspended.add(one);
    let passed: Promise<void> | void;
    const recorded = this.#background.start(async () => {
      const failure = await this.#record(
        JSON.stringify(metaLike(like.params)),
        like.params,
        (params) =>
          orAborted(
            this.#own.askFor("tools/list", JSON.stringify(params)),
            this.#forNobody.signal,
          ),
      );
      if (this.#isDrained) return;
      const left = requests.filter((one) => this.#suspended.delete(one));
      const rest = withoutMessages(
        bytes,
        message,
        (one) => one.kind === "request" && !left.includes(one),
      );
      // Not awaited here: the end waits for what is suspended, not for answers.
      if (rest) passed = this.#pass(...rest, failure);
    });
    return recorded.then(() => passed);
  }

  /** A session has begun: what was said in another one does not hold in it. */
  sessionBegan(): void {
    const { policy } = this.#options;
    // A list that waits for the first session need not be fetched anew.
    if (this.#hasSession || !policy.isEmpty) policy.forget();
    this.#hasSession = true;
  }

  /** The calls of a message that may not be sent in a session, and why. */
  async refusals(
    message: ValidMessage,
    session: SessionHeaders,
    ask: AskForTools,
  ): Promise<ReadonlyMap<SingleMessage, ProxyError>> {
    const { policy } = this.#options;
    const refused = new Map<SingleMessage, ProxyError>();
    for (const call of singlesOf(message).filter(isCall)) {
      const name = toolName(call.params);
      // Each session is asked for itself: two may be of different accounts.
      const failure = policy.knows(name)
        ? undefined
        : await this.#record(session, call.params, ask);
      const refusal = policy.refusal(name, failure);
      if (refusal) refused.set(call, refusal);
    }
    return refused;
  }

  /** Records the list, once for all calls that have a place in common. */
  #record(
    where: unknown,
    like: unknown,
    ask: AskForTools,
  ): Promise<string | undefined> {
    return this.#listings.getOrInsertComputed(
      where,
      () => this.#list(like, ask).finally(() => this.#listings.delete(where)),
    );
  }

  async #list(like: unknown, ask: AskForTools): Promise<string | undefined> {
    const { policy, log } = this.#options;
    const failure = await recordTools(policy, like, ask).catch((cause) => {
      if (cause instanceof SessionExpiredError) throw cause;
      return messageOf(cause);
    });
    if (failure !== undefined && !this.#forNobody.signal.aborted) {
      log.warn("could not list the tools for the policy");
      log.debug("why the tools could not be listed", { error: failure });
    }
    return failure;
  }

  holds(id: RequestId): boolean {
    return this.#suspendedAs(id) !== undefined ||
      this.#link.holds?.(id) === true;
  }

  #suspendedAs({ key }: RequestId): RequestMessage | undefined {
    return this.#suspended.values().find(({ id }) => id.key === key);
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
    const lists = this.#lists.takeFrom(rest, listsLeft);
    const isAsItWas = lists.size === 0 && rest.length === parts.length;
    if (isAsItWas) return await emit(frame);
    // What is left of an array goes on one by one.
    for (const part of rest) {
      const [changes] = lists.get(part) ?? [];
      await emit(
        changes === undefined ? part.bytes : await this.#shown(part, changes),
      );
    }
  }

  /** The answer to a `tools/list` without what may not be seen. */
  async #shown({ message, bytes }: Part, changes: number): Promise<Uint8Array> {
    const { policy, log } = this.#options;
    try {
      return await withoutForbidden(bytes, message, policy, changes);
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      const id = message.kind === "response" ? message.id : undefined;
      log.warn(error.summary, { id: id?.source });
      return errorFrame(error, id);
    }
  }

  async drain(deadline: AbortSignal): Promise<void> {
    if (this.#suspended.size === 0) {
      this.#own.cancelAll("tools/list");
      this.#forNobody.abort();
    }
    // A link that is drained answers what waits here, and that may send more.
    while (!this.#background.isIdle && !deadline.aborted) {
      await untilAborted(this.#background.settled(), deadline);
    }
    this.#isDrained = true;
    const error = shuttingDown(false);
    for (const request of this.#suspended) {
      void refuse(this.#options, request, error);
    }
    // It may be drained twice.
    this.#suspended.clear();
    await this.#link.drain(deadline);
  }

  close(limitMs: number): Promise<void> {
    return this.#link.close(limitMs);
  }
}

/** Of requests that share an ID, any may be answered first; an error counts. */
function listsLeft(
  lists: readonly number[],
  { result, error }: ResponseMessage,
): readonly number[] | undefined {
  if (!error && !("tools" in asObject(result))) return lists;
  return lists.length > 1 ? lists.slice(0, -1) : undefined;
}
