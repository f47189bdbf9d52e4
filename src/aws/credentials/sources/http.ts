/**
 * Requests of the sources, in a limited time and size: to AWS's services, JSON
 * both ways, and to the machine underneath.
 *
 * @module
 */

import { netNeed } from "../../../permissions.ts";
import { demand, type Search } from "../search.ts";
import { limitedText } from "../../../limited_text.ts";
import { type JsonRecord, parseRecord, textIn } from "../../json.ts";

/** One try of one request. */
const ATTEMPT_LIMIT_MS = 10_000;

/** All of a request to the machine underneath: as the AWS CLI has it. */
export const HOST_LIMIT_MS = 1_000;

/** The largest answer of the machine underneath; credentials take 2 KiB. */
const MAX_BYTES = 256 * 1024;

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
  const limit = new AbortController();
  const timer = setTimeout(
    () => limit.abort(new Error("no answer in time")),
    ATTEMPT_LIMIT_MS,
  );
  const signal = init.signal
    ? AbortSignal.any([limit.signal, init.signal])
    : limit.signal;
  try {
    const sent = { ...init, redirect: "manual", signal } as const;
    const { status, headers, body } = await fetch(url, sent);
    return { status, headers, text: await limitedText(body) };
  } catch (error) {
    throw new UnreachedError(
      `${url.host} was not reached (${reasonOf(error)})`,
    );
  } finally {
    clearTimeout(timer);
  }
}

/** What the machine underneath answered. */
export type HostReply = Pick<Answer, "status" | "text">;

/**
 * Asks the machine underneath, by node:http: `fetch` would go through the proxy
 * of HTTP_PROXY, which knows nothing of this machine.
 *
 * @throws {Error} There was no answer, not all of it in time, or too much.
 */
export async function askHost(
  url: URL,
  headers: Record<string, string> = {},
  method: "GET" | "PUT" = "GET",
): Promise<HostReply> {
  const { request } = url.protocol === "https:"
    ? await import("node:https")
    : await import("node:http");
  const { promise, resolve, reject } = Promise.withResolvers<
    HostReply
  >();
  const sent = request(url, { method, headers, agent: false }, (response) => {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    response.on("data", (chunk: Uint8Array) => {
      size += chunk.length;
      if (size > MAX_BYTES) sent.destroy(new Error("its answer is too long"));
      else chunks.push(new Uint8Array(chunk));
    });
    response.on("error", reject);
    response.on("end", async () => {
      const status = response.statusCode ?? 0;
      resolve({ status, text: await new Blob(chunks).text() });
    });
  });
  sent.on("error", reject);
  const timer = setTimeout(
    () => sent.destroy(new Error("no answer in time")),
    HOST_LIMIT_MS,
  );
  sent.end();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    sent.destroy();
  }
}

function errorOf({ status, headers }: Answer, body: JsonRecord): string {
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
