/** What went wrong upstream → the error that the client is told. */

import { type ErrorData, messageOf, ProxyError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import type { Naming, OptionNames } from "../../naming.ts";
import type { Redact } from "../../redact/redact.ts";
import { unknownEncoding } from "../wire/body.ts";
import { bodyWords, jsonWords } from "../wire/body_words.ts";
import { AttemptError, errorOf, SessionExpiredError } from "./retry.ts";

const decoder = new TextDecoder();

/**
 * HTTP statuses with which servers meet what they do not know: a method of
 * another era, a POST where they speak HTTP+SSE (MCP 2025-11-25, Transports,
 * "Backwards Compatibility").
 */
export const UNKNOWN_STATUSES: ReadonlySet<unknown> = new Set([400, 404, 405]);

/** What a log may be told of a cause: nothing in the target's own words. */
export function summaryOf(cause: unknown): string {
  return errorOf(cause)?.summary ?? messageOf(cause);
}

// Deno's fetch tells the phase in the text of the error's cause alone:
// "… for url (…): client error (Connect): tcp connect error: …".
const CLIENT_ERROR = /client error \(\w+\)(?::\s*)?(.*)$/s;

/** A failure that came before the request was run. */
interface Unprocessed {
  readonly failure: RegExp;
  /** Whether there was a connection, if only without TLS. */
  readonly isConnected?: boolean;
  readonly hint?: (names: OptionNames) => string;
}

/**
 * What proves that the target did not run a request; the first row that fits
 * holds. Whatever is not here may have run, and is not sent again unless that
 * does no harm.
 */
const UNPROCESSED: readonly Unprocessed[] = [
  {
    // RFC 8446, 4.4.2.4: the client ends the handshake
    failure: /invalid peer certificate: UnknownIssuer/,
    hint: ({ caCert }) =>
      `; if its certificate is from a private authority, name the root with ${caCert}`,
  },
  { failure: /invalid peer certificate/ },
  {
    // RFC 8446, 6.2: the server ends the handshake over the client's
    // certificate; with TLS 1.3 the request may be on its way by then, and is
    // not read
    failure:
      /received fatal alert: (?:\w*Certificate\w*|UnknownCA|AccessDenied)/,
    hint: ({ clientCert }) =>
      `; the target wants a client's certificate that it trusts: ${clientCert}`,
  },
  {
    // RFC 9110, 9.2.2: no connection, so nothing was sent (DNS, TCP, a proxy's
    // CONNECT, the TLS handshake)
    failure: /client error \(Connect\)/,
  },
  {
    // RFC 9113, 8.7: REFUSED_STREAM, closed before any processing occurred
    failure: /stream error received: refused stream/,
    isConnected: true,
  },
  {
    // RFC 9113, 6.8 and 8.7: GOAWAY with a last stream ID below the request's;
    // of a stream that it counts as seen, the runtime says something else
    failure: /connection error received: /,
    isConnected: true,
  },
];

export function fetchFailure(
  cause: unknown,
  { url, names }: { readonly url: URL } & Naming,
): AttemptError | ProxyError {
  if (cause instanceof ProxyError || cause instanceof AttemptError) {
    return cause;
  }
  if (cause instanceof Deno.errors.NotCapable) {
    const message =
      `the proxy may not connect to ${url.host}: run it with --allow-net=${url.host}`;
    return unreachable(message, cause);
  }
  const text = causeText(cause);
  // A port that the fetch standard forbids ("bad port").
  if (/ are blocked$/.test(text)) {
    return unreachable(`cannot connect to ${url.origin}: ${text}`, cause);
  }
  const detail = CLIENT_ERROR.exec(text)?.[1] || text;
  const unprocessed = UNPROCESSED.find(({ failure }) => failure.test(text));
  if (unprocessed) {
    const { isConnected, hint } = unprocessed;
    const what = isConnected
      ? `the request was not processed by ${url.origin}`
      : `cannot connect to ${url.origin}`;
    const todo = hint?.(names) ?? "";
    const error = unreachable(`${what}: ${detail}${todo}`, cause);
    return new AttemptError(error, "always");
  }
  // With TLS 1.3 a server may refuse a client only after its first request.
  const todo = TLS_LINK.test(text)
    ? `; if the target wants a client's certificate: ${names.clientCert}`
    : "";
  const message =
    `the connection to ${url.origin} failed before an answer came: ${
      detail.replace(TLS_LINK, "")
    }${todo}`;
  return new AttemptError(unreachable(message, cause, true), "if-idempotent");
}

/** What the TLS library says of an end without a word, with its link. */
const TLS_LINK = /(?<=without sending TLS close_notify): https:\/\/\S+/;

function unreachable(
  message: string,
  cause: unknown,
  mayHaveRun = false,
): ProxyError {
  const data = { mayHaveRun };
  return new ProxyError("unreachable", message, { data, cause });
}

function causeText(cause: unknown): string {
  const { cause: inner } = Object(cause);
  return messageOf(inner instanceof Error ? inner : cause);
}

export function frameTooLarge(
  byteLength: number | undefined,
  { maxAnswerBytes: limitBytes, names }:
    & { readonly maxAnswerBytes: number }
    & Naming,
): ProxyError {
  const size = byteLength === undefined
    ? "more than that"
    : `${byteLength} bytes`;
  return new ProxyError(
    "frame-too-large",
    `the target's answer is over ${limitBytes} bytes (it has ${size}); ${names.maxAnswerBytes} sets this limit`,
    { data: { limitBytes, ...(byteLength !== undefined && { byteLength }) } },
  );
}

export function noAnswer({ status }: Response): ProxyError {
  const message =
    `the target answered HTTP ${status} without an answer to the request`;
  return new ProxyError("no-answer", message, { data: { status } });
}

/** The error for a channel of HTTP+SSE that is over before a request. */
export function channelEnded(cause: unknown): ProxyError {
  const message =
    "the target's event stream has ended, and the request was not sent";
  return unreachable(message, cause);
}

/** @param words What the target said in place of an answer. */
export function streamCut(cause?: unknown, words = ""): ProxyError {
  const how = cause === undefined
    ? "the target ended its answer before it was complete"
    : `the connection broke in the middle of the answer: ${causeText(cause)}`;
  return new ProxyError("stream-cut", how + words, {
    data: { mayHaveRun: true },
    ...(cause !== undefined && { cause }),
    summary: how,
  });
}

/** Whether it names another place; a 304 answers a conditional request. */
export function isRedirect({ status }: Response): boolean {
  return status >= 300 && status < 400 && status !== 304;
}

/** The error for a redirect, which a signed request never follows. */
export function redirectError(response: Response, url: URL): ProxyError {
  const { status } = response;
  const header = response.headers.get("location");
  const place = header === null ? null : URL.parse(header, url);
  const location = place ? place.origin + place.pathname : undefined;
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

/** How much of a reason phrase, which is the target's text as well, is told. */
const MAX_PHRASE_CHARACTERS = 60;

export function httpStatusError(
  response: Response,
  text: string,
  redact: Redact = (text) => text,
): ProxyError {
  const { status } = response;
  const encoding = unknownEncoding(response);
  const words = encoding === undefined ? bodyWords(text, redact) : "";
  const phrase = excerpt(redact(response.statusText), MAX_PHRASE_CHARACTERS);
  const summary = `the target answered HTTP ${status}`;
  const message = summary + (phrase && ` ${phrase}`) +
    (words && `: ${words}`) + (encoding ?? "");
  return new ProxyError("http-status", message, { data: { status }, summary });
}

export function badContentType(
  status: number,
  type: string,
  words = "",
): ProxyError {
  const what = type === ""
    ? "no content type"
    : `content type ${excerpt(type)}`;
  const told = (what: string, words: string) =>
    `the target answered HTTP ${status} with ${what}, where MCP has application/json or text/event-stream; is the target URL that of an MCP endpoint?${words}`;
  return new ProxyError("bad-answer", told(what, words), {
    data: { status, contentType: type },
    summary: told("another type", ""),
  });
}

/** How much is read of what is no message, for the words in it. */
const MAX_SAID_BYTES = 256 * 1024;

/** A heartbeat has no words, and an error is short. */
const MAX_EVENT_BYTES = 4096;

export function noMessage(
  detail: string,
  bytes: Uint8Array,
  redact: Redact,
): ProxyError {
  const text = decoder.decode(bytes.subarray(0, MAX_SAID_BYTES));
  const summary = `the target's answer is no JSON-RPC message: ${detail}`;
  return new ProxyError("bad-answer", summary + said(text, redact), {
    summary,
  });
}

/** What an event that is no message says went wrong, if it does. */
export function saidInEvent(bytes: Uint8Array, redact: Redact): string {
  // Of a longer one the beginning alone is no JSON.
  const text = decoder.decode(bytes.subarray(0, MAX_EVENT_BYTES));
  return jsonWords(text).length > 0 ? said(text, redact) : "";
}

/** What a body says, to stand at the end of an error's message. */
export function said(text: string, redact: Redact): string {
  const words = bodyWords(text, redact);
  return words && `; it says: ${words}`;
}

/** What the client is told of a cause: an error, or the target's own frame. */
export function reportable(cause: unknown): ProxyError | Uint8Array {
  if (cause instanceof ProxyError || cause instanceof Uint8Array) return cause;
  if (cause instanceof SessionExpiredError) return cause.error;
  if (!(cause instanceof AttemptError)) {
    return new ProxyError("no-answer", `the proxy failed: ${cause}`, { cause });
  }
  const { error, retryable, retryAfterMs, answer } = cause;
  if (answer) return answer;
  return changed(error, {
    ...(retryable !== "never" && { mayHaveRun: retryable === "if-idempotent" }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/** An attempt's error as that of the request, which others may have sent. */
export function afterOthers(error: ProxyError, isSent: boolean): ProxyError {
  const { mayHaveRun } = error.data;
  if (isSent === mayHaveRun || isSent && mayHaveRun === undefined) return error;
  const message = isSent
    ? `${error.message}, when it was sent again`
    : undefined;
  return changed(error, { mayHaveRun: isSent }, message);
}

/** What the proxy's own request failed with, to one that was held for it. */
export function toHeld(cause: unknown): unknown {
  const error = errorOf(cause);
  if (!error) return cause;
  const certain = changed(error, { mayHaveRun: false });
  if (!(cause instanceof AttemptError)) return certain;
  const { retryAfterMs, answer } = cause;
  return new AttemptError(certain, "always", retryAfterMs, answer);
}

function changed(
  cause: ProxyError,
  facts: ErrorData,
  message = cause.message,
): ProxyError {
  const { reason, summary } = cause;
  const data = { ...cause.data, ...facts };
  return new ProxyError(reason, message, { data, cause, summary });
}
