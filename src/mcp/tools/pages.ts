/**
 * The target's list of tools, page by page.
 *
 * @module
 */

import { META, metaLike } from "../wire/era.ts";
import { isObject, type ResponseMessage } from "../wire/message.ts";

/** The parameters of a request for a page. */
export type PageParams = Readonly<Record<string, unknown>>;

/** More pages than any list has: a target may hand out cursors for ever. */
const MAX_PAGES = 1000;

/**
 * Asks for all pages, one after the other.
 *
 * @param ask Asks for a page; what it gives is given on.
 * @param like The parameters of the call on whose behalf it is asked.
 */
export async function* toolPages<Answer extends ResponseMessage | undefined>(
  ask: (params: PageParams) => Promise<Answer>,
  like: unknown,
): AsyncGenerator<Answer> {
  const _meta = metaLike(like);
  const isModern = META.protocolVersion in _meta;
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await ask({
      ...(isModern && { _meta }),
      ...(cursor !== undefined && { cursor }),
    });
    yield answer;
    const next = isObject(answer?.result) ? answer.result.nextCursor : cursor;
    if (typeof next !== "string" || next === cursor) return;
    cursor = next;
  }
}
