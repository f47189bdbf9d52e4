/** The target's list of tools, asked for page by page. */

import { excerpt } from "../../excerpt.ts";
import { asObject } from "../../json.ts";
import { causeIn } from "../transport/own_error.ts";
import type { Answer } from "../transport/link.ts";
import { META, metaLike } from "../wire/era.ts";
import type { ResponseMessage } from "../wire/message.ts";
import { withoutForbidden } from "./list.ts";
import type { ToolPolicy } from "./policy.ts";

export type AskForTools = (
  params: Readonly<Record<string, unknown>>,
) => Promise<Answer>;

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
    const pages = toolPages(async (params) => {
      const [answer, bytes] = await ask(params);
      return { answer, bytes, result: answer.result };
    }, like);
    for await (const { answer, bytes, result } of pages) {
      const { error } = answer;
      if (error) {
        const text = causeIn(error) || `error ${error.code}`;
        failure = excerpt(text, MAX_FAILURE_LENGTH);
      } else if (!Array.isArray(asObject(result).tools)) {
        failure = "the answer to tools/list has no list of tools";
      } else {
        // Read as the client's are: what is unclear in it says nothing.
        await withoutForbidden(bytes, answer, policy, before);
      }
      if (failure !== undefined) break;
    }
    if (policy.changes === before) return failure;
  }
  return failure ?? "it changed whenever it was fetched";
}
