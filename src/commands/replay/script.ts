/** The HTTP requests of a recording, and what was answered. */

import type { RecordLine } from "../../recorder/format.ts";
import { messageKey } from "../../recorder/message_key.ts";

/** An HTTP request of a recording, with its answer. */
export interface Exchange {
  readonly key: string;
  /** What tells it from others of its key. */
  readonly text: string | undefined;
  readonly session: string | undefined;
  status: number | undefined;
  headers: Readonly<Record<string, string>>;
  /** How many bytes of a body are played. */
  bodyBytes: number;
  by: string | undefined;
  /** There was not even a connection. */
  isUnreached: boolean;
}

/** The stand-in of who signed. */
export function signerOf(
  { headers }: Extract<RecordLine, { kind: "request" }>,
): string | undefined {
  return / (identity-\d+)\//.exec(headers.authorization ?? "")?.[1];
}

export const SESSION = "mcp-session-id";

/** What an HTTP request is known by, however often it is sent. */
export function requestKey(method: string, text: string | undefined): string {
  return `${method} ${text === undefined ? "" : messageKey(text).key}`;
}

/** What a client of HTTP is answered is known by, and the end of that. */
export function answerKey(client: number): string {
  return `client ${client}`;
}

/** What a message to the client over stdio is known by. */
export function outKey(key: string): string {
  return `out ${key}`;
}

export function endKey(client: number): string {
  return `end ${client}`;
}

/** What a line is known by that has to come; none of what is said. */
export function keyOf(line: RecordLine): string | undefined {
  if (line.kind === "closed") return endKey(line.client);
  if (line.kind === "out") {
    const { client } = line;
    return client ? answerKey(client) : outKey(messageKey(line.text).key);
  }
  if (line.kind !== "request") return undefined;
  return requestKey(line.method, line.text);
}

/** The exchanges of a recording by their number, in order. */
export function exchangesOf(
  lines: readonly RecordLine[],
): Map<number, Exchange> {
  const exchanges = new Map<number, Exchange>();
  for (const line of lines) {
    if (!("http" in line)) continue;
    if (line.kind === "request") {
      exchanges.set(line.http, {
        key: requestKey(line.method, line.text),
        text: line.text,
        session: line.headers[SESSION],
        status: undefined,
        headers: {},
        bodyBytes: 0,
        by: undefined,
        isUnreached: false,
      });
    }
    const exchange = exchanges.get(line.http);
    if (!exchange) continue;
    if (line.kind === "response") {
      exchange.status = line.status;
      exchange.headers = line.headers;
    } else if (line.kind === "body") {
      exchange.bodyBytes += new TextEncoder().encode(line.text).length;
    } else if (line.kind === "end") exchange.by = line.by;
    else if (line.kind === "failed") {
      exchange.isUnreached = /\(Connect\)/.test(line.error);
    }
  }
  return exchanges;
}

/** Whether it ends when the target likes: it is a stream, or has not begun. */
export function isOpen(exchange: Exchange): boolean {
  return exchange.status === undefined || isStream(exchange);
}

/** Whether it is answered by a stream of events. */
export function isStream({ headers }: Exchange): boolean {
  return /^text\/event-stream\b/i.test(headers["content-type"] ?? "");
}
