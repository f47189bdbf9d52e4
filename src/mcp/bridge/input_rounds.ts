/**
 * Calls whose result may ask for input (MCP 2026-07-28, "Multi Round-Trip
 * Requests"), on behalf of a client that knows requests of the server instead:
 * what is asked goes to the client, and its answers go into the retry.
 */

import { ProxyError } from "../../errors.ts";
import { asObject } from "../../json.ts";
import { errorFrame } from "../transport/own_error.ts";
import { notifyCancelled, rpcErrorFrame } from "../transport/link.ts";
import { OwnRequests } from "../transport/awaited.ts";
import {
  type RequestId,
  type RequestMessage,
  type ResponseMessage,
  stringId,
} from "../wire/message.ts";
import {
  insertMembers,
  memberAt,
  sourceOf,
  valueInResult,
} from "../wire/splice.ts";
import { withId } from "../wire/answers.ts";
import { ASKING_METHODS, type BridgeContext, canBeAsked } from "./context.ts";

/** More rounds than any dialogue has. */
const MAX_ROUNDS = 10;

/** How many questions may wait for the client at once, of all calls together. */
const MAX_QUESTIONS = 256;

/** The pace of rounds that bring a state and ask for nothing. */
const STATE_PACE_MS = 250;

interface Call {
  readonly request: RequestMessage;
  readonly bytes: Uint8Array;
  /** The ID of the present round. */
  current: RequestId;
  rounds: number;
  /** What the client was last asked. */
  asked: RequestId[];
  timer?: ReturnType<typeof setTimeout>;
}

export class InputRounds {
  readonly #context: BridgeContext;
  readonly #capabilities: () => unknown;
  readonly #questions: OwnRequests;
  /** By the ID that the client gave. */
  readonly #calls = new Map<string, Call>();
  /** Those that the target is to answer, by the ID of the present round. */
  readonly #rounds = new Map<string, Call>();
  #retries = 0;
  /** Why nobody is asked any more. */
  #ended: ProxyError | undefined;

  constructor(context: BridgeContext, capabilities: () => unknown) {
    this.#context = context;
    this.#capabilities = capabilities;
    const client = { accept: context.emit };
    this.#questions = new OwnRequests("sigv4-proxy:input", client);
  }

  begin(bytes: Uint8Array, request: RequestMessage): void {
    const { id, method } = request;
    if (!ASKING_METHODS.has(method)) return;
    // A copy: these bytes may be a small part of what was read.
    const own = bytes.slice();
    const call = { request, bytes: own, current: id, rounds: 0, asked: [] };
    this.#calls.set(id.key, call);
    this.#rounds.set(id.key, call);
  }

  /** What the client is given of an answer; `undefined` for nothing yet. */
  receive(frame: Uint8Array, answer: ResponseMessage): Uint8Array | undefined {
    const call = answer.id && this.#rounds.get(answer.id.key);
    if (!call) return frame;
    this.#rounds.delete(call.current.key);
    const type = valueInResult(answer, frame, ["resultType"]);
    if (type === "input_required") {
      void this.#nextRound(call, frame, answer);
      return undefined;
    }
    this.#forget(call);
    const { id } = call.request;
    return call.current === id ? frame : withId(frame, id);
  }

