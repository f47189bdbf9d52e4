/**
 * One `subscriptions/listen` for all that a legacy client is told of: the lists
 * that the server offers to tell of, and the resources it subscribed to. One
 * that the target ends is opened again, since a client of a legacy revision
 * could not.
 */

import { asObject, isObject } from "../../json.ts";
import {
  changesIn,
  filterOf,
  offeredListChanges,
  offersSubscriptions,
  urisIn,
} from "../stateless/listen.ts";
import { isOwnError } from "../transport/own_error.ts";
import { cancelledId, messageFrame } from "../transport/link.ts";
import { META, metaOf } from "../wire/era.ts";
import {
  type NotificationMessage,
  type RequestId,
  requestId,
  type RpcError,
} from "../wire/message.ts";
import { type BridgeContext, MAX_SUBSCRIPTIONS } from "./context.ts";

/** How long a target may take to acknowledge a subscription, in ms. */
const ACKNOWLEDGE_MS = 30_000;

/** The waits before a subscription that is over is opened again, in ms. */
const REOPEN_MS: readonly number[] = [250, 1_000, 5_000, 15_000, 60_000];

/** A subscription that lives this long was worth opening, in ms. */
const STABLE_MS = 10_000;

type Fault = Pick<RpcError, "code" | "message">;

interface Subscription {
  readonly id: RequestId;
  /** Resolves to the filter that the target honours, or to `undefined`. */
  readonly opened: PromiseWithResolvers<unknown>;
  /** Whether it came to nothing, so that the one before it goes on. */
  isRefused: boolean;
}

export class ListenStream {
  readonly #context: BridgeContext;
  readonly #meta: () => Record<string, unknown>;
  readonly #uris = new Set<string>();
  #capabilities: unknown;
  /** The last one, and those before it until what follows is acknowledged. */
  readonly #heard = new Map<string, Subscription>();
  #reopening: ReturnType<typeof setTimeout> | undefined;
  #reopened = 0;
  #openedAt = Infinity;

  constructor(context: BridgeContext, meta: () => Record<string, unknown>) {
    this.#context = context;
    this.#meta = meta;
  }

  offers(capabilities: unknown): void {
    this.#capabilities = capabilities;
    this.#uris.clear();
  }

  /** Subscribes to a resource; resolves to the error if there is one. */
  async subscribe(uri: string): Promise<Fault | undefined> {
    if (!offersSubscriptions(this.#capabilities)) {
      const message = "the target has no subscriptions to resources";
      return { code: -32601, message };
    }
    if (!this.#uris.has(uri) && this.#uris.size >= MAX_SUBSCRIPTIONS) {
      const message =
        `${MAX_SUBSCRIPTIONS} resources are subscribed to, which is the most; unsubscribe from one first`;
      return { code: -32602, message };
    }
    this.#uris.add(uri);
    if (urisIn(await this.renew()).includes(uri)) return undefined;
    this.#uris.delete(uri);
    const message = "the target does not tell of this resource";
    return { code: -32602, message };
  }

  async unsubscribe(uri: string): Promise<undefined> {
    if (this.#uris.delete(uri)) await this.renew();
  }

  /** Listens anew, then leaves what was before; what is honoured of it. */
  async renew(): Promise<unknown> {
    const { own, log } = this.#context;
    clearTimeout(this.#reopening);
    const before = [...this.#heard.values()];
    const lists = offeredListChanges(this.#capabilities);
    const notifications = filterOf(lists, [...this.#uris]);
    if (Object.keys(notifications).length === 0) {
      this.end();
      return {};
    }
    const id = own.nextId();
    const opened = Promise.withResolvers<unknown>();
    const subscription: Subscription = { id, opened, isRefused: false };
    this.#heard.set(id.key, subscription);
    const params = { _meta: this.#meta(), notifications };
    own.ask("subscriptions/listen", params, id)
      .then(({ error }) => this.#over(subscription, error));
    const timer = setTimeout(() => {
      log.warn("the target did not acknowledge a subscription");
      subscription.isRefused = true;
      opened.resolve(undefined);
    }, ACKNOWLEDGE_MS);
    const honoured = await opened.promise;
    clearTimeout(timer);
    const left = before.filter((one) => this.#heard.has(one.id.key));
    if (subscription.isRefused && left.length > 0) {
      if (this.#heard.has(id.key)) this.#leave(subscription, undefined);
      clearTimeout(this.#reopening);
      return undefined;
    }
    for (const one of left) this.#leave(one, honoured);
    if (honoured !== undefined) this.#openedAt = performance.now();
    return honoured;
  }

  /** The target has ended one; the client cannot know. */
  #over(subscription: Subscription, error: RpcError | undefined): void {
    const { log } = this.#context;
    subscription.isRefused = error !== undefined;
    subscription.opened.resolve(undefined);
    const isLast = subscription === this.#last;
    this.#heard.delete(subscription.id.key);
    if (!isLast) return;
    const code = error?.code;
    // The proxy's own error passes with its cause.
    if (error && !isOwnError(error.data)) {
      return log.warn("the target refused a subscription", { code });
    }
    const now = performance.now();
    if (now - this.#openedAt > STABLE_MS) this.#reopened = 0;
    this.#openedAt = Infinity;
    const waitMs = REOPEN_MS[Math.min(this.#reopened++, REOPEN_MS.length - 1)];
    log.warn("a subscription is over, and is opened again", { code, waitMs });
    this.#reopening = setTimeout(() => void this.#reopen(), waitMs);
  }

  async #reopen(): Promise<void> {
    const honoured = await this.renew();
    if (!isObject(honoured)) return;
    // Whatever it tells of may have changed meanwhile.
    const filter = { ...honoured, resourceSubscriptions: [...this.#uris] };
    for (const [method, uri] of changesIn(filter)) {
      const params = JSON.stringify(uri === undefined ? undefined : { uri });
      await this.#context.emit(messageFrame(method, params));
    }
  }

  /** Whether a notification is the bridge's own, and not the client's to see. */
  receive(message: NotificationMessage): boolean {
    const { method, params } = message;
    const id = requestId(metaOf(params)[META.subscriptionId]);
    if (method === "notifications/subscriptions/acknowledged") {
      const honoured = asObject(params).notifications;
      if (id) this.#heard.get(id.key)?.opened.resolve(honoured);
      return true;
    }
    const ended = cancelledId(message);
    // What one before those still says would be told twice.
    if (!ended) return id !== undefined && !this.#heard.has(id.key);
    const last = this.#last;
    if (!last || ended.key !== last.id.key) return false;
    this.#context.own.forget(last.id);
    this.#over(last, undefined);
    return true;
  }

  end(): void {
    clearTimeout(this.#reopening);
    for (const one of this.#heard.values()) this.#leave(one, undefined);
  }

  get #last(): Subscription | undefined {
    return [...this.#heard.values()].at(-1);
  }

  /** Cancels one; whoever still waits for it gets what took its place. */
  #leave({ id, opened }: Subscription, honoured: unknown): void {
    opened.resolve(honoured);
    this.#heard.delete(id.key);
    this.#context.own.cancel(id);
  }
}
