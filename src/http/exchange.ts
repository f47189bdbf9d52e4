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

import { withoutEcho } from "../aws/refusals/echo.ts";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ProxyError } from "../errors.ts";
import { answerError } from "./answer.ts";
import {
  type BodyLimits,
  checkAnnounced,
  ClientGone,
  type HeldBody,
  readRequestBody,
  readSmallMessage,
} from "./body.ts";
import { askTarget } from "./ask.ts";
import type { BodyDiscard } from "./discard.ts";
import {
  BatchRefusal,
  HttpError,
  TargetRefusal,
  toHttpError,
} from "./error.ts";
import { ListFilter } from "./filter.ts";
import {
  BODY_HEADERS,
  requestHeaders,
  responseHeaders,
  secretsIn,
} from "./headers.ts";
import { observeRequest, PassingAnswer } from "./observation.ts";
import { Patience, type TimeLimits } from "./deadline.ts";
import type { MessagePolicy } from "./policy.ts";
import { isEmpty, isFinal, noFinalStatus, statusOf } from "./status.ts";
import { pour } from "./relay.ts";
import { claimsToStand, isListen } from "./standalone_stream.ts";
import type { Log } from "../log/log.ts";
import { discardBody, mediaType } from "../mcp/wire/body.ts";
import { excerpt } from "../mcp/wire/excerpt.ts";
import {
  type Explain,
  isRedirect,
  readErrorBody,
} from "../mcp/transport/responses.ts";
import {
  fetchFailure,
  httpStatusError,
  redirectError,
  shuttingDown,
} from "../mcp/transport/failure.ts";
import { responseIn } from "../mcp/transport/link.ts";
import {
  readMessage,
  readMessageInTurns,
  type RequestId,
  type ResponseMessage,
} from "../mcp/wire/message.ts";
import type { Observation, Observer } from "../mcp/transport/observer.ts";
import type { Redactor } from "../redact/redact.ts";

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
  /** Hides secrets; it learns the session IDs. */
  readonly redactor: Redactor;
  /** Is told of the messages on their way, if anyone is. */
  readonly observer?: Observer;
  readonly log: Log;
  readonly body: BodyLimits;
  /** Takes what still comes of a body when its request is answered. */
  readonly discard: BodyDiscard;
  readonly time: TimeLimits;
  /** What options do to messages; nothing, if it is not there. */
  readonly policy: MessagePolicy | undefined;
  /** The largest answer that a policy looks at, in bytes. */
  readonly maxAnswerBytes: number;
}

/** A request that passed the guard. */
export interface HttpCall {
  readonly request: IncomingMessage;
  readonly headers: Headers;
  readonly response: ServerResponse;
}

/** How long a client may take for an error, of up to 1 MiB. */
const ERROR_MS = 30_000;

const decoder = new TextDecoder();

/** A request of a client, and what becomes of it. */
export class HttpExchange {
  readonly #options: HttpExchangeOptions;
  readonly #request: IncomingMessage;
  readonly #headers: Headers;
  readonly #response: ServerResponse;
  readonly #abort = new AbortController();
  readonly #closed = Promise.withResolvers<void>();
  readonly #startedAt = performance.now();
  #mayStand: boolean;
  #isRead: boolean;
  #body: HeldBody | undefined;
  #observation: Observation | undefined;
  #isSent = false;
  #admitted: Blob | undefined;
  #isLookedThrough = false;
  #beginsSession = false;
  #changes: number | undefined;
  readonly #secrets = new Set<string>();
  #filter: ListFilter | undefined;

  /**
   * @param options What all exchanges are handed.
   * @param call The request, and where its answer goes.
   */
  constructor(options: HttpExchangeOptions, call: HttpCall) {
    this.#options = options;
    this.#request = call.request;
    this.#headers = call.headers;
    this.#response = call.response;
    this.#mayStand = claimsToStand(call.request, call.headers);
    this.#isRead = call.request.method !== "POST";
  }

