/**
 * What went wrong upstream → the error that the client is told.
 *
 * @module
 */

import { ProxyError } from "../../errors.ts";
import type { Redact } from "../../redact/redact.ts";
import { bodyWords } from "../wire/body_words.ts";
import { excerpt } from "../wire/excerpt.ts";
import { isObject, type RequestId } from "../wire/message.ts";
import { AttemptError, failedUnprocessed, type Retryable } from "./retry.ts";
import { SessionExpiredError } from "./session_expiry.ts";

const encoder = new TextEncoder();

/**
 * The frame that answers a request with one of the proxy's own errors.
 *
 * @param redact Takes out what the target may have echoed.
 */
export function errorFrame(
  error: ProxyError,
  id: RequestId | undefined,
  redact: Redact = (text) => text,
): Uint8Array {
  const data = ownErrorData(error);
  const body = JSON.stringify(
    { code: error.code, message: error.message, data },
    (_name, value) => typeof value === "string" ? redact(value) : value,
  );
  // The ID goes in as source text: a parsed one may have lost digits.
  const member = id === undefined ? "" : `"id":${id.source},`;
  return encoder.encode(`{"jsonrpc":"2.0",${member}"error":${body}}`);
}

/** What tells the proxy's own errors from the target's. */
const SOURCE = "sigv4-proxy";

/** The `data` of the JSON-RPC error that an error of the proxy's becomes. */
export function ownErrorData(
  { reason, data }: ProxyError,
): Record<string, unknown> {
  return { source: SOURCE, reason, ...data };
}

/** Whether the `data` of a JSON-RPC error is that of the proxy's own. */
export function isOwnError(data: unknown): data is Record<string, unknown> {
  return isObject(data) && data.source === SOURCE;
}

/** Whether an error to the first request may be due to the target's era. */
export function mayBeOfOtherEra(data: unknown): boolean {
  return !isOwnError(data) || data.reason === "http-status";
}

/** What a log may be told of a cause: nothing in the target's own words. */
export function summaryOf(cause: unknown): string {
  if (cause instanceof ProxyError) return cause.summary;
  if (cause instanceof AttemptError) return cause.error.summary;
  return cause instanceof Error ? cause.message : String(cause);
}

// Deno's fetch tells the phase in the text of the error's cause alone:
// "… for url (…): client error (Connect): tcp connect error: …".
const CLIENT_ERROR = /client error \((\w+)\)(?::\s*)?(.*)$/s;

/** What ends TLS before any request is read, and what to do. */
const TLS_FAILURES: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [
    /invalid peer certificate: UnknownIssuer/,
    "; if its certificate is from a private authority, name the root with --ca-cert (MCP_CA_CERT)",
  ],
  [/invalid peer certificate/, ""],
  // RFC 8446, 6.2: what a server has against a client's certificate.
  [
    /received fatal alert: (?:\w*Certificate\w*|UnknownCA|AccessDenied)/,
    "; the target wants a client's certificate that it trusts: --client-cert and --client-key (MCP_CLIENT_CERT, MCP_CLIENT_KEY)",
  ],
];

/** What a rejected fetch means. */
export function fetchFailure(cause: unknown, url: URL): AttemptError {
  if (cause instanceof ProxyError) return new AttemptError(cause, "never");
  if (cause instanceof Deno.errors.NotCapable) {
    const message =
      `the proxy may not connect to ${url.host}: run it with --allow-net=${url.host}`;
    return unreachable(message, cause, "never");
  }
  const text = causeText(cause);
  // A port that the fetch standard forbids ("bad port").
  if (/ are blocked$/.test(text)) {
    return unreachable(
      `cannot connect to ${url.origin}: ${text}`,
      cause,
      "never",
    );
  }
  const [, phase, detail = ""] = CLIENT_ERROR.exec(text) ?? [];
  if (failedUnprocessed(text)) {
    const tls = TLS_FAILURES.find(([pattern]) => pattern.test(text));
    const message = phase === "Connect" || tls !== undefined
      ? `cannot connect to ${url.origin}: ${detail || text}`
      : `the request was not processed by ${url.origin}: ${detail || text}`;
    return unreachable(message + (tls?.[1] ?? ""), cause, "always");
  }
  const message =
    `the connection to ${url.origin} failed before an answer came: ${
      (detail || text).replace(TLS_LINK, "")
    }; the request may have run${TLS_LINK.test(text) ? ENDED_TLS : ""}`;
  return unreachable(message, cause, "if-idempotent");
}

