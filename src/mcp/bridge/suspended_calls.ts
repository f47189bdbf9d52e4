/**
 * Calls in a hidden legacy session, on behalf of a client that knows no requests
 * of the target's: what the target asks within a call becomes the call's
 * result, `input_required`; the stream waits, and the retry's answers go to it.
 */

import type { ProxyError } from "../../errors.ts";
import { asObject } from "../../json.ts";
import type { Exchange } from "../transport/exchange.ts";
import { errorFrame } from "../transport/own_error.ts";
import {
  notifyCancelled,
  resultFrame,
  rpcErrorFrame,
  send,
} from "../transport/link.ts";
import { META, metaOf } from "../wire/era.ts";
import type { RequestId, RequestMessage } from "../wire/message.ts";
import { memberAt, sourceOf } from "../wire/splice.ts";
import { withId } from "../wire/answers.ts";
import { ASKING_METHODS, type BridgeContext, canBeAsked } from "./context.ts";

const MAX_SUSPENDED = 64;

/** How many questions of one call may wait for the client at once. */
const MAX_QUESTIONS = 64;

const SUSPENDED_MS = 10 * 60_000;

/** A request of the client's in the hidden session. */
export interface Call {
  readonly method: string;
  /** The ID under which the target knows it. */
  readonly id: RequestId;
  /** The client's request that waits for it now; none while it is suspended. */
  waiting?: RequestId;
  readonly capabilities: unknown;
  /**
   * What the target asks, by the name that the client is given: the target's
   * ID, and the request without its envelope, as JSON.
   */
  readonly questions: Map<string, { id: RequestId; source: string }>;
  exchange?: Exchange;
  /** The name of the suspended call; unguessable. */
  state?: string;
  timer?: ReturnType<typeof setTimeout>;
  /** The answer, when it came although a question was open. */
  answer?: Uint8Array;
}

export class SuspendedCalls {
  readonly #context: BridgeContext;
  readonly #calls = new Map<string, Call>();
  readonly #suspended = new Map<string, Call>();
  #asked = 0;
  #isEnding = false;

  constructor(context: BridgeContext) {
    this.#context = context;
  }

