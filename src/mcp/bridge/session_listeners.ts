/**
 * `subscriptions/listen` (MCP 2026-07-28) fed from the notifications of a hidden
 * legacy session.
 *
 * @module
 */

import { META } from "../wire/era.ts";
import {
  type Emit,
  type Link,
  type OwnRequests,
  resultFrame,
} from "../transport/link.ts";
import {
  isObject,
  type NotificationMessage,
  type RequestId,
} from "../wire/message.ts";
import { insertMeta } from "../wire/metadata.ts";

/** What {@linkcode SessionListeners} are handed. */
export interface SessionListenersOptions {
  /** Writes one frame to the client. */
  readonly emit: Emit;
  readonly own: OwnRequests;
  readonly link: Link;
}

/** Members of the filter: the capability that offers it, the notification. */
const LISTS: readonly (readonly [string, string, string])[] = [
  ["toolsListChanged", "tools", "notifications/tools/list_changed"],
  ["promptsListChanged", "prompts", "notifications/prompts/list_changed"],
  ["resourcesListChanged", "resources", "notifications/resources/list_changed"],
];

const UPDATED = "notifications/resources/updated";

interface Listener {
  readonly id: RequestId;
  readonly methods: ReadonlySet<string>;
  readonly uris: Set<string>;
}

const encoder = new TextEncoder();

/** The client's subscriptions. */
export class SessionListeners {
  readonly #options: SessionListenersOptions;
  readonly #listeners = new Map<string, Listener>();
  #capabilities: Record<string, unknown> = {};

  constructor(options: SessionListenersOptions) {
    this.#options = options;
  }

  /** Notes what the target can do. */
  offers(capabilities: unknown): void {
    this.#capabilities = isObject(capabilities) ? capabilities : {};
  }

  /** Opens a subscription, and says what of it is honoured. */
  async open(id: RequestId, params: unknown): Promise<void> {
    const asked = isObject(params) && isObject(params.notifications)
      ? params.notifications
      : {};
    const honoured: Record<string, unknown> = {};
    const methods = new Set<string>();
    for (const [member, capability, method] of LISTS) {
      const offered = this.#capabilities[capability];
      const isOffered = isObject(offered) && offered.listChanged === true;
      if (asked[member] !== true || !isOffered) continue;
      honoured[member] = true;
      methods.add(method);
    }
    const listener: Listener = { id, methods, uris: new Set() };
    this.#listeners.set(id.key, listener);
    const isOver = () => this.#listeners.get(id.key) !== listener;
    const uris = await this.#subscribe(asked.resourceSubscriptions, isOver);
    // Cancelled, or ended with the proxy, before it could be acknowledged.
    if (isOver()) return this.#unsubscribe(uris);
    for (const uri of uris) listener.uris.add(uri);
    if (uris.length > 0) honoured.resourceSubscriptions = uris;
    await this.#options.emit(encoder.encode(
      `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"${META.subscriptionId}":${id.source}},"notifications":${
        JSON.stringify(honoured)
      }}}`,
    ));
  }

  /** Subscribes in the session; the URIs that the target agreed to. */
  async #subscribe(
    asked: unknown,
    isOver: () => boolean,
  ): Promise<string[]> {
    const { resources } = this.#capabilities;
    const isOffered = isObject(resources) && resources.subscribe === true;
    if (!isOffered || !Array.isArray(asked)) return [];
    const uris = asked.filter((uri): uri is string => typeof uri === "string");
    const agreed: string[] = [];
    for (const uri of uris) {
      if (isOver()) break;
      const { error } = await this.#ask("resources/subscribe", uri);
      if (!error) agreed.push(uri);
    }
    return agreed;
  }

  #ask(method: string, uri: string) {
    return this.#options.own.ask(this.#options.link, method, { uri });
  }

  /**
   * Tells the subscribers of a change; false for a notification that is none.
   */
  tell({ method, params }: NotificationMessage, frame: Uint8Array): boolean {
    const uri = method === UPDATED && isObject(params) ? params.uri : undefined;
    const isChange = uri !== undefined ||
      LISTS.some(([, , changed]) => changed === method);
    if (!isChange) return false;
    for (const { id, methods, uris } of this.#listeners.values()) {
      const isWanted = typeof uri === "string"
        ? uris.has(uri)
        : methods.has(method);
      if (!isWanted) continue;
      const told = insertMeta(frame, params, [[
        META.subscriptionId,
        id.source,
      ]]);
      void this.#options.emit(told).catch(() => {});
    }
    return true;
  }

  /** Ends a subscription that the client has cancelled. */
  close(id: RequestId): boolean {
    const listener = this.#listeners.get(id.key);
    if (!listener) return false;
    this.#listeners.delete(id.key);
    this.#unsubscribe(listener.uris);
    return true;
  }

  /** Ends what no other subscription needs. */
  #unsubscribe(ended: Iterable<string>): void {
    const kept = [...this.#listeners.values()];
    for (const uri of ended) {
      if (kept.some(({ uris }) => uris.has(uri))) continue;
      void this.#ask("resources/unsubscribe", uri);
    }
  }

  /** Ends them all, as a server does that stops. */
  end(): void {
    for (const { id } of this.#listeners.values()) {
      void this.#options.emit(resultFrame(
        id,
        `{"resultType":"complete","_meta":{"${META.subscriptionId}":${id.source}}}`,
      )).catch(() => {});
    }
    this.#listeners.clear();
  }
}
