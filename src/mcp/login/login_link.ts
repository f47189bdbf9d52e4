/**
 * The layer that has the client's user sign in, when what signs finds its
 * session over.
 *
 * 1. A request that cannot be signed comes to {@linkcode LoginLink.whenReady}
 *    before it has left. If a login would help and the client can open pages,
 *    the login begins, and the request waits; so do those that come to it later.
 * 2. A client of 2025-11-25 is asked by `elicitation/create`. One of 2026-07-28
 *    is told that the call needs input; its retry waits like any other call.
 * 3. Once the login is done, all that waited is sent. If it comes to nothing,
 *    each gets the error that it would have had at once, with the reason.
 *
 * What the client answers can end a login, and not complete one.
 */

import { LoginError, messageOf, type ProxyError } from "../../errors.ts";
import type { Log } from "../../log/log.ts";
import { Recent } from "../../lru_cache.ts";
import { within } from "../../time.ts";
import { ASKING_METHODS } from "../bridge/context.ts";
import type { Exchange } from "../transport/exchange.ts";
import {
  type Emit,
  type Link,
  messageFrame,
  notifyCancelled,
  tell,
} from "../transport/link.ts";
import { OwnRequests } from "../transport/awaited.ts";
import { AttemptError } from "../transport/retry.ts";
import type { Target } from "../transport/target.ts";
import { eraOf } from "../wire/era.ts";
import {
  type BatchMessage,
  isObject,
  type RequestMessage,
  type SingleMessage,
} from "../wire/message.ts";
import {
  answersIn,
  asFirstMade,
  canOpenPages,
  canShow,
  failed,
  inputRequired,
  type LoginPage,
  refusalOf,
  stateIn,
} from "./question.ts";

/** What would mend a failure. */
export interface Login {
  /** What it logs in to: there is one login at a time for each. */
  readonly key: string;
  /**
   * Logs in. `show` shows the page; it rejects if that is declined.
   *
   * @throws {LoginError} It came to nothing.
   */
  begin(
    show: (page: LoginPage) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
}

/** The login that would mend a failure, if one would. */
export type FindLogin = (failure: unknown) => Login | undefined;

export interface LoginLinkOptions {
  readonly emit: Emit;
  readonly log: Log;
  readonly findLogin: FindLogin;
  /** What lies behind it, handed what its requests wait with. */
  readonly link: (whenReady: Target["whenReady"]) => Link;
}

/** Nobody is asked again for this long after they said no. */
const DECLINED_MS = 60_000;

/** How many calls are remembered whose client was told to ask its user. */
const MAX_STATES = 256;

/** Calls that answer more than this themselves are not told to come again. */
const MAX_ANSWERS_LENGTH = 64 * 1024;

type Message = SingleMessage | BatchMessage;

/** A login that is under way. */
interface Underway {
  readonly end: AbortController;
  /** Resolves when it is done; rejects with why it came to nothing. */
  readonly done: Promise<void>;
  /** How many requests wait for it. */
  waiting: number;
  /** Calls among them whose result may ask for input, and what answers each. */
  readonly callers: Map<Call, (answer: Uint8Array) => void>;
  /** Whether the page was shown: whoever opened it may still sign in. */
  isShown: boolean;
}

/** A call whose result may ask for input. */
interface Call {
  readonly message: RequestMessage;
  /** What it answers itself, where the target asked before. */
  readonly answers: string;
}

/** A call that was told to come again: for what, and with which answers. */
interface Told {
  readonly login: Underway;
  readonly answers: string;
}

/** Has the client's user sign in. */
export class LoginLink implements Link {
  readonly #options: LoginLinkOptions;
  readonly #link: Link;
  readonly #questions = new OwnRequests("sigv4-proxy:login");
  readonly #client = {
    accept: (frame: Uint8Array) => tell(this.#options.emit, frame),
  };
  /** What a client of the legacy era can do; nothing before it said so. */
  #capabilities: unknown;
  /** How many requests of the client's are under way. */
  #open = 0;
  /** Those of them whose result may ask for input. */
  readonly #calls = new Map<string, Call>();
  /** Those that have waited: none waits twice. */
  readonly #waited = new WeakSet<Exchange>();
  /** What clients were told to come again for. */
  readonly #states = new Recent<Told>(MAX_STATES);
  readonly #underway = new Map<string, Underway>();
  /** Those that a user did not want, and until when nobody is asked again. */
  readonly #declined = new Map<string, { until: number; why: LoginError }>();
  #isEnding = false;

  constructor(options: LoginLinkOptions) {
    this.#options = options;
    this.#link = options.link((failure, exchange) =>
      this.whenReady(failure, exchange)
    );
  }

  accept(bytes: Uint8Array, message: Message): Promise<void> | void {
    if (message.kind === "response" && this.#questions.take(message, bytes)) {
      return;
    }
    if (message.kind !== "request" && message.kind !== "batch") {
      return this.#link.accept(bytes, message);
    }
    if (message.kind === "request" && message.method === "initialize") {
      const { params } = message;
      this.#capabilities = isObject(params) ? params.capabilities : undefined;
    }
    if (!isCall(message)) return this.#pass(bytes, message);
    const told = this.#states.get(stateIn(message) ?? "");
    if (!told) return this.#passCall(bytes, message);
    const [frame, call, refusal] = asFirstMade(bytes, message, told.answers);
    if (refusal) told.login.end.abort(refusal);
    return this.#passCall(frame, call);
  }

