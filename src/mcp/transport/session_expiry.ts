/** How a target says that it does not know the session. */

import { type Retryable, SessionExpiredError } from "./retry.ts";
import type { Redact } from "../../redact/redact.ts";
import {
  type ErrorBody,
  namesRequest,
  parseRpcError,
} from "./answers/error_body.ts";
import type { Exchange } from "./exchange.ts";
import { hasSession, type SessionHeaders } from "../wire/headers.ts";
import type { RpcError } from "../wire/message.ts";
import { noMessage } from "./failure.ts";
import { jsonWords } from "../wire/body_words.ts";

/** How an answer comes that tells of a lost session. */
type Form =
  /** An HTTP error. */
  | "refusal"
  /** A JSON-RPC error in a 2xx. */
  | "rpc"
  /** A text, or an object without JSON-RPC around it, in a 2xx. */
  | "bare";

interface Signal {
  readonly form: Form;
  /** HTTP statuses; any of the form's without. */
  readonly statuses?: readonly number[];
  /** JSON-RPC error codes; any, or none at all, without. */
  readonly codes?: readonly number[];
  /** Whether it answers the request by its own ID; either without. */
  readonly isOwn?: boolean;
  /** Whether it need not speak of the session in words. */
  readonly isWordless?: boolean;
  /** What it proves of the request, if nothing of an answer came before it. */
  readonly retryable: Retryable;
}

/** The statuses with which servers refuse a session that they do not know. */
const REFUSALS = [400, 401, 404, 410];

/** The AWS MCP server's code for an unknown session. */
const AWS_SESSION_NOT_FOUND = -30001;

/** The code of the TypeScript and C# SDKs for an unknown session. */
const SDK_SESSION_NOT_FOUND = -32001;

/** "Invalid params" is about the message, not about its session. */
const INVALID_PARAMS = -32602;

/** The first row that fits holds. */
const SIGNALS: readonly Signal[] = [
  {
    // MCP 2025-03-26 to 2025-11-25, Session Management: a server MUST answer
    // 404 to a session that it has ended
    form: "refusal",
    statuses: [404],
    isOwn: false,
    isWordless: true,
    retryable: "always",
  },
  {
    // python-sdk and FastMCP 400 (text, and -32600), rmcp 401, typescript-sdk
    // 400 (-32000), anubis 400, keryx 400, AWS MCP Server 400 (-30001): each
    // looks its sessions up before it runs anything
    form: "refusal",
    statuses: REFUSALS,
    retryable: "always",
  },
  {
    // typescript-sdk and C# SDK 404 (-32001), AWS MCP Server (-30001)
    form: "refusal",
    statuses: [404],
    codes: [SDK_SESSION_NOT_FOUND, AWS_SESSION_NOT_FOUND],
    isOwn: true,
    isWordless: true,
    // The code alone: to others it says something else, and the call may have run.
    retryable: "if-idempotent",
  },
  {
    // AWS MCP Server 200: told before the request runs
    form: "rpc",
    codes: [AWS_SESSION_NOT_FOUND],
    retryable: "always",
  },
  {
    // servers of the python-sdk (-32600) and typescript-sdk (-32001)
    form: "rpc",
    retryable: "if-idempotent",
  },
  {
    // keryx issue 503: the transport's own words, in place of any answer to the
    // request
    form: "bare",
    retryable: "always",
  },
];

const { raw } = String;
const SESSION = raw`(?:mcp[ -]?)?session(?:s|[ -]?ids?)?(?: header)?(?![\w-])`;
/** A session's own ID among the words: quoted, known by its digits, or meant. */
const NAMED =
  raw`(?: (?:you )?(?:provided|specified|supplied|given)(?: in the (?:request|headers?))?(?!\w)|(?: with(?: the)? id)?:? ?(?:["'\`(<\[][\w.:-]{1,80}["'\`)>\]]|(?=[\w.:-]{0,80}\d)[\w.:-]{4,80}|(?<=id )\w{1,80}))?`;
const STATE =
  raw`(?:not (?:found|valid|known|recogni[sz]ed|active|initiali[sz]ed)|no longer (?:valid|active|exists|available|found)|(?:do(?:es)?|did)(?: not|n't) exist|missing or invalid|invalid|expired|unknown|terminated|closed|ended|timed out|inactive|lost|timeout(?=$|[.:;,!])|(?<=(?:is|was|been) )(?:gone|deleted|removed|revoked|destroyed|evicted|invalidated))(?!\w)`;
const FAULT =
  "(?:valid|active|such|known|existing|invalid|unknown|expired|stale|missing|unrecogni[sz]ed|inactive|terminated)";

/** What servers say, at the start of their words. */
const WORDINGS: readonly string[] = [
  // typescript-sdk, go-sdk, C# SDK, java-sdk, rmcp: Session not found;
  // python-sdk: Session has been terminated;
  // AWS MCP Server: The provided SessionId was not found or has expired
  `${SESSION}${NAMED},? (?:(?:was|is|has|have|been|could|be|either) ){0,3}${STATE}`,
  // python-sdk: No valid session ID provided, Invalid or expired session ID;
  // anubis: No active session; OmniRoute: Unknown Mcp-Session-Id header
  raw`(?:no )?(?:${FAULT}(?: or | and |, |/)? ?){1,3}${SESSION}${NAMED}(?=$|[.:;,!)("'-]| (?:(?:provided|or|in|for|given|found|supplied)(?!\w)|-))`,
  // python-sdk, HTTP+SSE: Could not find session
  raw`(?:no|(?:could not|cannot|can't|failed to|unable to) (?:find|locate))(?: the| a| any)? ${SESSION}${NAMED}(?=$|[.:;,!]| (?:found|exists|for|with)(?!\w))`,
  // typescript-sdk, HTTP+SSE: No transport found for sessionId
  `no transport found for ${SESSION}`,
  // typescript-sdk: Mcp-Session-Id header is required (it did not get it)
  raw`${SESSION} (?:is )?(?:required|missing)(?=$|[.:;,!]| (?:for|in|on) (?:\w+ )?(?:requests?|headers?)(?!\w))`,
  // typescript-sdk, Kotlin SDK: Server not initialized
  "(?:mcp )?server (?:is )?not initiali[sz]ed",
  // C# SDK: A new session can only be created by an initialize request
  "a new session can only be created by an initiali[sz]e request",
];

