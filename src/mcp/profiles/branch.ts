/** The link of one identity beside the first. */

import { isObject } from "../../json.ts";
import type { Log } from "../../log/log.ts";
import { Background, OwnRequests } from "../transport/awaited.ts";
import { dense } from "../wire/bytes.ts";
import { eraOf } from "../wire/era.ts";
import {
  cancelledId,
  type Emit,
  emitQuietly,
  type Link,
  notify,
  type Part,
  partsInTurns,
  rpcErrorFrame,
} from "../transport/link.ts";
import { causeIn } from "../transport/own_error.ts";
import {
  type RequestId,
  requestIdFromSource,
  type ResponseMessage,
  type RpcError,
  stringId,
  type ValidMessage,
} from "../wire/message.ts";
import { memberAt, replaceRange, taskIdIn } from "../wire/splice.ts";
import { answerTo, withId } from "../wire/answers.ts";
import type { IdentitySelection } from "./argument.ts";
import { IdleTimer } from "../../time.ts";

/** What the client has said that holds for each of its sessions. */
export interface ClientState {
  initialize?: unknown;
  logLevel?: unknown;
}

export interface LinkMaker {
  readonly selection: IdentitySelection;
  /**
   * Makes the link of an identity, by default of the first. An answer that it
   * does not hand to `emit` it tells of by its ID.
   */
  readonly link: (
    identity: string | undefined,
    emit: Emit,
    onAnswer: (id: RequestId) => void,
  ) => Link;
}

export interface IdentityBranchOptions extends LinkMaker {
  readonly emit: Emit;
  readonly log: Log;
  readonly identity: string;
  readonly client: ClientState;
  /** Is called when nobody has needed it for as long as the selection says. */
  readonly onIdle: () => void;
  /** Hears of each answer to the client, and the task that it tells of. */
  readonly onAnswer: (id: RequestId, taskId?: string) => void;
}

const SET_LEVEL = "logging/setLevel";

export class IdentityBranch implements Link {
  readonly #options: IdentityBranchOptions;
  readonly #link: Link;
  readonly #own: OwnRequests;
  readonly #background: Background;
  /** The client's requests that are not answered yet: whether they were sent. */
  readonly #pending = new Map<string, boolean>();
  /** Aborted when a session is opened for nobody. */
  readonly #forNobody = new AbortController();
  readonly #idle: IdleTimer | undefined;
  /** A session that is opened, or has been; resolves to the error, if any. */
  #opening:
    | { params: unknown; failure: Promise<RpcError | undefined> }
    | undefined;
  /** Whether there is a session; before, nothing of it need be changed. */
  #isOpen = false;
  /** Whether the client has said all that it has to say. */
  #isEnding = false;

