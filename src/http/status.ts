/**
 * What the head of the target's answer says at the HTTP front.
 *
 * @module
 */

import { ProxyError } from "../errors.ts";
import { redirectError } from "../mcp/transport/failure.ts";
import { isRedirect } from "../mcp/transport/responses.ts";
import { readBody } from "../mcp/wire/body.ts";
import type { HeaderMap } from "./headers.ts";

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
export async function isEmpty(
  answer: Response,
  headers: HeaderMap,
): Promise<boolean> {
  if (answer.body === null) return true;
  if (headers.get("content-length") !== "0") return false;
  if (await readBody(answer, { maxBytes: 0 }) !== undefined) return true;
  throw new ProxyError(
    "bad-answer",
    "the target's answer says that it has no body, and has one",
    { data: { status: answer.status } },
  );
}