  async #nextRound(
    call: Call,
    frame: Uint8Array,
    answer: ResponseMessage,
  ): Promise<void> {
    const requests = valueInResult(answer, frame, ["inputRequests"]);
    const wanted = Object.entries(asObject(requests));
    const methods = wanted.map(([, request]) => asObject(request).method);
    const fault = this.#ended ?? this.#faultOf(call, methods);
    if (fault) return this.#end(call, errorFrame(fault, call.request.id));
    const state = memberAt(frame, ["result", "requestState"]);
    const members = state ? [`"requestState":${sourceOf(frame, state)}`] : [];
    if (wanted.length === 0) {
      call.timer = setTimeout(() => this.#retry(call, members), STATE_PACE_MS);
      return;
    }
    call.asked = [];
    const given = await Promise.all(
      wanted.map(([name], at) => this.#ask(call, frame, name, methods[at])),
    );
    if (this.#calls.get(call.request.id.key) !== call) return;
    this.#retry(call, [`"inputResponses":{${given}}`, ...members]);
  }

  /** Why the client cannot be asked what the target wants to know. */
  #faultOf(call: Call, methods: readonly unknown[]): ProxyError | undefined {
    if (++call.rounds > MAX_ROUNDS) {
      return new ProxyError(
        "bad-answer",
        `the target asked for input more than ${MAX_ROUNDS} times`,
      );
    }
    const pending = this.#questions.size;
    if (pending + methods.length > MAX_QUESTIONS) {
      return new ProxyError(
        "overloaded",
        `the target asks for ${methods.length} inputs of the client, which ${pending} others wait for; ${MAX_QUESTIONS} at once are the most`,
      );
    }
    const cannot = methods.findIndex((method) =>
      !canBeAsked(method, this.#capabilities())
    );
    if (cannot < 0) return undefined;
    return new ProxyError(
      "bad-answer",
      `the target asks for ${
        methods[cannot]
      }, which the client did not say that it can do`,
    );
  }

  /** Asks the client; its answer as a member of `inputResponses`. */
  async #ask(
    call: Call,
    frame: Uint8Array,
    name: string,
    method: unknown,
  ): Promise<string> {
    const id = this.#questions.nextId();
    call.asked.push(id);
    const place = memberAt(frame, ["result", "inputRequests", name, "params"]);
    const params = place && sourceOf(frame, place);
    const [{ error }, bytes] = await this.#questions
      .askFor(String(method), params, id);
    if (error) {
      this.#withdraw(call);
      this.#end(call, rpcErrorFrame(call.request.id, error));
    }
    const result = memberAt(bytes, ["result"]);
    return `${JSON.stringify(name)}:${result ? sourceOf(bytes, result) : "{}"}`;
  }

  /** Takes an answer of the client's; false when nothing here asked for it. */
  answer(bytes: Uint8Array, answer: ResponseMessage): boolean {
    return this.#questions.take(answer, bytes);
  }

  /** The call once more, under a new ID, with the answers and the state. */
  #retry(call: Call, members: readonly string[]): void {
    const id = call.current = stringId(`sigv4-proxy:retry:${++this.#retries}`);
    this.#rounds.set(id.key, call);
    const renamed = withId(call.bytes, id);
    const params = memberAt(renamed, ["params"]);
    const frame = params && members.length > 0
      ? insertMembers(renamed, params, members.join(","))
      : renamed;
    this.#context.link.accept(frame, { ...call.request, id });
  }

  /** Ends a call that the client has cancelled; false when it is none here. */
  cancel(id: RequestId): boolean {
    const call = this.#calls.get(id.key);
    if (!call) return false;
    const isSent = this.#rounds.has(call.current.key);
    this.#withdraw(call);
    this.#forget(call);
    if (isSent) notifyCancelled(this.#context.link, call.current);
    return true;
  }

  #withdraw({ asked }: Call): void {
    for (const id of asked) this.#questions.cancel(id);
  }

  #forget(call: Call): void {
    clearTimeout(call.timer);
    this.#calls.delete(call.request.id.key);
    this.#rounds.delete(call.current.key);
    for (const id of call.asked) this.#questions.forget(id);
  }

  #end(call: Call, frame: Uint8Array): void {
    this.#forget(call);
    void this.#context.emit(frame);
  }

  /** Answers the calls that wait for the client, which will not answer. */
  end(error: ProxyError): void {
    this.#ended = error;
    for (const call of [...this.#calls.values()]) {
      if (this.#rounds.has(call.current.key)) continue;
      this.#end(call, errorFrame(error, call.request.id));
    }
  }
}
