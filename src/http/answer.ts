/**
 * The answer to one request in HTTP server mode: what the target's says, what of
 * it the client is told, and how the client gets it.
 */

import type { ServerResponse } from "node:http";
import { withoutEcho } from "../aws/refusals/echo.ts";
import { refusalError } from "../aws/refusals/refusal.ts";
import { ProxyError } from "../errors.ts";
import {
  httpStatusError,
  isRedirect,
  redirectError,
} from "../mcp/transport/failure.ts";
import type { ClosedBy, Observer } from "../mcp/transport/observer.ts";
import {
  discardBody,
  isSmallBody,
  mediaType,
  readBody,
} from "../mcp/wire/body.ts";
import { withoutByteOrderMark } from "../mcp/wire/bytes.ts";
import { parseMessageInTurns } from "../mcp/wire/message.ts";
import { TopLevelScanner } from "../mcp/wire/scan.ts";
import { type Deadlines, TimeLimit } from "../time.ts";
import { HttpError } from "./error.ts";
import type { ListFilter } from "./filter.ts";
import { BODY_HEADERS, type HeaderMap } from "./headers.ts";
import type { HttpContext } from "./options.ts";

const decoder = new TextDecoder();

/** Throws for an answer that is none to go on, by its head, and lets go of it. */
export async function checkHead(answer: Response, target: URL): Promise<void> {
  const { status } = answer;
  // RFC 9110, 15: no 101, no 999.
  const isFinal = status >= 200 && status < 600;
  if (isFinal && !isRedirect(answer)) return;
  await discardBody(answer);
  if (isFinal) throw redirectError(answer, target);
  throw bad(
    answer,
    `the target answered HTTP ${status}, which is no end of a request; is the target URL that of an MCP endpoint?`,
  );
}

/**
 * An answer's body, where it is read before any of it goes on. One that says it
 * has none is not trusted.
 *
 * @throws {ProxyError} It cannot be looked through.
 * @throws What the connection failed with.
 */
export async function readAnswer(
  answer: Response,
  headers: Map<string, string>,
  filter: ListFilter | undefined,
): Promise<Uint8Array | undefined> {
  if (answer.body === null) return NONE;
  if (answer.headers.get("content-length") === "0") {
    if (await readBody(answer, { maxBytes: 0 }) !== undefined) return NONE;
    const fault = "the target's answer says that it has no body, and has one";
    throw bad(answer, fault);
  }
  if (mediaType(answer) === "text/event-stream") return undefined;
  if (filter !== undefined) return await filter.body(answer, headers);
  return isSmallBody(answer, Infinity) ? await answer.bytes() : undefined;
}

function bad({ status }: Response, message: string): ProxyError {
  return new ProxyError("bad-answer", message, { data: { status } });
}

/** How much of an HTTP error is looked at for its words. */
const MAX_WORDS_BYTES = 64 * 1024;

/** Whether a text that begins so may be a message: else its words are enough. */
export function mayBeMessage(beginning: Uint8Array): boolean {
  return !new TopLevelScanner().feed(withoutByteOrderMark(beginning)).isBroken;
}

/** What the client is told in place of a refusal by IAM, or of a secret. */
export async function errorInstead(
  answer: Response,
  bytes: Uint8Array,
  headers: HeaderMap,
  { redactor: { redact }, names }: HttpContext,
): Promise<HttpError | undefined> {
  const text = decoder.decode(bytes.subarray(0, MAX_WORDS_BYTES));
  let error = refusalError(answer, text, names);
  if (!error && (await parseMessageInTurns(bytes)).kind === "invalid") {
    const shown = withoutEcho(text);
    // What is too long to be looked through does not pass, either.
    const isFit = redact(shown) === text;
    error = isFit ? undefined : httpStatusError(answer, shown, redact);
  }
  if (error === undefined) return undefined;
  const others = [...headers].filter(([name]) => !BODY_HEADERS.includes(name));
  return new HttpError(statusOf(answer), error, Object.fromEntries(others));
}

/** The status for the client: a 401 would be about the server's own token. */
function statusOf({ status }: Response): number {
  return status === 401 ? 403 : status;
}

/** How long a client may take for an error, of up to 1 MiB. */
const ERROR_MS = 30_000;

const SMALL_BYTES = 64 * 1024;

const NONE = new Uint8Array();

/** Writes an answer as fast as its client takes it. */
export class ClientResponse {
  readonly #response: ServerResponse;
  readonly #observer: Observer | undefined;
  readonly #done = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #close: () => void;
  #isClosed = false;
  #closedBy: ClosedBy | undefined;
  /** Since when nothing happens before the client has taken more. */
  #heldSince: number | undefined;

