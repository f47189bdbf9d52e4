/**
 * Requests to AWS's services, in a limited time and size, JSON both ways.
 *
 * @module
 */

import { reasonOf, withLimit } from "../../../limit.ts";
import { netNeed } from "../../../permissions.ts";
import { demand, type Search } from "../search.ts";
import { limitedText } from "../../../limited_text.ts";
import { type JsonRecord, parseRecord, textIn } from "../../json.ts";

/** One try of one request. */
const ATTEMPT_LIMIT_MS = 10_000;

/** How often a request is made that is safe to repeat. */
const MAX_ATTEMPTS = 3;

/** The pause before the first repetition; the next is twice as long. */
const FIRST_PAUSE_MS = 100;

/** A request. */
export interface SessionRequest {
  readonly url: URL;
  /** Completes "no permission to …". */
  readonly purpose: string;
  readonly headers?: Record<string, string>;
  /** Posted as JSON. Without it the request is a GET, which may be repeated. */
  readonly json?: JsonRecord;
}

/** What a service answered. */
export interface SessionAnswer {
  readonly status: number;
  readonly body: JsonRecord;
  /** The error's name and message; empty where it was none. */
  readonly error: string;
}

/** The service was not reached, or did not answer to the end. */
export class UnreachedError extends Error {
  override name = "UnreachedError";
}

/**
 * Asks a service.
 *
 * @throws {CredentialsError} Deno forbids it.
 * @throws {UnreachedError} There was no answer.
 */
export async function askService(
  search: Search,
  request: SessionRequest,
): Promise<SessionAnswer> {
  const { url, purpose, json } = request;
  demand(search, [netNeed(url, purpose)]);
  for (let attempt = 1;; attempt++) {
    const isLast = json !== undefined || attempt === MAX_ATTEMPTS;
    try {
      const answer = await send(search, request);
      const isPassing = answer.status >= 500 || answer.status === 429;
      if (isLast || !isPassing) return answer;
    } catch (error) {
      if (isLast) throw error;
    }
    const pause = FIRST_PAUSE_MS * 2 ** (attempt - 1);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

async function send(
  search: Search,
  { url, headers, json }: SessionRequest,
): Promise<SessionAnswer> {
  const isPost = json !== undefined;
  const answer = await fetchText(search, url, {
    method: isPost ? "POST" : "GET",
    headers: isPost
      ? { ...headers, "content-type": "application/json" }
      : headers,
    body: isPost ? new Blob([JSON.stringify(json)]) : undefined,
  });
  const { status } = answer;
  const body = parseRecord(answer.text) ?? {};
  const error = status < 300 ? "" : errorOf(answer, body);
  return { status, body, error };
}

/** An answer that was read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * Asks a service once, over the `fetch` that was handed in. A body is a Blob:
 * `fetch` re-sends any other in silence when a connection drops.
 *
 * @throws {UnreachedError} There was no answer, not all of it in time, or too
 * much.
 */
export async function fetchText(
  { fetch }: Pick<Search, "fetch">,
  url: URL,
  init: RequestInit & { readonly body?: Blob },
): Promise<Answer> {
  try {
    return await withLimit(ATTEMPT_LIMIT_MS, async (limit) => {
      const signal = AbortSignal.any([limit, init.signal ?? limit]);
      const sent = { ...init, redirect: "manual", signal } as const;
      const { status, headers, body } = await fetch(url, sent);
      return { status, headers, text: await limitedText(body) };
    });
  } catch (error) {
    const why = error instanceof RangeError
      ? "its answer is too long"
      : reasonOf(error);
    throw new UnreachedError(`${url.host} was not reached (${why})`);
  }
}

function errorOf({ status, headers }: Answer, body: JsonRecord): string {
  const type = headers.get("x-amzn-errortype") ?? textIn(body, "__type") ??
    textIn(body, "error");
  const name = type?.split("#").at(-1)?.split(":")[0] ?? `HTTP ${status}`;
  const message = textIn(body, "message") ?? textIn(body, "error_description");
  return message === undefined ? name : `${name}: ${message}`;
}
