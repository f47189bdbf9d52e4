/**
 * Calls on behalf of several AWS profiles, each over a link of its own.
 *
 * Tools gain an optional argument that names the profile. A call that has it is
 * sent, without it, over the link of that profile; so is what comes of the call:
 * its cancellation, answers to what the target asks meanwhile, requests about a
 * task that it began. All else goes over the first link, and what is true of the
 * client as such, its roots and its log level, over each. A link of the legacy
 * era is initialised, as the client initialised the first, before its first call.
 */

import { ProxyError } from "../../errors.ts";
import type { Log } from "../../log/log.ts";
import {
  AwaitedAnswers,
  cancelledId,
  type Link,
  partsInTurns,
  partsOf,
  refuse,
  type Refusing,
  withoutMessages,
} from "../transport/link.ts";
import {
  type BatchMessage,
  isObject,
  type RequestId,
  type RequestMessage,
  type SingleMessage,
} from "../wire/message.ts";
import {
  PROFILE_ARGUMENT,
  ProfileArgument,
  withoutProfile,
} from "./argument.ts";
import { type ClientState, type LinkMaker, ProfileBranch } from "./branch.ts";
import { Recent } from "../../lru_cache.ts";
import { UNREAD } from "../wire/large_message.ts";
import { taskIdAskedFor } from "../wire/splice.ts";

export interface ProfileRouterOptions extends LinkMaker, Refusing {
  /** The profiles; the first is the default. */
  readonly profiles: readonly string[];
  readonly log: Log;
}

/** How many tasks of other profiles than the first are remembered. */
const MAX_TASKS = 10_000;

