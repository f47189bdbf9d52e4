/**
 * Requests to the services behind a person's session: JSON both ways, in a
 * limited time and size, over the `fetch` that was handed in.
 *
 * @module
 */

import { netNeed } from "../../../permissions.ts";
import { demand, type Search, sourceFailed } from "../search.ts";
import { limitedText } from "./limited_text.ts";

/** One try of one request. */
const ATTEMPT_LIMIT_MS = 10_000;

/** How often a request is made that is safe to repeat. */
const MAX_ATTEMPTS = 3;

/** The pause before the first repetition; the next is twice as long. */
const FIRST_PAUSE_MS = 100;

/** A JSON object, or an empty one in place of anything else. */
export type JsonRecord = { readonly [name: string]: unknown };

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
  source: string,
  request: SessionRequest,
): Promise<SessionAnswer> {
  const { url, purpose, json } = request;
  demand(search, source, [netNeed(url, purpose)]);
  for (let attempt = 1;; attempt++) {
    const isLast = json !== undefined || attempt === MAX_ATTEMPTS;
    try {
      const answer = await send(search, request);
      const isPassing = answer.status >= 500 || answer.status === 429;
      if (isLast || !isPassing) return answer;
    } catch (error) {
      if (isLast) {
        throw new UnreachedError(
          `${url.host} was not reached (${reasonOf(error)})`,
        );
      }
    }
    const pause = FIRST_PAUSE_MS * 2 ** (attempt - 1);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

async function send(
  search: Search,
  { url, headers, json }: SessionRequest,
): Promise<SessionAnswer> {
  const limit = new AbortController();
  const timer = setTimeout(
    () => limit.abort(new Error("no answer in time")),
    ATTEMPT_LIMIT_MS,
  );
  try {
    const response = await search.fetch(url, {
      method: json === undefined ? "GET" : "POST",
      headers: json === undefined
        ? headers
        : { ...headers, "content-type": "application/json" },
      // A Blob: fetch re-sends any other body when a connection drops.
      body: json === undefined ? undefined : new Blob([JSON.stringify(json)]),
      redirect: "manual",
      signal: limit.signal,
    });
    const body = parseRecord(await limitedText(response.body)) ?? {};
    const error = response.ok ? "" : errorOf(response, body);
    return { status: response.status, body, error };
  } finally {
    clearTimeout(timer);
  }
}

/** A JSON object; `undefined` if the text is none. */
export function parseRecord(text: string): JsonRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a JSON value is an object. */
export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text of a record that is not empty. */
export function textIn(record: JsonRecord, name: string): string | undefined {
  const value = record[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function errorOf({ status, headers }: Response, body: JsonRecord): string {
  const type = headers.get("x-amzn-errortype") ?? textIn(body, "__type") ??
    textIn(body, "error");
  const name = type?.split("#").at(-1)?.split(":")[0] ?? `HTTP ${status}`;
  const message = textIn(body, "message") ?? textIn(body, "error_description");
  return message === undefined ? name : `${name}: ${message}`;
}

/** What `fetch` has against it: in its cause, if it gives one. */
function reasonOf(error: unknown): string {
  if (error instanceof RangeError) return "its answer is too long";
  const cause = error instanceof Error ? error.cause ?? error : error;
  return cause instanceof Error ? cause.message : String(cause);
}

/** The error of a service whose answer makes no sense. */
export function incompleteAnswer(
  search: Search,
  source: string,
  { url }: SessionRequest,
): Error {
  return sourceFailed(search, source, `${url.host} gave no credentials`);
}
