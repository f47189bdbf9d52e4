/**
 * Calls whose result may ask for input (MCP 2026-07-28, "Multi Round-Trip
 * Requests"), on behalf of a client that knows requests of the server instead:
 * what is asked goes to the client, and its answers go into the retry.
 *
 * @module
 */

import { ProxyError } from "../../errors.ts";
import { errorFrame } from "../transport/failure.ts";
import { type Emit, rpcErrorFrame } from "../transport/link.ts";
import {
  isObject,
  type RequestId,
  requestId,
  type RequestMessage,
  type ResponseMessage,
} from "../wire/message.ts";
import {
  insertMembers,
  memberAt,
  memberNamed,
  replaceRange,
  whole,
} from "../wire/splice.ts";

/** What {@linkcode InputRounds} are handed. */
export interface InputRoundsOptions {
  /** Writes one frame to the client. */
  readonly emit: Emit;
  /** Sends a request to the target. */
  readonly send: (bytes: Uint8Array, request: RequestMessage) => void;
  /** Cancels a request at the target. */
  readonly cancel: (id: RequestId) => void;
  /** Whether the client said that it can answer such a request. */
  readonly mayAsk: (method: string) => boolean;
}

/** Requests whose result may ask for input. */
const ASKING_METHODS = new Set(["tools/call", "prompts/get", "resources/read"]);

/** More rounds than any dialogue has. */
const MAX_ROUNDS = 10;

/** The pace of rounds that bring a state and ask for nothing. */
const STATE_PACE_MS = 250;

interface Call {
  readonly request: RequestMessage;
  readonly bytes: Uint8Array;
  /** The ID of the present round. */
  current: RequestId;
  rounds: number;
  /** What the client is asked, by the key of the request to it. */
  readonly asked: Map<string, Asked>;
  /** The state to echo, as JSON. */
  state: string | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
}

interface Asked {
  readonly id: RequestId;
  /** The target's name for it. */
  readonly name: string;
  /** The client's result, as JSON. */
  answer: string | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Calls under way, over as many rounds as they take. */
export class InputRounds {
  readonly #options: InputRoundsOptions;
  /** By the ID that the client gave. */
  readonly #calls = new Map<string, Call>();
  /** By the ID of the present round. */
  readonly #rounds = new Map<string, Call>();
  /** By the ID of what the client is asked. */
  readonly #asked = new Map<string, Call>();
  #count = 0;

  constructor(options: InputRoundsOptions) {
    this.#options = options;
  }

  /** Notes a request that is about to be sent. */
  begin(bytes: Uint8Array, request: RequestMessage): void {
    if (!ASKING_METHODS.has(request.method)) return;
    const call: Call = {
      request,
      // A copy: these bytes may be a small part of what was read.
      bytes: bytes.slice(),
      current: request.id,
      rounds: 0,
      asked: new Map(),
      state: undefined,
      timer: undefined,
    };
    this.#calls.set(request.id.key, call);
    this.#rounds.set(request.id.key, call);
  }

  /**
   * Takes an answer of the target's: what the client is to be given,
   * `undefined` for nothing yet.
   */
  receive(
    frame: Uint8Array,
    { id, result }: ResponseMessage,
  ): Uint8Array | undefined {
    const call = id && this.#rounds.get(id.key);
    if (!call || !id) return frame;
    this.#rounds.delete(id.key);
    if (isObject(result) && result.resultType === "input_required") {
      this.#nextRound(call, frame, result);
      return undefined;
    }
    this.#forget(call);
    const place = memberNamed("id", frame, whole(frame));
    if (!place || call.current === call.request.id) return frame;
    return replaceRange(frame, place, call.request.id.source);
  }

  #nextRound(
    call: Call,
    frame: Uint8Array,
    { inputRequests }: Record<string, unknown>,
  ): void {
    if (++call.rounds > MAX_ROUNDS) {
      return this.#fail(
        call,
        `the target asked for input more than ${MAX_ROUNDS} times`,
      );
    }
    const state = memberAt(frame, ["result", "requestState"]);
    call.state = state && sourceOf(frame, state);
    call.asked.clear();
    const wanted = isObject(inputRequests) ? Object.entries(inputRequests) : [];
    if (wanted.length === 0) {
      call.timer = setTimeout(() => this.#retry(call), STATE_PACE_MS);
      return;
    }
    const cannot = wanted.find(([, request]) => !this.#canAsk(request));
    if (cannot) {
      const method = isObject(cannot[1]) ? cannot[1].method : undefined;
      return this.#fail(
        call,
        `the target asks for ${method}, which the client did not say that it can do`,
      );
    }
    for (const [name, request] of wanted) {
      if (isObject(request)) this.#ask(call, frame, name, request);
    }
  }

