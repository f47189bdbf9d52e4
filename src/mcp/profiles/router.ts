/**
 * Calls on behalf of several identities, each over a link of its own.
 *
 * Tools gain optional arguments that name the identity, or the tool itself says
 * which one it needs. A call is sent, without these arguments, over the link of
 * its identity; so is what comes of the call: its cancellation, answers to what
 * the target asks meanwhile, requests about a task that it began. All else goes
 * over the first link, and what is true of the client as such, its roots and its
 * log level, over each. A link of the legacy era is initialised, as the client
 * initialised the first, before its first call.
 */

import { ProxyError } from "../../errors.ts";
import { asObject } from "../../json.ts";
import type { Log } from "../../log/log.ts";
import { LruCache } from "../../lru_cache.ts";
import { within } from "../../time.ts";
import {
  cancelledId,
  type Link,
  partsInTurns,
  partsOf,
  passAllowed,
  refuse,
  type Refusing,
  withoutMessages,
} from "../transport/link.ts";
import { AwaitedAnswers, Background } from "../transport/awaited.ts";
import { UNREAD } from "../wire/large_message.ts";
import {
  type BatchMessage,
  isCall,
  type RequestId,
  type RequestMessage,
  type SingleMessage,
  type ValidMessage,
} from "../wire/message.ts";
import { taskIdAskedFor } from "../wire/splice.ts";
import {
  IdentityArguments,
  unreadChoice,
  withoutArguments,
} from "./argument.ts";
import { type ClientState, IdentityBranch, type LinkMaker } from "./branch.ts";

export interface IdentityRouterOptions extends LinkMaker, Refusing {
  readonly log: Log;
}

/** How many tasks of other identities than the first are remembered. */
const MAX_TASKS = 10_000;

/** How long the end of a session that nobody needs may take. */
const CLOSE_MS = 5_000;

export class IdentityRouter implements Link {
  readonly #options: IdentityRouterOptions;
  readonly #default: Link;
  /** The others; the one that was used last stands last. */
  readonly #branches = new Map<string, IdentityBranch>();
  /** Ends of those that nobody needs any more. */
  readonly #ends: Background;
  readonly #lists = new AwaitedAnswers();
  /** The calls under way that went elsewhere than to the default. */
  readonly #elsewhere = new Map<string, IdentityBranch>();
  /** The identities whose calls began tasks, by these. */
  readonly #tasks = new LruCache<string>(MAX_TASKS);
  readonly #arguments: IdentityArguments;
  readonly #client: ClientState = {};