/** What the TLS library says of an end without a word, with its link. */
const TLS_LINK = /(?<=without sending TLS close_notify): https:\/\/\S+/;

/** With TLS 1.3 a server may refuse a client only after its first request. */
const ENDED_TLS =
  "; if the target wants a client's certificate: --client-cert and --client-key (MCP_CLIENT_CERT, MCP_CLIENT_KEY)";

function unreachable(
  message: string,
  cause: unknown,
  retryable: Retryable,
): AttemptError {
  const data = { mayHaveRun: retryable === "if-idempotent" };
  return new AttemptError(
    new ProxyError("unreachable", message, { data, cause }),
    retryable,
  );
}

function causeText(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? cause.cause.message : cause.message;
}

/**
 * The error for what is given up because the proxy stops.
 *
 * @param mayHaveRun Whether it was sent, so that nobody must send it again.
 */
export function shuttingDown(mayHaveRun: boolean): ProxyError {
  const message = mayHaveRun
    ? "the proxy is stopping; the request may have run"
    : "the proxy is stopping";
  return new ProxyError("shutting-down", message, { data: { mayHaveRun } });
}

/** The error for a stream or a body that ended before its answer. */
export function streamCut(cause?: unknown): ProxyError {
  const how = cause === undefined
    ? "the target ended its answer before it was complete"
    : `the connection broke in the middle of the answer: ${causeText(cause)}`;
  return new ProxyError(
    "stream-cut",
    `${how}; the request may have run, so it was not sent again`,
    cause === undefined ? {} : { cause },
  );
}

/** The error for a redirect, which a signed request never follows. */
export function redirectError(response: Response, url: URL): ProxyError {
  const { status } = response;
  const header = response.headers.get("location");
  const location = header === null ? undefined : withoutQuery(header, url);
  const told = (where: string) =>
    `the target answered with a redirect${where} (HTTP ${status}), which is not followed: a signature is for one host alone; set the target URL to where the server really is`;
  return new ProxyError(
    "redirect",
    told(location === undefined ? "" : ` to ${excerpt(location, 300)}`),
    {
      data: { status, ...(location !== undefined && { location }) },
      summary: told(""),
    },
  );
}

function withoutQuery(location: string, base: URL): string | undefined {
  const target = URL.parse(location, base);
  return target ? target.origin + target.pathname : undefined;
}

/** How much of a reason phrase, which is the target's text as well, is told. */
const MAX_PHRASE_CHARACTERS = 60;

/**
 * The error for an HTTP status that nothing else explains.
 *
 * @param redact Takes secrets out of what is told, before that is cut.
 */
export function httpStatusError(
  response: Response,
  text: string,
  redact: Redact = (text) => text,
): ProxyError {
  const { status } = response;
  const words = bodyWords(text, redact);
  const phrase = excerpt(redact(response.statusText), MAX_PHRASE_CHARACTERS);
  const name = phrase && ` ${phrase}`;
  return new ProxyError(
    "http-status",
    `the target answered HTTP ${status}${name}${words && `: ${words}`}`,
    { data: { status }, summary: `the target answered HTTP ${status}` },
  );
}

/** What the client is told of a cause: an error, or the target's own frame. */
export function reportable(cause: unknown): ProxyError | Uint8Array {
  if (cause instanceof ProxyError) return cause;
  if (cause instanceof SessionExpiredError) return cause.error;
  if (!(cause instanceof AttemptError)) {
    return new ProxyError("no-answer", `the proxy failed: ${cause}`, { cause });
  }
  const { error, retryAfterMs, answer } = cause;
  if (answer) return answer;
  if (retryAfterMs === undefined) return error;
  return new ProxyError(error.reason, error.message, {
    data: { ...error.data, retryAfterMs },
    cause,
    summary: error.summary,
  });
}
