/**
 * A client of 2026-07-28 before a target that speaks a legacy revision only.
 *
 * 1. The first request of the modern era makes the bridge ask the target
 *    `server/discover`. Only when the target does not know it, but takes
 *    `initialize`, the bridge comes into being: over a session that the client
 *    does not see.
 * 2. `server/discover` is answered from that `initialize`; every other request
 *    goes into the session without the `_meta` of the modern era, and its result
 *    gains what that era demands.
 * 3. `subscriptions/listen` is fed from the session's notifications.
 * 4. A request of the target's within a call becomes an `input_required`
 *    result; the call's stream is parked, and the retry's answers go to it.
 *
 * @module
 */

import { ProxyError } from "../../errors.ts";
import type { Log } from "../../log/log.ts";
import { Background } from "../transport/background.ts";
import { eraOf, META, metaOf } from "../wire/era.ts";
import type { Exchange } from "../transport/exchange.ts";
import {
  errorFrame,
  mayBeOfOtherEra,
  shuttingDown,
} from "../transport/failure.ts";
import {
  AwaitedAnswers,
  type Emit,
  type Link,
  notify,
  notifyCancelled,
  OwnRequests,
  resultFrame,
} from "../transport/link.ts";
import {
  type BatchMessage,
  isObject,
  type NotificationMessage,
  readMessage,
  type RequestId,
  requestId,
  type RequestMessage,
  type ResponseMessage,
  type SingleMessage,
} from "../wire/message.ts";
import { ParkedCalls } from "./suspended_calls.ts";
import { LATEST_LEGACY_VERSION, MODERN_VERSION } from "../wire/revisions.ts";
import { SessionListeners } from "./session_listeners.ts";
import {
  insertMembers,
  memberAt,
  memberNamed,
  removeMembers,
  whole,
} from "../wire/splice.ts";

/** Sees what the target says before the client is given it. */
export type Pass = (
  message: SingleMessage,
  frame: Uint8Array,
  exchange: Exchange | undefined,
) => readonly Uint8Array[];

/** What a {@linkcode ModernClientBridge} is handed. */
export interface ModernClientBridgeOptions {
  /** Writes one frame to the client. */
  readonly emit: Emit;
  readonly log: Log;
  /** What lies behind the bridge, handed the bridge's emit and its pass. */
  readonly link: (emit: Emit, pass: Pass) => Link;
}

/** Results that say how long they hold (MCP 2026-07-28, "Caching"). */
const CACHEABLE_METHODS = new Set([
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
]);

const PROTOCOL_PREFIX = "io.modelcontextprotocol/";

type Message = SingleMessage | BatchMessage;

/** A message that waits for what the target speaks, and what it is over with. */
type Waiting = readonly [
  Uint8Array,
  Message,
  (over: Promise<void> | void) => void,
];

/** Speaks modern to the client, and legacy to the target if it has to. */
export class ModernClientBridge implements Link {
  readonly #options: ModernClientBridgeOptions;
  readonly #link: Link;
  readonly #own = new OwnRequests("sigv4-proxy:hidden");
  readonly #calls: ParkedCalls;
  readonly #listeners: SessionListeners;
  readonly #background: Background;
  /** Requests that went out as they were, before the bridge came into being. */
  readonly #untouched = new AwaitedAnswers();
  #mode: "unknown" | "undecided" | "native" | "bridged" = "unknown";
  #waiting: Waiting[] = [];
  #discovered: Record<string, unknown> = {};
  #logLevel: string | undefined;
  /** The request that told the target of it, while that is not answered. */
  #levelRequest: RequestId | undefined;