  constructor(options: IdentityRouterOptions) {
    this.#options = options;
    const { selection: { offered }, log } = options;
    this.#arguments = new IdentityArguments(offered, log);
    this.#ends = new Background(log);
    this.#default = options.link(
      undefined,
      (frame) => this.#emitDefault(frame),
      () => {},
    );
  }

  accept(bytes: Uint8Array, message: ValidMessage): Promise<void> | void {
    if (message.kind === "batch") return this.#acceptBatch(bytes, message);
    if (message.kind === "request") return this.#acceptRequest(bytes, message);
    if (this.#isNaming(message)) {
      this.#options.log.warn(
        "dropped a call without an ID that names an identity: it could not be refused",
      );
      return;
    }
    const link = this.#branchFor(message) ?? this.#default;
    this.#record(message);
    return link.accept(bytes, message);
  }

  #acceptRequest(
    bytes: Uint8Array,
    request: RequestMessage,
  ): Promise<void> | void {
    this.#elsewhere.delete(request.id.key);
    this.#record(request);
    try {
      const taskId = taskIdAskedFor(request);
      const began = taskId && this.#tasks.get(taskId);
      if (began) return this.#sendAs(began, bytes, request);
      if (!isCall(request)) return this.#default.accept(bytes, request);
      const { selection } = this.#options;
      const named = this.#arguments.namedIn(request);
      if (named === UNREAD) throw unreadChoice(selection);
      const identity = selection.select(named, request);
      const rest = withoutArguments(bytes, request, named);
      if (identity === undefined) return this.#default.accept(...rest);
      return this.#sendAs(identity, ...rest);
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      this.#options.log.warn(error.summary, { id: request.id.source });
      return refuse(this.#options, request, error);
    }
  }

  #sendAs(
    identity: string,
    bytes: Uint8Array,
    request: RequestMessage,
  ): Promise<void> | void {
    const branch = this.#branch(identity);
    this.#elsewhere.set(request.id.key, branch);
    return branch.accept(bytes, request);
  }

  /** The link, but the default, where a message goes for what came before. */
  #branchFor(message: SingleMessage): Pick<Link, "accept"> | undefined {
    if (message.kind === "response") {
      const { id } = message;
      const { prefix } = this.#options.selection;
      if (!id?.key.startsWith(`s:${prefix}:`)) return undefined;
      // Nobody else is to hear of it once the session that asked is over.
      return [...this.#branches.values()].find((one) => one.originalId(id)) ??
        { accept() {} };
    }
    const id = cancelledId(message);
    return id && this.#elsewhere.get(id.key);
  }

  /** Notes what other links than the default have to know of, too. */
  #record(message: SingleMessage): void {
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
        this.#client.logLevel = asObject(params).level;
        for (const branch of this.#branches.values()) void branch.setLogLevel();
        return;
      case "notifications/cancelled": {
        const id = cancelledId(message);
        if (!id) return;
        this.#elsewhere.delete(id.key);
        this.#lists.cancel(id);
        return;
      }
      case "notifications/roots/list_changed":
        for (const branch of this.#branches.values()) {
          branch.notify(method, params);
        }
    }
  }

  /** The members of a batch share a POST, and so a session. */
  #acceptBatch(bytes: Uint8Array, batch: BatchMessage): Promise<void> | void {
    const names = Object.keys(this.#options.selection.offered);
    const what = names.length > 0
      ? `name ${names.join(" or ")}`
      : "take another role";
    const error = new ProxyError(
      "blocked",
      `a call in a batch cannot ${what}; send it on a line of its own`,
    );
    return passAllowed(
      this.#options,
      bytes,
      batch,
      (one) => this.#isChoosing(one) ? error : undefined,
      (rest, message) =>
        message.kind === "batch"
          ? this.#acceptPlainBatch(rest, message)
          : this.accept(rest, message),
    );
  }

  /** Whether a message of a batch is, or may be, for another identity. */
  #isChoosing(message: SingleMessage): boolean {
    const { selection } = this.#options;
    return this.#isNaming(message) ||
      isCall(message) && selection.select({}, message) !== undefined;
  }

  /** Whether a message names an identity, may, or has to. */
  #isNaming(message: SingleMessage): boolean {
    const isCall = message.kind !== "response" &&
      message.method === "tools/call";
    if (!isCall) return false;
    if (this.#options.selection.isRequired) return true;
    const named = this.#arguments.namedIn(message);
    return named === UNREAD ||
      Object.values(named).some((value) => value !== null);
  }

  /** What is for another identity's link leaves the array. */
  async #acceptPlainBatch(
    given: Uint8Array,
    message: BatchMessage,
  ): Promise<void> {
    const [bytes, batch] = this.#arguments.withoutNull(given, message);
    const leaving = new Set(
      batch.messages.filter((message) => {
        const taskId = taskIdAskedFor(message);
        return this.#branchFor(message) ?? (taskId && this.#tasks.get(taskId));
      }),
    );
    for (const message of batch.messages) {
      if (!leaving.has(message)) this.#record(message);
    }
    const accepted = partsOf(bytes, batch)
      .filter(({ message }) => leaving.has(message))
      .map((part) => this.accept(part.bytes, part.message));
    const rest = withoutMessages(bytes, batch, (one) => leaving.has(one));
    if (rest) accepted.push(this.#default.accept(...rest));
    await Promise.all(accepted);
  }

  /** @throws {ProxyError} `overloaded`: as many as there may be are busy. */
  #branch(identity: string): IdentityBranch {
    const known = this.#branches.get(identity);
    if (known) {
      this.#branches.delete(identity);
      this.#branches.set(identity, known);
      return known;
    }
    this.#makeRoom();
    const branch: IdentityBranch = new IdentityBranch({
      ...this.#options,
      identity,
      client: this.#client,
      onAnswer: (id, taskId) => {
        this.#elsewhere.delete(id.key);
        if (taskId !== undefined) this.#tasks.set(taskId, identity);
      },
      onIdle: () => this.#end(identity, branch),
    });
    this.#branches.set(identity, branch);
    return branch;
  }

  #makeRoom(): void {
    const { most = Infinity } = this.#options.selection.limits ?? {};
    if (this.#branches.size < most) return;
    for (const [identity, branch] of this.#branches) {
      if (!branch.isBusy) return this.#end(identity, branch);
    }
    throw new ProxyError(
      "overloaded",
      `calls are under way for ${most} other identities, which is as many as ` +
        "there may be; the call was not sent",
      { data: { mayHaveRun: false } },
    );
  }

  /** Ends what nobody needs; the next call begins anew. */
  #end(identity: string, branch: IdentityBranch): void {
    this.#branches.delete(identity);
    this.#options.log.debug("ended an idle session", { identity });
    void this.#ends.start(async () => {
      await branch.drain(AbortSignal.abort());
      await branch.close(CLOSE_MS);
    });
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
      await emit(isList ? await this.#arguments.offeredIn(bytes) : bytes);
    }
  }

  holds(id: RequestId): boolean {
    const link: Link = this.#elsewhere.get(id.key) ?? this.#default;
    return link.holds?.(id) === true;
  }

  get #links(): readonly Link[] {
    return [this.#default, ...this.#branches.values()];
  }

  async drain(deadline: AbortSignal): Promise<void> {
    await Promise.all(this.#links.map((link) => link.drain(deadline)));
  }

  async close(limitMs: number): Promise<void> {
    await Promise.all([
      ...this.#links.map((link) => link.close(limitMs)),
      within(limitMs, this.#ends.settled()),
    ]);
  }
}