  /**
   * Whether nothing may come for as long as it likes. Of a message that is not
   * read yet the client's header says it, and from then on the message itself.
   */
  get mayStand(): boolean {
    return this.#mayStand;
  }

  /** Whether its message is read, if it has one; nothing is sent before. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /**
   * Carries the request, and answers it whatever happens.
   *
   * @param onRead Is told when the message is read; what it throws is the end
   * of the request.
   */
  async run(onRead: () => void): Promise<void> {
    this.#hide(this.#headers);
    const { socket } = this.#request;
    const close = (): void => {
      if (!this.#response.writableFinished) this.giveUp(new ClientGone());
      this.#closed.resolve();
    };
    this.#response.once("close", close);
    // An answer that waits behind another one of its connection hears no
    // "close" of its own.
    socket.once("close", close);
    if (socket.destroyed) close();
    try {
      await this.#carry(onRead);
    } catch (cause) {
      const { aborted, reason } = this.#abort.signal;
      await this.#fail(aborted ? reason : cause);
    } finally {
      this.#release();
    }
    await this.#untilClosed();
    socket.off("close", close);
    this.#observation?.ended();
    this.#options.log.debug("answered", {
      ...this.#facts(),
      status: this.#response.statusCode,
      complete: this.#response.writableFinished,
      ms: Math.round(performance.now() - this.#startedAt),
    });
  }

  /** Ends it, for this reason. */
  giveUp(reason: ProxyError | ClientGone): void {
    this.#abort.abort(reason);
  }

  /** Ends it because the proxy stops. */
  stop(): void {
    const hasMessage = this.#request.method !== "GET";
    this.giveUp(shuttingDown(this.#isSent && hasMessage));
  }

  /** Lets its connection end with its answer. */
  closeConnection(): void {
    if (this.#response.headersSent) return;
    this.#response.setHeader("connection", "close");
  }

  /** An error that a client does not take holds nothing for long. */
  async #untilClosed(): Promise<void> {
    const { socket } = this.#request;
    const timer = setTimeout(() => socket.destroy(), ERROR_MS);
    await this.#closed.promise;
    clearTimeout(timer);
  }

  /** What headers bring must not be seen if the target repeats it. */
  #hide(headers: Headers): void {
    for (const secret of secretsIn(headers)) this.#secrets.add(secret);
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
      ...(method !== null && { method: excerpt(method) }),
    };
  }

