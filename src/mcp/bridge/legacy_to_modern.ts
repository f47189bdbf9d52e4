/**
 * A client of a legacy revision before a target that speaks 2026-07-28 only.
 *
 * 1. `initialize` is answered from what was discovered; `ping` and
 *    `logging/setLevel` are answered here; every other request is given the
 *    `_meta` that the modern era demands.
 * 2. What the server offers to tell of, and `resources/subscribe`, become one
 *    `subscriptions/listen`.
 * 3. An `input_required` result becomes the requests that the client knows
 *    (elicitation, sampling, roots); its answers go into the retry.
 */

import { ProxyError } from "../../errors.ts";
import { asObject } from "../../json.ts";
import { shuttingDown } from "../transport/own_error.ts";
import {
  cancelledId,
  partsOf,
  refuse,
  resultFrame,
  rpcErrorFrame,
} from "../transport/link.ts";
import {
  LATEST_LEGACY_VERSION,
  LEGACY_VERSIONS,
  META,
  metaOf,
  MODERN_VERSION,
} from "../wire/era.ts";
import type {
  BatchMessage,
  NotificationMessage,
  RequestMessage,
  SingleMessage,
  ValidMessage,
} from "../wire/message.ts";
import { requestWithMetadata } from "../wire/metadata.ts";
import type { BridgeContext } from "./context.ts";
import { InputRounds } from "./input_rounds.ts";
import { ListenStream } from "./listen_stream.ts";

const NO_BATCHES = new ProxyError(
  "invalid-request",
  "the target speaks 2026-07-28, which has no batches; send each message on a line of its own",
);

const UNKNOWN = { name: "unknown", version: "0" };

export class LegacyToModern {
  readonly #context: BridgeContext;
  readonly #listen: ListenStream;
  readonly #rounds: InputRounds;
  #client: Record<string, unknown> = {};
  #logLevel: unknown;

  constructor(context: BridgeContext) {
    this.#context = context;
    this.#listen = new ListenStream(context, () => this.#meta());
    this.#rounds = new InputRounds(context, () => this.#client.capabilities);
  }

  /** The answer to `initialize`; `undefined` if the target is not modern. */
  async begin({ id, params }: RequestMessage): Promise<Uint8Array | undefined> {
    const { own, log } = this.#context;
    this.#client = asObject(params);
    const _meta = this.#meta();
    const { result } = await own.ask("server/discover", { _meta });
    const { supportedVersions: versions, capabilities, instructions } =
      asObject(result);
    if (!Array.isArray(versions) || !versions.includes(MODERN_VERSION)) return;
    log.info("bridging to a target of 2026-07-28");
    this.#listen.offers(capabilities);
    const answer = {
      protocolVersion:
        LEGACY_VERSIONS.find((one) => one === this.#client.protocolVersion) ??
          LATEST_LEGACY_VERSION,
      capabilities: capabilities ?? {},
      serverInfo: metaOf(result)[META.serverInfo] ?? UNKNOWN,
      instructions,
    };
    return resultFrame(id, JSON.stringify(answer));
  }

  accept(bytes: Uint8Array, message: ValidMessage): Promise<void> | void {
    switch (message.kind) {
      case "request":
        return this.#acceptRequest(bytes, message);
      case "notification":
        return this.#acceptNotification(bytes, message);
      case "response":
        if (this.#rounds.answer(bytes, message)) return;
        this.#context.log.debug("dropped an answer that nothing asked for");
        return;
      case "batch":
        return this.#acceptBatch(bytes, message);
    }
  }

  /** Refuses the requests: the rest, an answer that is waited for, counts. */
  async #acceptBatch(bytes: Uint8Array, batch: BatchMessage): Promise<void> {
    for (const { bytes: one, message } of partsOf(bytes, batch)) {
      if (message.kind !== "request") await this.accept(one, message);
    }
    await refuse(this.#context, batch, NO_BATCHES);
  }

  #acceptRequest(
    bytes: Uint8Array,
    request: RequestMessage,
  ): Promise<void> | void {
    const { emit, link } = this.#context;
    const { id, method, params } = request;
    const isLevel = method === "logging/setLevel";
    if (isLevel) this.#logLevel = asObject(params).level;
    if (isLevel || method === "ping") return emit(resultFrame(id, "{}"));
    if (/^resources\/(?:un)?subscribe$/.test(method)) {
      return this.#subscribe(request);
    }
    const meta = Object.entries(this.#meta());
    const [frame, modern] = requestWithMetadata(bytes, request, meta);
    this.#rounds.begin(frame, modern);
    return link.accept(frame, modern);
  }

  /** The `_meta` that every request of the modern era has. */
  #meta(): Record<string, unknown> {
    const { clientInfo, capabilities } = this.#client;
    const level = this.#logLevel;
    return {
      [META.protocolVersion]: MODERN_VERSION,
      [META.clientInfo]: clientInfo ?? UNKNOWN,
      [META.clientCapabilities]: capabilities ?? {},
      ...(typeof level === "string" && { [META.logLevel]: level }),
    };
  }

  #acceptNotification(
    bytes: Uint8Array,
    message: NotificationMessage,
  ): Promise<void> | void {
    const isReady = message.method === "notifications/initialized";
    if (isReady) return void this.#listen.renew();
    const id = cancelledId(message);
    // There is no session that could be told of anything else.
    if (id && !this.#rounds.cancel(id)) {
      return this.#context.link.accept(bytes, message);
    }
  }

  #subscribe({ id, method, params }: RequestMessage): Promise<void> {
    const { emit, background } = this.#context;
    const { uri } = asObject(params);
    if (typeof uri !== "string") {
      const error = { code: -32602, message: "uri is required" };
      return emit(rpcErrorFrame(id, error));
    }
    return background.start(async () => {
      const error = method === "resources/subscribe"
        ? await this.#listen.subscribe(uri)
        : await this.#listen.unsubscribe(uri);
      await emit(error ? rpcErrorFrame(id, error) : resultFrame(id, "{}"));
    });
  }

  /** What the client is given of a message of the target's, if anything. */
  receive(frame: Uint8Array, message: SingleMessage): Uint8Array | undefined {
    if (message.kind === "response") {
      return this.#rounds.receive(frame, message);
    }
    const isOwn = message.kind === "notification" &&
      this.#listen.receive(message);
    return isOwn ? undefined : frame;
  }

  /** Ends what waits for the client, which is gone. */
  end(): void {
    this.#listen.end();
    this.#rounds.end(shuttingDown(true));
  }
}
