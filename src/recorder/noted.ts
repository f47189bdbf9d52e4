/** What is noted while it happens: lines are made of it later. */

import type { LogFields, LogLevel } from "../log/log.ts";
import type { ClosedBy, HttpAnswer } from "../mcp/transport/observer.ts";

/** A message or an event longer than this is told of by its length alone. */
export const MAX_KEPT_BYTES = 256 * 1024;

/** Bytes: how many there were, and where they are kept, if they are. */
interface Passed {
  readonly kept: number | undefined;
  readonly byteLength: number;
}

/** Something that happened, and when. */
export type Noted =
  & { readonly at: number }
  & (
    | { readonly kind: "in" | "out"; readonly over?: HttpAnswer } & Passed
    | {
      readonly kind: "closed";
      readonly over: HttpAnswer;
      readonly by: ClosedBy;
    }
    | {
      readonly kind: "request";
      readonly http: number;
      readonly url: string;
      readonly method: string;
      readonly headers: HeadersInit | undefined;
    } & Passed
    | {
      readonly kind: "response";
      readonly http: number;
      readonly status: number;
      readonly headers: Headers;
    }
    | { readonly kind: "body"; readonly http: number } & Passed
    | {
      readonly kind: "end";
      readonly http: number;
      readonly by: "target" | "cut" | "proxy";
      readonly cause: unknown;
    }
    | {
      readonly kind: "failed";
      readonly http: number;
      readonly cause: unknown;
    }
    | { readonly kind: "recovered" }
    | {
      readonly kind: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: LogFields | undefined;
    }
  );
