/** A recording as a person reads it: calls, and what became of each. */

import type { RecordLine } from "../../recorder/format.ts";
import { messageKey } from "../../recorder/message_key.ts";

/** An HTTP request for a call. */
export interface Attempt {
  readonly at: number;
  /** Until its answer was over, or had begun if it never was. */
  ms: number | undefined;
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

/** The rows of a recording, in the order in which they began. */
export function timelineOf(lines: readonly RecordLine[]): Row[] {
  const timeline = new Timeline();
  for (const line of lines) timeline.take(line);
  return timeline.rows;
}

class Timeline {
  readonly rows: Row[] = [];
  /** Calls that are not answered, by client and ID. */
  readonly #open = new Map<string, Row>();
  readonly #attempts = new Map<number, Attempt>();

  take(line: RecordLine): void {
    switch (line.kind) {
      case "in":
        return this.#in(line);
      case "out":
        return this.#out(line);
      case "request":
        return this.#request(line);
      case "response":
        return this.#note(
          line.http,
          line.t,
          `${line.status}`,
          line.status >= 400,
        );
      case "failed":
        return this.#note(line.http, line.t, line.error, true);
      case "end":
        if (line.by === "cut") this.#cut(line.http, line.error ?? "");
        return this.#end(line.http, line.t);
      case "identity":
        return this.#say(line.t, `${line.identity} signs from here on`);
      case "recovered":
        return this.#say(line.t, "a lost session was replaced");
      case "dropped":
        return this.#say(line.t, `${line.count} things are missing here`);
      case "log":
        if (line.level === "info") return;
        return this.#say(line.t, `${line.level}: ${line.message}`);
    }
  }

  #say(at: number, name: string): void {
    this.rows.push({ at, kind: "note", name, attempts: [] });
  }

  #in(
    { t: at, text, bytes }: Extract<RecordLine, { kind: "in" | "out" }>,
  ): void {
    const { kind, name, id } = messageKey(text);
    const isCall = kind === "request";
    const row: Row = {
      at,
      kind: isCall ? "call" : "message",
      name: text === undefined ? `a message of ${bytes} bytes` : name,
      ...(id !== undefined && { id }),
      attempts: [],
      ...(text !== undefined && { sent: text }),
    };
    this.rows.push(row);
    if (isCall && id !== undefined) this.#open.set(id, row);
  }

  #out({ t, text }: Extract<RecordLine, { kind: "in" | "out" }>): void {
    const { kind, id, name, error } = messageKey(text);
    const row = kind === "response" ? this.#open.get(id ?? "") : undefined;
    if (!row) {
      if (kind === "response" || kind === "other") return;
      const message = { at: t, kind: "message", name: `← ${name}` } as const;
      this.rows.push({ ...message, id, attempts: [], received: text });
      return;
    }
    this.#open.delete(id ?? "");
    row.ms = t - row.at;
    row.received = text;
    if (error !== undefined) row.fault = error;
  }

  #request(line: Extract<RecordLine, { kind: "request" }>): void {
    const { http, t: at, method, headers, text } = line;
    const under = [
      headers["mcp-session-id"],
      / (identity-\d+)\//.exec(headers.authorization ?? "")?.[1],
    ].filter((part) => part !== undefined).join(" ");
    const attempt: Attempt = {
      at,
      ms: undefined,
      outcome: "no answer",
      isFault: true,
      under,
    };
    this.#attempts.set(http, attempt);
    const { id, name, kind } = messageKey(text);
    const row = kind === "request" ? this.#open.get(id ?? "") : undefined;
    if (row) return void row.attempts.push(attempt);
    // Messages of the client's that are no calls have a row of their own.
    const own = this.rows.findLast(({ kind, sent, attempts }) =>
      kind === "message" && sent !== undefined && sent === text &&
      attempts.length === 0
    );
    if (own) return void own.attempts.push(attempt);
    this.rows.push({
      at,
      kind: "http",
      name: text === undefined ? method : `${method} ${name}`,
      attempts: [attempt],
      ...(text !== undefined && { sent: text }),
    });
  }

  #note(http: number, at: number, outcome: string, isFault: boolean): void {
    const attempt = this.#attempts.get(http);
    if (!attempt) return;
    attempt.ms = at - attempt.at;
    attempt.outcome = outcome;
    attempt.isFault = isFault;
  }

  #cut(http: number, error: string): void {
    const attempt = this.#attempts.get(http);
    if (!attempt) return;
    attempt.outcome += `, cut: ${error}`;
    attempt.isFault = true;
  }

  #end(http: number, at: number): void {
    const attempt = this.#attempts.get(http);
    if (attempt) attempt.ms = at - attempt.at;
    this.#attempts.delete(http);
  }
}

/** Some words on a whole recording. */
export function headline(
  { version, startedAt, mode, target }: {
    readonly version: string;
    readonly startedAt: string;
    readonly mode: string;
    readonly target: string;
  },
): string {
  const way = mode === "stdio" ? "over stdio" : "in HTTP server mode";
  return `sigv4-proxy ${version}, ${startedAt}, ${way}: ${target}`;
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
