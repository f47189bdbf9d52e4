/** What of a recording can be played, and why the rest cannot. */

import { ConfigError, ERROR_CODES } from "../../errors.ts";
import type { RecordLine } from "../../recorder/format.ts";
import { messageKey, messageKeys } from "../../recorder/message_key.ts";
import type { Recording } from "../../recorder/read.ts";
import { answerKey, endKey, outKey } from "./script.ts";

/** The proxy's own request to have the user sign in, and what follows it. */
const SIGN_IN = /^"sigv4-proxy:login:/;
const SIGN_IN_FIRST = /"inputRequests":\{"login":/;
const SIGNED_IN = "notifications/elicitation/complete ";

/** The part of a recording that is played. */
export interface Playable {
  readonly lines: readonly RecordLine[];
  /** What is not compared where there was none then, by its key. */
  readonly unanswered: ReadonlySet<string>;
  /** Whether more may have happened then. */
  readonly isCut: boolean;
  /** What is not played, and why. */
  readonly left: readonly string[];
}

/**
 * Leaves out what would differ whatever the program does.
 *
 * @throws {ConfigError} Nothing of it can be played.
 */
export function playableOf({ header, lines }: Recording): Playable {
  const { mode, login } = header;
  const refuse = (why: string): never => {
    throw new ConfigError([
      `the recording cannot be played: ${why} (look at it with sigv4-proxy record show)`,
    ]);
  };
  if (lines.length > 0 && lines[0].seq !== 1) {
    refuse("its beginning is gone, since --record-max was reached");
  }
  const gap = lines.findIndex(({ kind, seq }, index) =>
    kind === "dropped" || index > 0 && seq > lines[index - 1].seq + 1
  );
  const there = gap < 0 ? lines : lines.slice(0, gap);
  const isHttp = mode === "http";
  const clients = playedClients(there);
  const { calls, unanswered, reasons, unsigned = 0 } = isHttp
    ? unplayedClients(there, clients)
    : unplayedCalls(there);
  const exchanges = new Set(there.flatMap((line) => {
    if (isHttp && line.kind === "body" && line.text === undefined) {
      return [line.http];
    }
    if (line.kind !== "request") return [];
    const isPlayed = line.text === undefined
      ? line.bytes === 0
      : !idsIn(line).some((id) => calls.has(id));
    return isPlayed ? [] : [line.http];
  }));
  const sent = new Set(
    there.map((line) =>
      line.kind === "request" ? messageKey(line.text).key : ""
    ),
  );
  const saidIn = (isOf: (http: number) => boolean) =>
    new Set(
      there.flatMap((line) =>
        line.kind === "body" && isOf(line.http) ? dataIn(line.text) : []
      ),
    );
  const said = saidIn((http) => exchanges.has(http));
  const saidAtAll = login ? saidIn(() => true) : said;
  const isPlayed = (line: RecordLine): boolean => {
    if ("http" in line) return !exchanges.has(line.http);
    if (line.kind === "closed") {
      return line.by !== "stop" && clients.has(line.client);
    }
    if (line.kind !== "in" && line.kind !== "out") return true;
    if (isHttp) return clients.has(line.client ?? 0) && !isOfEnd(line);
    // Of a large answer, pieces went to the client.
    if (line.text === undefined) return false;
    if (idsIn(line).some((id) => calls.has(id))) return false;
    // Nobody could sign that either.
    const { kind, key } = messageKey(line.text);
    if (unsigned > 0 && kind === "notification" && !sent.has(key)) return false;
    if (line.kind === "in") return true;
    const isOfLogin = login && key === SIGNED_IN && !saidAtAll.has(line.text);
    return !isOfLogin && !said.has(line.text) && !isOfEnd(line);
  };
  return {
    lines: there.filter(isPlayed).map((line) =>
      "client" in line && line.client !== undefined
        ? { ...line, client: clients.get(line.client) ?? 0 }
        : line
    ),
    unanswered,
    isCut: there.at(-1)?.kind !== "over",
    left: [
      ...gap < 0 ? [] : ["what came after a gap: messages are missing there"],
      ...Object.entries(reasons).filter(([, count]) => count > 0)
        .map(([why, count]) => `${why}: ${count}`),
    ],
  };
}

/** An answer for want of time: the program was told to stop. */
function isOfEnd({ text }: { readonly text?: string }): boolean {
  return messageKeys(text).some(({ error }) =>
    error?.startsWith(`${ERROR_CODES["shutting-down"]} `)
  );
}

/** The number of each client whose HTTP request is played, and its number then. */
function playedClients(lines: readonly RecordLine[]): Map<number, number> {
  const said = lines.filter((line) =>
    line.kind === "in" || line.kind === "out"
  );
  const long = new Set(
    said.filter(({ text, bytes }) => text === undefined && bytes > 0)
      .map(({ client = 0 }) => client),
  );
  const played = said.filter(({ kind, client = 0 }) =>
    kind === "in" && !long.has(client)
  );
  return new Map(played.map(({ client = 0 }, index) => [client, index + 1]));
}

/** The same of clients: which were not answered to the end. */
function unplayedClients(
  lines: readonly RecordLine[],
  played: ReadonlyMap<number, number>,
): ReturnType<typeof unplayedCalls> {
  const numbers = (kinds: RegExp, by = /^/) =>
    new Set(lines.flatMap((line) =>
      kinds.test(line.kind) && "client" in line &&
        by.test("by" in line ? line.by : "")
        ? [line.client ?? 0]
        : []
    ));
  const ended = numbers(/^closed$/, /^(?!stop)/);
  const open = [...played].filter(([client]) => !ended.has(client));
  const unread = numbers(/^(?:in|out|closed)$/).size - played.size;
  return {
    calls: new Set(),
    unanswered: new Set(
      open.flatMap(([, client]) => [answerKey(client), endKey(client)]),
    ),
    reasons: {
      "HTTP requests that were refused or too long to be kept": unread,
      "HTTP requests that were not answered to the end": open.length,
    },
  };
}

/** The IDs of calls that are not played, and of those that were not answered. */
function unplayedCalls(
  lines: readonly RecordLine[],
): {
  calls: ReadonlySet<string>;
  unanswered: ReadonlySet<string>;
  reasons: Readonly<Record<string, number>>;
  unsigned?: number;
} {
  const asked = new Set<string>();
  const open = new Set<string>();
  const calls = new Set<string>();
  const reached = new Set<string>();
  const callsOf = new Map<number, readonly string[]>();
  const states = new Set<string>();
  const counts = { long: 0, unsigned: 0, signIn: 0 };
  const leave = (ids: Iterable<string>, why: keyof typeof counts): void => {
    for (const id of ids) {
      if (!calls.has(id)) counts[why]++;
      calls.add(id);
    }
  };
  for (const line of lines) {
    if (line.kind === "request") {
      const ids = line.text === undefined ? [] : idsIn(line);
      callsOf.set(line.http, ids);
      for (const id of ids) reached.add(id);
    } else if (line.kind === "body" && line.text === undefined) {
      leave(callsOf.get(line.http) ?? [], "long");
    } else if (line.kind === "in") {
      if (line.text === undefined) counts.long++;
      const state = stateIn(line);
      if (state && states.has(state)) leave(idsIn(line), "signIn");
      for (const key of messageKeys(line.text)) {
        if (key.kind === "request" && /^["\d-]/.test(key.id ?? "")) {
          asked.add(key.id ?? "");
          open.add(key.id ?? "");
        }
        open.delete(key.cancels ?? "");
      }
    } else if (line.kind === "out") {
      for (const { kind, id, error } of messageKeys(line.text)) {
        if (id === undefined) continue;
        if (kind === "request" && SIGN_IN.test(id)) leave([id], "signIn");
        if (kind !== "response") continue;
        if (!isOfEnd(line)) open.delete(id);
        const isUnsigned = error?.startsWith(`${ERROR_CODES.credentials} `);
        if (isUnsigned && !reached.has(id)) leave([id], "unsigned");
        if (SIGN_IN_FIRST.test(line.text ?? "")) {
          leave([id], "signIn");
          states.add(stateIn(line) ?? "");
        }
        // The answer to a message that was too long to be kept.
        if (/^["\d-]/.test(id) && !asked.has(id)) calls.add(id);
      }
    }
  }
  const { long, unsigned, signIn } = counts;
  return {
    calls,
    unsigned,
    unanswered: new Set([...open].map((id) => outKey(`answer ${id}`))),
    reasons: {
      "messages that were too long to be kept": long,
      "calls for which nobody could sign": unsigned,
      "messages in which the user was asked to sign in": signIn,
      "calls that were not answered": open.size,
    },
  };
}

/** The IDs of the requests and answers in a line, and of what it cancels. */
function idsIn({ text }: { readonly text?: string }): string[] {
  return messageKeys(text).flatMap(({ id, cancels }) => id ?? cancels ?? []);
}

/** What a call that comes again has of the answer to the first one. */
function stateIn(
  { text = "" }: { readonly text?: string },
): string | undefined {
  return /"requestState":"([^"]+)"/.exec(text)?.[1];
}

/** The messages of a body or an event. */
function dataIn(text: string | undefined): string[] {
  const data = text?.matchAll(/^data: (.*?)\r?$/gm) ?? [];
  return [text ?? "", ...Array.from(data, ([, one]) => one)];
}
