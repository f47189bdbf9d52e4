/**
 * Calls in a hidden legacy session, on behalf of a client that knows no requests
 * of the target's: what the target asks within a call becomes the call's
 * result, `input_required`; the stream waits, and the retry's answers go to it.
 *
 * @module
 */

import type { ProxyError } from "../../errors.ts";
import type { Log } from "../../log/log.ts";
import { META, metaOf } from "../wire/era.ts";
import type { Exchange } from "../transport/exchange.ts";
import { errorFrame } from "../transport/failure.ts";
import { CAPABILITY_OF } from "./legacy_to_modern.ts";
import {
  type Emit,
  type Link,
  notifyCancelled,
  resultFrame,
  rpcErrorFrame,
} from "../transport/link.ts";
import {
  isObject,
  type RequestId,
  type RequestMessage,
  type ResponseMessage,
  withId,
} from "../wire/message.ts";
import { memberAt } from "../wire/splice.ts";

/** What {@linkcode ParkedCalls} are handed. */
export interface ParkedCallsOptions {
  /** Writes one frame to the client. */
  readonly emit: Emit;
  readonly log: Log;
  readonly link: Link;
}

/** How many calls may wait for their client at once. */
const MAX_PARKED = 64;

/** How long a call may wait for its client. */
const PARKED_MS = 10 * 60_000;

/** Requests whose result may ask for input. */
const ASKING_METHODS = new Set(["tools/call", "prompts/get", "resources/read"]);

const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;

interface Question {
  /** The target's ID. */
  readonly id: RequestId;
  /** The request without its envelope, as JSON. */
  readonly source: string;
}

/** A request of the client's in the hidden session. */
export interface Call {
  readonly method: string;
  /** The ID under which the target knows it. */
  readonly id: RequestId;
  /** The client's request that waits for it now. */
  waiting: RequestId | undefined;
  readonly capabilities: unknown;
  /** What the target asks, by the name that the client is given. */
  readonly questions: Map<string, Question>;
  exchange: Exchange | undefined;
  /** The name of the parked call; unguessable. */
  state: string | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** The answer, when it came although a question was open. */
  answer: Uint8Array | undefined;
}

const decoder = new TextDecoder();

/** Calls under way, some of which wait for their client. */
export class ParkedCalls {
  readonly #options: ParkedCallsOptions;
  /** By the ID under which the target knows it. */
  readonly #calls = new Map<string, Call>();
  /** By the ID under which the client knows it. */
  readonly #waiting = new Map<string, Call>();
  /** By its state. */
  readonly #parked = new Map<string, Call>();
  #asked = 0;
  #isEnding = false;

  constructor(options: ParkedCallsOptions) {
    this.#options = options;
  }

  /** Notes a request that is about to be sent. */
  begin({ id, method, params }: RequestMessage): void {
    const call: Call = {
      method,
      id,
      waiting: id,
      capabilities: metaOf(params)[META.clientCapabilities],
      questions: new Map(),
      exchange: undefined,
      state: undefined,
      timer: undefined,
      answer: undefined,
    };
    this.#calls.set(id.key, call);
    this.#waiting.set(id.key, call);
  }

  /** Whether the ID is that of a call that waits for its client. */
  holds({ key }: RequestId): boolean {
    const call = this.#calls.get(key);
    return call !== undefined && call.waiting?.key !== key;
  }