  constructor(options: IdentityBranchOptions) {
    this.#options = options;
    this.#background = new Background(options.log);
    const { identity, selection: { limits } } = options;
    this.#idle = limits && new IdleTimer(limits.idleMs, options.onIdle);
    this.#link = options.link(
      identity,
      (frame) => this.#emit(frame),
      (id) => this.#answered(id),
    );
    this.#own = new OwnRequests(`sigv4-proxy:${identity}`, this.#link);
  }

  accept(bytes: Uint8Array, message: ValidMessage): Promise<void> | void {
    const cancelled = cancelledId(message);
    if (cancelled) {
      const isSent = this.#pending.get(cancelled.key);
      this.#forget(cancelled);
      // A call that is cancelled before it was sent never is.
      if (isSent === false) return;
    }
    if (message.kind === "response") return this.#acceptAnswer(bytes, message);
    if (message.kind !== "request") return this.#link.accept(bytes, message);
    const { id } = message;
    const isModern = eraOf(message) === "modern";
    this.#pending.set(id.key, isModern);
    this.#idle?.stop();
    // It needs no session, not even where an `initialize` was refused before.
    if (isModern) return this.#link.accept(bytes, message);
    let sent: Promise<void> | void;
    const frame = dense(bytes);
    const ready = this.#background.start(async () => {
      const error = await this.#whenOpen();
      if (!this.#pending.has(id.key)) return;
      if (error) {
        this.#answered(id);
        const { emit, identity, selection } = this.#options;
        const told = notOpened(selection.nameOf(identity), error);
        return await emitQuietly(emit, rpcErrorFrame(id, told));
      }
      this.#pending.set(id.key, true);
      // Not awaited here: the end waits for the session, not for answers.
      sent = this.#link.accept(frame, message);
    });
    return ready.then(() => sent);
  }

  /** The client's answer to what the target asked here. */
  #acceptAnswer(
    bytes: Uint8Array,
    answer: ResponseMessage,
  ): Promise<void> | void {
    const id = answer.id && this.originalId(answer.id);
    if (id) return this.#link.accept(withId(bytes, id), answerTo(id, answer));
  }

  get isBusy(): boolean {
    return this.#pending.size > 0;
  }

  #forget({ key }: RequestId): void {
    this.#pending.delete(key);
    if (!this.isBusy && !this.#isEnding) this.#idle?.touch();
  }

  #answered(id: RequestId, taskId?: string): void {
    this.#forget(id);
    this.#options.onAnswer(id, taskId);
    this.#endIfIdle();
  }

  /**
   * Waits for the session that the client's latest `initialize` asks for, and
   * opens it where it is not there; resolves to the error if that fails.
   */
  async #whenOpen(): Promise<RpcError | undefined> {
    const params = this.#options.client.initialize;
    // The target is to say itself what it makes of a call before that.
    if (params === undefined) return undefined;
    if (this.#opening?.params !== params) {
      this.#opening = { params, failure: this.#initialise(params) };
    }
    return await this.#opening.failure;
  }

  async #initialise(params: unknown): Promise<RpcError | undefined> {
    const { error } = await this.#own.ask("initialize", params);
    if (error) {
      // Another may have begun meanwhile, which this does not concern.
      if (this.#opening?.params === params) this.#opening = undefined;
      return error;
    }
    this.#isOpen = true;
    this.notify("notifications/initialized");
    // No call waits for it, so nor does the end.
    void this.setLogLevel();
  }

  /** Tells the target something in the session, if there is one. */
  notify(method: string, params?: unknown): void {
    if (this.#isOpen) notify(this.#link, method, params);
  }

  /** Sets the client's log level in the session, if there is one. */
  async setLogLevel(): Promise<void> {
    const { log, identity, client: { logLevel: level } } = this.#options;
    if (!this.#isOpen || level === undefined || this.#isOver) return;
    const { error } = await this.#own.ask(SET_LEVEL, { level });
    if (!error) return;
    const { code } = error;
    const message = "could not set the log level for another identity";
    log.warn(message, { identity, code });
  }

  async #emit(frame: Uint8Array): Promise<void> {
    // The client sent no batch over this link that an array could answer.
    for (const part of await partsInTurns(frame)) {
      const given = this.#given(part);
      if (given) await this.#options.emit(given);
    }
  }

  /** What the client is given of a message of the target's, if anything. */
  #given({ message, bytes }: Part): Uint8Array | undefined {
    if (message.kind === "response") {
      if (this.#own.take(message, bytes)) return undefined;
      if (message.id) this.#answered(message.id, taskIdIn(message, bytes));
      return bytes;
    }
    if (message.kind === "request") {
      // Servers number their requests alike, so each link has its own numbers.
      return withId(bytes, this.#foreignId(message.id));
    }
    const id = cancelledId(message);
    const place = id && memberAt(bytes, ["params", "requestId"]);
    if (!place) return bytes;
    return replaceRange(bytes, place, this.#foreignId(id).source);
  }

  get #prefix(): string {
    const { identity, selection: { prefix } } = this.#options;
    return `${prefix}:${identity}:`;
  }

  /** The ID under which the client knows a request of the target's. */
  #foreignId({ source }: RequestId): RequestId {
    return stringId(this.#prefix + source);
  }

  /** The ID under which the target knows it; `undefined` if it is not its own. */
  originalId({ key }: RequestId): RequestId | undefined {
    const start = `s:${this.#prefix}`;
    if (!key.startsWith(start)) return undefined;
    return requestIdFromSource(key.slice(start.length));
  }

  holds(id: RequestId): boolean {
    return this.#link.holds?.(id) === true;
  }

  async drain(deadline: AbortSignal): Promise<void> {
    this.#isEnding = true;
    this.#idle?.stop();
    this.#endIfIdle();
    const { signal } = this.#forNobody;
    await this.#link.drain(AbortSignal.any([deadline, signal]));
    await this.#background.settled();
    await this.#link.drain(deadline);
  }

  /** Whether the client has gone, and waits for nothing any more. */
  get #isOver(): boolean {
    return this.#isEnding && this.#pending.size === 0;
  }

  /** Gives up the branch's own requests once they serve no call any more. */
  #endIfIdle(): void {
    if (!this.#isOver) return;
    this.#own.cancelAll(SET_LEVEL);
    // An `initialize` cannot be cancelled: it is only not waited for.
    if (this.#own.size > 0) this.#forNobody.abort();
  }

  close(limitMs: number): Promise<void> {
    return this.#link.close(limitMs);
  }
}

/** The error of a call whose session could not be opened. */
function notOpened(
  identity: string,
  error: RpcError,
): RpcError {
  const { code, data } = error;
  const facts = isObject(data) || data === undefined ? data : { data };
  return {
    code,
    message: `no session could be opened for ${identity}: ${
      causeIn(error)
    }; the call was not sent`,
    data: { ...facts, mayHaveRun: false },
  };
}
