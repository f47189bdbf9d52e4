/**
 * What an onlooker is told of messages on their way. There need not be one;
 * then all that is done is to see that there is none.
 */

import type { ProxyError } from "../../errors.ts";
import type { Era } from "../wire/era.ts";
import type { RequestId, ResponseMessage } from "../wire/message.ts";

/** A message as an onlooker sees it. */
export interface Observed {
  readonly method: string;
  readonly params: unknown;
  readonly requests: readonly RequestId[];
  /** The HTTP headers with which it came, if it came with some. */
  readonly headers?: Headers;
}

/** Bytes, or only how many there are. */
export type Bytes = Uint8Array | { readonly byteLength: number };

/** What answers an HTTP request of a client's. */
export interface HttpAnswer {
  readonly req: {
    readonly method?: string;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  };
  readonly statusCode: number;
}

/** The answer is complete, its client has left, the proxy stops, or it broke. */
export type ClosedBy = "proxy" | "client" | "stop" | "cut";

/** Looks on. Nothing that it does may throw. */
export interface Observer {
  /**
   * A message is about to be sent to the target. An observer that does not have
   * this follows none.
   */
  began?(message: Observed, era: Era): Observation;
  /** A message is not sent at all; one that could not be read is not given. */
  refused?(error: ProxyError, message?: Observed): void;
  /** A lost session was replaced by a new one. */
  recovered(): void;
  /**
   * Bytes came from the client: a message, of which only the length may be
   * known. They are the observer's until this returns.
   *
   * @param over What carries the answer, where each request has its own.
   */
  received(bytes: Bytes, over?: HttpAnswer): void;
  /** Bytes go to the client: a message, or a piece of one. */
  delivered(bytes: Bytes, over?: HttpAnswer): void;
  /** An HTTP request of a client's is over. */
  closed?(over: HttpAnswer, by: ClosedBy): void;
  /**
   * An HTTP request came, which `response` answers: runs what carries it. An
   * observer that does not have this is not asked.
   */
  serves?(response: object, carry: () => void): void;
}

/** Follows one message to its end. */
export interface Observation {
  /** Sends an HTTP request for the message. */
  attempt(init: RequestInit, send: () => Promise<Response>): Promise<Response>;
  /** The session was lost, and the message goes on in a new one. */
  recovered(): void;
  /** A request was answered by the target; what cannot be told is not given. */
  answered(answer?: ResponseMessage): void;
  /** A request was answered by the proxy; a message came to nothing. */
  failed(error: ProxyError): void;
  /** It is over. Further calls change nothing. */
  ended(): void;
}
