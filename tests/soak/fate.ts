/** What a request may meet at the chaos target. */

import type { RawReply } from "../support/raw/server.ts";
import type { Random } from "../support/random.ts";

/** What a client may be told: a result, an error of ours, or the target's. */
export type Outcome = "result" | `own:${string}` | `target:${number}`;

/** Over HTTP an answer may also break off, or pass as another page. */
export type HttpOutcome = Outcome | "cut" | "passed";

/** The two eras of the protocol. */
export type SoakEra = "legacy" | "modern";

/** How clients reach the proxy. */
export type Surface = "stdio" | "http";

/** A request at the target. */
export interface Meeting {
  readonly id: number | string;
  readonly token: unknown;
  readonly reply: RawReply;
  readonly random: Random;
  /** A notification of its progress. */
  progress(progress: number): unknown;
  /** Runs the request, and gives its result. */
  run(): { readonly number: number };
  /** Asks the client something, and waits for what it says. */
  ask(send: (question: unknown) => Promise<void>): Promise<void>;
  /** Keeps what is left of a stream for whoever resumes it. */
  leave(rest: unknown): string;
  /** Resets the connection when the next request comes on it, unread. */
  resetNext(): void;
  /** Forgets all sessions. */
  forget(): void;
  /** Closes every connection and listens again. */
  restart(): void;
  /** Another address of the target's, where nobody has any business. */
  readonly elsewhere: string;
}

/** One fate. */
export interface Fate {
  /** How often it is met, beside the others. */
  readonly weight: number;
  readonly era?: SoakEra;
  readonly surface?: Surface;
  /** What may come of it when nothing follows. */
  readonly ends: readonly Outcome[];
  /** The same over HTTP, where it is not what {@linkcode httpEnds} says. */
  readonly overHttp?: readonly HttpOutcome[];
  /** What may come of it when time is over in the middle of it. */
  readonly late?: Outcome;
  /** How many answers pass over HTTP; one without. */
  readonly copies?: number;
  readonly meet: (meeting: Meeting) => Promise<void>;
}

/** Waits for some milliseconds of the target's choosing. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A JSON-RPC error. */
export const rpcError = (
  id: unknown,
  code: number,
  message: string,
): unknown => ({
  jsonrpc: "2.0",
  id,
  error: { code, message },
});

/** Runs the request, and gives the answer to it. */
export const answerOf = ({ id, run }: Meeting): {
  readonly jsonrpc: string;
  readonly id: number | string;
  readonly result: unknown;
} => ({ jsonrpc: "2.0", id, result: run() });

/** Members of a result that are others once they were parsed and written. */
export const KEPT =
  '"kept":12345678901234567890 ,"e":1E+2,"s":"\\u0041\\/\\u00e9"';

/** The header of a JSON body. */
export const JSON_TYPE = { "content-type": "application/json" } as const;