  /** @returns The ID for the target: its own, unless another call has that. */
  begin({ id: waiting, method, params }: RequestMessage): RequestId {
    const isTaken = this.#calls.has(waiting.key);
    const id = isTaken ? this.#context.own.nextId() : waiting;
    this.#calls.set(id.key, {
      method,
      id,
      waiting,
      capabilities: metaOf(params)[META.clientCapabilities],
      questions: new Map(),
    });
    return id;
  }

  ask(
    { id, method }: RequestMessage,
    frame: Uint8Array,
    exchange: Exchange | undefined,
  ): void {
    if (method === "ping") {
      return send(this.#context.link, resultFrame(id, "{}"));
    }
    const [asker] = exchange?.requests ?? [];
    const call = asker && this.#calls.get(asker.key);
    const refusal = this.#refusal(method, call);
    if (!call || refusal !== undefined) {
      return this.#refuse(id, refusal ?? "no call is under way");
    }
    call.exchange = exchange;
    const params = memberAt(frame, ["params"]);
    const rest = params ? `,"params":${sourceOf(frame, params)}` : "";
    const source = `{"method":${JSON.stringify(method)}${rest}}`;
    call.questions.set(`input-${++this.#asked}`, { id, source });
    this.#suspendSoon(call);
  }

  /** What the target asks in one breath is asked of the client at once. */
  #suspendSoon(call: Call): void {
    const { waiting, questions } = call;
    if (!waiting || call.state !== undefined) return;
    const state = call.state = crypto.randomUUID();
    this.#suspended.set(state, call);
    call.timer = setTimeout(() => {
      call.exchange?.pause();
      call.waiting = undefined;
      call.timer = setTimeout(() => this.#expire(call), SUSPENDED_MS);
      const requests = [...questions]
        .map(([name, { source }]) => `${JSON.stringify(name)}:${source}`);
      void this.#context.emit(resultFrame(
        waiting,
        `{"resultType":"input_required","inputRequests":{${requests}},"requestState":"${state}"}`,
      ));
    }, 0);
  }

  #refusal(method: string, call: Call | undefined): string | undefined {
    if (this.#isEnding) return "the client is gone";
    const canAsk = call && ASKING_METHODS.has(call.method) &&
      canBeAsked(method, call.capabilities);
    if (!canAsk) return `the client cannot be asked ${method} here`;
    if (call.questions.size >= MAX_QUESTIONS) {
      return `${MAX_QUESTIONS} questions of this call wait for the client`;
    }
    const isFull = call.state === undefined &&
      this.#suspended.size >= MAX_SUSPENDED;
    return isFull ? `${MAX_SUSPENDED} calls wait for their client` : undefined;
  }

  /** The client's retry: its answers go to the target, and it waits. */
  resume(
    bytes: Uint8Array,
    { id, method, params }: RequestMessage,
  ): Promise<void> | void {
    const { emit, link } = this.#context;
    const { requestState } = asObject(params);
    const call = this.#suspended.get(
      typeof requestState === "string" ? requestState : "",
    );
    if (!call || call.method !== method) {
      const message =
        "requestState names no call that waits: it is unknown, was used, or waited too long";
      return emit(rpcErrorFrame(id, { code: -32602, message }));
    }
    this.#wake(call);
    call.waiting = id;
    call.exchange?.resume();
    for (const [name, question] of [...call.questions]) {
      const given = memberAt(bytes, ["params", "inputResponses", name]);
      if (!given) continue;
      call.questions.delete(name);
      send(link, resultFrame(question.id, sourceOf(bytes, given)));
    }
    if (call.answer) {
      this.#forget(call);
      return emit(withId(call.answer, id));
    }
    // What was left unanswered is asked again.
    if (call.questions.size > 0) this.#suspendSoon(call);
  }

  get({ key }: RequestId): Call | undefined {
    return this.#calls.get(key);
  }

  /** The answer as the client is to have it; nothing yet of a suspended call. */
  finish(call: Call, answer: Uint8Array): Uint8Array | undefined {
    const { id, waiting } = call;
    if (waiting === undefined) {
      call.answer = answer;
      return undefined;
    }
    this.#forget(call);
    return waiting === id ? answer : withId(answer, waiting);
  }

  /** Ends the call that a request of the client's waits for. */
  cancel(id: RequestId): void {
    const call = [...this.#calls.values()]
      .find(({ waiting }) => waiting?.key === id.key);
    if (call) this.#abort(call);
  }

  #expire(call: Call): void {
    const { method, questions } = call;
    this.#context.log.warn("a call waited too long for its client", { method });
    for (const { id } of questions.values()) {
      this.#refuse(id, "the client did not answer in time");
    }
    this.#abort(call);
  }

  #abort(call: Call): void {
    this.#forget(call);
    notifyCancelled(this.#context.link, call.id);
  }

  #wake(call: Call): void {
    clearTimeout(call.timer);
    if (call.state !== undefined) this.#suspended.delete(call.state);
    call.state = undefined;
  }

  #forget(call: Call): void {
    this.#wake(call);
    this.#calls.delete(call.id.key);
  }

  /** Gives up the calls whose client will not answer any more. */
  end(error: ProxyError): void {
    this.#isEnding = true;
    for (const call of [...this.#suspended.values()]) {
      this.#abort(call);
      if (!call.waiting) continue;
      void this.#context.emit(errorFrame(error, call.waiting));
    }
  }

  #refuse(id: RequestId, why: string): void {
    const { link, log } = this.#context;
    log.info("refused a request of the target's", { why });
    send(link, rpcErrorFrame(id, { code: -32601, message: why }));
  }
}
