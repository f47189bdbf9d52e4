/**
 * A client of 2026-07-28 before a target that speaks a legacy revision only,
 * over a session that the client does not see.
 *
 * 1. `server/discover` is answered from the session's `initialize`; every other
 *    request goes into the session without the `_meta` of the modern era, and
 *    its result gains what that era demands.
 * 2. `subscriptions/listen` is fed from the session's notifications.
 * 3. A request of the target's within a call becomes an `input_required`
 *    result; the call is suspended, and the retry's answers go to it.
 */

import { ProxyError } from "../../errors.ts";
import { asObject, isObject } from "../../json.ts";
import { UNAWAITED } from "../stateless/stateless.ts";
import {
  isOwnError,
  mayBeOfOtherEra,
  shuttingDown,
} from "../transport/own_error.ts";
import { cancelledId, notify, refuse, resultFrame } from "../transport/link.ts";
import { withId } from "../wire/answers.ts";
import {
  eraOf,
  LATEST_LEGACY_VERSION,
  META,
  metaOf,
  MODERN_VERSION,
} from "../wire/era.ts";
import {
  type NotificationMessage,
  type RequestMessage,
  type ResponseMessage,
  type SingleMessage,
  stringId,
  type ValidMessage,
} from "../wire/message.ts";
import type { Member } from "../wire/scan.ts";
import {
  insertMembers,
  memberAt,
  removeMembers,
  valueInResult,
} from "../wire/splice.ts";
import type { BridgeContext } from "./context.ts";
import { SessionListeners } from "./session_listeners.ts";
import { SuspendedCalls } from "./suspended_calls.ts";

/** Results that say how long they hold (MCP 2026-07-28, "Caching"). */
const CACHEABLE_METHODS = new Set([
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
]);

const PROTOCOL_PREFIX = "io.modelcontextprotocol/";
const SET_LEVEL = "logging/setLevel";

export class ModernToLegacy {
  /** Those under way; they take requests of the target's. */
  readonly calls: SuspendedCalls;
  readonly #context: BridgeContext;
  readonly #listeners: SessionListeners;
  /** The result of the session's `initialize`. */
  #server: Record<string, unknown> = {};
  #logLevel: string | undefined;

  constructor(context: BridgeContext) {
    this.#context = context;
    this.calls = new SuspendedCalls(context);
    this.#listeners = new SessionListeners(context);
  }

  /** Opens the session; false in another era, nothing if it is not reached. */
  async begin(
    { id, method, params }: RequestMessage,
  ): Promise<boolean | undefined> {
    const { own, link, log } = this.#context;
    const meta = metaOf(params);
    const _meta = metaMembers(meta, true);
    const isProbe = method === "server/discover";
    const asked = isProbe ? undefined : stringId(UNAWAITED + id.source);
    const { error } = await own.ask("server/discover", { _meta }, asked);
    if (!error) return false;
    if (!mayBeOfOtherEra(error.data)) return undefined;
    const { result, error: refusal } = await own.ask("initialize", {
      protocolVersion: LATEST_LEGACY_VERSION,
      capabilities: meta[META.clientCapabilities] ?? {},
      clientInfo: meta[META.clientInfo] ?? { name: "unknown", version: "0" },
    });
    if (!isObject(result)) return isOwnError(refusal?.data) ? undefined : false;
    this.#server = result;
    this.#listeners.capabilities = result.capabilities;
    notify(link, "notifications/initialized");
    log.info("bridging to a target of a legacy revision");
    return true;
  }

  accept(bytes: Uint8Array, message: ValidMessage): Promise<void> | void {
    if (message.kind === "notification") {
      return this.#acceptNotification(bytes, message);
    }
    if (message.kind === "request" && eraOf(message) === "modern") {
      return this.#acceptRequest(bytes, message);
    }
    this.#context.log.debug("dropped a message that is of no era");
    // The hidden session is for what was translated alone.
    const error = new ProxyError(
      "invalid-request",
      "the request names no protocol version in its _meta, as those before it did",
    );
    return refuse(this.#context, message, error);
  }

  #acceptRequest(
    bytes: Uint8Array,
    request: RequestMessage,
  ): Promise<void> | void {
    const { emit, link, background } = this.#context;
    const { id, method, params } = request;
    if (method === "server/discover") {
      return emit(resultFrame(id, this.#discoverResult()));
    }
    if (method === "subscriptions/listen") {
      return background.start(() => this.#listeners.open(id, params));
    }
    if ("requestState" in asObject(params)) {
      return this.calls.resume(bytes, request);
    }
    const meta = metaOf(params);
    const _meta = metaMembers(meta, false);
    this.#setLogLevel(meta[META.logLevel]);
    const sent = this.calls.begin(request);
    const frame = withoutProtocolMeta(bytes);
    return link.accept(sent === id ? frame : withId(frame, sent), {
      ...request,
      id: sent,
      params: isObject(params) ? { ...params, _meta } : params,
    });
  }

  #discoverResult(): string {
    const { capabilities, instructions, serverInfo } = this.#server;
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
    if (!("logging" in asObject(this.#server.capabilities))) return;
    void this.#context.own.ask(SET_LEVEL, { level });
  }

  #acceptNotification(
    bytes: Uint8Array,
    message: NotificationMessage,
  ): Promise<void> | void {
    const id = cancelledId(message);
    if (!id) return this.#context.link.accept(bytes, message);
    if (!this.#listeners.close(id)) this.calls.cancel(id);
  }

  /** What the client is given of a message of the target's, if anything. */
  receive(frame: Uint8Array, message: SingleMessage): Uint8Array | undefined {
    if (message.kind === "notification") {
      // The ID is the target's: one of the client's own may be alike.
      if (cancelledId(message)) return undefined;
      return this.#listeners.notify(message, frame) ? undefined : frame;
    }
    if (message.kind === "request") return frame;
    const { id } = message;
    const call = id && this.calls.get(id);
    if (call) {
      return this.calls.finish(call, asModern(frame, message, call.method));
    }
    this.#context.log.debug("dropped an answer that nobody waits for");
    return undefined;
  }

  /** Ends what waits for the client, which is gone. */
  end(): void {
    this.calls.end(shuttingDown(true));
    this.#listeners.end();
    // No call of the client's waits for it.
    this.#context.own.cancelAll(SET_LEVEL);
  }
}

/** The members of a `_meta` that are the protocol's, or the others. */
function metaMembers(meta: Record<string, unknown>, areProtocols: boolean) {
  return Object.fromEntries(
    Object.entries(meta)
      .filter(([name]) => name.startsWith(PROTOCOL_PREFIX) === areProtocols),
  );
}

function withoutProtocolMeta(bytes: Uint8Array): Uint8Array {
  const meta = memberAt(bytes, ["params", "_meta"]);
  const isProtocols = ({ name }: Member) => name.startsWith(PROTOCOL_PREFIX);
  return meta ? removeMembers(bytes, meta, isProtocols) : bytes;
}

/** An answer with what a modern result must have. */
function asModern(
  frame: Uint8Array,
  answer: ResponseMessage,
  method: string,
): Uint8Array {
  const result = memberAt(frame, ["result"]);
  if (!result || frame[result.start] !== 0x7b) return frame;
  const lacks = (name: string) =>
    valueInResult(answer, frame, [name]) === undefined;
  const members = [
    ...lacks("resultType") ? ['"resultType":"complete"'] : [],
    ...CACHEABLE_METHODS.has(method) && lacks("ttlMs")
      ? ['"ttlMs":0', '"cacheScope":"private"']
      : [],
  ].join();
  return members === "" ? frame : insertMembers(frame, result, members);
}
