/**
 * Calls on behalf of several AWS profiles, each over a link of its own.
 *
 * Tools gain an optional argument that names the profile. A call that has it is
 * sent, without it, over the link of that profile; all else goes over the first
 * one. A link of the legacy era is initialised, as the client initialised the
 * first, before its first call.
 *
 * @module
 */

import { ProxyError } from "../errors.ts";
import type { Log } from "../log.ts";
import { Background } from "./background.ts";
import { eraOf } from "./era.ts";
import { errorFrame } from "./failure.ts";
import {
  AwaitedAnswers,
  type Emit,
  type Link,
  OwnRequests,
  partsOf,
} from "./link.ts";
import {
  type BatchMessage,
  isObject,
  readMessage,
  type RequestId,
  requestId,
  requestIdFromSource,
  type RequestMessage,
  type ResponseMessage,
  type SingleMessage,
} from "./message.ts";
import type { Observer } from "./observer.ts";
import {
  insertMembers,
  memberAt,
  memberNamed,
  membersOf,
  removeMembers,
  replaceRange,
  whole,
} from "./splice.ts";

/** The argument that names the profile. */
export const PROFILE_ARGUMENT = "aws_profile";

/** What a {@linkcode ProfileRouter} is handed. */
export interface ProfileRouterOptions {
  /** The profiles; the first is the default. */
  readonly profiles: readonly string[];
  /** Makes the link of a profile. */
  readonly link: (profile: string, emit: Emit) => Link;
  /** Writes one frame to the client. */
  readonly emit: Emit;
  readonly log: Log;
  /** Is told of what is refused, if anyone is. */
  readonly observer?: Observer;
}

type Message = SingleMessage | BatchMessage;

const encoder = new TextEncoder();

/** Sends each call over the link of the profile that it names. */
export class ProfileRouter implements Link {
  readonly #options: ProfileRouterOptions;
  readonly #default: Link;
  readonly #branches = new Map<string, Branch>();
  readonly #lists = new AwaitedAnswers();
  /** The calls under way that went elsewhere than to the default. */
  readonly #elsewhere = new Map<string, Branch>();
  #initialize: unknown;

  constructor(options: ProfileRouterOptions) {
    this.#options = options;
    const [first] = options.profiles;
    this.#default = options.link(first, (frame) => this.#emitDefault(frame));
  }

  accept(bytes: Uint8Array, message: Message): void {
    switch (message.kind) {
      case "request":
        return this.#acceptRequest(bytes, message);
      case "notification": {
        const { method, params } = message;
        const cancelled = method === "notifications/cancelled" &&
          isObject(params) && requestId(params.requestId);
        const branch = cancelled && this.#elsewhere.get(cancelled.key);
        return (branch || this.#default).accept(bytes, message);
      }
      case "response":
        return this.#acceptAnswer(bytes, message);
      case "batch":
        return this.#acceptBatch(bytes, message);
    }
  }

  #acceptRequest(bytes: Uint8Array, request: RequestMessage): void {
    const { method, params, id } = request;
    if (method === "initialize") this.#initialize = params;
    if (method === "tools/list") this.#lists.expect(id);
    const profile = method === "tools/call" ? profileIn(params) : undefined;
    if (profile === undefined) return this.#default.accept(bytes, request);
    const { profiles, log } = this.#options;
    if (typeof profile !== "string" || !profiles.includes(profile)) {
      const error = unknownProfile(profile, profiles);
      log.warn(error.message, { id: id.source });
      return this.#refuse(request, error);
    }
    const frame = withoutProfile(bytes);
    const call = { ...request, params: paramsWithoutProfile(params) };
    if (profile === profiles[0]) return this.#default.accept(frame, call);
    const branch = this.#branch(profile);
    this.#elsewhere.set(id.key, branch);
    branch.accept(frame, call);
  }

