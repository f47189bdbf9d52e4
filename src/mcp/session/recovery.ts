/**
 * Makes a new upstream session in the place of a lost one, as the client had
 * set it up.
 *
 * @module
 */

import type { Target } from "../transport/target.ts";
import { delay } from "../../time.ts";
import { excerpt } from "../wire/excerpt.ts";
import { summaryOf } from "../transport/failure.ts";
import { ProxyError } from "../../errors.ts";
import { Exchange } from "../transport/exchange.ts";
import { type SessionHeaders, sessionOf } from "../wire/headers.ts";
import { isObject, requestId, type ResponseMessage } from "../wire/message.ts";
import { paramsWithMetadata } from "../wire/metadata.ts";

/** How a new session comes to be. */
export interface RecoveryWays {
  /** What an `initialize` is sent in. */
  readonly open: () => Promise<SessionHeaders>;
  /** Sends an exchange of the proxy's own in a session given. */
  readonly carry: (
    exchange: Exchange,
    session: SessionHeaders,
  ) => Promise<void>;
}

/** What the client and the target agreed on. */
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

const encoder = new TextEncoder();

/** Remembers how the client set a session up, and sets up another like it. */
export class Recovery {
  readonly #target: Target;
  readonly #ways: RecoveryWays;
  #agreement: Agreement | undefined;
  #logLevel: unknown;
  readonly #subscriptions = new Set<string>();
  #asked = 0;

  constructor(target: Target, ways: RecoveryWays) {
    this.#target = target;
    this.#ways = ways;
  }

  /** Notes a request that succeeded. */
  remember({ method, params }: Exchange, result: unknown): void {
    if (!isObject(params)) return;
    switch (method) {
      case "initialize": {
        const { protocolVersion, capabilities } = isObject(result)
          ? result
          : {};
        this.#agreement = { params, protocolVersion, capabilities };
        this.#logLevel = undefined;
        this.#subscriptions.clear();
        return;
      }
      case "logging/setLevel":
        this.#logLevel = params.level;
        return;
      case "resources/subscribe":
        if (typeof params.uri === "string") this.#subscribed(params.uri);
        return;
      case "resources/unsubscribe":
        this.#subscriptions.delete(String(params.uri));
        return;
    }
  }

  #subscribed(uri: string): void {
    this.#subscriptions.add(uri);
    for (const oldest of this.#subscriptions) {
      if (this.#subscriptions.size <= MAX_SUBSCRIPTIONS) break;
      this.#subscriptions.delete(oldest);
    }
  }

  /**
   * Initialises a new session.
   *
   * @throws {ProxyError} when the target refuses, or speaks another version.
   */
  async renew(lost: SessionHeaders): Promise<SessionHeaders> {
    const agreement = this.#agreement;
    if (!agreement) throw new ProxyError("no-answer", "the session is lost");
    const { params, protocolVersion } = agreement;
    const opened = await this.#ways.open();
    const { answer, sessionId } = await this.ask("initialize", {
      ...params,
      protocolVersion,
    }, opened);
    const result = isObject(answer.result) ? answer.result : {};
    if (answer.error || result.protocolVersion !== protocolVersion) {
      const { error } = answer;
      const told = (words: string) => {
        const why = error
          ? `it refused a new one${words}`
          : `it now speaks protocol version ${result.protocolVersion}, not ${protocolVersion}`;
        return `the target lost the session, and ${why}; restart the client`;
      };
      throw new ProxyError(
        "bad-answer",
        told(`: ${excerpt(error?.message ?? "", 300)}`),
        { summary: told("") },
      );
    }
    const session: SessionHeaders = {
      ...opened,
      ...sessionOf(sessionId, lost.protocolVersion),
    };
    await this.#notify("notifications/initialized", session);
    this.#target.log.info("the target lost the session; made a new one");
    await this.#setUpAgain(session);
    await this.#tellOfChanges(agreement.capabilities, result.capabilities);
    this.#agreement = { ...agreement, capabilities: result.capabilities };
    return session;
  }

  async #setUpAgain(session: SessionHeaders): Promise<void> {
    if (this.#logLevel !== undefined) {
      const params = { level: this.#logLevel };
      await this.#tryToAsk("logging/setLevel", params, session);
    }
    for (const uri of this.#subscriptions) {
      await this.#tryToAsk("resources/subscribe", { uri }, session);
    }
  }

  async #tryToAsk(
    method: string,
    params: Record<string, unknown>,
    session: SessionHeaders,
  ): Promise<void> {
    const failed = await this.ask(method, params, session).then(
      ({ answer: { error } }) => error && `error ${error.code}`,
      summaryOf,
    );
    if (failed === undefined) return;
    this.#target.log.warn("could not set up the new session as the old one", {
      method,
      error: failed,
    });
  }

  /** The new server may list other things than the old one did. */
  async #tellOfChanges(before: unknown, after: unknown): Promise<void> {
    const { log, emit } = this.#target;
    if (JSON.stringify(before) !== JSON.stringify(after)) {
      log.warn("the target's capabilities differ in the new session", {
        before: isObject(before) ? Object.keys(before).sort() : [],
        after: isObject(after) ? Object.keys(after).sort() : [],
      });
    }
    for (const list of ["tools", "prompts", "resources"]) {
      const declared = isObject(before) ? before[list] : undefined;
      if (!isObject(declared) || declared.listChanged !== true) continue;
      const method = `notifications/${list}/list_changed`;
      await emit(encoder.encode(JSON.stringify({ jsonrpc: "2.0", method })));
    }
  }

  /**
   * Asks the target something of the proxy's own in a session given.
   *
   * @throws When it is not answered.
   */
  async ask(
    method: string,
    params: Record<string, unknown>,
    session: SessionHeaders,
  ): Promise<{ answer: ResponseMessage; sessionId: string | undefined }> {
    const id = requestId(`sigv4-proxy:${++this.#asked}`);
    if (!id) throw new TypeError("a string is a request ID");
    let answer: ResponseMessage | undefined;
    const { metadata = [] } = this.#target;
    const bytes = encoder.encode(
      `{"jsonrpc":"2.0","id":${id.source},"method":"${method}","params":${
        JSON.stringify(paramsWithMetadata(params, metadata))
      }}`,
    );
    const exchange = new Exchange({
      bytes,
      method,
      requests: [id],
      onAnswer: (given) => answer = given,
    });
    // The answer is enough: its stream may stay open for long.
    const carried = this.#ways.carry(exchange, session);
    await Promise.race([carried, exchange.settled]);
    carried.catch(() => {});
    if (!answer) {
      throw new ProxyError("no-answer", `the target did not answer ${method}`);
    }
    return { answer, sessionId: exchange.sessionId };
  }

  async #notify(method: string, session: SessionHeaders): Promise<void> {
    const bytes = encoder.encode(`{"jsonrpc":"2.0","method":"${method}"}`);
    const exchange = new Exchange({ bytes, method, requests: [] });
    const carried = this.#ways.carry(exchange, session);
    const patience = new AbortController();
    await Promise.race([carried, delay(NOTIFY_WAIT_MS, patience.signal)])
      .finally(() => patience.abort());
    carried.catch(() => {});
  }
}