/** What stands before the words: a status, a protocol, a courtesy. */
const BEFORE =
  raw`(?:(?:(?:http )?[45]\d\d|bad request|not found|unauthori[sz]ed|gone|error|invalid request|mcp|(?:mcp|json-?rpc|http|transport|session|streamable http) error(?: -?\d+)?)\s?[:.–-]+\s*)*(?:(?:the|your|this|that) )?(?:(?:provided|given|requested|supplied|specified|current) )?`;

const SPEAKS = new RegExp(`^${BEFORE}(?:${WORDINGS.join("|")})`, "i");

/** The longest text that is taken for words about the session. */
const MAX_WORDS = 500;

/** What all of them have, for a quick look. */
const MENTION = /session|initiali[sz]e/i;

/** Whether words are about a session that is not known. */
function speaksOfSession(words: string): boolean {
  if (words.length > MAX_WORDS || !MENTION.test(words)) return false;
  // As identifiers: SESSION_NOT_FOUND, SessionExpired.
  const spaced = words.trim().replaceAll("_", " ")
    .replace(/([a-z])([A-Z])/g, "$1 $2");
  return SPEAKS.test(words.trim()) || SPEAKS.test(spaced);
}

function retryableBy(
  form: Form,
  words: readonly string[],
  { status = 0, code = 0, isOwn }: {
    readonly status?: number;
    readonly code?: number;
    readonly isOwn?: boolean;
  } = {},
): Retryable | undefined {
  const speaks = words.some(speaksOfSession);
  return SIGNALS.find((signal) =>
    signal.form === form &&
    (signal.statuses?.includes(status) ?? true) &&
    (signal.codes?.includes(code) ?? true) &&
    (signal.isOwn === undefined || signal.isOwn === isOwn) &&
    (signal.isWordless || speaks)
  )?.retryable;
}

/** What the words of a JSON-RPC error are: its message, and texts beside it. */
function wordsOf({ message, data }: RpcError): readonly string[] {
  return typeof data === "string" ? [message, data] : [message];
}

/**
 * Whether an HTTP error tells of a lost session, and if the request may be sent
 * again; `undefined` when it tells of something else.
 *
 * @param body The JSON-RPC error in its text, and what else is known of that.
 */
export function expiryInRefusal(
  { status, headers }: Response,
  text: string,
  { answer, isOwn = false, isClear = true }: Partial<
    Pick<ErrorBody, "answer" | "isOwn" | "isClear">
  > = {},
): Retryable | undefined {
  // Who names a way to authenticate does not speak of an MCP session.
  if (status === 401 && headers.has("www-authenticate")) return undefined;
  const words = answer ? wordsOf(answer.error) : [...jsonWords(text), text];
  const code = answer?.error.code;
  const retryable = retryableBy("refusal", words, { status, code, isOwn });
  // What names the request, but is no JSON-RPC error, may be anything.
  const isProof = isClear && (answer !== undefined || !isOwn);
  return retryable === "always" && !isProof ? "if-idempotent" : retryable;
}

/** The same of an error in a 2xx answer. */
export function expiryInAnswer(error: RpcError): Retryable | undefined {
  const { code } = error;
  if (code === INVALID_PARAMS) return undefined;
  return retryableBy("rpc", wordsOf(error), { code });
}

const decoder = new TextDecoder();

/** The same of a 2xx without JSON-RPC around it: its body, or an event. */
function expiryInBareWords(bytes: Uint8Array): Retryable | undefined {
  if (bytes.length > 4 * MAX_WORDS) return undefined;
  const text = decoder.decode(bytes);
  if (!MENTION.test(text) || text.includes('"jsonrpc"')) return undefined;
  return retryableBy("bare", [...jsonWords(text), text]);
}

/** The same of a message that is no answer to a request, or of bare words. */
export function expiryInMessage(bytes: Uint8Array): Retryable | undefined {
  if (bytes.length > 4 * MAX_WORDS) return undefined;
  const answer = parseRpcError(bytes);
  return answer ? expiryInAnswer(answer.error) : expiryInBareWords(bytes);
}

/** @throws {SessionExpiredError} Such words stand where the answer should. */
export function checkExpiry(
  exchange: Exchange,
  session: SessionHeaders,
  bytes: Uint8Array,
  redact: Redact,
): void {
  const loss = hasSession(session) ? expiryInBareWords(bytes) : undefined;
  if (loss === undefined) return;
  const text = decoder.decode(bytes);
  const error = noMessage("the session is lost", bytes, redact);
  const retryable = namesRequest(exchange, text) ? "if-idempotent" : loss;
  throw new SessionExpiredError(session, retryable, error);
}