/** Sends each call over the link of the profile that it names. */
export class ProfileRouter implements Link {
  readonly #options: ProfileRouterOptions;
  readonly #default: Link;
  readonly #branches = new Map<string, ProfileBranch>();
  readonly #lists = new AwaitedAnswers();
  /** The calls under way that went elsewhere than to the default. */
  readonly #elsewhere = new Map<string, ProfileBranch>();
  /** The tasks that calls elsewhere began. */
  readonly #tasks = new Recent<ProfileBranch>(MAX_TASKS);
  readonly #argument: ProfileArgument;
  readonly #client: ClientState = {
    initialize: undefined,
    logLevel: undefined,
  };

  constructor(options: ProfileRouterOptions) {
    this.#options = options;
    const [first] = options.profiles;
    this.#argument = new ProfileArgument(options.profiles, options.log);
    this.#default = options.link(
      first,
      (frame) => this.#emitDefault(frame),
      () => {},
    );
  }

  accept(
    bytes: Uint8Array,
    message: SingleMessage | BatchMessage,
  ): Promise<void> | void {
    if (message.kind === "batch") return this.#acceptBatch(bytes, message);
    if (message.kind === "request") return this.#acceptRequest(bytes, message);
    const link = this.#branchFor(message) ?? this.#default;
    this.#learn(message);
    return link.accept(bytes, message);
  }

  #acceptRequest(
    bytes: Uint8Array,
    request: RequestMessage,
  ): Promise<void> | void {
    this.#elsewhere.delete(request.id.key);
    this.#learn(request);
    const branch = this.#branchFor(request);
    if (branch) return this.#sendOver(branch, bytes, request);
    const profile = this.#argument.valueIn(request);
    if (profile === undefined) return this.#default.accept(bytes, request);
    const { profiles, log } = this.#options;
    const [first] = profiles;
    // What models give for an argument that they leave out.
    const chosen = profile === null ? first : profile;
    if (typeof chosen !== "string" || !profiles.includes(chosen)) {
      const error = badProfile(profile, profiles);
      log.warn(error.message, { id: request.id.source });
      return refuse(this.#options, request, error);
    }
    const rest = withoutProfile(bytes, request);
    if (chosen === first) return this.#default.accept(...rest);
    return this.#sendOver(this.#branch(chosen), ...rest);
  }

  #sendOver(
    branch: ProfileBranch,
    bytes: Uint8Array,
    request: RequestMessage,
  ): Promise<void> | void {
    this.#elsewhere.set(request.id.key, branch);
    return branch.accept(bytes, request);
  }

  /** The link, but the default, where a message goes for what came before. */
  #branchFor(message: SingleMessage): ProfileBranch | undefined {
    if (message.kind === "response") {
      return [...this.#branches.values()]
        .find((branch) => message.id && branch.originalId(message.id));
    }
    const id = cancelledId(message);
    if (id) return this.#elsewhere.get(id.key);
    const taskId = taskIdAskedFor(message);
    return taskId === undefined ? undefined : this.#tasks.get(taskId);
  }

  /** Notes what other links than the default have to know of, too. */
  #learn(message: SingleMessage): void {
    if (message.kind === "response") return;
    const { method, params } = message;
    switch (method) {
      case "initialize":
        this.#client.initialize = params;
        this.#client.logLevel = undefined;
        return;
      case "tools/list":
        if (message.kind === "request") this.#lists.expect(message.id, true);
        return;
      case "logging/setLevel":
        this.#client.logLevel = isObject(params) ? params.level : undefined;
        for (const branch of this.#branches.values()) void branch.setLogLevel();
        return;
      case "notifications/cancelled": {
        const id = cancelledId(message);
        if (!id) return;
        this.#elsewhere.delete(id.key);
        return this.#lists.cancel(id);
      }
      case "notifications/roots/list_changed":
        for (const branch of this.#branches.values()) {
          branch.notify(method, params);
        }
    }
  }

  /** The members of a batch share a POST, and so a session. */
  async #acceptBatch(bytes: Uint8Array, batch: BatchMessage): Promise<void> {
    const names = batch.messages.map((message) =>
      this.#argument.valueIn(message)
    );
    if (names.every((name) => name === undefined || name === null)) {
      return await this.#acceptPlainBatch(
        ...names.includes(null)
          ? this.#argument.withoutNull(bytes, batch)
          : [bytes, batch] as const,
      );
    }
    const error = new ProxyError(
      "blocked",
      `a call in a batch cannot name ${PROFILE_ARGUMENT}; send it on a line of its own`,
    );
    await refuse(this.#options, batch, error);
  }

  /** What is for another profile's link leaves the array. */
  async #acceptPlainBatch(
    bytes: Uint8Array,
    batch: BatchMessage,
  ): Promise<void> {
    const leaving = new Set(
      batch.messages.filter((message) => this.#branchFor(message)),
    );
    for (const message of batch.messages) {
      if (!leaving.has(message)) this.#learn(message);
    }
    if (leaving.size === 0) return await this.#default.accept(bytes, batch);
    const accepted = partsOf(bytes, batch)
      .filter(({ message }) => leaving.has(message))
      .map((part) => this.accept(part.bytes, part.message));
    const rest = withoutMessages(bytes, batch, (one) => leaving.has(one));
    if (rest) accepted.push(this.#default.accept(...rest));
    await Promise.all(accepted);
  }

  #branch(profile: string): ProfileBranch {
    const known = this.#branches.get(profile);
    if (known) return known;
    const branch: ProfileBranch = new ProfileBranch({
      ...this.#options,
      profile,
      client: this.#client,
      onAnswer: (id, taskId) => {
        this.#elsewhere.delete(id.key);
        if (taskId !== undefined) this.#tasks.set(taskId, branch);
      },
    });
    this.#branches.set(profile, branch);
    return branch;
  }

  async #emitDefault(frame: Uint8Array): Promise<void> {
    const { emit } = this.#options;
    if (this.#lists.isIdle) return await emit(frame);
    const parts = await partsInTurns(frame);
    const lists = this.#lists.takeFrom(parts);
    if (lists.size === 0) return await emit(frame);
    for (const part of parts) {
      const { bytes } = part;
      const isList = lists.has(part);
      await emit(isList ? await this.#argument.offeredIn(bytes) : bytes);
    }
  }

  holds(id: RequestId): boolean {
    const link: Link = this.#elsewhere.get(id.key) ?? this.#default;
    return link.holds?.(id) === true;
  }

  get #links(): readonly Link[] {
    return [this.#default, ...this.#branches.values()];
  }

  async drain(patience: AbortSignal): Promise<void> {
    await Promise.all(this.#links.map((link) => link.drain(patience)));
  }

  async close(limitMs: number): Promise<void> {
    await Promise.all(this.#links.map((link) => link.close(limitMs)));
  }
}

function badProfile(
  profile: unknown,
  profiles: readonly string[],
): ProxyError {
  if (profile === UNREAD) {
    return new ProxyError(
      "blocked",
      `the call has too many arguments, or too large ones, to look for ${PROFILE_ARGUMENT} in them; without --profile (MCP_PROFILES) they pass`,
    );
  }
  return new ProxyError(
    "blocked",
    `${PROFILE_ARGUMENT} must be one of ${
      profiles.join(", ")
    }; --profile (MCP_PROFILES) sets the list`,
    { data: { [PROFILE_ARGUMENT]: profile, profiles } },
  );
}
