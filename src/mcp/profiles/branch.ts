/**
 * The link of one AWS profile beside the first.
 *
 * @module
 */

import type { Log } from "../../log/log.ts";
import { Background } from "../transport/background.ts";
import { eraOf } from "../wire/era.ts";
import {
  cancelledId,
  type Emit,
  type Link,
  notify,
  notifyCancelled,
  OwnRequests,
  partsOf,
  rpcErrorFrame,
} from "../transport/link.ts";
import {
  type BatchMessage,
  isObject,
  readMessage,
  type RequestId,
  requestId,
  requestIdFromSource,
  type RpcError,
  type SingleMessage,
} from "../wire/message.ts";
import { PROFILE_ARGUMENT } from "./argument.ts";
import { memberAt, memberNamed, replaceRange, whole } from "../wire/splice.ts";

type Message = SingleMessage | BatchMessage;

/** A session that is opened, or has been. */
interface Opening {
  /** The parameters of its `initialize`. */
  readonly params: unknown;
  /** Resolves to the error if it fails. */
  readonly failure: Promise<RpcError | undefined>;
}

/** What a {@linkcode ProfileBranch} is handed. */
export interface ProfileBranchOptions {
  /** Writes one frame to the client. */
  readonly emit: Emit;
  readonly log: Log;
  readonly profile: string;
  /**
   * Makes the link of the profile. An answer that it does not hand to `emit` it
   * tells of by its ID.
   */
  readonly link: (emit: Emit, onAnswer: (id: RequestId) => void) => Link;
  /** The parameters of the client's `initialize`. */
  readonly initialize: () => unknown;
  /** The log level that the client has set, if it has. */
  readonly logLevel: () => unknown;
  /** Hears of each answer to the client, and its result if it has one. */
  readonly onAnswer: (id: RequestId, result?: unknown) => void;
}

/** The link of another profile than the first. */
export class ProfileBranch implements Link {
  readonly #options: ProfileBranchOptions;
  readonly #link: Link;
  readonly #own: OwnRequests;
  readonly #background: Background;
  readonly #waiting = new Map<string, RequestId>();
  /** The client's requests that are not answered yet. */
  readonly #asked = new Set<string>();
  /** The requests for a log level that are not answered yet. */
  readonly #levels = new Map<string, RequestId>();
  /** Aborted when a session is opened for nobody. */
  readonly #forNobody = new AbortController();
  #opening: Opening | undefined;
  /** Whether there is a session; before, nothing of it need be changed. */
  #isOpen = false;
  /** How many sessions are being opened. */
  #initialising = 0;
  /** Whether the client has said all that it has to say. */
  #isEnding = false;

