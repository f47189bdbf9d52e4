/**
 * One request at the HTTP front and its answer.
 *
 * The body is read whole and sent signed; the answer streams back as it comes.
 * Either side that goes takes the other with it: a client that leaves ends the
 * target's stream, which cancels a modern request, and an answer that breaks
 * off breaks off for the client too, which may then resume it.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { blobOf, bytesOf } from "../blob.ts";
import type { ProxyError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import { discardBody, mediaType } from "../mcp/wire/body.ts";
import { excerpt } from "../mcp/wire/excerpt.ts";
import { readMessage, readMessageInTurns } from "../mcp/wire/message.ts";
import { fetchFailure, shuttingDown } from "../mcp/transport/failure.ts";
import { responseIn } from "../mcp/transport/link.ts";
import type { Observation, Observer } from "../mcp/transport/observer.ts";
import { type Explain, readErrorBody } from "../mcp/transport/responses.ts";
import type { Redactor } from "../redact/redact.ts";
import { type Deadlines, sharedController } from "../time.ts";
import {
  AnswerLimits,
  errorInstead,
  headFault,
  readAnswer,
  statusOf,
  type TimeLimits,
} from "./answer.ts";
import {
  type BodyLimits,
  checkAnnounced,
  ClientGone,
  type HeldBody,
  MAX_READ_BYTES,
  readRequestBody,
} from "./body.ts";
import type { BodyDiscard } from "./discard.ts";
import { answerError, forBatch, HttpError, toHttpError } from "./error.ts";
import { ClientResponse } from "./client_response.ts";
import type { ListFilter } from "./filter.ts";
import {
  BODY_HEADERS,
  type HeaderMap,
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
import { type Admitted, type MessagePolicy, TargetRefusal } from "./policy.ts";

/** What all exchanges are handed. */
export interface HttpExchangeOptions {
  /** The target's MCP endpoint. */
  readonly target: URL;
  /** Sends the requests: a signed fetch. */
  readonly fetch: typeof globalThis.fetch;
  /** Headers to add to each request. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Says what a refusal of the target's means. */
  readonly explain: Explain;
  /** Hides secrets; it is told the session IDs. */
  readonly redactor: Redactor;
  /** Is told of the messages on their way, if anyone is. */
  readonly observer?: Observer;
  readonly log: Log;
  readonly body: BodyLimits;
  /** Takes what still comes of a body when its request is answered. */
  readonly discard: BodyDiscard;
  readonly time: TimeLimits;
  readonly deadlines: Deadlines;
  /** What options do to messages; nothing, if it is not there. */
  readonly policy: MessagePolicy | undefined;
}

/** A request that passed the guard. */
export interface HttpCall {
  readonly request: IncomingMessage;
  readonly headers: HeaderMap;
  readonly response: ServerResponse;
}

/** A request of a client, and what becomes of it. */
export class HttpExchange {
  readonly #options: HttpExchangeOptions;
  readonly #request: IncomingMessage;
  readonly #headers: HeaderMap;
  readonly #response: ServerResponse;
  readonly #abort = sharedController();
  readonly #answer: ClientResponse;
  readonly #startedAt = performance.now();
  readonly #secrets: string[] = [];
  #isStandaloneStream: boolean;
  #isRead: boolean;
  #isSent = false;
  #body: HeldBody | undefined;
  #admitted: Admitted | undefined;
  #filter: ListFilter | undefined;
  #observation: Observation | undefined;

