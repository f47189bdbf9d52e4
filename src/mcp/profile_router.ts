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
import { errorFrame } from "./failure.ts";
import {
  AwaitedAnswers,
  cancelledId,
  type Emit,
  type Link,
  partsOf,
} from "./link.ts";
import type {
  BatchMessage,
  NotificationMessage,
  RequestId,
  RequestMessage,
  ResponseMessage,
  SingleMessage,
} from "./message.ts";
import type { Observer } from "./observer.ts";
import {
  paramsWithoutProfile,
  PROFILE_ARGUMENT,
  profileIn,
  withoutProfile,
  withProfileArgument,
} from "./profile_argument.ts";
import { originalId, ProfileBranch } from "./profile_branch.ts";
import { memberNamed, removeMembers, replaceRange, whole } from "./splice.ts";

/** What a {@linkcode ProfileRouter} is handed. */
export interface ProfileRouterOptions {
  /** The profiles; the first is the default. */
  readonly profiles: readonly string[];
  /**
   * Makes the link of a profile. An answer that it does not hand to `emit` it
   * tells of by its ID.
   */
  readonly link: (
    profile: string,
    emit: Emit,
    onAnswer: (id: RequestId) => void,
  ) => Link;
  /** Writes one frame to the client. */
  readonly emit: Emit;
  readonly log: Log;
  /** Is told of what is refused, if anyone is. */
  readonly observer?: Observer;
}

type Message = SingleMessage | BatchMessage;

/** Sends each call over the link of the profile that it names. */
export class ProfileRouter implements Link {
  readonly #options: ProfileRouterOptions;
  readonly #default: Link;
  readonly #branches = new Map<string, ProfileBranch>();
  readonly #lists = new AwaitedAnswers();
  /** The calls under way that went elsewhere than to the default. */
  readonly #elsewhere = new Map<string, ProfileBranch>();
  #initialize: unknown;

  constructor(options: ProfileRouterOptions) {
    this.#options = options;
    const [first] = options.profiles;
    this.#default = options.link(
      first,
      (frame) => this.#emitDefault(frame),
      () => {},
    );
  }

  accept(bytes: Uint8Array, message: Message): void {
    switch (message.kind) {
      case "request":
        return this.#acceptRequest(bytes, message);
      case "notification":
        return this.#acceptNotification(bytes, message);
      case "response":
        return this.#acceptAnswer(bytes, message);
      case "batch":
        return this.#acceptBatch(bytes, message);
    }
  }

  #acceptRequest(bytes: Uint8Array, request: RequestMessage): void {
    const { method, params, id } = request;
    this.#elsewhere.delete(id.key);
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

  /** A cancellation goes where the call went, and that is the end of it. */
  #acceptNotification(bytes: Uint8Array, message: NotificationMessage): void {
    const id = cancelledId(message);
    if (!id) return this.#default.accept(bytes, message);
    const link = this.#elsewhere.get(id.key) ?? this.#default;
    this.#elsewhere.delete(id.key);
    this.#lists.cancel(id);
    link.accept(bytes, message);
  }

  /** The members of a batch share a POST, and so a session. */
  #acceptBatch(bytes: Uint8Array, batch: BatchMessage): void {
    const calls = batch.messages.filter((message) =>
      message.kind === "request" && message.method === "tools/call" &&
      profileIn(message.params) !== undefined
    );
    if (calls.length === 0) return this.#acceptPlainBatch(bytes, batch);
    const error = new ProxyError(
      "blocked",
      `a call in a batch cannot name ${PROFILE_ARGUMENT}; send it on a line of its own`,
    );
    for (const message of batch.messages) {
      if (message.kind === "request") this.#refuse(message, error);
    }
  }

  /** What is for another profile's link leaves the array. */
  #acceptPlainBatch(bytes: Uint8Array, batch: BatchMessage): void {
    const isLeaving = batch.messages.map((message) => {
      const id = cancelledId(message);
      if (id) return this.#elsewhere.has(id.key);
      return message.kind === "response" && this.#asker(message) !== undefined;
    });
    if (!isLeaving.includes(true)) return this.#default.accept(bytes, batch);
    for (const [index, part] of partsOf(bytes).entries()) {
      if (isLeaving[index]) this.accept(part.bytes, part.message);
    }
    const messages = batch.messages.filter((_message, at) => !isLeaving[at]);
    if (messages.length === 0) return;
    const rest = removeMembers(
      bytes,
      whole(bytes),
      (_member, index) => isLeaving[index],
    );
    this.#default.accept(rest, { kind: "batch", messages });
  }

  #refuse({ id, method, params }: RequestMessage, error: ProxyError): void {
    const { emit, observer } = this.#options;
    observer?.refused(error, { method, params, requests: [id] });
    void emit(errorFrame(error, id)).catch(() => {});
  }

  /** The client's answer goes to the link that asked. */
  #acceptAnswer(bytes: Uint8Array, answer: ResponseMessage): void {
    const asker = this.#asker(answer);
    const place = asker && memberNamed("id", bytes, whole(bytes));
    if (!place) return this.#default.accept(bytes, answer);
    const { branch, id } = asker;
    const frame = replaceRange(bytes, place, id.source);
    branch.accept(frame, { ...answer, id });
  }

  /** The link, but the default, whose request an answer is for. */
  #asker(
    answer: ResponseMessage,
  ): { branch: ProfileBranch; id: RequestId } | undefined {
    for (const [profile, branch] of this.#branches) {
      const id = answer.id && originalId(profile, answer.id);
      if (id) return { branch, id };
    }
    return undefined;
  }

  #branch(profile: string): ProfileBranch {
    const known = this.#branches.get(profile);
    if (known) return known;
    const { emit, log, link } = this.#options;
    const onAnswer = (id: RequestId) => {
      this.#elsewhere.delete(id.key);
    };
    const branch = new ProfileBranch({
      emit,
      log,
      profile,
      link: (emit) => link(profile, emit, onAnswer),
      initialize: () => this.#initialize,
      onAnswer,
    });
    this.#branches.set(profile, branch);
    return branch;
  }

  async #emitDefault(frame: Uint8Array): Promise<void> {
    const { emit, profiles, log } = this.#options;
    if (this.#lists.isIdle) return await emit(frame);
    const parts = partsOf(frame);
    const lists = this.#lists.takeFrom(parts);
    if (lists.size === 0) return await emit(frame);
    for (const part of parts) {
      const { bytes } = part;
      const isList = lists.has(part);
      await emit(isList ? withProfileArgument(bytes, profiles, log) : bytes);
    }
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
