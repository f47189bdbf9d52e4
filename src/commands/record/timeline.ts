/** A recording as a person reads it: calls, and what became of each. */

import type { RecordingHeader, RecordLine } from "../../recorder/format.ts";
import { messageKey } from "../../recorder/message_key.ts";
import type { Recording } from "../../recorder/read.ts";

/** An HTTP request for a call. */
export interface Attempt {
  readonly at: number;
  /** Until its answer was over, or had begun if it never was. */
  ms?: number;
  /** The status, or why there is none. */
  outcome: string;
  isFault: boolean;
  /** Which session and who signed, as far as it says. */
  readonly under: string;
}

/** A line of the timeline. */
export interface Row {
  readonly at: number;
  readonly kind: "call" | "message" | "http" | "note";
  readonly name: string;
  readonly id?: string;
  /** Until it was answered. */
  ms?: number;
  /** What is wrong, if anything is. */
  fault?: string;
  readonly attempts: Attempt[];
  readonly sent?: string;
  received?: string;
}

type Of<Kind extends RecordLine["kind"]> = Extract<RecordLine, { kind: Kind }>;

/** The rows of a recording, in the order in which they began. */
export function timelineOf(lines: readonly RecordLine[]): Row[] {
  const rows: Row[] = [];
  /** Calls that are not answered, and other messages that are not sent. */
  const open = new Map<string, Row>();
  const attempts = new Map<number, Attempt>();
  const say = (at: number, name: string): void => {
    rows.push({ at, kind: "note", name, attempts: [] });
  };
  const heard = ({ t: at, text, bytes }: Of<"in" | "out">): void => {
    const { kind, name, id } = messageKey(text);
    const row: Row = {
      at,
      kind: kind === "request" ? "call" : "message",
      name: text === undefined ? `a message of ${bytes} bytes` : name,
      id,
      attempts: [],
      sent: text,
    };
    rows.push(row);
    open.set(kind === "request" ? `id ${id}` : `text ${text}`, row);
  };
  const told = ({ t: at, text }: Of<"in" | "out">): void => {
    const { kind, id, name, error } = messageKey(text);
    const row = kind === "response" ? open.get(`id ${id}`) : undefined;
    if (row) {
      open.delete(`id ${id}`);
      Object.assign(row, { ms: at - row.at, received: text, fault: error });
    } else if (kind === "request" || kind === "notification") {
      const said = { id, attempts: [], received: text };
      rows.push({ at, kind: "message", name: `← ${name}`, ...said });
    }
  };
  const sent = (line: Of<"request">): void => {
    const { http, t: at, method, headers, text } = line;
    const signer = / (identity-\d+)\//.exec(headers.authorization ?? "")?.[1];
    const under = [headers["mcp-session-id"], signer].filter(Boolean).join(" ");
    const attempt = { at, outcome: "no answer", isFault: true, under };
    attempts.set(http, attempt);
    const { id, name, kind } = messageKey(text);
    const key = kind === "request" ? `id ${id}` : `text ${text}`;
    const row = text === undefined ? undefined : open.get(key);
    if (row) {
      row.attempts.push(attempt);
      if (row.kind === "message") open.delete(key);
      return;
    }
    rows.push({
      at,
      kind: "http",
      name: text === undefined ? method : `${method} ${name}`,
      attempts: [attempt],
      sent: text,
    });
  };
  const ended = (http: number, at: number, outcome?: string): void => {
    const attempt = attempts.get(http);
    if (!attempt) return;
    attempt.ms = at - attempt.at;
    if (outcome === undefined) return;
    attempt.outcome = outcome;
    attempt.isFault = !/^[1-3]\d\d$/.test(outcome);
  };
  for (const line of lines) {
    const { kind, t } = line;
    if (kind === "in") heard(line);
    else if (kind === "out") told(line);
    else if (kind === "request") sent(line);
    else if (kind === "response") ended(line.http, t, `${line.status}`);
    else if (kind === "failed") ended(line.http, t, line.error);
    else if (kind === "end") {
      const cut = line.by === "cut"
        ? `${attempts.get(line.http)?.outcome}, cut: ${line.error}`
        : undefined;
      ended(line.http, t, cut);
      attempts.delete(line.http);
    } else if (kind === "identity") {
      say(t, `${line.identity} signs from here on`);
    } else if (kind === "recovered") say(t, "a lost session was replaced");
    else if (kind === "dropped") {
      say(t, `missing here: ${line.count}`);
    } else if (kind === "log" && line.level !== "info") {
      say(t, `${line.level}: ${line.message}`);
    }
  }
  return rows;
}

/** Some words on a whole recording. */
export function headline(
  { version, startedAt, mode, target }: RecordingHeader,
): string {
  const way = mode === "stdio" ? "over stdio" : "in HTTP server mode";
  return `sigv4-proxy ${version}, ${startedAt}, ${way}: ${target}`;
}

/** What is said of a recording that lacks something. */
export function gaps({ lines, unread }: Recording): string[] {
  const lost = (lines[0]?.seq ?? 1) - 1;
  return [
    ...lost > 0 ? [`lines that --record-max took at the start: ${lost}`] : [],
    ...unread > 0 ? [`lines that cannot be read: ${unread}`] : [],
  ];
}

/** What a row says of how it went. */
export function outcomeOf({ kind, ms, fault }: Row): string {
  if (fault !== undefined) return `error ${fault}`;
  if (kind !== "call") return "";
  return ms === undefined ? "never answered" : "ok";
}

/** A time span as a person reads it. */
export function spanText(ms: number | undefined): string {
  if (ms === undefined) return "";
  return ms < 10_000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
