/** Message + protocol version → MCP request headers. */

import { ProxyError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";

/** The event stream of HTTP+SSE, on which all answers of a session come. */
export interface Channel {
  readonly endpoint: URL;
  /** Aborted when the stream has ended, and the target answers nothing more. */
  readonly over: AbortSignal;
  /** Resolves when the stream has ended, and nothing of it is read any more. */
  readonly closed: Promise<void>;
  /** What the stream broke with. */
  readonly cause: unknown;
  /** The session that it carries, as it comes to be known. */
  session: SessionHeaders;
  /** Notes that it is in use: it is not idle yet. */
  touch(): void;
  close(): void;
}

/** What an upstream session adds to its requests once it is initialised. */
export interface SessionHeaders {
  readonly sessionId: string | undefined;
  readonly protocolVersion: string | undefined;
  /** What carries it, when that is HTTP+SSE. */
  readonly channel?: Channel;
  /** Where there are no sessions: the headers that mirror the message. */
  readonly mirrored?: HeaderPairs;
}

export const NO_SESSION: SessionHeaders = {
  sessionId: undefined,
  protocolVersion: undefined,
};

/**
 * The session that an answer to `initialize` opens.
 *
 * @param sessionId Its `Mcp-Session-Id`.
 * @param protocolVersion The version in it.
 * @throws {ProxyError} `bad-answer`: one of them is not fit for a header.
 */
export function sessionOf(
  sessionId: string | undefined,
  protocolVersion: unknown,
): SessionHeaders {
  if (protocolVersion !== undefined && !isDate(protocolVersion)) {
    const shown = excerpt(JSON.stringify(protocolVersion), SHOWN_CHARACTERS);
    throw new ProxyError(
      "bad-answer",
      `the target's answer to initialize has the protocol version ${shown}, which is no date such as 2025-11-25; the target is at fault`,
    );
  }
  const [id, ...others] = sessionIdsIn(sessionId ?? "");
  if (others.length > 0) {
    throw new ProxyError(
      "bad-answer",
      "the target's answer to initialize has several Mcp-Session-Id headers, and a session has one ID; the target is at fault",
    );
  }
  // MCP 2025-11-25, Session Management: visible ASCII characters only.
  if (id !== undefined && !/^[\x21-\x7e]+$/.test(id)) {
    throw new ProxyError(
      "bad-answer",
      "the target's Mcp-Session-Id has a character that is not visible ASCII, so it cannot be sent back; the target is at fault",
    );
  }
  return { sessionId: id, protocolVersion };
}

/** The IDs in an `Mcp-Session-Id`: what several headers say comes joined. */
export function sessionIdsIn(header: string): Set<string> {
  return new Set(header.split(", ").filter((id) => id !== ""));
}

function isDate(value: unknown): value is string {
  if (typeof value !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(value)) {
    return false;
  }
  const date = new Date(value);
  return !isNaN(date.valueOf()) && date.toISOString().startsWith(value);
}

/** How much of a version that is none is shown. */
const SHOWN_CHARACTERS = 40;

/** Whether the target may have lost what is sent in. */
export function hasSession({ sessionId, channel }: SessionHeaders): boolean {
  return sessionId !== undefined || channel !== undefined;
}

/** Headers as `fetch` takes them with the least work. */
export type HeaderRecord = Readonly<Record<string, string>>;

export type HeaderPairs = readonly (readonly [name: string, value: string])[];

/**
 * The headers of a POST. `Accept` lists both content types, as the
 * specification demands of each POST (2025-03-26 and later, Transports,
 * "Sending Messages to the Server").
 */
export function postHeaders(
  custom: HeaderPairs,
  session: SessionHeaders,
): HeaderRecord {
  return headersOf([
    ["content-type", "application/json"],
    ["accept", "application/json, text/event-stream"],
    ...custom,
  ], session);
}

/** The headers of a GET that opens an event stream, or resumes one. */
export function streamHeaders(
  custom: HeaderPairs,
  session: SessionHeaders,
  lastEventId?: string,
): HeaderRecord {
  const headers = headersOf(
    [["accept", "text/event-stream"], ...custom],
    session,
  );
  if (lastEventId === undefined) return headers;
  return { ...headers, "last-event-id": byteString(lastEventId) };
}

/** Checked, joined where a name stands twice, and by lower-case name. */
export function headersOf(
  pairs: HeaderPairs,
  session: SessionHeaders,
): HeaderRecord {
  const headers = new Headers(pairs.map(([name, value]) => [name, value]));
  if (session.sessionId !== undefined) {
    headers.set("mcp-session-id", session.sessionId);
  }
  if (session.protocolVersion !== undefined) {
    headers.set("mcp-protocol-version", session.protocolVersion);
  }
  return Object.fromEntries(headers);
}

/** A text as the header value that is its UTF-8 (WHATWG HTML, "Last-Event-ID"). */
function byteString(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
