/** What the target asks of the client, until the client answers it. */

import { LruCache } from "../../../lru_cache.ts";
import type { SessionHeaders } from "../../wire/headers.ts";
import type { RequestId } from "../../wire/message.ts";

/** How many are remembered; the oldest go first. */
const MAX_REQUESTS = 10_000;

/** The target's requests, each with the session that it came in. */
export class TargetRequests {
  readonly #asked = new LruCache<
    { readonly id: RequestId; readonly session: SessionHeaders }
  >(MAX_REQUESTS);

  add(id: RequestId, session: SessionHeaders): void {
    this.#asked.set(id.key, { id, session }, id.source.length);
  }

  /** The session whose request an answer of the client's is for, if one is. */
  take(id: RequestId): SessionHeaders | undefined {
    const asked = this.#asked.get(id.key);
    this.#asked.delete(id.key);
    return asked?.session;
  }

  /** What was asked in a session, and is not answered. */
  askedIn(session: SessionHeaders): RequestId[] {
    return [...this.#asked.entries()]
      .flatMap(([, asked]) => asked.session === session ? [asked.id] : []);
  }
}
