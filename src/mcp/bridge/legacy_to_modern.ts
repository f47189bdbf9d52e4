/**
 * A client of a legacy revision before a target that speaks 2026-07-28 only.
 *
 * 1. `initialize` goes to the target as it is. Only when the target refuses it
 *    and answers `server/discover`, the bridge comes into being.
 * 2. `initialize` is then answered from what was discovered; `ping` and
 *    `logging/setLevel` are answered here; every other request is given the
 *    `_meta` that the modern era demands.
 * 3. What the server offers to tell of, and `resources/subscribe`, become one
 *    `subscriptions/listen`.
 * 4. An `input_required` result becomes the requests that the client knows
 *    (elicitation, sampling, roots); its answers go into the retry.
 *
 * @module
 */

import { ProxyError } from "../../errors.ts";
import type { Log } from "../../log/log.ts";
import { Background } from "../transport/background.ts";
import { META, metaOf } from "../wire/era.ts";
import {
  errorFrame,
  mayBeOfOtherEra,
  shuttingDown,
} from "../transport/failure.ts";
import { InputRounds } from "./input_rounds.ts";
import {
  type Emit,
  type Link,
  notifyCancelled,
  OwnRequests,
  resultFrame,
  rpcErrorFrame,
} from "../transport/link.ts";
import { ListenBridge } from "./listen_stream.ts";
import {
  type BatchMessage,
  isObject,
  type NotificationMessage,
  readMessage,
  requestId,
  type RequestMessage,
  type ResponseMessage,
  type SingleMessage,
} from "../wire/message.ts";
import { insertMeta } from "../wire/metadata.ts";
import {
  LATEST_LEGACY_VERSION,
  LEGACY_VERSIONS,
  MODERN_VERSION,
} from "../wire/revisions.ts";

/** What a {@linkcode LegacyClientBridge} is handed. */
export interface LegacyClientBridgeOptions {
  /** Writes one frame to the client. */
  readonly emit: Emit;
  readonly log: Log;
  /** What lies behind the bridge; it is handed the bridge's own emit. */
  readonly link: (emit: Emit) => Link;
}

/** The client capability that a request of the server's needs. */
export const CAPABILITY_OF: Readonly<Record<string, string>> = {
  "elicitation/create": "elicitation",
  "sampling/createMessage": "sampling",
  "roots/list": "roots",
};

type Message = SingleMessage | BatchMessage;

/** A message that waits for what the target speaks, and what it is over with. */
type Waiting = readonly [
  Uint8Array,
  Message,
  (over: Promise<void> | void) => void,
];

/** Speaks legacy to the client, and modern to the target if it has to. */
export class LegacyClientBridge implements Link {
  readonly #options: LegacyClientBridgeOptions;
  readonly #link: Link;
  readonly #own = new OwnRequests("sigv4-proxy:bridge");
  readonly #listen: ListenBridge;
  readonly #rounds: InputRounds;
  readonly #background: Background;
  /** `undecided` while `initialize` is under way; messages wait for it. */
  #mode: "undecided" | "native" | "bridged" = "native";
  #waiting: Waiting[] = [];
  #initialize: RequestMessage | undefined;
  #logLevel: string | undefined;

