/**
 * Records what the target's tools say of themselves, and for how long it holds.
 */

import { bytesOf } from "../../blob.ts";
import { messageOf, type ProxyError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { asObject } from "../../json.ts";
import type { Log } from "../../log/log.ts";
import { META, metaLike } from "../wire/era.ts";
import type { SessionHeaders } from "../wire/headers.ts";
import { SessionExpiredError } from "../transport/retry.ts";
import type { Exchange } from "../transport/exchange.ts";
import {
  parseMessageInTurns,
  requestsOf,
  type ResponseMessage,
} from "../wire/message.ts";
import { toolName, type ToolPolicy } from "./policy.ts";

export type AskForTools = (
  params: Readonly<Record<string, unknown>>,
) => Promise<ResponseMessage>;

/** More pages than any list has: a target may hand out cursors for ever. */
const MAX_PAGES = 1000;

/** How often a list is fetched anew that changes while it is fetched. */
const MAX_LISTINGS = 3;

/** How much is shown of what the target says in place of a list. */
const MAX_FAILURE_LENGTH = 500;

/** The target's list of tools, page by page, for a call like that. */
export async function* toolPages<Page extends Pick<ResponseMessage, "result">>(
  ask: (params: Readonly<Record<string, unknown>>) => Promise<Page>,
  like: unknown,
): AsyncGenerator<Page> {
  const _meta = metaLike(like);
  const isModern = META.protocolVersion in _meta;
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await ask({
      ...(isModern && { _meta }),
      ...(cursor !== undefined && { cursor }),
    });
    yield answer;
    const next = asObject(answer.result).nextCursor;
    if (typeof next !== "string" || next === cursor) return;
    cursor = next;
  }
}

/** Lists all tools, anew if they change meanwhile; why it failed, if so. */
export async function recordTools(
  policy: ToolPolicy,
  like: unknown,
  ask: AskForTools,
): Promise<string | undefined> {
  let failure: string | undefined;
  for (let listing = 0; listing < MAX_LISTINGS; listing++) {
    const before = policy.changes;
    failure = undefined;
    for await (const { result, error } of toolPages(ask, like)) {
      const { tools } = asObject(result);
      if (error) {
        const text = error.message || `error ${error.code}`;
        failure = excerpt(text, MAX_FAILURE_LENGTH);
      } else if (!Array.isArray(tools)) {
        failure = "the answer to tools/list has no list of tools";
      } else for (const tool of tools) policy.judge(tool, true);
      if (failure !== undefined) break;
    }
    if (policy.changes === before) return failure;
  }
  return failure ?? "it changed whenever it was fetched";
}

/**
 * Asks for lists of tools, each for all calls that wait for it, and has a last
 * look at calls before they are sent: what allowed them may have been said in a
 * session that is gone.
 */
export class ToolRecorder {
  readonly #policy: ToolPolicy;
  readonly #log: Log;
  /** Lists that are being fetched, by where they are fetched. */
  readonly #listings = new Map<unknown, Promise<string | undefined>>();
  #hasSession = false;

  constructor({ policy, log }: { policy: ToolPolicy; log: Log }) {
    this.#policy = policy;
    this.#log = log;
  }

  /** A session has begun: what was said in another one does not hold in it. */
  sessionBegan(): void {
    // A list that waits for the first session need not be fetched anew.
    if (this.#hasSession || !this.#policy.isEmpty) this.#policy.forget();
    this.#hasSession = true;
  }

  /** The same, once for all calls that have a place in common. */
  record(
    where: unknown,
    like: unknown,
    ask: AskForTools,
  ): Promise<string | undefined> {
    const inFlight = this.#listings.get(where);
    if (inFlight !== undefined) return inFlight;
    const listing = this.#list(like, ask)
      .finally(() => this.#listings.delete(where));
    this.#listings.set(where, listing);
    return listing;
  }

  async #list(like: unknown, ask: AskForTools): Promise<string | undefined> {
    const failure = await recordTools(this.#policy, like, ask).catch(
      (cause) => {
        if (cause instanceof SessionExpiredError) throw cause;
        return messageOf(cause);
      },
    );
    if (failure !== undefined) {
      this.#log.warn("could not list the tools for the policy");
      this.#log.debug("why the tools could not be listed", { error: failure });
    }
    return failure;
  }

  /** Why an exchange may not be sent; a batch is sent whole or not at all. */
  async refusal(
    exchange: Exchange,
    session: SessionHeaders,
    ask: AskForTools,
  ): Promise<ProxyError | undefined> {
    for (const params of await callsIn(exchange)) {
      const name = toolName(params);
      // Each session is asked for itself: two may be of different accounts.
      const failure = this.#policy.knows(name)
        ? undefined
        : await this.record(session, params, ask);
      const refusal = this.#policy.refusal(name, failure);
      if (refusal !== undefined) return refusal;
    }
  }
}

async function callsIn(
  { method, params, body }: Exchange,
): Promise<readonly unknown[]> {
  if (method === "tools/call") return [params];
  if (method !== "batch") return [];
  const message = await parseMessageInTurns(await bytesOf(body));
  if (message.kind === "invalid") return [];
  return requestsOf(message)
    .filter(({ method }) => method === "tools/call")
    .map(({ params }) => params);
}
