/**
 * One `subscriptions/listen` for all that a legacy client is told of: the lists
 * that the server offers to tell of, and the resources it subscribed to.
 *
 * @module
 */

import type { Log } from "../log.ts";
import { META, metaOf } from "./era.ts";
import { type Link, notify, type OwnRequests } from "./link.ts";
import {
  isObject,
  type NotificationMessage,
  type RequestId,
  requestId,
  type RpcError,
} from "./message.ts";

/** What a {@linkcode ListenBridge} is handed. */
export interface ListenBridgeOptions {
  readonly log: Log;
  readonly own: OwnRequests;
  readonly link: Link;
  /** The `_meta` of a request. */
  readonly meta: () => Record<string, unknown>;
}

/** Members of the filter, by the capability that offers them. */
const LISTS: readonly (readonly [capability: string, member: string])[] = [
  ["tools", "toolsListChanged"],
  ["prompts", "promptsListChanged"],
  ["resources", "resourcesListChanged"],
];

/** How long a target may take to acknowledge a subscription, in ms. */
const ACKNOWLEDGE_MS = 30_000;

interface Subscription {
  readonly id: RequestId;
  /** Resolves to the filter that the target honours, or to its error. */
  readonly opened: PromiseWithResolvers<unknown>;
}

/** Keeps the one subscription as it should be. */
export class ListenBridge {
  readonly #options: ListenBridgeOptions;
  readonly #uris = new Set<string>();
  #capabilities: Record<string, unknown> = {};
  #current: Subscription | undefined;
  /** The one before, until the current one is acknowledged. */
  #previous: Subscription | undefined;
  /** Those that are not acknowledged yet, by their IDs. */
  readonly #unopened = new Map<string, Subscription>();

  constructor(options: ListenBridgeOptions) {
    this.#options = options;
  }

  /** Notes what the server can do. */
  offers(capabilities: unknown): void {
    this.#capabilities = isObject(capabilities) ? capabilities : {};
    this.#uris.clear();
  }

  /** Begins to listen, if there is anything to listen for. */
  open(): void {
    void this.#renew();
  }

  /** Subscribes to a resource; resolves to the error if there is one. */
  async subscribe(uri: string): Promise<RpcError | undefined> {
    const { resources } = this.#capabilities;
    if (!isObject(resources) || resources.subscribe !== true) {
      return failed(-32601, "the target has no subscriptions to resources");
    }
    this.#uris.add(uri);
    const honoured = await this.#renew();
    const uris = isObject(honoured) ? honoured.resourceSubscriptions : [];
    if (Array.isArray(uris) && uris.includes(uri)) return undefined;
    this.#uris.delete(uri);
    return failed(-32602, "the target does not tell of this resource");
  }

  /** Ends a subscription to a resource. */
  async unsubscribe(uri: string): Promise<RpcError | undefined> {
    if (this.#uris.delete(uri)) await this.#renew();
    return undefined;
  }

  /** Listens anew, then leaves the subscription that was there before. */
  async #renew(): Promise<unknown> {
    const { own, link, meta, log } = this.#options;
    const before = this.#current;
    const notifications = this.#filter();
    if (Object.keys(notifications).length === 0) {
      this.end();
      return {};
    }
    const subscription: Subscription = {
      id: own.nextId(),
      opened: Promise.withResolvers<unknown>(),
    };
    this.#previous = before;
    this.#current = subscription;
    this.#unopened.set(subscription.id.key, subscription);
    const params = { _meta: meta(), notifications };
    own.ask(link, "subscriptions/listen", params, subscription.id)
      .then(({ error }) => {
        if (error) {
          log.warn("the target refused a subscription", {
            error: error.message,
          });
        }
        subscription.opened.resolve(undefined);
      });
    const timer = setTimeout(() => {
      log.warn("the target did not acknowledge a subscription");
      subscription.opened.resolve(undefined);
    }, ACKNOWLEDGE_MS);
    const honoured = await subscription.opened.promise;
    clearTimeout(timer);
    this.#unopened.delete(subscription.id.key);
    if (before) this.#leave(before, honoured);
    if (this.#previous === before) this.#previous = undefined;
    return honoured;
  }

  #filter(): Record<string, unknown> {
    const filter: Record<string, unknown> = {};
    for (const [capability, member] of LISTS) {
      const offered = this.#capabilities[capability];
      if (isObject(offered) && offered.listChanged === true) {
        filter[member] = true;
      }
    }
    if (this.#uris.size > 0) filter.resourceSubscriptions = [...this.#uris];
    return filter;
  }

  /** Whether a notification is the bridge's own, and not the client's to see. */
  receive({ method, params }: NotificationMessage): boolean {
    const id = requestId(metaOf(params)[META.subscriptionId]);
    if (method === "notifications/subscriptions/acknowledged") {
      const honoured = isObject(params) ? params.notifications : undefined;
      if (id) this.#unopened.get(id.key)?.opened.resolve(honoured);
      return true;
    }
    if (method !== "notifications/cancelled" || !isObject(params)) {
      // What one before those still says would be told twice.
      return id !== undefined && id.key !== this.#current?.id.key &&
        id.key !== this.#previous?.id.key;
    }
    const ended = requestId(params.requestId);
    if (!ended || ended.key !== this.#current?.id.key) return false;
    this.#options.log.warn("the target's subscription is over");
    this.#current?.opened.resolve(undefined);
    this.#current = undefined;
    return true;
  }

  /** Stops listening. */
  end(): void {
    if (this.#current) this.#leave(this.#current, undefined);
    this.#current = undefined;
  }

  /** Cancels one; whoever still waits for it gets what took its place. */
  #leave({ id, opened }: Subscription, honoured: unknown): void {
    opened.resolve(honoured);
    this.#options.own.forget(id);
    notify(this.#options.link, "notifications/cancelled", {
      requestId: JSON.parse(id.source),
    });
  }
}

function failed(code: number, message: string): RpcError {
  return { code, message, data: undefined };
}
