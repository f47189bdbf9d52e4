/**
 * The layer that has the client's user sign in, when what signs finds its
 * session over.
 *
 * 1. A request that cannot be signed comes to {@linkcode LoginLink.whenReady}
 *    before it has left. If a login would help and the client can open pages,
 *    the login begins, and the request waits; so do those that come to it later.
 * 2. A client of 2025-11-25 is asked by `elicitation/create`. One of 2026-07-28
 *    is told that the call needs input; its retry waits like any other call.
 * 3. A request that comes a minute after the page was opened shows it again.
 * 4. Once the login is done, all that waited is sent. If it comes to nothing,
 *    each gets the error that it would have had at once, with the reason.
 *
 * What the client answers can end a login, and not complete one.
 */

import { messageOf, type ProxyError } from "../../errors.ts";
import { asObject } from "../../json.ts";
import { type Login, LoginError, type LoginPage } from "../../login.ts";
import type { Naming } from "../../naming.ts";
import type { Log } from "../../log/log.ts";
import { LruCache } from "../../lru_cache.ts";
import { within } from "../../time.ts";
import { ASKING_METHODS } from "../bridge/context.ts";
import { type Call, PendingLogin } from "./pending_login.ts";
import type { Exchange } from "../transport/exchange.ts";
import {
  type Emit,
  emitQuietly,
  type Link,
  notify,
  notifyCancelled,
} from "../transport/link.ts";
import { OwnRequests } from "../transport/awaited.ts";
import type { Target } from "../transport/target.ts";
import { eraOf } from "../wire/era.ts";
import type { RequestMessage, ValidMessage } from "../wire/message.ts";
import {
  answersIn,
  asFirstMade,
  canOpenPages,
  canShow,
  failed,
  inputRequired,
  refusalOf,
  stateIn,
} from "./question.ts";

/** The login that would repair a failure, if one would. */
export type FindLogin = (failure: unknown) => Login | undefined;

export interface LoginLinkOptions extends Naming {
  readonly emit: Emit;
  readonly log: Log;
  readonly findLogin: FindLogin;
  /** What lies behind it, handed what its requests wait with. */
  readonly link: (whenReady: Target["whenReady"]) => Link;
}

/** Nobody is asked again for this long: after a no, or to see a page again. */
const ASK_AGAIN_MS = 60_000;

/** How many calls are remembered whose client was told to ask its user. */
const MAX_STATES = 256;

/** Calls that answer more than this themselves are not told to come again. */
const MAX_ANSWERS_LENGTH = 64 * 1024;