  constructor(options: LegacyClientBridgeOptions) {
    this.#options = options;
    this.#background = new Background(options.log);
    this.#link = options.link((frame) => this.#receive(frame));
    this.#listen = new ListenBridge({
      emit: options.emit,
      log: options.log,
      own: this.#own,
      link: this.#link,
      meta: () => this.#meta(),
    });
    this.#rounds = new InputRounds({
      ...options,
      send: (bytes, request) => void this.#link.accept(bytes, request),
      cancel: (id) => notifyCancelled(this.#link, id),
      mayAsk: (method) => this.#mayAsk(method),
    });
  }

  accept(bytes: Uint8Array, message: Message): Promise<void> | void {
    if (message.kind === "request" && message.method === "initialize") {
      this.#mode = "undecided";
      this.#initialize = message;
      return this.#link.accept(bytes, message);
    }
    if (this.#mode === "native") return this.#link.accept(bytes, message);
    if (this.#mode === "undecided" && message.kind === "response") {
      // A target may ask before it answers `initialize`, and wait for this.
      return this.#link.accept(bytes, message);
    }
    if (this.#mode === "undecided") {
      const { promise, resolve } = Promise.withResolvers<void>();
      // A copy: these bytes may be a small part of what was read.
      this.#waiting.push([bytes.slice(), message, resolve]);
      return promise;
    }
    switch (message.kind) {
      case "request":
        return this.#acceptRequest(bytes, message);
      case "notification":
        return this.#acceptNotification(bytes, message);
      case "response":
        if (this.#rounds.answer(bytes, message)) return;
        this.#options.log.debug("dropped an answer that nothing asked for");
        return;
      case "batch":
        return this.#refuseBatch(message);
    }
  }

  #acceptRequest(
    bytes: Uint8Array,
    request: RequestMessage,
  ): Promise<void> | void {
    const { id, method, params } = request;
    switch (method) {
      case "ping":
        return this.#answer(resultFrame(id, "{}"));
      case "logging/setLevel": {
        const level = isObject(params) ? params.level : undefined;
        this.#logLevel = typeof level === "string" ? level : undefined;
        return this.#answer(resultFrame(id, "{}"));
      }
      case "resources/subscribe":
      case "resources/unsubscribe":
        return this.#subscribe(request);
    }
    const meta = { ...this.#meta(), ...metaOf(params) };
    const frame = insertMeta(
      bytes,
      params,
      Object.entries(this.#meta())
        .filter(([name]) => !(name in metaOf(params)))
        .map(([name, value]) => [name, JSON.stringify(value)]),
    );
    const modern: RequestMessage = {
      ...request,
      params: { ...(isObject(params) && params), _meta: meta },
    };
    this.#rounds.begin(frame, modern);
    return this.#link.accept(frame, modern);
  }

  /** The `_meta` that every request of the modern era has. */
  #meta(): Record<string, unknown> {
    const { params } = this.#initialize ?? {};
    const { clientInfo, capabilities } = isObject(params) ? params : {};
    return {
      [META.protocolVersion]: MODERN_VERSION,
      [META.clientInfo]: clientInfo ?? { name: "unknown", version: "0" },
      [META.clientCapabilities]: capabilities ?? {},
      ...(this.#logLevel !== undefined && { [META.logLevel]: this.#logLevel }),
    };
  }

  #mayAsk(method: string): boolean {
    const { params } = this.#initialize ?? {};
    const capabilities = isObject(params) ? params.capabilities : undefined;
    const needed = CAPABILITY_OF[method];
    return needed !== undefined && isObject(capabilities) &&
      needed in capabilities;
  }

  #acceptNotification(
    bytes: Uint8Array,
    message: NotificationMessage,
  ): Promise<void> | void {
    const { method, params } = message;
    switch (method) {
      case "notifications/initialized":
        return this.#listen.open();
      case "notifications/cancelled": {
        const id = isObject(params) ? requestId(params.requestId) : undefined;
        if (id && this.#rounds.cancel(id)) return;
        return this.#link.accept(bytes, message);
      }
      default:
        // The modern era has no session that could be told.
        this.#options.log.debug("dropped a notification", { method });
    }
  }

  #subscribe({ id, method, params }: RequestMessage): Promise<void> {
    const uri = isObject(params) ? params.uri : undefined;
    if (typeof uri !== "string") {
      return this.#answer(
        rpcErrorFrame(id, { code: -32602, message: "uri is required" }),
      );
    }
    return this.#background.start(async () => {
      const error = method === "resources/subscribe"
        ? await this.#listen.subscribe(uri)
        : await this.#listen.unsubscribe(uri);
      await this.#answer(
        error ? rpcErrorFrame(id, error) : resultFrame(id, "{}"),
      );
    });
  }

  async #refuseBatch({ messages }: BatchMessage): Promise<void> {
    const error = new ProxyError(
      "invalid-request",
      "the target speaks 2026-07-28, which has no batches; send each message on a line of its own",
    );
    for (const message of messages) {
      if (message.kind === "request") {
        await this.#answer(errorFrame(error, message.id));
      }
    }
  }

  async #receive(frame: Uint8Array): Promise<void> {
    const { emit } = this.#options;
    if (this.#mode === "native" && this.#own.isIdle) return await emit(frame);
    const message = readMessage(frame);
    if (message.kind === "response") {
      if (this.#own.take(message, frame)) return;
      if (this.#mode === "undecided") return await this.#decide(frame, message);
      const given = this.#rounds.receive(frame, message);
      if (given) await emit(given);
      return;
    }
    const isOwn = message.kind === "notification" &&
      this.#listen.receive(message);
    if (!isOwn) await emit(frame);
  }

  /** What the target makes of `initialize` decides. */
  async #decide(frame: Uint8Array, answer: ResponseMessage): Promise<void> {
    const { emit } = this.#options;
    if (answer.id?.key !== this.#initialize?.id.key) return await emit(frame);
    if (!answer.error || !mayBeOfOtherEra(answer.error.data)) {
      this.#settle("native");
      return await emit(frame);
    }
    void this.#background.start(async () => {
      const { result } = await this.#own.ask(this.#link, "server/discover", {
        _meta: this.#meta(),
      });
      const isModern = isObject(result) &&
        Array.isArray(result.supportedVersions) &&
        result.supportedVersions.includes(MODERN_VERSION);
      if (!isModern) {
        await emit(frame);
        return this.#settle("native");
      }
      this.#listen.offers(result.capabilities);
      this.#options.log.info("bridging to a target of 2026-07-28");
      await emit(this.#initialised(result));
      this.#settle("bridged");
    });
  }

  /** The answer to `initialize`, from what was discovered. */
  #initialised(
    { capabilities, instructions, _meta }: Record<string, unknown>,
  ): Uint8Array {
    const { id, params } = this.#initialize ?? {};
    if (!id) throw new TypeError("initialize is under way");
    const wanted = isObject(params) ? params.protocolVersion : undefined;
    const serverInfo = isObject(_meta) ? _meta[META.serverInfo] : undefined;
    return resultFrame(
      id,
      JSON.stringify({
        protocolVersion: LEGACY_VERSIONS.find((one) => one === wanted) ??
          LATEST_LEGACY_VERSION,
        capabilities: capabilities ?? {},
        serverInfo: serverInfo ?? { name: "unknown", version: "0" },
        instructions,
      }),
    );
  }

  #settle(mode: "native" | "bridged"): void {
    this.#mode = mode;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [bytes, message, resolve] of waiting) {
      resolve(this.accept(bytes, message));
    }
  }

  async #answer(frame: Uint8Array): Promise<void> {
    await this.#options.emit(frame).catch(() => {});
  }

  async drain(patience: AbortSignal): Promise<void> {
    this.#listen.end();
    this.#rounds.end(shuttingDown(true));
    // What is decided while it drains sends what has waited for it.
    do {
      await this.#link.drain(patience);
      await this.#background.settled();
    } while (!this.#background.isIdle);
    await this.#link.drain(patience);
  }

  async close(limitMs: number): Promise<void> {
    await this.#link.close(limitMs);
  }
}
