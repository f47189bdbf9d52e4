/** What is noted while it happens, as it is: lines are made of it later. */

import type { LogFields, LogLevel } from "../log/log.ts";

/** A message or a body longer than this is told of by its length alone. */
export const MAX_KEPT_BYTES = 1024 * 1024;

/** Something that happened. */
export type Noted =
  | {
    readonly kind: "in" | "out";
    readonly bytes: Uint8Array | undefined;
    readonly byteLength: number;
    readonly over: object | undefined;
  }
  | {
    readonly kind: "request";
    readonly http: number;
    readonly url: string;
    readonly init: RequestInit;
  }
  | { readonly kind: "response"; readonly http: number }
    & Pick<
      Response,
      "status" | "headers"
    >
  | {
    readonly kind: "body";
    readonly http: number;
    readonly bytes: Uint8Array | undefined;
    readonly byteLength: number;
  }
  | {
    readonly kind: "end";
    readonly http: number;
    readonly by: "target" | "cut" | "proxy";
    readonly cause: unknown;
  }
  | { readonly kind: "failed"; readonly http: number; readonly cause: unknown }
  | { readonly kind: "recovered" }
  | {
    readonly kind: "log";
    readonly level: LogLevel;
    readonly message: string;
    readonly fields: LogFields | undefined;
  };