  /** Takes a request of the target's. */
  ask(
    { id, method }: RequestMessage,
    frame: Uint8Array,
    exchange: Exchange | undefined,
  ): void {
    if (method === "ping") {
      const bytes = resultFrame(id, "{}");
      const result = {};
      return this.#send(bytes, {
        kind: "response",
        id,
        result,
        error: undefined,
      });
    }
    const [asker] = exchange?.requests ?? [];
    const call = asker && this.#calls.get(asker.key);
    const why = this.#cannotAsk(method, call);
    if (!call || why !== undefined) {
      return this.#refuse(id, why ?? "no call is under way");
    }
    call.exchange = exchange;
    const params = memberAt(frame, ["params"]);
    const source = params
      ? `,"params":${decoder.decode(frame.subarray(params.start, params.end))}`
      : "";
    call.questions.set(`input-${++this.#asked}`, {
      id,
      source: `{"method":${JSON.stringify(method)}${source}}`,
    });
    if (call.state === undefined) this.#parkSoon(call);
  }

  /** What the target asks in one breath is asked of the client at once. */
  #parkSoon(call: Call): void {
    call.state = crypto.randomUUID();
    this.#parked.set(call.state, call);
    call.timer = setTimeout(() => this.#park(call), 0);
  }

  #cannotAsk(method: string, call: Call | undefined): string | undefined {
    if (this.#isEnding) return "the client is gone";
    const capability = CAPABILITY_OF[method];
    if (!call || !ASKING_METHODS.has(call.method) || capability === undefined) {
      return `the client cannot be asked ${method} here`;
    }
    const { capabilities } = call;
    if (!isObject(capabilities) || !(capability in capabilities)) {
      return `the client did not declare ${capability}`;
    }
    const isFull = call.state === undefined && this.#parked.size >= MAX_PARKED;
    return isFull ? `${MAX_PARKED} calls wait for their client` : undefined;
  }

  /** Answers the client's request with what the target asks. */
  #park(call: Call): void {
    const { waiting, state, questions } = call;
    if (waiting === undefined || state === undefined) return;
    call.exchange?.hold();
    call.waiting = undefined;
    this.#waiting.delete(waiting.key);
    call.timer = setTimeout(() => this.#expire(call), PARKED_MS);
    const requests = [...questions]
      .map(([name, { source }]) => `${JSON.stringify(name)}:${source}`);
    this.#emit(resultFrame(
      waiting,
      `{"resultType":"input_required","inputRequests":{${requests}},"requestState":"${state}"}`,
    ));
  }

  /** The client's retry: its answers go to the target, and it waits. */
  resume(bytes: Uint8Array, { id, method, params }: RequestMessage): void {
    const given = isObject(params) ? params : {};
    const call = typeof given.requestState === "string"
      ? this.#parked.get(given.requestState)
      : undefined;
    if (!call || call.method !== method) {
      return this.#emit(rpcErrorFrame(id, {
        code: INVALID_PARAMS,
        message:
          "requestState names no call that waits: it is unknown, was used, or waited too long",
      }));
    }
    this.#unpark(call);
    call.waiting = id;
    this.#waiting.set(id.key, call);
    call.exchange?.release();
    const answered = isObject(given.inputResponses) ? given.inputResponses : {};
    for (const [name, question] of [...call.questions]) {
      if (!(name in answered)) continue;
      call.questions.delete(name);
      this.#answerQuestion(bytes, name, question);
    }
    if (call.answer) {
      const { answer } = call;
      this.#forget(call);
      return this.#emit(withId(answer, id));
    }
    if (call.questions.size === 0) return;
    // What was left unanswered is asked again.
    this.#parkSoon(call);
  }

  #answerQuestion(bytes: Uint8Array, name: string, { id }: Question): void {
    const range = memberAt(bytes, ["params", "inputResponses", name]);
    if (!range) return;
    const source = decoder.decode(bytes.subarray(range.start, range.end));
    const result: unknown = JSON.parse(source);
    this.#send(resultFrame(id, source), {
      kind: "response",
      id,
      result,
      error: undefined,
    });
  }

  /** The call that an answer of the target's is for. */
  finish({ id }: ResponseMessage): Call | undefined {
    return id && this.#calls.get(id.key);
  }

  /** The answer as the client's request is to have it; later, if it is parked. */
  give(call: Call, answer: Uint8Array): Uint8Array | undefined {
    if (call.waiting === undefined) {
      call.answer = answer;
      return undefined;
    }
    const { waiting } = call;
    this.#forget(call);
    return withId(answer, waiting);
  }

  /** Ends the call that a request of the client's waits for. */
  cancel(id: RequestId): void {
    const call = this.#waiting.get(id.key);
    if (!call) return;
    this.#forget(call);
    this.#cancelUpstream(call);
  }

  #expire(call: Call): void {
    this.#options.log.warn("a call waited too long for its client", {
      method: call.method,
    });
    this.#forget(call);
    for (const { id } of call.questions.values()) {
      this.#refuse(id, "the client did not answer in time");
    }
    this.#cancelUpstream(call);
  }

  #cancelUpstream(call: Call): void {
    notifyCancelled(this.#options.link, call.id);
  }

  #unpark(call: Call): void {
    clearTimeout(call.timer);
    if (call.state !== undefined) this.#parked.delete(call.state);
    call.state = undefined;
  }

  #forget(call: Call): void {
    this.#unpark(call);
    this.#calls.delete(call.id.key);
    if (call.waiting) this.#waiting.delete(call.waiting.key);
  }

  /** Gives up the calls whose client will not answer any more. */
  end(error: ProxyError): void {
    this.#isEnding = true;
    for (const call of [...this.#calls.values()]) {
      if (call.state === undefined) continue;
      const { waiting } = call;
      this.#forget(call);
      this.#cancelUpstream(call);
      if (waiting) this.#emit(errorFrame(error, waiting));
    }
  }

  #refuse(id: RequestId, why: string): void {
    this.#options.log.info("refused a request of the target's", { why });
    const error = { code: METHOD_NOT_FOUND, message: why, data: undefined };
    this.#send(rpcErrorFrame(id, error), {
      kind: "response",
      id,
      result: undefined,
      error,
    });
  }

  #send(bytes: Uint8Array, message: ResponseMessage): void {
    this.#options.link.accept(bytes, message);
  }

  #emit(frame: Uint8Array): void {
    void this.#options.emit(frame).catch(() => {});
  }
}
