/**
 * `subscriptions/listen` (MCP 2026-07-28) fed from the notifications of a hidden
 * legacy session.
 */

import { asObject } from "../../json.ts";
import {
  filterOf,
  LIST_CHANGES,
  offeredListChanges,
  offersSubscriptions,
  RESOURCE_UPDATED,
  subscriptionMeta,
  urisIn,
} from "../stateless/listen.ts";
import { messageFrame, resultFrame } from "../transport/link.ts";
import { META } from "../wire/era.ts";
import type { NotificationMessage, RequestId } from "../wire/message.ts";
import { insertMeta } from "../wire/metadata.ts";
import { type BridgeContext, MAX_SUBSCRIPTIONS } from "./context.ts";

interface Listener {
  readonly id: RequestId;
  readonly methods: ReadonlySet<string>;
  readonly uris: Set<string>;
}

export class SessionListeners {
  readonly #context: BridgeContext;
  readonly #listeners = new Map<string, Listener>();
  capabilities: unknown;

  constructor(context: BridgeContext) {
    this.#context = context;
  }

  /** Opens a subscription, and says what of it is honoured. */
  async open(id: RequestId, params: unknown): Promise<void> {
    const asked = asObject(asObject(params).notifications);
    const lists = offeredListChanges(this.capabilities)
      .filter(([, member]) => asked[member] === true);
    const methods = new Set<string>(lists.map(([, , method]) => method));
    const listener: Listener = { id, methods, uris: new Set() };
    this.#listeners.set(id.key, listener);
    const isOver = () => this.#listeners.get(id.key) !== listener;
    const uris = await this.#subscribe(urisIn(asked), isOver);
    // Cancelled, or ended with the proxy, before it could be acknowledged.
    if (isOver()) return this.#unsubscribe(uris);
    for (const uri of uris) listener.uris.add(uri);
    const honoured = JSON.stringify(filterOf(lists, uris));
    await this.#context.emit(messageFrame(
      "notifications/subscriptions/acknowledged",
      `{${subscriptionMeta(id)},"notifications":${honoured}}`,
    ));
  }

  /** Subscribes in the session; the URIs that the target agreed to. */
  async #subscribe(
    asked: readonly string[],
    isOver: () => boolean,
  ): Promise<string[]> {
    const held = [...this.#listeners.values()]
      .reduce((count, { uris }) => count + uris.size, 0);
    const { own } = this.#context;
    const agreed: string[] = [];
    if (!offersSubscriptions(this.capabilities)) return agreed;
    for (const uri of asked) {
      if (isOver() || held + agreed.length >= MAX_SUBSCRIPTIONS) break;
      const { error } = await own.ask("resources/subscribe", { uri });
      if (!error) agreed.push(uri);
    }
    return agreed;
  }

  /** Tells the subscribers of a change; false for what is none. */
  notify({ method, params }: NotificationMessage, frame: Uint8Array): boolean {
    const uri = method === RESOURCE_UPDATED ? asObject(params).uri : undefined;
    const isChange = uri !== undefined ||
      LIST_CHANGES.some(([, , changed]) => changed === method);
    if (!isChange) return false;
    for (const { id, methods, uris } of this.#listeners.values()) {
      if (!(typeof uri === "string" ? uris.has(uri) : methods.has(method))) {
        continue;
      }
      const member = [META.subscriptionId, id.source] as const;
      void this.#context.emit(insertMeta(frame, params, [member]));
    }
    return true;
  }

  close({ key }: RequestId): boolean {
    const listener = this.#listeners.get(key);
    if (!listener) return false;
    this.#listeners.delete(key);
    this.#unsubscribe(listener.uris);
    return true;
  }

  /** Ends what no other subscription needs. */
  #unsubscribe(ended: Iterable<string>): void {
    const kept = [...this.#listeners.values()];
    for (const uri of ended) {
      if (kept.some(({ uris }) => uris.has(uri))) continue;
      void this.#context.own.ask("resources/unsubscribe", { uri });
    }
  }

  /** Ends them all, as a server does that stops. */
  end(): void {
    for (const { id } of this.#listeners.values()) {
      const result = `{"resultType":"complete",${subscriptionMeta(id)}}`;
      void this.#context.emit(resultFrame(id, result));
    }
    this.#listeners.clear();
  }
}