  constructor(options: ModernClientBridgeOptions) {
    this.#options = options;
    this.#background = new Background(options.log);
    this.#link = options.link(
      (frame) => this.#receive(frame),
      (...passing) => this.#pass(...passing),
    );
    const { emit, log } = options;
    this.#calls = new ParkedCalls({ emit, log, link: this.#link });
    this.#listeners = new SessionListeners({
      emit,
      own: this.#own,
      link: this.#link,
    });
  }

  accept(bytes: Uint8Array, message: Message): Promise<void> | void {
    if (this.#mode === "undecided") return this.#wait(bytes, message);
    const isModern = message.kind === "request" && eraOf(message) === "modern";
    if (this.#mode === "unknown" && isModern) {
      this.#mode = "undecided";
      void this.#background.start(() => this.#decide(message));
      return this.#wait(bytes, message);
    }
    // A client that chose the legacy era by itself needs no bridge.
    if (message.kind === "request" && message.method === "initialize") {
      this.#mode = "native";
    }
    if (this.#mode !== "bridged") {
      if (this.#mode === "unknown" && message.kind === "request") {
        this.#untouched.expect(message.id);
      }
      return this.#link.accept(bytes, message);
    }
    if (message.kind === "request" && isModern) {
      return this.#acceptRequest(bytes, message);
    }
    if (message.kind === "notification") {
      return this.#acceptNotification(bytes, message);
    }
    this.#options.log.debug("dropped a message that is of no era");
  }

  #wait(bytes: Uint8Array, message: Message): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    // A copy: these bytes may be a small part of what was read.
    this.#waiting.push([bytes.slice(), message, resolve]);
    return promise;
  }

  /** Finds out what the target speaks, on behalf of the first request. */
  async #decide({ params }: RequestMessage): Promise<void> {
    const { log } = this.#options;
    const meta = metaOf(params);
    const _meta = Object.fromEntries(
      Object.entries(meta).filter(([name]) => name.startsWith(PROTOCOL_PREFIX)),
    );
    const { error } = await this.#own.ask(this.#link, "server/discover", {
      _meta,
    });
    const isLegacy = error !== undefined && mayBeOfOtherEra(error.data) &&
      await this.#initialise(meta);
    if (isLegacy) log.info("bridging to a target of a legacy revision");
    this.#mode = isLegacy ? "bridged" : "native";
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [bytes, message, resolve] of waiting) {
      resolve(this.accept(bytes, message));
    }
  }

  async #initialise(meta: Record<string, unknown>): Promise<boolean> {
    const { result } = await this.#own.ask(this.#link, "initialize", {
      protocolVersion: LATEST_LEGACY_VERSION,
      capabilities: meta[META.clientCapabilities] ?? {},
      clientInfo: meta[META.clientInfo] ?? { name: "unknown", version: "0" },
    });
    if (!isObject(result)) return false;
    this.#discovered = result;
    this.#listeners.offers(result.capabilities);
    notify(this.#link, "notifications/initialized");
    return true;
  }

  #acceptRequest(
    bytes: Uint8Array,
    request: RequestMessage,
  ): Promise<void> | void {
    const { id, method, params } = request;
    if (method === "server/discover") {
      return this.#answer(resultFrame(id, this.#discoverResult()));
    }
    if (method === "subscriptions/listen") {
      return this.#background.start(() => this.#listeners.open(id, params));
    }
    if (isObject(params) && "requestState" in params) {
      return this.#calls.resume(bytes, request);
    }
    if (this.#calls.holds(id)) {
      const message =
        "the ID is that of a call that waits for its client's input; use another";
      const error = new ProxyError("invalid-request", message);
      return this.#answer(errorFrame(error, id));
    }
    this.#setLogLevel(metaOf(params)[META.logLevel]);
    const legacy = { ...request, params: withoutProtocolMeta(params) };
    this.#calls.begin(request);
    return this.#link.accept(withoutProtocolMembers(bytes), legacy);
  }

  #discoverResult(): string {
    const { capabilities, instructions, serverInfo } = this.#discovered;
    return JSON.stringify({
      resultType: "complete",
      supportedVersions: [MODERN_VERSION],
      capabilities: capabilities ?? {},
      instructions,
      _meta: { [META.serverInfo]: serverInfo },
      ttlMs: 0,
      cacheScope: "private",
    });
  }

  /** The modern era says with each request what the legacy one says once. */
  #setLogLevel(level: unknown): void {
    if (typeof level !== "string" || level === this.#logLevel) return;
    this.#logLevel = level;
    const { capabilities } = this.#discovered;
    if (!isObject(capabilities) || !("logging" in capabilities)) return;
    const id = this.#own.nextId();
    this.#levelRequest = id;
    void this.#own.ask(this.#link, "logging/setLevel", { level }, id)
      .then(() => {
        if (this.#levelRequest === id) this.#levelRequest = undefined;
      });
  }

  /** No call of the client's waits for it, and so nothing at the end does. */
  #giveUpLevel(): void {
    const id = this.#levelRequest;
    if (id === undefined) return;
    this.#levelRequest = undefined;
    this.#own.forget(id);
    notifyCancelled(this.#link, id);
  }

  #acceptNotification(
    bytes: Uint8Array,
    message: NotificationMessage,
  ): Promise<void> | void {
    const { method, params } = message;
    if (method !== "notifications/cancelled") {
      return this.#link.accept(bytes, message);
    }
    const id = isObject(params) ? requestId(params.requestId) : undefined;
    if (!id) return;
    if (this.#listeners.close(id)) return;
    this.#calls.cancel(id);
  }

  /** Requests of the target's; all else goes on to `#receive`. */
  #pass(
    message: SingleMessage,
    frame: Uint8Array,
    exchange: Exchange | undefined,
  ): readonly Uint8Array[] {
    // A target may ask before it answers the hidden `initialize`, too.
    const isHidden = this.#mode === "bridged" || this.#mode === "undecided";
    if (!isHidden || message.kind !== "request") return [frame];
    this.#calls.ask(message, frame, exchange);
    return [];
  }

  async #receive(frame: Uint8Array): Promise<void> {
    const { emit } = this.#options;
    if (this.#mode !== "bridged" && this.#own.isIdle) return await emit(frame);
    const message = readMessage(frame);
    if (message.kind === "response") {
      return await this.#receiveAnswer(frame, message);
    }
    const isChange = this.#mode === "bridged" &&
      message.kind === "notification" && this.#listeners.tell(message, frame);
    if (!isChange) await emit(frame);
  }

  async #receiveAnswer(
    frame: Uint8Array,
    answer: ResponseMessage,
  ): Promise<void> {
    if (this.#own.take(answer, frame)) return;
    const call = this.#mode === "bridged" && this.#calls.finish(answer);
    const isLate = this.#mode === "bridged" && !call && answer.id !== undefined;
    if (isLate && !this.#untouched.take(answer.id)) {
      this.#options.log.debug("dropped an answer that nobody waits for");
      return;
    }
    if (!call) return await this.#options.emit(frame);
    const modern = asModern(frame, answer, call.method);
    const given = this.#calls.give(call, modern);
    if (given) await this.#options.emit(given);
  }

  async #answer(frame: Uint8Array): Promise<void> {
    await this.#options.emit(frame).catch(() => {});
  }

  async drain(patience: AbortSignal): Promise<void> {
    this.#calls.end(shuttingDown(true));
    this.#listeners.end();
    this.#giveUpLevel();
    do {
      await this.#link.drain(patience);
      await this.#background.settled();
    } while (!this.#background.isIdle);
    for (const [, message] of this.#waiting) {
      if (message.kind === "request") {
        void this.#answer(errorFrame(shuttingDown(false), message.id));
      }
    }
    this.#waiting = [];
    await this.#link.drain(patience);
  }

  async close(limitMs: number): Promise<void> {
    await this.#link.close(limitMs);
  }
}

function withoutProtocolMembers(bytes: Uint8Array): Uint8Array {
  const meta = memberAt(bytes, ["params", "_meta"]);
  if (!meta) return bytes;
  return removeMembers(
    bytes,
    meta,
    ({ name }) => name.startsWith(PROTOCOL_PREFIX),
  );
}

function withoutProtocolMeta(params: unknown): unknown {
  if (!isObject(params)) return params;
  const _meta = Object.fromEntries(
    Object.entries(metaOf(params))
      .filter(([name]) => !name.startsWith(PROTOCOL_PREFIX)),
  );
  return { ...params, _meta };
}

/** The frame of an answer with what a modern result must have. */
function asModern(
  frame: Uint8Array,
  { result }: ResponseMessage,
  method: string,
): Uint8Array {
  const range = memberNamed("result", frame, whole(frame));
  if (!range || !isObject(result)) return frame;
  const members = [
    ...("resultType" in result ? [] : ['"resultType":"complete"']),
    ...(!CACHEABLE_METHODS.has(method) || "ttlMs" in result
      ? []
      : ['"ttlMs":0', '"cacheScope":"private"']),
  ];
  return members.length === 0
    ? frame
    : insertMembers(frame, range, members.join(","));
}
