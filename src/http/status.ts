/**
 * What the head of the target's answer may say at the HTTP front.
 *
 * @module
 */

import { ProxyError } from "../errors.ts";
import { readBody } from "../mcp/wire/body.ts";

/** Whether a status ends an answer (RFC 9110, 15): no 101, no 999. */
export function isFinal({ status }: Response): boolean {
  return status >= 200 && status < 600;
}

/** The error for an answer whose status ends none. */
export function noFinalStatus({ status }: Response): ProxyError {
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
 * Whether an answer that says it has no body has none.
 *
 * @throws {ProxyError} `bad-answer`: it has one.
 */
export async function isEmpty(answer: Response): Promise<boolean> {
  const mayBe = answer.headers.get("content-length") === "0" &&
    answer.body !== null;
  if (!mayBe) return false;
  if (await readBody(answer, { maxBytes: 0 }) !== undefined) return true;
  throw new ProxyError(
    "bad-answer",
    "the target's answer says that it has no body, and has one",
    { data: { status: answer.status } },
  );
}
