/**
 * Answers at the HTTP front without the tools that a policy forbids.
 *
 * @module
 */

import { ProxyError } from "./errors.ts";
import type { Pieces } from "./http_relay.ts";
import { EventParser, type ServerEvent } from "./mcp/events.ts";
import { isObject, readMessage, type ResponseMessage } from "./mcp/message.ts";
import { memberAt, membersOf, removeMembers, whole } from "./mcp/splice.ts";
import type { ToolPolicy } from "./mcp/tool_policy.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A comment: nothing to clients, and a sign of life to what lies between. */
const COMMENT = encoder.encode(":\n\n");

/**
 * A message without forbidden tools, and otherwise as it was.
 *
 * @param bytes The message, or a batch of them.
 * @param policy What is forbidden; it learns the tools.
 * @returns The message.
 */
export function withoutForbidden(
  bytes: Uint8Array,
  policy: ToolPolicy,
): Uint8Array {
  const message = readMessage(bytes);
  if (message.kind === "response") return filtered(bytes, message, policy);
  if (message.kind !== "batch") return bytes;
  const parts = membersOf(bytes, whole(bytes)).map(({ start, end }, index) => {
    const part = bytes.subarray(start, end);
    const single = message.messages[index];
    return decoder.decode(
      single.kind === "response" ? filtered(part, single, policy) : part,
    );
  });
  return encoder.encode(`[${parts.join(",")}]`);
}

function filtered(
  bytes: Uint8Array,
  { result }: ResponseMessage,
  policy: ToolPolicy,
): Uint8Array {
  if (!isObject(result) || !Array.isArray(result.tools)) return bytes;
  const isAllowed = result.tools.map((tool) => policy.learn(tool));
  const list = memberAt(bytes, ["result", "tools"]);
  if (!list || isAllowed.every(Boolean)) return bytes;
  return removeMembers(bytes, list, (_member, index) => !isAllowed[index]);
}

/**
 * The events of a stream, written anew without forbidden tools.
 *
 * @param pieces The stream as it comes.
 * @param policy What is forbidden; it learns the tools.
 * @param maxDataBytes The largest event.
 * @returns The stream as it goes on.
 * @throws {ProxyError} `frame-too-large`: an event cannot be looked at.
 */
export async function* eventsWithoutForbidden(
  pieces: Pieces,
  policy: ToolPolicy,
  maxDataBytes: number,
): AsyncGenerator<Uint8Array> {
  const parser = new EventParser({ maxDataBytes });
  for await (const piece of pieces) {
    let isQuiet = true;
    for (const event of parser.feed(piece)) {
      if (event.oversized) throw tooLarge(maxDataBytes);
      yield written(event, withoutForbidden(event.data, policy));
      isQuiet = false;
    }
    if (isQuiet) yield COMMENT;
  }
}

function written(
  { type, id, retryMs }: ServerEvent,
  data: Uint8Array,
): Uint8Array {
  const lines = [
    ...type === "message" ? [] : [`event: ${type}\n`],
    ...id === undefined ? [] : [`id: ${id}\n`],
    ...retryMs === undefined ? [] : [`retry: ${retryMs}\n`],
    `data: ${decoder.decode(data)}\n\n`,
  ];
  return encoder.encode(lines.join(""));
}

/** The error for an answer that is too large to be looked at. */
export function tooLarge(limitBytes: number): ProxyError {
  return new ProxyError(
    "frame-too-large",
    `the target's answer is over ${limitBytes} bytes, too large to look for forbidden tools in it; --max-answer (MCP_MAX_ANSWER) sets this limit`,
    { data: { limitBytes } },
  );
}
