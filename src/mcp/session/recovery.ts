/**
 * Makes a new upstream session in the place of a lost one, as the client had
 * set it up.
 */

import { ProxyError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { asObject, isObject } from "../../json.ts";
import { LruCache } from "../../lru_cache.ts";
import type { Exchange } from "../transport/exchange.ts";
import { summaryOf } from "../transport/failure.ts";
import type { InFlight } from "../transport/in_flight.ts";
import { messageFrame } from "../transport/link.ts";
import type { Target } from "../transport/target.ts";
import { type SessionHeaders, sessionOf } from "../wire/headers.ts";
import type { ResponseMessage } from "../wire/message.ts";

interface Agreement {
  /** The parameters of the client's `initialize`. */
  readonly params: Record<string, unknown>;
  readonly protocolVersion: unknown;
  readonly capabilities: unknown;
}

/** How long the target may take to accept a notification. */
const NOTIFY_WAIT_MS = 10_000;

/** How many resources are subscribed to again; the oldest go first. */
const MAX_SUBSCRIPTIONS = 1_000;

export class Recovery {
  readonly #target: Target;
  readonly #inFlight: InFlight;
  #agreement: Agreement | undefined;
  #logLevel: unknown;
  #subscriptions = new LruCache<true>(MAX_SUBSCRIPTIONS);

  constructor(target: Target, inFlight: InFlight) {
    this.#target = target;
    this.#inFlight = inFlight;
  }

  remember({ method, params }: Exchange, answer: ResponseMessage): void {
    if (!isObject(params)) return;
    switch (method) {
      case "initialize": {
        const { protocolVersion, capabilities } = asObject(answer.result);
        this.#agreement = { params, protocolVersion, capabilities };
        this.#logLevel = undefined;
        this.#subscriptions = new LruCache(MAX_SUBSCRIPTIONS);
        return;
      }
      case "logging/setLevel":
        this.#logLevel = params.level;
        return;
      case "resources/subscribe":
        if (typeof params.uri !== "string") return;
        return this.#subscriptions.set(params.uri, true);
      case "resources/unsubscribe":
        if (typeof params.uri !== "string") return;
        this.#subscriptions.delete(params.uri);
    }
  }

  /** @throws {ProxyError} The target refuses, or speaks another version. */
  async renew(
    lost: SessionHeaders,
    open: () => Promise<SessionHeaders>,
  ): Promise<SessionHeaders> {
    const agreement = this.#agreement;
    if (!agreement) throw new ProxyError("no-answer", "the session is lost");
    const { params, protocolVersion } = agreement;
    const opened = await open();
    const { answer: { error, result }, sessionId } = await this.#inFlight
      .ask("initialize", { ...params, protocolVersion }, opened);
    const { protocolVersion: spoken, capabilities } = asObject(result);
    if (error || spoken !== protocolVersion) {
      const told = (words: string) => {
        const why = error
          ? `it refused a new one${words}`
          : `it now speaks protocol version ${spoken}, not ${protocolVersion}`;
        return `the target lost the session, and ${why}; restart the client`;
      };
      const message = told(`: ${excerpt(error?.message ?? "", 300)}`);
      throw new ProxyError("bad-answer", message, { summary: told("") });
    }
    const session: SessionHeaders = {
      ...opened,
      ...sessionOf(sessionId, lost.protocolVersion),
    };
    await this.#inFlight
      .notify("notifications/initialized", session, NOTIFY_WAIT_MS);
    this.#target.log.info("the target lost the session; made a new one");
    if (this.#logLevel !== undefined) {
      const params = { level: this.#logLevel };
      await this.#setUpAgain("logging/setLevel", params, session);
    }
    for (const [uri] of this.#subscriptions.entries()) {
      await this.#setUpAgain("resources/subscribe", { uri }, session);
    }
    const { targetRequests } = this.#inFlight.router;
    for (const [key, asked] of [...targetRequests.entries()]) {
      if (asked !== lost) continue;
      // The new session may ask something else under the same ID.
      const id = key.slice("n:".length);
      const source = key.startsWith("n:") ? id : JSON.stringify(id);
      const params = `{"requestId":${source}}`;
      await this.#target.emit(messageFrame("notifications/cancelled", params));
    }
    await this.#tellOfChanges(agreement.capabilities, capabilities);
    this.#agreement = { ...agreement, capabilities };
    return session;
  }

  async #setUpAgain(
    method: string,
    params: Record<string, unknown>,
    session: SessionHeaders,
  ): Promise<void> {
    const error = await this.#inFlight.ask(method, params, session).then(
      ({ answer: { error } }) => error && `error ${error.code}`,
      summaryOf,
    );
    if (error === undefined) return;
    const message = "could not set up the new session as the old one";
    this.#target.log.warn(message, { method, error });
  }

  /** The new server may list other things than the old one did. */
  async #tellOfChanges(before: unknown, after: unknown): Promise<void> {
    const { log, emit } = this.#target;
    if (JSON.stringify(before) !== JSON.stringify(after)) {
      log.warn("the target's capabilities differ in the new session", {
        before: Object.keys(asObject(before)).sort(),
        after: Object.keys(asObject(after)).sort(),
      });
    }
    for (const list of ["tools", "prompts", "resources"]) {
      if (asObject(asObject(before)[list]).listChanged !== true) continue;
      await emit(messageFrame(`notifications/${list}/list_changed`));
    }
  }
}