  /** The members of a batch share a POST, and so a session. */
  #acceptBatch(bytes: Uint8Array, batch: BatchMessage): void {
    const calls = batch.messages.filter((message) =>
      message.kind === "request" && message.method === "tools/call" &&
      profileIn(message.params) !== undefined
    );
    if (calls.length === 0) return this.#default.accept(bytes, batch);
    const error = new ProxyError(
      "blocked",
      `a call in a batch cannot name ${PROFILE_ARGUMENT}; send it on a line of its own`,
    );
    for (const message of batch.messages) {
      if (message.kind === "request") this.#refuse(message, error);
    }
  }

  #refuse({ id, method, params }: RequestMessage, error: ProxyError): void {
    const { emit, observer } = this.#options;
    observer?.refused(error, { method, params, requests: [id] });
    void emit(errorFrame(error, id)).catch(() => {});
  }

  /** The client's answer goes to the link that asked. */
  #acceptAnswer(bytes: Uint8Array, answer: ResponseMessage): void {
    for (const [profile, branch] of this.#branches) {
      const id = answer.id && originalId(profile, answer.id);
      const place = id && memberNamed("id", bytes, whole(bytes));
      if (!id || !place) continue;
      const frame = replaceRange(bytes, place, id.source);
      return branch.accept(frame, { ...answer, id });
    }
    this.#default.accept(bytes, answer);
  }

  #branch(profile: string): Branch {
    const known = this.#branches.get(profile);
    if (known) return known;
    const branch = new Branch({
      ...this.#options,
      profile,
      initialize: () => this.#initialize,
      onAnswer: (id) => this.#elsewhere.delete(id.key),
    });
    this.#branches.set(profile, branch);
    return branch;
  }

  async #emitDefault(frame: Uint8Array): Promise<void> {
    const { emit, profiles, log } = this.#options;
    if (this.#lists.isIdle) return await emit(frame);
    const message = readMessage(frame);
    const isList = message.kind === "response" && this.#lists.take(message.id);
    await emit(isList ? withProfileArgument(frame, profiles, log) : frame);
  }

  async drain(patience: AbortSignal): Promise<void> {
    const links = [this.#default, ...this.#branches.values()];
    await Promise.all(links.map((link) => link.drain(patience)));
  }

  async close(limitMs: number): Promise<void> {
    const links = [this.#default, ...this.#branches.values()];
    await Promise.all(links.map((link) => link.close(limitMs)));
  }
}

interface BranchOptions extends ProfileRouterOptions {
  readonly profile: string;
  /** The parameters of the client's `initialize`. */
  readonly initialize: () => unknown;
  /** Hears of each answer to the client. */
  readonly onAnswer: (id: RequestId) => void;
}

/** The link of another profile than the first. */
class Branch implements Link {
  readonly #options: BranchOptions;
  readonly #link: Link;
  readonly #own: OwnRequests;
  readonly #background: Background;
  readonly #waiting = new Map<string, RequestId>();
  #ready: Promise<ResponseMessage["error"]> | undefined;

  constructor(options: BranchOptions) {
    this.#options = options;
    this.#background = new Background(options.log);
    this.#own = new OwnRequests(`sigv4-proxy:${options.profile}`);
    this.#link = options.link(options.profile, (frame) => this.#emit(frame));
  }

  accept(bytes: Uint8Array, message: Message): void {
    const isRequest = message.kind === "request";
    if (!isRequest || eraOf(message) === "modern") {
      if (this.#dropsWaiting(message)) return;
      return this.#link.accept(bytes, message);
    }
    this.#waiting.set(message.id.key, message.id);
    this.#background.start(() => this.#acceptWhenReady(bytes, message));
  }

  /** A call that is cancelled before it was sent never is. */
  #dropsWaiting(message: Message): boolean {
    if (message.kind !== "notification") return false;
    const { params } = message;
    const id = isObject(params) ? requestId(params.requestId) : undefined;
    return id !== undefined && this.#waiting.delete(id.key);
  }

  async #acceptWhenReady(
    bytes: Uint8Array,
    request: RequestMessage,
  ): Promise<void> {
    this.#ready ??= this.#initialise();
    const failed = await this.#ready;
    if (failed) this.#ready = undefined;
    if (!this.#waiting.delete(request.id.key)) return;
    if (!failed) return this.#link.accept(bytes, request);
    const { id } = request;
    const { code, message, data } = failed;
    const error = JSON.stringify({ code, message, data });
    await this.#options.emit(encoder.encode(
      `{"jsonrpc":"2.0","id":${id.source},"error":${error}}`,
    )).catch(() => {});
  }

  /** Opens the session as the client opened the first one. */
  async #initialise(): Promise<ResponseMessage["error"]> {
    const params = this.#options.initialize();
    if (params === undefined) return undefined;
    const { error } = await this.#own.ask(this.#link, "initialize", params);
    if (error) return error;
    const method = "notifications/initialized";
    const bytes = encoder.encode(`{"jsonrpc":"2.0","method":"${method}"}`);
    const kind = "notification";
    this.#link.accept(bytes, { kind, method, params: undefined });
    return undefined;
  }

  async #emit(frame: Uint8Array): Promise<void> {
    const { emit, profile, onAnswer } = this.#options;
    const message = readMessage(frame);
    if (message.kind === "response") {
      if (this.#own.take(message)) return;
      if (message.id) onAnswer(message.id);
      return await emit(frame);
    }
    if (message.kind === "batch") {
      // The client sent no batch over this link that this could answer.
      for (const part of partsOf(frame)) await this.#emit(part);
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
    await this.#link.drain(patience);
    await this.#background.settled();
    await this.#link.drain(patience);
  }

  async close(limitMs: number): Promise<void> {
    await this.#link.close(limitMs);
  }
}

