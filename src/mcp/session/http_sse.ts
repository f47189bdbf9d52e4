/**
 * HTTP+SSE, the transport of revision 2024-11-05: one GET stream for all that
 * the target says; POSTs go to the endpoint that the stream's first event
 * names, and are answered on the stream.
 */

import { ProxyError } from "../../errors.ts";
import type { HoldingInit } from "../../net/fetching.ts";
import { MAX_URL_LENGTH } from "../../net/address.ts";
import { IdleTimer, whenOver } from "../../time.ts";
import { readErrorBody } from "../transport/answers/error_body.ts";
import {
  fetchFailure,
  httpStatusError,
  isRedirect,
  redirectError,
} from "../transport/failure.ts";
import { timedOut } from "../transport/own_error.ts";
import type { ResponseRouter } from "../transport/answers/response_router.ts";
import {
  AttemptError,
  retryableAfter,
  retryAfterMs,
} from "../transport/retry.ts";
import type { Target } from "../transport/target.ts";
import { discardBody, mediaType } from "../wire/body.ts";
import { readEvents, type ServerEvent } from "../wire/events.ts";
import { parseMessage } from "../wire/message.ts";
import {
  type Channel,
  NO_SESSION,
  type SessionHeaders,
  streamHeaders,
} from "../wire/headers.ts";

/** How long the `endpoint` event may take, the connection included. */
const ENDPOINT_WAIT_MS = 10_000;

const decoder = new TextDecoder();

/** A stream that stands open, and the endpoint that it named. */
export class SseChannel implements Channel {
  readonly endpoint: URL;
  readonly closed: Promise<void>;
  readonly over: AbortSignal;
  session: SessionHeaders = { ...NO_SESSION, channel: this };
  cause: unknown;
  readonly #abort: AbortController;
  readonly #idle: IdleTimer;

  private constructor(
    endpoint: URL,
    events: AsyncGenerator<ServerEvent>,
    abort: AbortController,
    { idleTimeoutMs: limitMs }: Target,
    router: ResponseRouter,
  ) {
    this.endpoint = endpoint;
    this.#abort = abort;
    this.over = abort.signal;
    this.#idle = new IdleTimer(
      limitMs,
      () => this.#end(new Error(`the channel was silent for ${limitMs} ms`)),
    );
    this.touch();
    this.closed = this.#read(events, router)
      .then(() => this.#end(), (cause) => this.#end(cause));
  }

  /** @throws {ProxyError | AttemptError} The target does not speak this. */
  static async open(
    target: Target,
    router: ResponseRouter,
    onHold: HoldingInit["onHold"],
    limitMs = ENDPOINT_WAIT_MS,
  ): Promise<SseChannel> {
    const { url, redactor, maxAnswerBytes: maxDataBytes } = target;
    const { names } = target;
    const abort = new AbortController();
    let isHeld = false;
    using _limit = whenOver(limitMs, () => {
      const what =
        `the target named no endpoint on its event stream within ${limitMs} ms, as HTTP+SSE of 2024-11-05 has it; if it speaks Streamable HTTP, leave out ${names.transportSse}`;
      abort.abort(timedOut(what, limitMs, { isSent: false, isHeld }));
    });
    let channel: SseChannel | undefined;
    const onChunk = () => {
      router.pending.touchAll();
      channel?.touch();
    };
    try {
      const response = await openStream(target, abort.signal, (now) => {
        isHeld = now;
        onHold?.(now);
      });
      const events = readEvents(response, { maxDataBytes, names, onChunk });
      const endpoint = await readEndpointEvent(events, url)
        .catch(async (cause) => {
          await events.return(undefined);
          throw cause;
        });
      for (const value of endpoint.searchParams.values()) redactor.add(value);
      channel = new SseChannel(endpoint, events, abort, target, router);
      return channel;
    } catch (cause) {
      abort.abort();
      throw fetchFailure(cause, target);
    }
  }

  touch(): void {
    if (!this.over.aborted) this.#idle.touch();
  }

  close(): void {
    this.#end(new DOMException(undefined, "AbortError"));
  }

  #end(cause?: unknown): void {
    this.#idle.stop();
    if (this.over.aborted) return;
    this.cause = cause;
    this.#abort.abort(cause);
  }

  async #read(
    events: AsyncGenerator<ServerEvent>,
    router: ResponseRouter,
  ): Promise<void> {
    for await (const event of events) {
      // A slow client is no silence of the target's.
      this.#idle.stop();
      await router.receiveEvent(event, this.session);
      this.touch();
    }
  }
}

async function openStream(
  { url, fetch, headers, explain, redactor: { redact } }: Target,
  signal: AbortSignal,
  onHold: HoldingInit["onHold"],
): Promise<Response> {
  const response = await fetch(url, {
    method: "GET",
    headers: streamHeaders(headers, NO_SESSION),
    redirect: "manual",
    signal,
    onHold,
  });
  if (isRedirect(response)) {
    await discardBody(response);
    throw redirectError(response, url);
  }
  if (response.ok && mediaType(response) === "text/event-stream") {
    return response;
  }
  using body = await readErrorBody(response);
  const text = decoder.decode(body.bytes);
  const error = explain(response, text) ??
    httpStatusError(response, text, redact);
  const waitMs = retryAfterMs(response.headers);
  throw new AttemptError(error, retryableAfter(response, true), waitMs);
}

async function readEndpointEvent(
  events: AsyncGenerator<ServerEvent>,
  url: URL,
): Promise<URL> {
  let { value: first } = await events.next();
  // A heartbeat is no message, and a block of `retry` or `id` alone no event.
  while (first && first.type !== "endpoint" && isNoMessage(first)) {
    ({ value: first } = await events.next());
  }
  if (first?.type !== "endpoint") {
    throw refused("the target's stream does not begin with an endpoint event");
  }
  const endpoint = URL.parse(decoder.decode(first.data), url);
  if (endpoint?.origin !== url.origin) {
    throw refused("the target names an endpoint of another origin");
  }
  if (endpoint.username !== "" || endpoint.password !== "") {
    throw refused("the target names an endpoint with a user or a password");
  }
  if (endpoint.href.length > MAX_URL_LENGTH) {
    throw refused(
      `the target names an endpoint of more than ${MAX_URL_LENGTH} characters, which no request can have`,
    );
  }
  return endpoint;
}

function isNoMessage({ data, oversized }: ServerEvent): boolean {
  return !oversized && parseMessage(data).kind === "invalid";
}

function refused(message: string): ProxyError {
  return new ProxyError("bad-answer", message);
}
