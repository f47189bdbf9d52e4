/**
 * One request in HTTP server mode and its answer.
 *
 * The body is read whole and sent signed; the answer streams back as it comes.
 * Either side that goes takes the other with it: a client that leaves ends the
 * target's stream, which cancels a modern request, and an answer that breaks
 * off breaks off for the client too, which may then resume it.
 */

import type { ServerResponse } from "node:http";
import { blobOf, bytesOf } from "../blob.ts";
import type { ProxyError } from "../errors.ts";
import { excerpt } from "../excerpt.ts";
import { type BodyBeginning, mediaType } from "../mcp/wire/body.ts";
import { clientInfoIn } from "../mcp/wire/era.ts";
import { parseMessage, parseMessageInTurns } from "../mcp/wire/message.ts";
import { fetchFailure, toHeld } from "../mcp/transport/failure.ts";
import {
  type RequestState,
  shuttingDown,
  timedOut,
} from "../mcp/transport/own_error.ts";
import { responseIn } from "../mcp/transport/link.ts";
import type { Observation } from "../mcp/transport/observer.ts";
import { errorOf } from "../mcp/transport/retry.ts";
import { readErrorBody } from "../mcp/transport/answers/error_body.ts";
import { sharedController, TimeLimit } from "../time.ts";
import {
  checkHead,
  ClientResponse,
  errorInstead,
  mayBeMessage,
  readAnswer,
} from "./answer.ts";
import {
  checkAnnounced,
  ClientGone,
  type HeldBody,
  MAX_READ_BYTES,
  readRequestBody,
} from "./body.ts";
import { answerError, forBatch, toHttpError } from "./error.ts";
import type { ListFilter } from "./filter.ts";
import {
  type HeaderMap,
  productsOf,
  requestHeaders,
  responseHeaders,
  secretsIn,
} from "./headers.ts";
import {
  claimsStandaloneStream,
  mayOpenStandaloneStream,
  observeRequest,
  opensStandaloneStream,
  PassingAnswer,
} from "./message.ts";
import type { HttpContext } from "./options.ts";
import { type Send, TargetRefusal } from "./policy.ts";

/** A request that passed the guard, and what becomes of it. */
export class HttpExchange {
  /**
   * Whether it has no idle limit. Until its message is read the client's header
   * decides that, and then the message.
   */
  isStandaloneStream: boolean;
  /** Whether its message is read, if it has one; nothing is sent before. */
  isRead: boolean;
  readonly answer: ClientResponse;
  readonly #context: HttpContext;
  readonly #headers: HeaderMap;
  readonly #response: ServerResponse;
  readonly #abort = sharedController();
  readonly #startedAt = performance.now();
  /** The headers of the target's answer. */
  #received: HeaderMap = new Map();
  #isSent = false;
  /** Whether it waits for credentials. */
  #isHeld = false;
  #body: HeldBody | undefined;
  #errorBody: BodyBeginning | undefined;
  /** Makes what the answer must pass, once that is there. */
  #makeFilter: (() => ListFilter | undefined) | undefined;
  #filter: ListFilter | undefined;
  #observation: Observation | undefined;
  #clientInfo: unknown;

  constructor(
    context: HttpContext,
    headers: HeaderMap,
    response: ServerResponse,
  ) {
    const { method } = response.req;
    this.#context = context;
    this.#headers = headers;
    this.#response = response;
    this.isStandaloneStream = claimsStandaloneStream(method, headers);
    this.isRead = method !== "POST";
    this.answer = new ClientResponse(
      response,
      context.observer,
      () => this.abort(new ClientGone()),
    );
  }

  /**
   * Sends the request on, and answers it whatever happens.
   *
   * @param onRead Is told when the message is read; what it throws is the end
   * of the request.
   */
  async run(onRead: () => void): Promise<void> {
    this.#hide(this.#headers);
    try {
      await this.#forward(onRead);
    } catch (cause) {
      const { aborted, reason } = this.#abort.signal;
      await this.#fail(aborted ? reason : cause);
    } finally {
      this.#release();
    }
    await this.answer.untilClosed(this.#context.deadlines);
    this.#errorBody?.[Symbol.dispose]();
    this.#observation?.ended();
    this.#context.log.debug("answered", {
      ...this.#facts(),
      status: this.#response.statusCode,
      complete: this.#response.writableFinished,
      ms: Math.round(performance.now() - this.#startedAt),
    });
  }

