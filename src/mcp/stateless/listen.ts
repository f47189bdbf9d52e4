/**
 * A `subscriptions/listen` (MCP 2026-07-28, "Subscriptions") or `events/stream`
 * (SEP-3415) whose stream is opened again when it breaks, so that the client's
 * subscription lives on.
 */

import { asObject } from "../../json.ts";
import { askedMsOf, backoffMs, isPassing } from "../transport/retry.ts";
import type { Exchange } from "../transport/exchange.ts";
import { cancelledId, messageFrame } from "../transport/link.ts";
import { META } from "../wire/era.ts";
import type { NotificationMessage, RequestId } from "../wire/message.ts";
import { insertMembers, memberAt, replaceRange } from "../wire/splice.ts";

/** The specification's own of them. */
export const LISTEN = "subscriptions/listen";

export const LONG_LIVED_METHODS: ReadonlySet<string> = new Set([
  LISTEN,
  "events/stream",
]);

/** How long opening a stream again may fail before the client is told. */
const REOPEN_LIMIT_MS = 5 * 60_000;

/** A stream that lives this long is no sign of a target that ends them all. */
const STABLE_MS = 10_000;

/** What a stream of each method begins with. */
const ACKNOWLEDGMENTS: ReadonlySet<string> = new Set([
  "notifications/subscriptions/acknowledged",
  "notifications/events/active",
]);
const CANCELLED = "notifications/cancelled";

/**
 * The lists whose changes are told: the capability that offers it, the member
 * of a subscription's filter, the notification.
 */
export const LIST_CHANGES = [
  ["tools", "toolsListChanged", "notifications/tools/list_changed"],
  ["prompts", "promptsListChanged", "notifications/prompts/list_changed"],
  ["resources", "resourcesListChanged", "notifications/resources/list_changed"],
] as const;

export const RESOURCE_UPDATED = "notifications/resources/updated";

export function offeredListChanges(
  capabilities: unknown,
): typeof LIST_CHANGES[number][] {
  return LIST_CHANGES.filter(([name]) =>
    asObject(asObject(capabilities)[name]).listChanged === true
  );
}

/** Whether a server offers to tell of changes to single resources. */
export function offersSubscriptions(capabilities: unknown): boolean {
  return asObject(asObject(capabilities).resources).subscribe === true;
}

export function filterOf(
  lists: readonly (typeof LIST_CHANGES[number])[],
  uris: readonly string[],
): Record<string, unknown> {
  return {
    ...Object.fromEntries(lists.map(([, member]) => [member, true])),
    ...(uris.length > 0 && { resourceSubscriptions: uris }),
  };
}

/** What a subscription of such a filter may have missed: methods, and URIs. */
export function changesIn(
  filter: Readonly<Record<string, unknown>>,
): (readonly [method: string, uri?: string])[] {
  return [
    ...LIST_CHANGES.filter(([, member]) => filter[member] === true)
      .map(([, , method]) => [method] as const),
    ...urisIn(filter).map((uri) => [RESOURCE_UPDATED, uri] as const),
  ];
}

/** The resources that a filter names. */
export function urisIn(filter: unknown): readonly string[] {
  const uris: unknown = asObject(filter).resourceSubscriptions;
  return (Array.isArray(uris) ? uris : [])
    .filter((uri: unknown) => typeof uri === "string");
}

/** The member that says which subscription a message belongs to. */
export function subscriptionMeta({ source }: RequestId): string {
  return `"_meta":{"${META.subscriptionId}":${source}}`;
}

/** One subscription of the client's, over as many streams as it takes. */
export class Subscription {
  readonly #exchange: Exchange;
  readonly #id: RequestId;
  /** The filter that the client was last told of, in a form to compare. */
  #told: string | undefined;
  /** Of `events/stream`: where to go on, in the target's own terms. */
  #cursor: unknown;
  #acknowledgedAt: number | undefined;
  #brokeAt: number | undefined;
  #tries = 0;

  /** @param exchange The request, which stays open for as long as it lives. */
  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.#id = exchange.requests[0];
  }

  get isOpen(): boolean {
    return this.#told !== undefined;
  }

  get isAcknowledged(): boolean {
    return this.#acknowledgedAt !== undefined;
  }

  /** What a notification on the stream becomes for the client. */
  receive(
    message: NotificationMessage,
    frame: Uint8Array,
  ): readonly Uint8Array[] {
    const { method, params } = message;
    if ("cursor" in asObject(params)) this.#cursor = asObject(params).cursor;
    if (ACKNOWLEDGMENTS.has(method)) return this.#acknowledge(params, frame);
    if (cancelledId(message)?.key === this.#id.key) {
      // The target ends the subscription, with this in place of an answer.
      this.#exchange.take(this.#id);
    }
    return [frame];
  }

  #acknowledge(params: unknown, frame: Uint8Array): readonly Uint8Array[] {
    // What differs from stream to stream says nothing of what is subscribed.
    const { _meta, cursor: _cursor, notifications, ...rest } = asObject(params);
    const filter = asObject(notifications);
    const told = JSON.stringify(Object.entries({ ...filter, ...rest }).sort());
    const isReopened = this.isOpen && !this.isAcknowledged;
    const isKnown = isReopened && told === this.#told;
    this.#told = told;
    this.#acknowledgedAt = performance.now();
    this.#brokeAt = undefined;
    // Something of each type may have changed meanwhile.
    const missed = isReopened ? changesIn(filter) : [];
    const changes = missed.map(([method, uri]) => {
      const member = uri === undefined ? "" : `,"uri":${JSON.stringify(uri)}`;
      return messageFrame(method, `{${subscriptionMeta(this.#id)}${member}}`);
    });
    return isKnown ? changes : [frame, ...changes];
  }

  /** Makes the request ask for what comes after all that was received. */
  async moveCursor(): Promise<void> {
    if (this.#cursor === undefined) return;
    const bytes = await this.#exchange.body.bytes();
    const source = JSON.stringify(this.#cursor);
    const cursor = memberAt(bytes, ["params", "cursor"]);
    const params = memberAt(bytes, ["params"]);
    const moved = cursor
      ? replaceRange(bytes, cursor, source)
      : params && insertMembers(bytes, params, `"cursor":${source}`);
    if (moved) this.#exchange.replaceBody(moved);
  }

  /** The wait before the stream is opened again, in ms, if it is. */
  delayMs(cause: unknown): number | undefined {
    const now = performance.now();
    if (now - (this.#acknowledgedAt ?? now) > STABLE_MS) this.#tries = 0;
    this.#acknowledgedAt = undefined;
    if (!isPassing(cause)) return undefined;
    this.#brokeAt ??= now;
    if (now - this.#brokeAt > REOPEN_LIMIT_MS) return undefined;
    return Math.max(askedMsOf(cause), backoffMs(this.#tries++));
  }

  /** What tells the client that the subscription is over. */
  end(): Uint8Array {
    this.#exchange.take(this.#id);
    const reason = "the stream broke and cannot be opened again";
    const params = `{"requestId":${this.#id.source},"reason":"${reason}"}`;
    return messageFrame(CANCELLED, params);
  }
}