  /** @param onGone Is told when the client leaves before it has all. */
  constructor(
    response: ServerResponse,
    observer: Observer | undefined,
    onGone: () => void,
  ) {
    this.#response = response;
    this.#observer = observer;
    // Not everyone awaits it.
    this.#done.promise.catch(() => {});
    this.#close = (): void => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      if (!response.writableFinished) {
        this.#closedBy ??= "client";
        onGone();
      }
      this.#done.resolve();
      this.#closed.resolve();
    };
    response.once("close", this.#close);
    // An answer that waits behind another one of its connection hears no
    // "close" of its own.
    response.req.socket.once("close", this.#close);
  }

  /** Resolves when the client has all of it; rejects when it is aborted. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** How long the client has taken nothing of what it was given, in ms. */
  get heldMs(): number {
    const since = this.#heldSince;
    return since === undefined ? 0 : performance.now() - since;
  }

  /** Gives up on the client. */
  abort(reason: unknown): void {
    const isError = reason instanceof ProxyError;
    if (isError && reason.reason === "shutting-down") this.#closedBy ??= "stop";
    this.#done.reject(reason);
  }

  /**
   * Resolves when nothing is written any more. A client that takes no error
   * holds nothing for long.
   */
  async untilClosed(deadlines: Deadlines): Promise<void> {
    const { socket } = this.#response.req;
    if (!this.#isClosed) {
      const destroy = (): void => void socket.destroy();
      using _limit = new TimeLimit(deadlines, ERROR_MS, destroy);
      await this.#closed.promise;
    }
    socket.off("close", this.#close);
    this.#observer?.closed?.(this.#response, this.#closedBy ?? "proxy");
  }

  /** Answers with a body that is there. */
  send(answer: Response, headers: Map<string, string>, body: Uint8Array): void {
    // One that has no body, such as a 304, may tell the length of another's.
    if (answer.body !== null) headers.set("content-length", `${body.length}`);
    this.#writeHead(answer, headers);
    this.#end(body);
  }

  /**
   * Answers with a body while it comes.
   *
   * @param isStream Whether the head is news by itself: what comes first may
   * take a while.
   * @param onMove Is told of each piece, and of each that is taken late.
   * @throws What the body failed with, or why it was aborted.
   */
  async pipe(
    answer: Response,
    headers: HeaderMap,
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    isStream: boolean,
    onMove: (piece?: Uint8Array) => void,
  ): Promise<void> {
    this.#writeHead(answer, headers);
    if (isStream) this.#response.flushHeaders();
    for await (const piece of pieces) {
      onMove(piece);
      this.#observer?.delivered(piece, this.#response);
      if (this.#response.write(piece)) continue;
      const { promise: drained, resolve } = Promise.withResolvers<void>();
      this.#response.once("drain", resolve);
      this.#heldSince = performance.now();
      await Promise.race([drained, this.#done.promise]);
      this.#heldSince = undefined;
      onMove();
    }
    this.#end(NONE);
    await this.#done.promise;
  }

  /** An answer that breaks off before any of it went on does so after its head. */
  async cutShort(
    cause: unknown,
    answer: Response,
    headers: HeaderMap,
  ): Promise<never> {
    const { socket } = this.#response;
    if (cause instanceof ProxyError || socket === null) throw cause;
    this.#writeHead(answer, headers);
    this.#response.flushHeaders();
    await new Promise<void>((flushed) => socket.write(NONE, () => flushed()));
    throw cause;
  }

  #writeHead(answer: Response, headers: HeaderMap): void {
    this.#response.writeHead(statusOf(answer), Object.fromEntries(headers));
  }

  #end(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#observer?.delivered(bytes, this.#response);
    // Of a larger one it is not seen how much of it was taken.
    const isSmall = bytes.length <= SMALL_BYTES;
    this.#heldSince = isSmall ? performance.now() : undefined;
    this.#response.end(bytes);
  }

  /** Ends an answer that has begun, as if complete or not. */
  breakOff(mayEnd: boolean, lastEvent?: Uint8Array): void {
    this.#closedBy ??= "cut";
    const { req } = this.#response;
    if (mayEnd) this.#response.end();
    else if (lastEvent) this.#end(lastEvent);
    // The end of the connection would be the end of such an answer.
    else if (req.httpVersion === "1.0") req.socket.resetAndDestroy();
    else this.#response.destroy();
  }
}
