/**
 * Learns what the target's tools say of themselves, and for how long it holds.
 *
 * @module
 */

import type { ProxyError } from "../../errors.ts";
import type { Log } from "../../log/log.ts";
import type { AskForTools, CallGuard } from "./call_guard.ts";
import { META, metaLike } from "../wire/era.ts";
import { excerpt } from "../wire/excerpt.ts";
import type { SessionHeaders } from "../wire/headers.ts";
import { SessionLost } from "../session/expiry.ts";
import { isObject } from "../wire/message.ts";
import { toolName, type ToolPolicy } from "./policy.ts";

/** What a {@linkcode ToolLearner} is handed. */
export interface ToolLearnerOptions {
  /** Learns the tools. */
  readonly policy: ToolPolicy;
  readonly log: Log;
}

/** More pages than any list has: a target may hand out cursors for ever. */
const MAX_PAGES = 1000;

/** How often a list is fetched anew that changes while it is fetched. */
const MAX_LISTINGS = 3;

/** How much is shown of what the target says in place of a list. */
const MAX_FAILURE_LENGTH = 500;

/**
 * Lists all tools for a policy, anew if the list changes meanwhile.
 *
 * @param policy Learns them.
 * @param like The parameters of the call on whose behalf it is asked.
 * @param ask Asks for one page.
 * @returns Why the list could not be had whole, if it could not.
 * @throws What `ask` throws.
 */
export async function learnTools(
  policy: ToolPolicy,
  like: unknown,
  ask: AskForTools,
): Promise<string | undefined> {
  let failure: string | undefined;
  for (let listing = 0; listing < MAX_LISTINGS; listing++) {
    const before = policy.changes;
    failure = await learnOnce(policy, like, ask);
    if (policy.changes === before) return failure;
  }
  return failure ?? "it changed whenever it was fetched";
}

async function learnOnce(
  policy: ToolPolicy,
  like: unknown,
  ask: AskForTools,
): Promise<string | undefined> {
  const _meta = metaLike(like);
  const isModern = META.protocolVersion in _meta;
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { result, error } = await ask({
      ...(isModern && { _meta }),
      ...(cursor !== undefined && { cursor }),
    });
    if (error) {
      const text = error.message || `error ${error.code}`;
      return excerpt(text, MAX_FAILURE_LENGTH);
    }
    if (!isObject(result) || !Array.isArray(result.tools)) {
      return "the answer to tools/list has no list of tools";
    }
    for (const tool of result.tools) policy.learn(tool);
    const { nextCursor } = result;
    if (typeof nextCursor !== "string" || nextCursor === cursor) break;
    cursor = nextCursor;
  }
  return undefined;
}

/** Asks for lists of tools, each for all calls that wait for it. */
export class ToolLearner implements CallGuard {
  readonly #options: ToolLearnerOptions;
  /** Lists that are being fetched, by where they are fetched. */
  readonly #listings = new Map<unknown, Promise<string | undefined>>();
  #hasSession = false;

  constructor(options: ToolLearnerOptions) {
    this.#options = options;
  }

  sessionBegan(): void {
    const { policy } = this.#options;
    // A list that waits for the first session need not be fetched anew.
    if (this.#hasSession || !policy.isEmpty) policy.forget();
    this.#hasSession = true;
  }

  /**
   * Lists all tools on behalf of a call; several calls share one list.
   *
   * @param like The call's parameters.
   * @param ask Asks for one page.
   * @returns Why the list could not be had, if it could not.
   */
  learn(like: unknown, ask: AskForTools): Promise<string | undefined> {
    return this.#share(JSON.stringify(metaLike(like)), like, ask);
  }

  async refusal(
    params: unknown,
    session: SessionHeaders,
    ask: AskForTools,
  ): Promise<ProxyError | undefined> {
    const { policy } = this.#options;
    const name = toolName(params);
    if (policy.knows(name)) return policy.refusal(name);
    // Each session is asked for itself: two may be of different accounts.
    const failure = await this.#share(session, params, ask);
    return policy.refusal(name, failure);
  }

  #share(
    where: unknown,
    like: unknown,
    ask: AskForTools,
  ): Promise<string | undefined> {
    const underWay = this.#listings.get(where);
    if (underWay !== undefined) return underWay;
    const listing = this.#list(like, ask)
      .finally(() => this.#listings.delete(where));
    this.#listings.set(where, listing);
    return listing;
  }

  async #list(like: unknown, ask: AskForTools): Promise<string | undefined> {
    const { policy, log } = this.#options;
    const failure = await learnTools(policy, like, ask).catch((cause) => {
      if (cause instanceof SessionLost) throw cause;
      return cause instanceof Error ? cause.message : String(cause);
    });
    if (failure !== undefined) {
      log.warn("could not list the tools for the policy");
      log.debug("why the tools could not be listed", { error: failure });
    }
    return failure;
  }
}
