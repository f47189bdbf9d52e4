/**
 * What the target's answer says at the HTTP front, what of it the client is
 * told, and how long it may take.
 *
 * @module
 */

import { withoutEcho } from "../aws/refusals/echo.ts";
import { ProxyError } from "../errors.ts";
import { httpStatusError, redirectError } from "../mcp/transport/failure.ts";
import { type Explain, isRedirect } from "../mcp/transport/responses.ts";
import { isSmallBody, mediaType, readBody } from "../mcp/wire/body.ts";
import { readMessage } from "../mcp/wire/message.ts";
import type { Redact } from "../redact/redact.ts";
import type { ListFilter } from "./filter.ts";
import { type Deadlines, TimeLimit } from "../time.ts";

const decoder = new TextDecoder();

/** Why an answer is none that goes on, by its head. */
export function headFault(
  answer: Response,
  target: URL,
): ProxyError | undefined {
  const { status } = answer;
  if (isRedirect(answer)) return redirectError(answer, target);
  // RFC 9110, 15: no 101, no 999.
  if (status >= 200 && status < 600) return undefined;
  return new ProxyError(
    "bad-answer",
    `the target answered HTTP ${status}, which is no end of a request; is the target URL that of an MCP endpoint?`,
    { data: { status } },
  );
}

/** The status for the client: a 401 would be about the front's own token. */
export function statusOf({ status }: Response): number {
  return status === 401 ? 403 : status;
}

/**
 * Whether an answer has no body. One that says it has none is not trusted.
 *
 * @throws {ProxyError} `bad-answer`: it says so, and has one.
 */
async function isEmpty(answer: Response): Promise<boolean> {
  if (answer.body === null) return true;
  if (answer.headers.get("content-length") !== "0") return false;
  if (await readBody(answer, { maxBytes: 0 }) !== undefined) return true;
  throw new ProxyError(
    "bad-answer",
    "the target's answer says that it has no body, and has one",
    { data: { status: answer.status } },
  );
}

/**
 * An answer's body, where it is read before any of it goes on.
 *
 * @throws {ProxyError} It cannot be looked through.
 * @throws What the connection failed with.
 */
export async function readAnswer(
  answer: Response,
  headers: Map<string, string>,
  filter: ListFilter | undefined,
): Promise<Uint8Array | undefined> {
  if (await isEmpty(answer)) return new Uint8Array();
  if (mediaType(answer) === "text/event-stream") return undefined;
  if (filter !== undefined) return await filter.body(answer, headers);
  return isSmallBody(answer, Infinity) ? await answer.bytes() : undefined;
}

/** What the client is told in place of a refusal by IAM, or of a secret. */
export function errorInstead(
  answer: Response,
  bytes: Uint8Array,
  explain: Explain,
  redact: Redact,
): ProxyError | undefined {
  const text = decoder.decode(bytes);
  const refusal = explain(answer, text);
  if (refusal !== undefined) return refusal;
  if (readMessage(bytes).kind !== "invalid") return undefined;
  const shown = withoutEcho(text);
  // What is too long to be looked through does not pass, either.
  return redact(shown) === text
    ? undefined
    : httpStatusError(answer, shown, redact);
}

/** Time limits of one request. */
export interface TimeLimits {
  /** The whole time, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** Whether what comes of an event stream begins the whole time anew. */
  readonly resetOnProgress: boolean;
  /** The time without a byte from the target, in milliseconds. */
  readonly idleTimeoutMs: number;
}

/** The limits of one request, until they are disposed of. */
export class AnswerLimits implements Disposable {
  readonly #idle: TimeLimit;
  readonly #whole: TimeLimit | undefined;
  readonly #resetOnProgress: boolean;

  /** */
  constructor(
    { timeoutMs, resetOnProgress, idleTimeoutMs }: TimeLimits,
    deadlines: Deadlines,
    onLimit: (error: ProxyError) => void,
  ) {
    this.#resetOnProgress = resetOnProgress;
    this.#idle = new TimeLimit(
      deadlines,
      idleTimeoutMs,
      () => onLimit(idleTimeout(idleTimeoutMs)),
    );
    this.#whole = timeoutMs === undefined ? undefined : new TimeLimit(
      deadlines,
      timeoutMs,
      () => onLimit(wholeTimeout(timeoutMs)),
    );
  }

  /** Notes that something moved. */
  touch(): void {
    this.#idle.touch();
  }

  /** Notes that something came of an event stream. */
  progress(): void {
    this.#idle.touch();
    if (this.#resetOnProgress) this.#whole?.touch();
  }

  [Symbol.dispose](): void {
    this.#idle[Symbol.dispose]();
    this.#whole?.[Symbol.dispose]();
  }
}

function wholeTimeout(limitMs: number): ProxyError {
  return new ProxyError(
    "timeout",
    `the target did not finish its answer within ${limitMs} ms; --timeout (MCP_TIMEOUT) sets this limit`,
    { data: { limitMs } },
  );
}

function idleTimeout(limitMs: number): ProxyError {
  return new ProxyError(
    "timeout",
    `nothing moved for ${limitMs} ms; --idle-timeout (MCP_IDLE_TIMEOUT) sets this limit`,
    { data: { limitMs } },
  );
}
