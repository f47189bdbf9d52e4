/** Requests to AWS's services, in a limited time and size. */

import { reasonOf } from "../../../errors.ts";
import { delay, withLimit } from "../../../time.ts";
import { netNeed } from "../../../permissions.ts";
import { demand, type Search, sourceFailed } from "../search.ts";
import { limitedText } from "../../../limited_text.ts";
import { type JsonRecord, parseRecord, textIn } from "../../json.ts";
import type { Session } from "./session_token.ts";

/** One try of one request. */
const ATTEMPT_LIMIT_MS = 10_000;

/** How often a request is made that is safe to repeat. */
const MAX_ATTEMPTS = 3;

/** The pause before the first repetition; the next is twice as long. */
const FIRST_PAUSE_MS = 100;

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface SessionRequest {
  readonly url: URL;
  /** Completes "no permission to …". */
  readonly purpose: string;
  readonly headers?: Record<string, string>;
  /** Posted as JSON. Without it the request is a GET, which may be repeated. */
  readonly json?: JsonRecord;
}

export interface SessionAnswer {
  readonly status: number;
  readonly body: JsonRecord;
  /** The error's name and message; empty where it was none. */
  readonly error: string;
}

export async function askService(
  session: Session,
  { url, purpose, headers, json }: SessionRequest,
): Promise<SessionAnswer> {
  demand(session, [netNeed(url, purpose)]);
  const init = json === undefined ? { headers } : {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: new Blob([JSON.stringify(json)]),
  };
  for (let attempt = 1;; attempt++) {
    const isLast = json !== undefined || attempt === MAX_ATTEMPTS;
    const answer = await fetchText(session, url, init).catch((error) => {
      if (!isLast) return undefined;
      const what = `the ${session.kind} could not be used: ${error.message}`;
      throw sourceFailed(session, what);
    });
    const { status = 500 } = answer ?? {};
    if (answer && (isLast || status < 500 && status !== 429)) {
      const body = parseRecord(answer.text) ?? {};
      return { status, body, error: status < 300 ? "" : errorOf(answer, body) };
    }
    const pause = FIRST_PAUSE_MS * 2 ** (attempt - 1);
    await delay(pause);
  }
}

/**
 * Asks a service once, over the `fetch` that was handed in. A body is a Blob:
 * `fetch` re-sends any other in silence when a connection drops.
 */
export async function fetchText(
  { fetch }: Pick<Search, "fetch">,
  url: URL,
  init: RequestInit & { readonly body?: Blob },
): Promise<Answer> {
  try {
    return await withLimit(ATTEMPT_LIMIT_MS, async (signal) => {
      const sent = { ...init, redirect: "manual", signal } as const;
      const { status, headers, body } = await fetch(url, sent);
      return { status, headers, text: await limitedText(body) };
    });
  } catch (error) {
    const why = error instanceof RangeError
      ? "its answer is too long"
      : reasonOf(error);
    throw new Error(`${url.host} was not reached (${why})`);
  }
}

function errorOf({ status, headers }: Answer, body: JsonRecord): string {
  const type = headers.get("x-amzn-errortype") ?? textIn(body, "__type") ??
    textIn(body, "error");
  const name = type?.split("#").at(-1)?.split(":")[0] ?? `HTTP ${status}`;
  const message = textIn(body, "message") ?? textIn(body, "error_description");
  return message === undefined ? name : `${name}: ${message}`;
}