  abort(reason: ProxyError | ClientGone): void {
    this.#abort.abort(reason);
    this.answer.abort(reason);
  }

  /** Ends it because the proxy stops. */
  stop(): void {
    const { isSent, isHeld } = this.#state;
    this.abort(shuttingDown(isSent, isHeld));
  }

  get #state(): RequestState {
    const isSent = this.#isSent && this.#method !== "GET";
    return { isSent: isSent && !this.#isHeld, isHeld: this.#isHeld };
  }

  closeConnection(): void {
    if (this.#response.headersSent) return;
    this.#response.setHeader("connection", "close");
  }

  get #method(): string | undefined {
    return this.#response.req.method;
  }

  /** What headers bring must not be seen if the target repeats it. */
  #hide(...all: readonly HeaderMap[]): void {
    const { redactor } = this.#context;
    for (const secret of all.flatMap(secretsIn)) redactor.add(secret);
  }

  #facts(): { http?: string; method?: string } {
    const method = this.#headers.get("mcp-method");
    return {
      http: this.#method,
      ...(method !== undefined && { method: excerpt(method) }),
    };
  }

  #release(): void {
    this.#body?.[Symbol.dispose]();
    this.#body = undefined;
  }

  async #forward(onRead: () => void): Promise<void> {
    const { target, policy, names } = this.#context;
    const { timeoutMs, timeoutResetOnProgress, idleTimeoutMs } = this.#context;
    const { req: request } = this.#response;
    const { method } = request;
    if (request.headers.expect !== undefined) {
      checkAnnounced(request, this.#context);
      this.#response.writeContinue();
    }
    if (method === "POST") await this.#read(onRead);
    else {
      request.resume();
      this.#context.observer?.received({ byteLength: 0 }, this.#response);
    }
    using idle = this.#limit(
      idleTimeoutMs,
      `nothing moved for ${idleTimeoutMs} ms`,
      names.idleTimeoutMs,
    );
    using timeout = timeoutMs === undefined ? undefined : this.#limit(
      timeoutMs,
      `the target did not finish its answer within ${timeoutMs} ms`,
      names.timeoutMs,
    );
    const answer = await this.#send();
    idle.touch();
    this.#received = new Map(answer.headers);
    this.#hide(this.#received);
    this.#filter = method === "GET" ? policy?.filter() : this.#makeFilter?.();
    await checkHead(answer, target);
    // Of any type: an event may echo the request as well as a page does.
    if (!answer.ok) return await this.#relayError(answer);
    const isStream = mediaType(answer) === "text/event-stream";
    if (isStream && this.isStandaloneStream) {
      idle[Symbol.dispose]();
      timeout?.[Symbol.dispose]();
    }
    const headers = responseHeaders(this.#received);
    const bytes = await readAnswer(answer, headers, this.#filter)
      .catch((cause) => this.answer.cutShort(cause, answer, headers));
    if (bytes !== undefined) {
      // Whatever fails from here on, nothing reads the request again.
      this.#release();
      this.answer.send(answer, headers, bytes);
      await this.answer.done;
      return this.#observation?.answered(responseIn(bytes));
    }
    const pieces = this.#filter?.events(answer, headers) ?? answer.body ?? [];
    this.#release();
    const passing = this.#observation && !this.isStandaloneStream
      ? new PassingAnswer()
      : undefined;
    await this.answer.pipe(answer, headers, pieces, isStream, (piece) => {
      idle.touch();
      if (piece === undefined) return;
      passing?.keep(piece);
      if (isStream && timeoutResetOnProgress) timeout?.touch();
    });
    this.#observation?.answered(passing?.read(isStream));
  }

  #limit(limitMs: number, what: string, option: string): TimeLimit {
    return new TimeLimit(this.#context.deadlines, limitMs, () => {
      this.abort(timedOut(what, limitMs, this.#state, option));
    });
  }

  /** Reads the message as far as someone has to know what it asks for. */
  async #read(onRead: () => void): Promise<void> {
    const { observer } = this.#context;
    const { req } = this.#response;
    this.#body = await readRequestBody(req, this.#context, this.#abort.signal);
    const bytes = await bytesOf(this.#body.blob);
    const isNameless = productsOf(this.#headers) === "";
    const isToBeRead = bytes.length <= MAX_READ_BYTES &&
      (observer !== undefined || isNameless || mayOpenStandaloneStream(bytes));
    const message = isToBeRead ? parseMessage(bytes) : undefined;
    if (isNameless && message) this.#clientInfo = clientInfoIn(message);
    this.isStandaloneStream = message !== undefined &&
      opensStandaloneStream(bytes, message);
    this.isRead = true;
    onRead();
    observer?.received(bytes, this.#response);
    this.#observation = observer &&
      observeRequest(observer, this.#headers, message);
  }

  /**
   * Lets the message pass the policy, if there is one, and sends it. When the
   * target refuses to say which tools it has, that is the answer to the call.
   */
  async #send(): Promise<Response> {
    const { policy } = this.#context;
    const info = this.#clientInfo;
    const sent = requestHeaders(this.#headers, this.#context, info);
    let blob = this.#body?.blob;
    if (policy !== undefined && blob !== undefined) {
      if (policy.tools !== undefined) {
        // In another charset or coding the target might read other names.
        sent.set("content-type", "application/json");
        sent.delete("content-encoding");
      }
      const ask: Send = (own, bytes) => this.#fetch(own, blobOf(bytes));
      try {
        const given = await bytesOf(blob);
        const { bytes, filter } = await policy.admit(given, sent, ask);
        if (bytes !== given) blob = blobOf(bytes);
        this.#makeFilter = filter;
      } catch (cause) {
        if (cause instanceof TargetRefusal) return cause.answer;
        throw cause;
      }
    }
    this.#isSent = true;
    return await this.#fetch(sent, blob, this.#observation);
  }

  async #fetch(
    headers: HeaderMap,
    body: Blob | undefined,
    observation?: Observation,
  ): Promise<Response> {
    const { target, fetch, names } = this.#context;
    const init = {
      method: this.#method,
      headers: [...headers],
      body,
      redirect: "manual" as const,
      signal: this.#abort.signal,
      onHold: (isHeld: boolean) => this.#isHeld = isHeld,
    };
    const send = () => fetch(target, init);
    try {
      return await (observation?.attempt(init, send) ?? send());
    } catch (cause) {
      const failure = fetchFailure(cause, { url: target, names });
      throw errorOf(this.#isHeld ? toHeld(failure) : failure) ?? cause;
    }
  }

  /** An HTTP error of the target's: as it came, unless it must not be seen. */
  async #relayError(answer: Response): Promise<void> {
    this.#errorBody = await readErrorBody(answer, mayBeMessage);
    const { bytes } = this.#errorBody;
    this.#abort.signal.throwIfAborted();
    const headers = responseHeaders(this.#received);
    const error = await errorInstead(answer, bytes, headers, this.#context);
    if (error !== undefined) {
      this.#errorBody[Symbol.dispose]();
      throw error;
    }
    const shown = await this.#filter?.errorBody(bytes) ?? bytes;
    this.answer.send(answer, headers, shown);
    const told = responseIn(bytes);
    if (told) this.#observation?.answered(told);
  }

  async #fail(cause: unknown): Promise<void> {
    if (cause instanceof ClientGone) return;
    const failure = toHttpError(cause);
    const { status, error } = failure;
    const { observer, log } = this.#context;
    // Those of many others may have pushed them out.
    this.#hide(this.#headers, this.#received);
    if (this.#observation) this.#observation.failed(error);
    else if (this.#method === "POST") observer?.refused?.(error);
    const isNews = !this.isStandaloneStream || error.reason !== "shutting-down";
    log[isNews ? "warn" : "debug"]("a request failed", {
      ...this.#facts(),
      status,
      reason: error.reason,
      error: error.summary,
    });
    if (this.#response.headersSent) {
      // Its target may close a GET stream at any time. What answers a request
      // is cut where it stands, so that nobody takes it for complete.
      const mayEnd = this.#method === "GET" && error.reason === "shutting-down";
      return this.answer.breakOff(mayEnd, this.#filter?.lastEvent(error));
    }
    const message = this.#body &&
      await parseMessageInTurns(await bytesOf(this.#body.blob));
    const id = message?.kind === "request" ? message.id : undefined;
    const told = message ? forBatch(failure, message) : failure;
    const { redact } = this.#context.redactor;
    answerError(this.#response, this.#context, told, id, redact);
  }
}
