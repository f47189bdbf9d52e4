/** What a recording says that shall happen, and what shall come of it. */

import type { RecordLine } from "../../recorder/format.ts";
import { messageKey } from "../../recorder/message_key.ts";

/** An HTTP request of a recording, with all that was answered. */
export interface Exchange {
  readonly http: number;
  readonly key: string;
  /** What the target said of it, in order. */
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly texts: readonly string[];
  readonly by: "target" | "cut" | "proxy" | undefined;
  /** There was not even a connection. */
  readonly isUnreached: boolean;
}

type Of<Kind extends RecordLine["kind"]> = Extract<RecordLine, { kind: Kind }>;

/** What an HTTP request is known by, however often it is sent. */
export function requestKey(method: string, text: string | undefined): string {
  return `${method} ${text === undefined ? "" : messageKey(text).key}`;
}

/** The exchanges of a recording, in order. */
export function exchangesOf(lines: readonly RecordLine[]): Exchange[] {
  return lines.filter((line): line is Of<"request"> => line.kind === "request")
    .map((request) => exchangeOf(request, lines));
}

function exchangeOf(
  { http, method, text }: Of<"request">,
  lines: readonly RecordLine[],
): Exchange {
  const own = lines.filter((line) => "http" in line && line.http === http);
  const response = own.find((line): line is Of<"response"> =>
    line.kind === "response"
  );
  const end = own.find((line): line is Of<"end"> => line.kind === "end");
  const by = end?.by;
  return {
    http,
    key: requestKey(method, text),
    status: response?.status,
    headers: response?.headers ?? {},
    texts: own.flatMap((line) =>
      line.kind === "body" && line.text !== undefined ? [line.text] : []
    ),
    by: by === "target" || by === "cut" || by === "proxy" ? by : undefined,
    isUnreached: own.some((line) =>
      line.kind === "failed" && /\(Connect\)/.test(line.error)
    ),
  };
}