  constructor(options: ProfileBranchOptions) {
    this.#options = options;
    this.#background = new Background(options.log);
    this.#own = new OwnRequests(`sigv4-proxy:${options.profile}`);
    this.#link = options.link(
      (frame) => this.#emit(frame),
      (id) => this.#answered(id),
    );
  }

  accept(bytes: Uint8Array, message: Message): Promise<void> | void {
    this.#note(message);
    const isRequest = message.kind === "request";
    if (!isRequest || eraOf(message) === "modern") {
      if (this.#dropsWaiting(message)) return;
      return this.#link.accept(bytes, message);
    }
    this.#waiting.set(message.id.key, message.id);
    let sent: Promise<void> | void;
    // A copy: these bytes may be a small part of what was read.
    const frame = bytes.slice();
    const ready = this.#background.start(async () => {
      const error = await this.#whenOpen();
      if (!this.#waiting.delete(message.id.key)) return;
      if (error) await this.#refuse(message.id, error);
      // Not awaited here: the end waits for the session, not for answers.
      else sent = this.#link.accept(frame, message);
    });
    return ready.then(() => sent);
  }

  /** Notes what the client waits for, and what it does not any more. */
  #note(message: Message): void {
    if (message.kind === "request") this.#asked.add(message.id.key);
    const cancelled = cancelledId(message);
    if (cancelled) this.#asked.delete(cancelled.key);
  }

  /** Notes an answer to the client. */
  #answered(id: RequestId, result?: unknown): void {
    this.#asked.delete(id.key);
    this.#options.onAnswer(id, result);
    this.#endIfIdle();
  }

  /** A call that is cancelled before it was sent never is. */
  #dropsWaiting(message: Message): boolean {
    const id = cancelledId(message);
    return id !== undefined && this.#waiting.delete(id.key);
  }

  async #refuse(id: RequestId, error: RpcError): Promise<void> {
    const { emit, profile } = this.#options;
    this.#answered(id);
    await emit(rpcErrorFrame(id, notOpened(profile, error))).catch(() => {});
  }

  /**
   * Waits for the session that the client's latest `initialize` asks for, and
   * opens it where it is not there; resolves to the error if that fails.
   */
  async #whenOpen(): Promise<RpcError | undefined> {
    const params = this.#options.initialize();
    // The target is to say itself what it makes of a call before that.
    if (params === undefined) return undefined;
    if (this.#opening?.params !== params) {
      this.#opening = { params, failure: this.#initialise(params) };
    }
    const opening = this.#opening;
    const error = await opening.failure;
    // Another may have begun meanwhile, which this does not concern.
    if (error && this.#opening === opening) this.#opening = undefined;
    return error;
  }

  /** Opens the session as the client opened the first one. */
  async #initialise(params: unknown): Promise<RpcError | undefined> {
    this.#initialising++;
    const { error } = await this.#own.ask(this.#link, "initialize", params);
    this.#initialising--;
    if (error) return error;
    this.#isOpen = true;
    this.tell("notifications/initialized");
    this.setLogLevel();
    return undefined;
  }

  /** Tells the target something in the session, if there is one. */
  tell(method: string, params?: unknown): void {
    if (this.#isOpen) notify(this.#link, method, params);
  }

  /** Sets the client's log level in the session, if there is one. */
  setLogLevel(): void {
    const level = this.#options.logLevel();
    if (!this.#isOpen || level === undefined || this.#isIdleEnd) return;
    // No call waits for it, so nor does the end.
    void this.#askForLogLevel(level);
  }

  async #askForLogLevel(level: unknown): Promise<void> {
    const { log, profile } = this.#options;
    const method = "logging/setLevel";
    const id = this.#own.nextId();
    this.#levels.set(id.key, id);
    const { error } = await this.#own.ask(this.#link, method, { level }, id);
    const isAwaited = this.#levels.delete(id.key);
    if (!error || !isAwaited) return;
    log.warn("could not set the log level for another profile", {
      profile,
      code: error.code,
    });
  }

  async #emit(frame: Uint8Array): Promise<void> {
    const { emit, profile } = this.#options;
    const message = readMessage(frame);
    if (message.kind === "response") {
      if (this.#own.take(message)) return;
      if (message.id) this.#answered(message.id, message.result);
      return await emit(frame);
    }
    if (message.kind === "batch") {
      // The client sent no batch over this link that this could answer.
      for (const { bytes } of partsOf(frame)) await this.#emit(bytes);
      return;
    }
    if (
      message.kind === "notification" &&
      message.method === "notifications/cancelled"
    ) {
      return await emit(cancelledHere(profile, message.params, frame));
    }
    if (message.kind !== "request") return await emit(frame);
    // Servers number their requests alike, so each link has its own numbers.
    const place = memberNamed("id", frame, whole(frame));
    const id = foreignId(profile, message.id);
    await emit(place ? replaceRange(frame, place, id) : frame);
  }

  async drain(patience: AbortSignal): Promise<void> {
    this.#isEnding = true;
    this.#endIfIdle();
    const { signal } = this.#forNobody;
    await this.#link.drain(AbortSignal.any([patience, signal]));
    await this.#background.settled();
    await this.#link.drain(patience);
  }

  /** Whether the client has gone, and waits for nothing any more. */
  get #isIdleEnd(): boolean {
    return this.#isEnding && this.#asked.size === 0;
  }

  /** Gives up the branch's own requests once they serve no call any more. */
  #endIfIdle(): void {
    if (!this.#isIdleEnd) return;
    for (const id of this.#levels.values()) notifyCancelled(this.#link, id);
    this.#levels.clear();
    // An `initialize` cannot be cancelled: it is only not waited for.
    if (this.#initialising > 0) this.#forNobody.abort();
  }

  async close(limitMs: number): Promise<void> {
    await this.#link.close(limitMs);
  }
}

/** What the error of an `initialize` says of doubt, which no call shares. */
const MAY_HAVE_RUN =
  /; the request may have run(?:, so it was not sent again)?/;

/** The error of a call whose session could not be opened. */
function notOpened(
  profile: string,
  { code, message, data }: RpcError,
): RpcError {
  const cause = message.replace(MAY_HAVE_RUN, "");
  const facts = isObject(data) || data === undefined ? data : { data };
  return {
    code,
    message:
      `no session could be opened for the profile ${profile}: ${cause}; the call was not sent`,
    data: { ...facts, mayHaveRun: false },
  };
}

/** The ID, as JSON, under which the client knows a request of a branch. */
function foreignId(profile: string, { source }: RequestId): string {
  return JSON.stringify(`${PROFILE_ARGUMENT}:${profile}:${source}`);
}

/** The ID under which the branch knows it; `undefined` if it is not its own. */
export function originalId(
  profile: string,
  { source }: RequestId,
): RequestId | undefined {
  const text: unknown = JSON.parse(source);
  const prefix = `${PROFILE_ARGUMENT}:${profile}:`;
  if (typeof text !== "string" || !text.startsWith(prefix)) return undefined;
  return requestIdFromSource(text.slice(prefix.length));
}

/** A cancellation that names the request as the client knows it. */
function cancelledHere(
  profile: string,
  params: unknown,
  frame: Uint8Array,
): Uint8Array {
  const id = isObject(params) ? requestId(params.requestId) : undefined;
  const place = memberAt(frame, ["params", "requestId"]);
  if (!id || !place) return frame;
  return replaceRange(frame, place, foreignId(profile, id));
}
