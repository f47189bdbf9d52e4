/**
 * What an answer of the target's says in HTTP server mode, and what of it the
 * client is told.
 */

import { withoutEcho } from "../aws/refusals/echo.ts";
import { explainRefusal } from "../aws/refusals/refusal.ts";
import { ProxyError } from "../errors.ts";
import { httpStatusError, redirectError } from "../mcp/transport/failure.ts";
import { isRedirect } from "../mcp/transport/failure.ts";
import {
  discardBody,
  isSmallBody,
  mediaType,
  readBody,
} from "../mcp/wire/body.ts";
import { withoutByteOrderMark } from "../mcp/wire/bytes.ts";
import { readMessageInTurns } from "../mcp/wire/message.ts";
import { TopLevelScanner } from "../mcp/wire/scan.ts";
import type { Redact } from "../redact/redact.ts";
import { HttpError } from "./error.ts";
import type { ListFilter } from "./filter.ts";
import { BODY_HEADERS } from "./headers.ts";

const decoder = new TextDecoder();

/**
 * Throws for an answer that is none to go on, by its head, and lets go of it.
 */
export async function checkHead(answer: Response, target: URL): Promise<void> {
  const { status } = answer;
  // RFC 9110, 15: no 101, no 999.
  const isFinal = status >= 200 && status < 600;
  if (isFinal && !isRedirect(answer)) return;
  await discardBody(answer);
  if (isFinal) throw redirectError(answer, target);
  throw new ProxyError(
    "bad-answer",
    `the target answered HTTP ${status}, which is no end of a request; is the target URL that of an MCP endpoint?`,
    { data: { status } },
  );
}

/** The status for the client: a 401 would be about the server's own token. */
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

/** How much of an HTTP error is looked at for its words. */
const MAX_WORDS_BYTES = 64 * 1024;

/** Whether a text that begins so may be a message: else its words are enough. */
export function mayBeMessage(beginning: Uint8Array): boolean {
  return !new TopLevelScanner().feed(withoutByteOrderMark(beginning)).isBroken;
}

/** What the client is told in place of a refusal by IAM, or of a secret. */
export async function errorInstead(
  answer: Response,
  bytes: Uint8Array,
  headers: ReadonlyMap<string, string>,
  redact: Redact,
): Promise<HttpError | undefined> {
  const error = await ownError(answer, bytes, redact);
  if (error === undefined) return undefined;
  const others = [...headers].filter(([name]) => !BODY_HEADERS.includes(name));
  return new HttpError(statusOf(answer), error, Object.fromEntries(others));
}

async function ownError(
  answer: Response,
  bytes: Uint8Array,
  redact: Redact,
): Promise<ProxyError | undefined> {
  const text = decoder.decode(bytes.subarray(0, MAX_WORDS_BYTES));
  const refusal = explainRefusal(answer, text);
  if (refusal !== undefined) return refusal;
  const { kind } = await readMessageInTurns(bytes);
  if (kind !== "invalid") return undefined;
  const shown = withoutEcho(text);
  // What is too long to be looked through does not pass, either.
  return redact(shown) === text
    ? undefined
    : httpStatusError(answer, shown, redact);
}