  #canAsk(request: unknown): boolean {
    return isObject(request) && typeof request.method === "string" &&
      this.#options.mayAsk(request.method);
  }

  #ask(
    call: Call,
    frame: Uint8Array,
    name: string,
    { method }: Record<string, unknown>,
  ): void {
    const id = this.#freshId("input");
    const asked: Asked = { id, name, answer: undefined };
    call.asked.set(id.key, asked);
    this.#asked.set(id.key, call);
    const range = memberAt(frame, ["result", "inputRequests", name, "params"]);
    const params = range ? `,"params":${sourceOf(frame, range)}` : "";
    this.#emit(encoder.encode(
      `{"jsonrpc":"2.0","id":${id.source},"method":${
        JSON.stringify(method)
      }${params}}`,
    ));
  }

  /** Takes an answer of the client's; false when nothing here asked for it. */
  answer(bytes: Uint8Array, { id, error }: ResponseMessage): boolean {
    const call = id && this.#asked.get(id.key);
    const asked = id && call?.asked.get(id.key);
    if (!call || !id || !asked) return false;
    this.#asked.delete(id.key);
    if (error) {
      this.#withdraw(call);
      this.#forget(call);
      this.#emit(rpcErrorFrame(call.request.id, error));
      return true;
    }
    const range = memberNamed("result", bytes, whole(bytes));
    asked.answer = range ? sourceOf(bytes, range) : "{}";
    const isComplete = [...call.asked.values()]
      .every(({ answer }) => answer !== undefined);
    if (isComplete) this.#retry(call);
    return true;
  }

  /** The call once more, under a new ID, with the answers and the state. */
  #retry(call: Call): void {
    const { request, bytes, state } = call;
    call.timer = undefined;
    const answers = [...call.asked.values()]
      .map(({ name, answer }) => `${JSON.stringify(name)}:${answer}`);
    const members = [
      ...(answers.length > 0 ? [`"inputResponses":{${answers}}`] : []),
      ...(state === undefined ? [] : [`"requestState":${state}`]),
    ];
    call.current = this.#freshId("retry");
    this.#rounds.set(call.current.key, call);
    const place = memberNamed("id", bytes, whole(bytes));
    const renamed = place
      ? replaceRange(bytes, place, call.current.source)
      : bytes;
    const params = memberAt(renamed, ["params"]);
    const frame = params && members.length > 0
      ? insertMembers(renamed, params, members.join(","))
      : renamed;
    this.#options.send(frame, { ...request, id: call.current });
  }

  /** Ends a call that the client has cancelled; false when it is none here. */
  cancel(id: RequestId): boolean {
    const call = this.#calls.get(id.key);
    if (!call) return false;
    const isUnderWay = this.#rounds.has(call.current.key);
    this.#withdraw(call);
    this.#forget(call);
    if (isUnderWay) this.#options.cancel(call.current);
    return true;
  }

  /** Tells the client that what it was asked is not wanted any more. */
  #withdraw({ asked }: Call): void {
    for (const { id, answer } of asked.values()) {
      if (answer !== undefined || !this.#asked.has(id.key)) continue;
      this.#emit(encoder.encode(
        `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id.source}}}`,
      ));
    }
  }

  #forget(call: Call): void {
    clearTimeout(call.timer);
    this.#calls.delete(call.request.id.key);
    this.#rounds.delete(call.current.key);
    for (const key of call.asked.keys()) this.#asked.delete(key);
  }

  #fail(call: Call, message: string): void {
    this.#forget(call);
    const error = new ProxyError("bad-answer", message);
    this.#emit(errorFrame(error, call.request.id));
  }

  /** Answers the calls that wait for the client, which will not answer any more. */
  end(error: ProxyError): void {
    for (const call of [...this.#calls.values()]) {
      if (this.#rounds.has(call.current.key)) continue;
      this.#forget(call);
      this.#emit(errorFrame(error, call.request.id));
    }
  }

  #freshId(kind: string): RequestId {
    const id = requestId(`sigv4-proxy:${kind}:${++this.#count}`);
    if (!id) throw new TypeError("a string is a request ID");
    return id;
  }

  #emit(frame: Uint8Array): void {
    void this.#options.emit(frame).catch(() => {});
  }
}

function sourceOf(
  text: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
): string {
  return decoder.decode(text.subarray(start, end));
}