  #passCall(bytes: Uint8Array, message: RequestMessage): Promise<void> {
    const answers = answersIn(bytes, message);
    const isKept = answers.length <= MAX_ANSWERS_LENGTH && canShow(message);
    if (!isKept) return this.#pass(bytes, message);
    const { key } = message.id;
    const call = { message, answers };
    this.#calls.set(key, call);
    return this.#pass(bytes, message).finally(() => {
      if (this.#calls.get(key) === call) this.#calls.delete(key);
    });
  }

  async #pass(bytes: Uint8Array, message: Message): Promise<void> {
    this.#open++;
    try {
      await this.#link.accept(bytes, message);
    } finally {
      this.#open--;
    }
  }

  /**
   * Waits until a login has mended what kept a request from being sent; nothing
   * where none would, or nobody can be asked.
   */
  whenReady(
    failure: ProxyError,
    exchange: Exchange,
  ): Promise<void> | undefined {
    const login = this.#options.findLogin(failure);
    const isLate = this.#isEnding || this.#waited.has(exchange);
    if (!login || isLate || !exchange.isRequest) return undefined;
    const { until = 0, why } = this.#declined.get(login.key) ?? {};
    if (performance.now() < until) return Promise.reject(failed(failure, why));
    const caller = this.#callerOf(exchange);
    const underway = this.#underway.get(login.key) ??
      (this.#canAsk(exchange) ? this.#begin(login) : undefined);
    if (!underway) return undefined;
    this.#waited.add(exchange);
    return this.#wait(underway, failure, exchange, caller);
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

  #begin(login: Login): Underway {
    const { key } = login;
    const { log } = this.#options;
    log.info("a login has begun");
    const end = new AbortController();
    const show = (page: LoginPage) => this.#show(page, underway);
    // Not at once: what is shown needs to know what waits.
    const done = Promise.resolve().then(() => login.begin(show, end.signal))
      .catch((why) => {
        if (why instanceof LoginError && why.outcome === "declined") {
          const until = performance.now() + DECLINED_MS;
          this.#declined.set(key, { until, why });
        }
        throw why;
      }).finally(() => this.#underway.delete(key));
    done.then(
      () => log.info("the login is done"),
      (why) => log.info("the login came to nothing", { why: messageOf(why) }),
    );
    const underway: Underway = {
      end,
      done,
      waiting: 0,
      callers: new Map(),
      isShown: false,
    };
    this.#underway.set(key, underway);
    return underway;
  }

  async #wait(
    underway: Underway,
    failure: ProxyError,
    { signal }: Exchange,
    caller: Call | undefined,
  ): Promise<void> {
    const { done, end, callers } = underway;
    const { promise: told, reject } = Promise.withResolvers<never>();
    underway.waiting++;
    if (caller) {
      callers.set(caller, (answer) => {
        underway.waiting--;
        reject(new AttemptError(failure, "never", undefined, answer));
      });
    }
    const leave = () => {
      if (caller) callers.delete(caller);
      if (--underway.waiting > 0 || underway.isShown) return;
      const what = "nobody waits for it any more";
      end.abort(new LoginError("interrupted", what));
    };
    signal.addEventListener("abort", leave, { once: true });
    try {
      await (caller ? Promise.race([done, told]) : done);
    } catch (cause) {
      throw cause instanceof AttemptError ? cause : failed(failure, cause);
    } finally {
      signal.removeEventListener("abort", leave);
      if (caller) callers.delete(caller);
    }
  }

  /** Has the page shown, as the client does that. */
  async #show(page: LoginPage, underway: Underway): Promise<void> {
    underway.isShown = true;
    const [[caller, answer] = []] = underway.callers;
    const call = caller ?? this.#heldCall();
    if (!call) return await this.#ask(page, underway);
    const { message: { id }, answers } = call;
    const requestState = crypto.randomUUID();
    this.#states.set(requestState, { login: underway, answers });
    underway.callers.delete(call);
    const frame = inputRequired(id, page, requestState);
    if (answer) return answer(frame);
    notifyCancelled(this.#link, id);
    await tell(this.#options.emit, frame);
  }

  /** Asks a client of the legacy era, for as long as the login lasts. */
  async #ask(page: LoginPage, { done }: Underway): Promise<void> {
    if (!canOpenPages(this.#capabilities)) {
      throw new LoginError("interrupted", "nobody is left to ask");
    }
    const elicitationId = crypto.randomUUID();
    const params = JSON.stringify({ mode: "url", elicitationId, ...page });
    const id = this.#questions.nextId();
    const complete = () => {
      const method = "notifications/elicitation/complete";
      const params = JSON.stringify({ elicitationId });
      void this.#client.accept(messageFrame(method, params));
    };
    done.then(complete, () => {})
      .then(() => this.#questions.cancel(this.#client, id));
    const [answer] = await this.#questions
      .askFor(this.#client, "elicitation/create", params, id);
    const why = refusalOf(answer);
    if (why) throw why;
  }

  async drain(patience: AbortSignal): Promise<void> {
    this.#isEnding = true;
    const why = new LoginError("interrupted", "the client is gone");
    for (const { end } of this.#underway.values()) end.abort(why);
    await this.#link.drain(patience);
  }

  async close(limitMs: number): Promise<void> {
    const ends = [...this.#underway.values()].map(({ done }) => done);
    await Promise.all([
      within(limitMs, Promise.allSettled(ends)),
      this.#link.close(limitMs),
    ]);
  }
}

/** Whether a request is one whose result may ask for input. */
function isCall(message: Message): message is RequestMessage {
  return message.kind === "request" && ASKING_METHODS.has(message.method) &&
    eraOf(message) === "modern";
}
