/** What a recording consists of; docs/recording.md says it in words. */

/** The version of the format: another one cannot be read. */
export const FORMAT = 1;

/** The first line. */
export interface RecordingHeader {
  readonly recording: "sigv4-proxy";
  readonly format: typeof FORMAT;
  /** The version of the program. */
  readonly version: string;
  readonly deno: string;
  readonly os: string;
  /** When it began, as ISO 8601 has it. All other times are from then on. */
  readonly startedAt: string;
  /** The target, without the values of its query. */
  readonly target: string;
  readonly mode: "stdio" | "http";
  /** Flags that say how the proxy behaves, as they would be given. */
  readonly options: readonly string[];
  /** What goes with calls for each of several profiles, as a query has it. */
  readonly profileMetadata?: Readonly<Record<string, string>>;
  /** Whether the user could be asked to sign in. */
  readonly login?: boolean;
  /** Whether the texts are what was said, and no stand-ins. */
  readonly bodies: boolean;
}

/** What every line after the first has. */
interface Line {
  readonly seq: number;
  /** Milliseconds since the beginning, by a clock that only goes forward. */
  readonly t: number;
}

/** A text, or how long one was that was too long to be kept. */
export interface Said {
  readonly text?: string;
  /** The length of what was said, in bytes. */
  readonly bytes: number;
}

/** What happened. */
export type Happening =
  /** A message from the client; in HTTP server mode, a request of one. */
  | {
    readonly kind: "in";
    readonly client?: number;
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
  } & Said
  /** One to the client, or an event or all of what that request is answered. */
  | { readonly kind: "out"; readonly client?: number } & Said
  /** The answer to that request is over. */
  | {
    readonly kind: "closed";
    readonly client: number;
    readonly status: number;
    readonly by: string;
  }
  /**
   * An HTTP request for the target; `as`: as which of several identities;
   * `try`: which one for the same message.
   */
  | {
    readonly kind: "request";
    readonly http: number;
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly as?: number;
    readonly try?: number;
  } & Said
  /** The head of the answer to one. */
  | {
    readonly kind: "response";
    readonly http: number;
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
  }
  /** An event of its body, or all of it. */
  | { readonly kind: "body"; readonly http: number } & Said
  /** The body is over: complete, cut, or nobody wants more of it. */
  | {
    readonly kind: "end";
    readonly http: number;
    readonly by: string;
    readonly error?: string;
  }
  /** There is no answer. */
  | { readonly kind: "failed"; readonly http: number; readonly error: string }
  /** Signed by somebody else than the requests before. */
  | { readonly kind: "identity"; readonly identity: string }
  /** A lost session was replaced. */
  | { readonly kind: "recovered" }
  | {
    readonly kind: "log";
    readonly level: string;
    readonly message: string;
    readonly fields?: Readonly<Record<string, unknown>>;
  }
  /** So much happened that could not be kept, since there was no time for it. */
  | { readonly kind: "dropped"; readonly count: number }
  /** The last line, unless the program was killed. */
  | { readonly kind: "over" };

/** A line after the first. */
export type RecordLine = Line & Happening;