export class LoginLink implements Link {
  readonly #options: LoginLinkOptions;
  readonly #link: Link;
  readonly #client = {
    accept: (frame: Uint8Array) => emitQuietly(this.#options.emit, frame),
  };
  readonly #questions = new OwnRequests("sigv4-proxy:login", this.#client);
  /** What a client of the legacy era can do; nothing before it said so. */
  #capabilities: unknown;
  /** How many requests of the client's are under way. */
  #open = 0;
  /** Those of them whose result may ask for input. */
  readonly #calls = new Map<string, Call>();
  /** Those that have waited: none waits twice. */
  readonly #waited = new WeakSet<Exchange>();
  /** What calls were told to come again for, and with which answers. */
  readonly #states = new LruCache<{ login: PendingLogin; answers: string }>(
    MAX_STATES,
  );
  readonly #pending = new Map<string, PendingLogin>();
  /** Those that a user did not want, and until when nobody is asked again. */
  readonly #declined = new Map<string, { until: number; why: LoginError }>();
  #isEnding = false;

  constructor(options: LoginLinkOptions) {
    this.#options = options;
    this.#link = options.link((failure, exchange) =>
      this.whenReady(failure, exchange)
    );
  }

  accept(bytes: Uint8Array, message: ValidMessage): Promise<void> | void {
    if (message.kind === "response" && this.#questions.take(message, bytes)) {
      return;
    }
    if (message.kind === "request" && message.method === "initialize") {
      this.#capabilities = asObject(message.params).capabilities;
    }
    if (!isCall(message)) return this.#pass(bytes, message);
    const told = this.#states.get(stateIn(message));
    if (!told) return this.#passCall(bytes, message);
    const [frame, call, refusal] = asFirstMade(bytes, message, told.answers);
    if (refusal) told.login.end(refusal);
    return this.#passCall(frame, call, refusal);
  }

  #passCall(
    bytes: Uint8Array,
    message: RequestMessage,
    refusal?: LoginError,
  ): Promise<void> {
    const answers = answersIn(bytes);
    const isKept = answers.length <= MAX_ANSWERS_LENGTH && canShow(message);
    if (!isKept) return this.#pass(bytes, message);
    const { key } = message.id;
    this.#calls.set(key, { message, answers, refusal });
    return this.#pass(bytes, message)
      .finally(() => this.#calls.delete(key));
  }

  async #pass(bytes: Uint8Array, message: ValidMessage): Promise<void> {
    this.#open++;
    try {
      await this.#link.accept(bytes, message);
    } finally {
      this.#open--;
    }
  }

  /**
   * Waits until a login has repaired what kept a request from being sent; nothing
   * where none would, or nobody can be asked.
   */
  whenReady(
    failure: ProxyError,
    exchange: Exchange,
  ): Promise<void> | undefined {
    const login = this.#options.findLogin(failure);
    const isLate = this.#isEnding || this.#waited.has(exchange);
    if (!login || isLate || !exchange.isRequest) return undefined;
    const caller = this.#callerOf(exchange);
    const { until = 0, why } = this.#declined.get(login.key) ?? {};
    const refusal = performance.now() < until ? why : caller?.refusal;
    if (refusal) return Promise.reject(failed(failure, refusal, this.#options));
    const canAsk = this.#canAsk(exchange);
    const pending = this.#pending.get(login.key) ??
      (canAsk ? this.#begin(login) : undefined);
    if (!pending) return undefined;
    this.#waited.add(exchange);
    const ready = pending.wait(exchange.signal, caller)
      .catch((why) => {
        throw failed(failure, why, this.#options);
      });
    if (canAsk) this.#showAgain(pending, caller);
    return ready;
  }

  /** The call that an exchange is for, if its client can be told to ask. */
  #callerOf({ requests: [id], onAnswer }: Exchange): Call | undefined {
    return onAnswer ? undefined : this.#calls.get(id.key);
  }

  /** A call that has not left, as its tool is not known yet. */
  #heldCall(): Call | undefined {
    return [...this.#calls.values()]
      .find(({ message }) => this.#link.holds?.(message.id));
  }

  #canAsk(exchange: Exchange): boolean {
    const call = this.#callerOf(exchange) ?? this.#heldCall();
    // Nothing that happens of its own accord calls for a person.
    return call !== undefined ||
      this.#open > 0 && canOpenPages(this.#capabilities);
  }

  #begin(login: Login): PendingLogin {
    const { key } = login;
    const { log } = this.#options;
    log.info("a login has begun");
    const show = (page: LoginPage): Promise<void> => this.#show(page, pending);
    const pending: PendingLogin = new PendingLogin(login, show);
    this.#pending.set(key, pending);
    pending.done.then(() => log.info("the login is done"), (why) => {
      log.info("the login came to nothing", { why: messageOf(why) });
      // Who dismisses the page has not said that they do not want it.
      if (!(why instanceof LoginError) || why.outcome !== "declined") return;
      const until = performance.now() + ASK_AGAIN_MS;
      this.#declined.set(key, { until, why });
    }).finally(() => this.#pending.delete(key));
    return pending;
  }

  /** Shows a page again that its reader may have lost. */
  #showAgain(pending: PendingLogin, caller: Call | undefined): void {
    const { page, shownAt } = pending;
    if (!page || performance.now() < shownAt + ASK_AGAIN_MS) return;
    this.#show(page, pending, caller).catch((why) => pending.end(why));
  }

  /** Has the page shown, as the client does that. */
  async #show(
    page: LoginPage,
    pending: PendingLogin,
    caller: Call | undefined = pending.firstCaller ?? this.#heldCall(),
  ): Promise<void> {
    pending.page = page;
    pending.shownAt = performance.now();
    if (!caller) return await this.#ask(page, pending);
    const { message: { id }, answers } = caller;
    const requestState = crypto.randomUUID();
    this.#states.set(requestState, { login: pending, answers });
    notifyCancelled(this.#link, id);
    const frame = inputRequired(id, page, requestState);
    await emitQuietly(this.#options.emit, frame);
  }

  /** Asks a client of the legacy era, for as long as the login lasts. */
  async #ask(page: LoginPage, pending: PendingLogin): Promise<void> {
    if (!canOpenPages(this.#capabilities)) {
      throw new LoginError("interrupted", "nobody is left to ask");
    }
    const elicitationId = crypto.randomUUID();
    const params = { mode: "url", elicitationId, ...page };
    const id = this.#questions.nextId();
    const complete = () => {
      const method = "notifications/elicitation/complete";
      notify(this.#client, method, { elicitationId });
    };
    pending.shownAt = Infinity;
    pending.done.then(complete, () => {})
      .then(() => this.#questions.cancel(id));
    const answer = await this.#questions
      .ask("elicitation/create", params, id);
    pending.shownAt = performance.now();
    const why = refusalOf(answer);
    if (why) throw why;
  }

  async drain(deadline: AbortSignal): Promise<void> {
    this.#isEnding = true;
    const why = new LoginError("interrupted", "the client is gone");
    for (const pending of this.#pending.values()) pending.end(why);
    await this.#link.drain(deadline);
  }

  async close(limitMs: number): Promise<void> {
    const ends = [...this.#pending.values()].map(({ done }) => done);
    await Promise.all([
      within(limitMs, Promise.allSettled(ends)),
      this.#link.close(limitMs),
    ]);
  }
}

/** Whether a request is one whose result may ask for input. */
function isCall(message: ValidMessage): message is RequestMessage {
  return message.kind === "request" && ASKING_METHODS.has(message.method) &&
    eraOf(message) === "modern";
}
