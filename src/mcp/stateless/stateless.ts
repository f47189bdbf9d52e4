/**
 * The upstream of revision 2026-07-28: no handshake, no session; each request
 * is a POST that says of itself all there is to say.
 *
 * 1. A message's headers mirror it: its version, its method, its name, and the
 *    arguments that the tool's schema marks.
 * 2. Schemas are recorded from the lists of tools that pass. When the target says
 *    that a call's headers are not right, its tools are listed anew and the call
 *    is sent once more.
 * 3. A cancelled request's response is closed, and that is all the target hears
 *    of it. A stream that is cut is never resumed.
 * 4. `subscriptions/listen` and `events/stream` stand open without a limit, and
 *    are opened again.
 * 5. `server/discover`, by which a client chooses its era, is not answered with
 *    a failure that may pass before that was waited out.
 */

import { ProxyError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { asObject } from "../../json.ts";
import { toolPages } from "../tools/recorder.ts";
import type { Exchange } from "../transport/exchange.ts";
import {
  streamCut,
  summaryOf,
  UNKNOWN_STATUSES,
} from "../transport/failure.ts";
import { ownErrorData } from "../transport/own_error.ts";
import { InFlight, NO_LIMIT } from "../transport/in_flight.ts";
import { requestsIn } from "../transport/answers/pending_requests.ts";
import { parseRpcError } from "../transport/answers/error_body.ts";
import {
  askedMsOf,
  AttemptError,
  backoffMs,
  errorOf,
  isPassing,
} from "../transport/retry.ts";
import type { Target } from "../transport/target.ts";
import { type HeaderPairs, NO_SESSION } from "../wire/headers.ts";
import { UNREAD } from "../wire/large_message.ts";
import type {
  NotificationMessage,
  RequestId,
  RequestMessage,
  ResponseMessage,
  SingleMessage,
} from "../wire/message.ts";
import { memberAt, removeMembers } from "../wire/splice.ts";
import { isHeaderMismatch, standardHeaders } from "./headers.ts";
import { LONG_LIVED_METHODS, Subscription } from "./listen.ts";
import { ToolSchemas } from "./tool_schemas.ts";

export interface StatelessTarget extends Target {
  /** What the tools want mirrored, where several links know it together. */
  readonly toolSchemas?: ToolSchemas;
  /** A header by which the target knows that requests belong together. */
  readonly sessionHeader?: string;
}

const DISCOVER = "server/discover";
/** What the IDs of those begin with whose failure is told at once. */
export const UNAWAITED = "sigv4-proxy:era:";

/** How long failures that have nothing to do with an era are waited out. */
const DISCOVER_LIMIT_MS = 10_000;

/** The longest pause between two attempts that the target did not ask for. */
const MAX_PAUSE_MS = 2_000;

/**
 * Errors that servers of the modern era alone have: HeaderMismatch,
 * MissingRequiredClientCapability, UnsupportedProtocolVersion (MCP 2026-07-28,
 * "Error Codes").
 */
const MODERN_CODES: ReadonlySet<number> = new Set([-32020, -32021, -32022]);

/** "Method not found", in JSON-RPC 2.0: what makes clients fall back. */
const METHOD_NOT_FOUND = -32601;

/** How many subscriptions stand open at once, each with a connection. */
const MAX_SUBSCRIPTIONS = 1_024;

export class StatelessSession {
  readonly #target: StatelessTarget;
  readonly #schemas: ToolSchemas;
  readonly #inFlight: InFlight;
  /** The session header with an ID of this client's, and of this identity's. */
  readonly #sessionHeader: HeaderPairs;
  readonly #subscriptions = new Map<Exchange, Subscription>();
  /** What a `server/discover` last failed with that is tried again. */
  readonly #waitedOut = new WeakMap<Exchange, unknown>();

  constructor(target: StatelessTarget) {
    this.#target = target;
    this.#schemas = target.toolSchemas ?? new ToolSchemas(target.log);
    this.#sessionHeader = sessionHeaderOf(target);
    this.#inFlight = new InFlight(target, {
      era: "modern",
      onAnswer: (answer, frame, exchange) =>
        this.#onAnswer(answer, frame, exchange),
      pass: (...message) => this.#pass(...message),
      // There are no requests of the target's in this era.
      refuse: () => {},
      send: (exchange) => this.#send(exchange),
      sendOwn: (exchange) => this.#send(exchange),
      onTimeout: (exchange, error) => this.#timeOut(exchange, error),
    });
  }

  accept(
    bytes: Uint8Array,
    message: RequestMessage | NotificationMessage,
  ): Promise<void> {
    const { method, params } = message;
    const asked = requestsIn([{ message, bytes }]);
    const isLongLived = message.kind === "request" &&
      LONG_LIVED_METHODS.has(method);
    const init = { bytes, method, params, ...asked };
    const exchange = this.#inFlight.open(init, !isLongLived);
    if (!isLongLived) return this.#inFlight.start(exchange);
    if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS) {
      const error = new ProxyError(
        "overloaded",
        `${MAX_SUBSCRIPTIONS} subscriptions stand open, and the proxy opens no more`,
        { data: { mayHaveRun: false } },
      );
      return this.#inFlight.report(exchange, error);
    }
    this.#subscriptions.set(exchange, new Subscription(exchange));
    return this.#inFlight.start(exchange, { semaphore: NO_LIMIT }, true)
      .finally(() => this.#subscriptions.delete(exchange));
  }

  /** Lets a cancelled request go; false when it is none of this era's. */
  cancel(id: RequestId): boolean {
    const exchange = this.#inFlight.router.pending.exchangeOf(id);
    if (!exchange) return false;
    exchange.take(id);
    exchange.end();
    return true;
  }

  async #send(exchange: Exchange): Promise<void> {
    let isListed = false;
    const recover = async (cause: unknown) => {
      const { answerHasBegun } = exchange;
      if (isListed || answerHasBegun || !isHeaderMismatch(exchange, cause)) {
        return false;
      }
      isListed = true;
      return await this.#listAnew(exchange).catch(() => false);
    };
    try {
      await this.#inFlight.policy.run(
        exchange,
        () => this.#attempt(exchange),
        recover,
        (cause, tries) => this.#delayMs(exchange, cause, tries),
      );
    } catch (cause) {
      await this.#fail(exchange, cause);
    }
  }

  /** Lists all tools for a call whose headers do not fit; whether it could. */
  async #listAnew({ params, signal }: Exchange): Promise<boolean> {
    const pages = toolPages(async (asked) => {
      const own = await this.#inFlight
        .ask("tools/list", asked, NO_SESSION, signal);
      return own.answer;
    }, params);
    for await (const { error } of pages) if (error) return false;
    return true;
  }

  async #attempt(exchange: Exchange): Promise<void> {
    const { method, params } = exchange;
    const subscription = this.#subscriptions.get(exchange);
    if (subscription) {
      exchange.beginFetch(this.#target);
      await subscription.moveCursor();
    }
    const mirrored = [
      ...standardHeaders(method, params),
      ...method === "tools/call" ? this.#schemas.headersFor(params) : [],
      ...this.#sessionHeader,
    ];
    const session = { ...NO_SESSION, mirrored };
    await this.#inFlight.transport.send(exchange, session);
  }

  #delayMs(
    exchange: Exchange,
    cause: unknown,
    tries: number,
  ): number | undefined {
    const subscription = this.#subscriptions.get(exchange);
    if (subscription?.isOpen) return subscription.delayMs(cause);
    const status = Number(errorOf(cause)?.data.status);
    // What a target that is busy, or starts, is asked next says nothing of its era.
    const isAwaited = status === 429 || status >= 500 ||
      !exchange.requests[0]?.key.startsWith(`s:${UNAWAITED}`);
    if (exchange.method !== DISCOVER || !exchange.isRequest || !isAwaited) {
      return this.#inFlight.policy.delayMs(exchange, cause, tries);
    }
    this.#waitedOut.set(exchange, cause);
    if (!isPassing(cause)) return undefined;
    const pauseMs = Math.min(backoffMs(tries), MAX_PAUSE_MS);
    const waitMs = Math.max(askedMsOf(cause), pauseMs);
    const endMs = performance.now() - exchange.startedAt + waitMs;
    const { timeoutMs = Infinity } = this.#target;
    return endMs > Math.min(DISCOVER_LIMIT_MS, timeoutMs) ? undefined : waitMs;
  }

  async #fail(exchange: Exchange, cause: unknown): Promise<void> {
    const subscription = this.#subscriptions.get(exchange);
    if (subscription?.isOpen) {
      this.#target.log.warn("a subscription is over", {
        id: exchange.requests[0].source,
        error: summaryOf(cause),
      });
      exchange.observation?.failed(errorOf(cause) ?? streamCut(cause));
      return await this.#target.emit(subscription.end());
    }
    const isDiscover = exchange.method === DISCOVER;
    const legacy = isDiscover ? legacyAnswer(cause) : undefined;
    await this.#inFlight.report(exchange, legacy ?? cause);
  }

  #timeOut(exchange: Exchange, error: ProxyError): Promise<void> {
    // That it took too long is less of the truth than what was waited out.
    const cause = this.#waitedOut.get(exchange) ?? error;
    const reported = this.#inFlight.report(exchange, cause);
    exchange.end(error);
    return reported;
  }

  /** Records an answer; throws for one that is not the client's to see. */
  #onAnswer(
    answer: ResponseMessage,
    frame: Uint8Array,
    exchange: Exchange,
  ): void {
    const { error } = answer;
    if (exchange.method === "tools/list") {
      const { result } = answer;
      const isRead = result !== UNREAD && asObject(result).tools !== UNREAD &&
        !memberAt(frame, ["result", "tools"])?.isPartial;
      if (!isRead) {
        // There may be tools in it which a client must not see.
        throw new ProxyError(
          "bad-answer",
          "the target's list of tools has too many values to look through",
        );
      }
      this.#inFlight.policy.record(result);
      if (exchange.onAnswer) this.#schemas.record(result);
    }
    const subscription = error && this.#subscriptions.get(exchange);
    if (!subscription?.isOpen || subscription.isAcknowledged) return;
    const told = new ProxyError("no-answer", error?.message ?? "");
    throw new AttemptError(told, "never", undefined, frame);
  }

  /** The frames that a message of the target's becomes. */
  #pass(
    message: SingleMessage,
    frame: Uint8Array,
    exchange: Exchange | undefined,
  ): readonly Uint8Array[] {
    switch (message.kind) {
      case "request":
        this.#target.log.warn(
          "dropped a request of the target's, which 2026-07-28 has none of",
          { method: excerpt(message.method) },
        );
        return [];
      case "response":
        if (exchange?.method !== "tools/list") return [frame];
        return [this.#withoutInvalid(message, frame)];
      case "notification": {
        if (!exchange || exchange.signal.aborted) return [];
        const subscription = this.#subscriptions.get(exchange);
        return subscription?.receive(message, frame) ?? [frame];
      }
    }
  }

  /** A list of tools without those that a client must not see. */
  #withoutInvalid({ result }: ResponseMessage, frame: Uint8Array): Uint8Array {
    const invalid = this.#schemas.record(result);
    const list = memberAt(frame, ["result", "tools"]);
    if (!list || invalid.size === 0) return frame;
    return removeMembers(frame, list, (_tool, index) => invalid.has(index));
  }

  drain(deadline: AbortSignal): Promise<void> {
    return this.#inFlight.drain(deadline);
  }

  close(): void {
    this.#inFlight.deadlines.stop();
  }
}

/** A session of a made-up ID, unless the user has named one. */
function sessionHeaderOf(
  { sessionHeader: name, headers, redactor }: StatelessTarget,
): HeaderPairs {
  const isGiven = headers.some(([given]) =>
    given.toLowerCase() === name?.toLowerCase()
  );
  if (name === undefined || isGiven) return [];
  const id = crypto.randomUUID();
  redactor.add(id);
  return [[name.toLowerCase(), id]];
}

/** The answer to one that a server of an earlier era refused, if it did. */
function legacyAnswer(cause: unknown): Uint8Array | undefined {
  const error = errorOf(cause);
  const answer = cause instanceof AttemptError ? cause.answer : undefined;
  if (error?.reason !== "http-status") return undefined;
  if (!UNKNOWN_STATUSES.has(error.data.status)) return undefined;
  const code = answer && parseRpcError(answer)?.error.code;
  if (code !== undefined && MODERN_CODES.has(code)) return undefined;
  return new TextEncoder().encode(JSON.stringify({
    jsonrpc: "2.0",
    error: {
      code: METHOD_NOT_FOUND,
      message:
        `the target does not know ${DISCOVER}, so it is taken for a server of an earlier protocol version: ${error.message}`,
      data: ownErrorData(error),
    },
  }));
}