  /** */
  constructor(
    options: HttpExchangeOptions,
    { request, headers, response }: HttpCall,
  ) {
    this.#options = options;
    this.#request = request;
    this.#headers = headers;
    this.#response = response;
    this.#isStandaloneStream = claimsStandaloneStream(request, headers);
    this.#isRead = request.method !== "POST";
    this.#answer = new ClientResponse(
      request,
      response,
      options.observer,
      () => this.abort(new ClientGone()),
    );
  }

  /**
   * Whether nothing may come for as long as it likes. Of a message that is not
   * read yet the client's header says it, and from then on the message itself.
   */
  get isStandaloneStream(): boolean {
    return this.#isStandaloneStream;
  }

  /** Whether its message is read, if it has one; nothing is sent before. */
  get isRead(): boolean {
    return this.#isRead;
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
    await this.#answer.untilClosed(this.#options.deadlines);
    this.#observation?.ended();
    this.#options.log.debug("answered", {
      ...this.#facts(),
      status: this.#response.statusCode,
      complete: this.#response.writableFinished,
      ms: Math.round(performance.now() - this.#startedAt),
    });
  }

  /** Ends it, for this reason. */
  abort(reason: ProxyError | ClientGone): void {
    this.#abort.abort(reason);
    this.#answer.abort(reason);
  }

  /** Ends it because the proxy stops. */
  stop(): void {
    const hasMessage = this.#request.method !== "GET";
    this.abort(shuttingDown(this.#isSent && hasMessage));
  }

  /** Lets its connection end with its answer. */
  closeConnection(): void {
    if (this.#response.headersSent) return;
    this.#response.setHeader("connection", "close");
  }

  /** What headers bring must not be seen if the target repeats it. */
  #hide(headers: HeaderMap): void {
    this.#secrets.push(...secretsIn(headers));
    this.#rememberSecrets();
  }

  /** Those of many others may have pushed them out. */
  #rememberSecrets(): void {
    const { redactor } = this.#options;
    for (const secret of this.#secrets) redactor.add(secret);
  }

  #facts(): { http?: string; method?: string } {
    const method = this.#headers.get("mcp-method");
    return {
      http: this.#request.method,
      ...(method !== undefined && { method: excerpt(method) }),
    };
  }

  #release(): void {
    this.#body?.[Symbol.dispose]();
    this.#body = undefined;
  }

  async #forward(onRead: () => void): Promise<void> {
    const { target, body, time, deadlines, policy } = this.#options;
    const { method, headers: { expect } } = this.#request;
    if (expect !== undefined) {
      checkAnnounced(this.#request, body);
      this.#response.writeContinue();
    }
    if (method === "POST") await this.#read(onRead);
    else this.#request.resume();
    const onLimit = (error: ProxyError): void => this.abort(error);
    using limits = new AnswerLimits(time, deadlines, onLimit);
    const answer = await this.#admit() ?? await this.#send();
    limits.touch();
    const received: HeaderMap = new Map(answer.headers);
    this.#hide(received);
    const mayHoldList = method === "GET" || this.#admitted !== undefined;
    this.#filter = mayHoldList ? policy?.filter(this.#admitted) : undefined;
    const fault = headFault(answer, target);
    if (fault !== undefined) {
      await discardBody(answer);
      throw fault;
    }
    // Of any type: an event may echo the request as well as a page does.
    if (!answer.ok) return await this.#relayError(answer, received);
    const isStream = mediaType(answer) === "text/event-stream";
    if (isStream && this.isStandaloneStream) limits[Symbol.dispose]();
    const headers = responseHeaders(received);
    const bytes = await readAnswer(answer, headers, this.#filter)
      .catch((cause) => this.#answer.cutShort(cause, answer, headers));
    if (bytes === undefined) {
      return await this.#relay(answer, headers, limits);
    }
    // Whatever fails from here on, nothing reads the request again.
    this.#release();
    this.#answer.send(answer, headers, bytes);
    await this.#answer.done;
    this.#observation?.answered(responseIn(bytes));
  }

  /** Reads the message as far as someone has to know what it asks for. */
  async #read(onRead: () => void): Promise<void> {
    const { body, observer } = this.#options;
    this.#body = await readRequestBody(this.#request, body, this.#abort.signal);
    const bytes = await bytesOf(this.#body.blob);
    const isToBeRead = bytes.length <= MAX_READ_BYTES &&
      (observer !== undefined || mayOpenStandaloneStream(bytes));
    const message = isToBeRead ? readMessage(bytes) : undefined;
    this.#isStandaloneStream = message !== undefined &&
      opensStandaloneStream(bytes, message);
    this.#isRead = true;
    onRead();
    this.#observation = observer &&
      observeRequest(observer, this.#headers, bytes.length, message);
  }

  /**
   * Lets the message pass the policy, if there is one. When the target refuses
   * to say which tools it has, that is the answer to the call.
   */
  async #admit(): Promise<Response | undefined> {
    const { policy } = this.#options;
    if (policy === undefined || this.#body === undefined) return undefined;
    try {
      this.#admitted = await policy.admit(
        await bytesOf(this.#body.blob),
        this.#headers,
        (message) =>
          policy.ask(
            this.#sentHeaders(),
            (headers) => this.#fetch(this.#initOf(headers, blobOf(message))),
          ),
      );
      return undefined;
    } catch (cause) {
      if (cause instanceof TargetRefusal) return cause.answer;
      throw cause;
    }
  }

  #sentHeaders(): Map<string, string> {
    const { headers, policy } = this.#options;
    const sent = requestHeaders(this.#headers, headers);
    // In another charset or coding the target might read other names than the
    // policy.
    if (policy?.tools !== undefined && this.#body !== undefined) {
      sent.set("content-type", "application/json");
      sent.delete("content-encoding");
    }
    return sent;
  }

  async #send(): Promise<Response> {
    const replaced = this.#admitted?.replaced;
    const init = this.#initOf(
      this.#sentHeaders(),
      replaced === undefined ? this.#body?.blob : blobOf(replaced),
    );
    const send = () => this.#fetch(init);
    this.#isSent = true;
    return await (this.#observation?.attempt(init, send) ?? send());
  }

  #initOf(headers: HeaderMap, body: Blob | undefined): RequestInit {
    return {
      method: this.#request.method,
      headers: [...headers],
      body,
      redirect: "manual",
      signal: this.#abort.signal,
    };
  }

  async #fetch(init: RequestInit): Promise<Response> {
    const { target, fetch } = this.#options;
    try {
      return await fetch(target, init);
    } catch (cause) {
      throw fetchFailure(cause, target).error;
    }
  }

  /** Hands an answer on while it comes. */
  async #relay(
    answer: Response,
    headers: Map<string, string>,
    limits: AnswerLimits,
  ): Promise<void> {
    const isStream = mediaType(answer) === "text/event-stream";
    const pieces = this.#filter?.events(answer, headers) ?? answer.body ?? [];
    this.#release();
    const passing = this.#observation && !this.isStandaloneStream
      ? new PassingAnswer(isStream)
      : undefined;
    await this.#answer.pipe(answer, headers, pieces, isStream, (piece) => {
      if (piece) passing?.keep(piece);
      if (piece && isStream) limits.progress();
      else limits.touch();
    });
    this.#observation?.answered(passing?.read());
  }

  /** An HTTP error of the target's: as it came, unless it must not be seen. */
  async #relayError(answer: Response, received: HeaderMap): Promise<void> {
    const { bytes } = await readErrorBody(answer);
    this.#abort.signal.throwIfAborted();
    const headers = responseHeaders(received);
    const { explain, redactor: { redact } } = this.#options;
    const error = errorInstead(answer, bytes, explain, redact);
    if (error !== undefined) {
      for (const name of BODY_HEADERS) headers.delete(name);
      const others = Object.fromEntries(headers);
      throw new HttpError(statusOf(answer), error, others);
    }
    const shown = await this.#filter?.errorBody(bytes) ?? bytes;
    this.#answer.send(answer, headers, shown);
    const told = responseIn(bytes);
    if (told) this.#observation?.answered(told);
  }

  async #fail(cause: unknown): Promise<void> {
    if (cause instanceof ClientGone) return;
    const failure = toHttpError(cause);
    const { status, error } = failure;
    const { observer, redactor: { redact } } = this.#options;
    this.#rememberSecrets();
    if (this.#observation) this.#observation.failed(error);
    else if (this.#request.method === "POST") observer?.refused(error);
    const isNews = !this.isStandaloneStream || error.reason !== "shutting-down";
    this.#options.log[isNews ? "warn" : "debug"]("a request failed", {
      ...this.#facts(),
      status,
      reason: error.reason,
      error: redact(error.summary),
    });
    if (!this.#response.headersSent) return await this.#answerError(failure);
    // Its target may close a GET stream at any time. What answers a request is
    // cut where it stands, so that nobody takes it for complete.
    const mayEnd = this.#request.method === "GET" &&
      error.reason === "shutting-down";
    this.#answer.breakOff(mayEnd, this.#filter?.lastEvent(error));
  }

  async #answerError(failure: HttpError): Promise<void> {
    const { discard, observer, redactor: { redact } } = this.#options;
    const [request, response] = [this.#request, this.#response];
    const message = this.#body &&
      await readMessageInTurns(await bytesOf(this.#body.blob));
    const id = message?.kind === "request" ? message.id : undefined;
    const told = message ? forBatch(failure, message) : failure;
    const answered = { request, response, discard };
    const byteLength = answerError(answered, told, id, redact);
    observer?.delivered(byteLength);
  }
}