/** The ID, as JSON, under which the client knows a request of a branch. */
function foreignId(profile: string, { source }: RequestId): string {
  return JSON.stringify(`${PROFILE_ARGUMENT}:${profile}:${source}`);
}

/** The ID under which the branch knows it; `undefined` if it is not its own. */
function originalId(
  profile: string,
  { source }: RequestId,
): RequestId | undefined {
  const text: unknown = JSON.parse(source);
  const prefix = `${PROFILE_ARGUMENT}:${profile}:`;
  if (typeof text !== "string" || !text.startsWith(prefix)) return undefined;
  return requestIdFromSource(text.slice(prefix.length));
}

function unknownProfile(
  profile: unknown,
  profiles: readonly string[],
): ProxyError {
  return new ProxyError(
    "blocked",
    `${PROFILE_ARGUMENT} must be one of ${
      profiles.join(", ")
    }; --profile (MCP_PROFILES) sets the list`,
    { data: { [PROFILE_ARGUMENT]: profile, profiles } },
  );
}

function profileIn(params: unknown): unknown {
  if (!isObject(params) || !isObject(params.arguments)) return undefined;
  return params.arguments[PROFILE_ARGUMENT];
}

function withoutProfile(bytes: Uint8Array): Uint8Array {
  const range = memberAt(bytes, ["params", "arguments"]);
  if (!range) return bytes;
  return removeMembers(bytes, range, ({ name }) => name === PROFILE_ARGUMENT);
}

function paramsWithoutProfile(params: unknown): unknown {
  if (!isObject(params) || !isObject(params.arguments)) return params;
  const { [PROFILE_ARGUMENT]: _profile, ...rest } = params.arguments;
  return { ...params, arguments: rest };
}

/** The frame of a `tools/list` result, each tool with the argument. */
function withProfileArgument(
  frame: Uint8Array,
  profiles: readonly string[],
  log: Log,
): Uint8Array {
  const list = memberAt(frame, ["result", "tools"]);
  if (!list) return frame;
  const member = `${JSON.stringify(PROFILE_ARGUMENT)}:${
    JSON.stringify({
      type: "string",
      enum: profiles,
      description: `AWS profile (account and role) to call the tool with; ${
        profiles[0]
      } if none is given`,
    })
  }`;
  // From the last to the first, so that no place moves before it is used.
  return membersOf(frame, list).reduceRight((text, tool) => {
    const schema = memberNamed("inputSchema", text, tool);
    if (!schema) return text;
    const properties = memberNamed("properties", text, schema);
    if (!properties) {
      return insertMembers(text, schema, `"properties":{${member}}`);
    }
    if (memberNamed(PROFILE_ARGUMENT, text, properties)) {
      const name = memberNamed("name", text, tool)?.source;
      log.warn(`a tool has an argument ${PROFILE_ARGUMENT} of its own`, {
        tool: name,
      });
      return text;
    }
    return insertMembers(text, properties, member);
  }, frame);
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