  #release(): void {
    this.#body?.[Symbol.dispose]();
    this.#body = undefined;
    this.#admitted = undefined;
  }

  async #carry(onRead: () => void): Promise<void> {
    const { target, body, time } = this.#options;
    if (this.#request.headers.expect !== undefined) {
      checkAnnounced(this.#request, body);
      this.#response.writeContinue();
    }
    if (this.#request.method === "POST") await this.#read(onRead);
    else this.#request.resume();
    using patience = new Patience(time, (error) => this.giveUp(error));
    const answer = await this.#admit() ?? await this.#send();
    patience.touch();
    this.#hide(answer.headers);
    // What was said in the session before it says nothing of this one.
    if (this.#beginsSession) this.#options.policy?.tools?.forget();
    this.#filter = await this.#listFilter();
    if (!isFinal(answer)) {
      await discardBody(answer);
      throw noFinalStatus(answer);
    }
    if (isRedirect(answer)) {
      await discardBody(answer);
      throw redirectError(answer, target);
    }
    const isStream = mediaType(answer) === "text/event-stream";
    if (!answer.ok && !isStream) return await this.#relayError(answer);
    if (isStream && this.mayStand) patience[Symbol.dispose]();
    const told = await this.#relay(answer, patience);
    this.#observation?.answered(told);
  }

  /** Reads the message, and so learns what it asks for. */
  async #read(onRead: () => void): Promise<void> {
    const { body, observer } = this.#options;
    const { signal } = this.#abort;
    this.#body = await readRequestBody(this.#request, body, signal);
    const { blob } = this.#body;
    const small = await readSmallMessage(blob);
    signal.throwIfAborted();
    this.#mayStand = small !== undefined && isListen(small);
    this.#isRead = true;
    onRead();
    this.#observation = observer &&
      observeRequest(observer, this.#headers, blob.size, small);
  }

  /**
   * Lets the message pass the policy, if there is one. When the target refuses
   * to say which tools it has, that is the answer to the call.
   */
  async #admit(): Promise<Response | undefined> {
    const { target, fetch, policy, maxAnswerBytes: maxBytes } = this.#options;
    if (policy === undefined || this.#body === undefined) return undefined;
    const message = await this.#body.blob.bytes();
    const { signal } = this.#abort;
    try {
      const { bytes, isLookedThrough, beginsSession } = await policy.admit(
        message,
        this.#headers,
        (method, message) => {
          const headers = this.#sentHeaders();
          const ask = { target, fetch, headers, signal, maxBytes };
          return askTarget(method, message, ask);
        },
      );
      if (bytes !== message) this.#admitted = new Blob([new Uint8Array(bytes)]);
      this.#isLookedThrough = isLookedThrough;
      this.#beginsSession = beginsSession;
      this.#changes = policy.tools?.changes;
      return undefined;
    } catch (cause) {
      if (cause instanceof TargetRefusal) return cause.answer;
      throw cause;
    }
  }

  #sentHeaders(): Headers {
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
    const { target, fetch } = this.#options;
    try {
      const init: RequestInit = {
        method: this.#request.method,
        headers: this.#sentHeaders(),
        body: this.#admitted ?? this.#body?.blob,
        redirect: "manual",
        signal: this.#abort.signal,
      };
      const send = () => fetch(target, init);
      this.#isSent = true;
      return await (this.#observation?.attempt(init, send) ?? send());
    } catch (cause) {
      throw fetchFailure(cause, target).error;
    }
  }

  /** Hands an answer on. What it says is told if anyone wants to know it. */
  async #relay(
    answer: Response,
    patience: Patience,
  ): Promise<ResponseMessage | undefined> {
    const headers = responseHeaders(answer.headers);
    if (await isEmpty(answer)) headers.set("content-length", "0");
    const pieces = await this.#filter?.pieces(answer, headers) ??
      answer.body ?? [];
    // Whatever fails from here on, nothing reads the request again.
    this.#release();
    this.#response.writeHead(statusOf(answer), Object.fromEntries(headers));
    const isStream = mediaType(answer) === "text/event-stream";
    // What comes first may take a while, and that there is a stream is news.
    if (isStream) this.#response.flushHeaders();
    const passing = this.#observation && !this.mayStand
      ? new PassingAnswer(isStream)
      : undefined;
    await pour(passing?.watch(pieces) ?? pieces, this.#response, {
      signal: this.#abort.signal,
      closed: this.#closed.promise,
      onMove: (byteLength) => {
        if (isStream && byteLength > 0) patience.progress();
        else patience.touch();
        this.#options.observer?.delivered(byteLength);
      },
    });
    return passing?.read();
  }

  /** What the answer must pass if it may be about tools. */
  async #listFilter(): Promise<ListFilter | undefined> {
    const { policy, maxAnswerBytes: maxBytes } = this.#options;
    const concernsTools = this.#isLookedThrough ||
      this.#request.method === "GET";
    if (policy?.tools === undefined || !concernsTools) return undefined;
    const id = await this.#requestId();
    const { tools } = policy;
    const changes = this.#changes ?? tools.changes;
    return new ListFilter({ policy: tools, maxBytes, id, changes });
  }

  /** An HTTP error of the target's: as it came, unless it must not be seen. */
  async #relayError(answer: Response): Promise<void> {
    const bytes = await readErrorBody(answer);
    this.#abort.signal.throwIfAborted();
    const status = statusOf(answer);
    const headers = responseHeaders(answer.headers);
    const error = this.#errorInstead(answer, bytes);
    if (error !== undefined) {
      for (const name of BODY_HEADERS) headers.delete(name);
      throw new HttpError(status, error, Object.fromEntries(headers));
    }
    const shown = this.#filter?.errorBody(bytes) ?? bytes;
    // A 304 has no body of its own; a length would be that of another one.
    if (status !== 304) headers.set("content-length", `${shown.length}`);
    this.#response.writeHead(status, Object.fromEntries(headers));
    this.#response.end(shown);
    this.#options.observer?.delivered(shown.length);
    const told = responseIn(bytes);
    if (told) this.#observation?.answered(told);
  }

  /** What the client is told in place of a refusal by IAM, or of a secret. */
  #errorInstead(answer: Response, bytes: Uint8Array): ProxyError | undefined {
    const { explain, redactor: { redact } } = this.#options;
    const text = decoder.decode(bytes);
    const refusal = explain(answer, text);
    if (refusal !== undefined) return refusal;
    if (readMessage(bytes).kind !== "invalid") return undefined;
    const shown = withoutEcho(text);
    // What is too long to be looked through does not pass, either.
    return redact(shown) === text
      ? undefined
      : httpStatusError(answer, shown, redact);
  }

  async #fail(cause: unknown): Promise<void> {
    if (cause instanceof ClientGone) return;
    const failure = toHttpError(cause);
    const { status, error } = failure;
    const { observer, redactor: { redact } } = this.#options;
    this.#rememberSecrets();
    if (this.#observation) this.#observation.failed(error);
    else if (this.#request.method === "POST") observer?.refused(error);
    const isNews = !(this.mayStand && error.reason === "shutting-down");
    this.#options.log[isNews ? "warn" : "debug"]("a request failed", {
      ...this.#facts(),
      status,
      reason: error.reason,
      error: redact(error.summary),
    });
    if (!this.#response.headersSent) {
      const id = await this.#requestId();
      const { discard } = this.#options;
      const [request, response] = [this.#request, this.#response];
      const answered = { request, response, discard };
      const told = await this.#failureOfAll(failure);
      const bytes = answerError(answered, told, id, redact);
      observer?.delivered(bytes);
      return;
    }
    // Its target may close a GET stream at any time. What answers a request
    // is cut where it stands, so that nobody takes it for whole.
    const mayEnd = this.#request.method === "GET" &&
      error.reason === "shutting-down";
    const lastEvent = this.#filter?.lastEvent(error);
    if (mayEnd) this.#response.end();
    else if (lastEvent !== undefined) {
      this.#response.end(lastEvent);
      observer?.delivered(lastEvent.length);
    } else this.#breakOff();
  }

  /** Ends an answer so that nobody takes it for complete. */
  #breakOff(): void {
    // The end of the connection would be the end of such an answer.
    const endsWithConnection = this.#request.httpVersion === "1.0";
    if (endsWithConnection) this.#request.socket.resetAndDestroy();
    else this.#response.destroy();
  }

  async #requestId(): Promise<RequestId | undefined> {
    const message = await this.#message();
    return message?.kind === "request" ? message.id : undefined;
  }

  /** A failure as each request of a batch is told it. */
  async #failureOfAll(failure: HttpError): Promise<HttpError> {
    const message = await this.#message();
    if (failure instanceof BatchRefusal || message?.kind !== "batch") {
      return failure;
    }
    const { status, error, headers } = failure;
    const answers = message.messages.flatMap((single) =>
      single.kind === "request" ? [{ id: single.id, error }] : []
    );
    return new BatchRefusal(status, error, answers, headers);
  }

  async #message(): Promise<ReturnType<typeof readMessage> | undefined> {
    return this.#body && readMessageInTurns(await this.#body.blob.bytes());
  }
}
