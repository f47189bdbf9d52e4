/**
 * How a target says that it does not know the session.
 *
 * @module
 */

import type { ProxyError } from "../errors.ts";
import type { Repeat } from "./failure.ts";
import type { SessionHeaders } from "./headers.ts";
import type { RpcError } from "./message.ts";

/** The target does not know the session that it was asked in. */
export class SessionLost extends Error {
  override name = "SessionLost";

  constructor(
    /** The session that is lost. */
    readonly session: SessionHeaders,
    /** Whether the request may be sent once more in a new session. */
    readonly repeat: Repeat,
    /** What the client is told if nothing else can be done: an error, or the
     * target's own error frame. */
    readonly error: ProxyError | Uint8Array,
  ) {
    super("the target does not know the session");
  }
}

// The wordings of the official SDKs ("No valid session ID provided", "Server
// not initialized", "Session not found"), of the AWS MCP server ("The provided
// SessionId was not found or has expired") and of their likes, at the start of
// the message: a tool may have sessions of its own to speak of.
const LOST =
  /^(?:(?:bad request|not found|error|invalid request): ?)?(?:the provided )?(?:no valid session|(?:mcp )?server not initialized|(?:mcp )?session ?(?:id)?(?: [\w-]{8,})? (?:was |is |has )?(?:not found|not valid|invalid|expired|unknown|terminated|does not exist)|(?:invalid|unknown|expired) (?:mcp )?session(?: id)?\b)/i;

/** "Invalid params" is about the message, not about its session. */
const INVALID_PARAMS = -32602;

/** Whether a JSON-RPC error says that the session is gone. */
export function saysLost(error: RpcError): boolean {
  return error.code !== INVALID_PARAMS && LOST.test(error.message);
}

/**
 * The AWS MCP server's code for an unknown session, which comes in an HTTP 200.
 * It is told before the request runs.
 */
const AWS_SESSION_NOT_FOUND = -30001;

/**
 * Whether an error in a 2xx answer tells of a lost session, and if the request
 * may be sent again; `undefined` when it tells of something else.
 */
export function lossInAnswer(error: RpcError): Repeat | undefined {
  if (!saysLost(error)) return undefined;
  return error.code === AWS_SESSION_NOT_FOUND ? "always" : "if-repeatable";
}
