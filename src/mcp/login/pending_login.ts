/** A login that is under way, and what waits for it. */

import type { ProxyError } from "../../errors.ts";
import {
  type Login,
  LoginError,
  type LoginPage,
  type ShowPage,
} from "../../login.ts";
import { AttemptError } from "../transport/retry.ts";
import type { RequestMessage } from "../wire/message.ts";

/** A call whose result may ask for input. */
export interface Call {
  readonly message: RequestMessage;
  /** What it answers itself, where the target asked before. */
  readonly answers: string;
  /** Why it is not asked for another login. */
  readonly refusal: LoginError | undefined;
}

export class PendingLogin {
  /** Resolves when it is done; rejects with why it came to nothing. */
  readonly done: Promise<void>;
  /** The page that was shown: whoever opened it may still sign in. */
  page: LoginPage | undefined;
  /** When that was last; `Infinity`: the client shows it now. */
  shownAt = 0;
  readonly #end = new AbortController();
  /** Calls that wait and whose result may ask, and what answers each. */
  readonly #callers = new Map<Call, (answer: Uint8Array) => void>();
  #waiting = 0;

  /** Begins it, but not at once: what is shown needs to know what waits. */
  constructor(login: Login, show: ShowPage) {
    this.done = Promise.resolve()
      .then(() => login.begin(show, this.#end.signal));
  }

  end(why: LoginError): void {
    this.#end.abort(why);
  }

  get firstCaller(): Call | undefined {
    const [first] = this.#callers.keys();
    return first;
  }

  /** Answers a call in place of its result; `false` if it does not wait. */
  answer(call: Call, frame: Uint8Array): boolean {
    const answer = this.#callers.get(call);
    answer?.(frame);
    return answer !== undefined;
  }

  /** Waits for it, on behalf of a request that failed, until its signal. */
  async wait(
    failure: ProxyError,
    signal: AbortSignal,
    caller: Call | undefined,
  ): Promise<void> {
    const { promise: told, reject } = Promise.withResolvers<never>();
    const leave = () => {
      if (caller) this.#callers.delete(caller);
      if (--this.#waiting > 0 || this.page) return;
      this.end(new LoginError("interrupted", "nobody waits for it any more"));
    };
    this.#waiting++;
    if (caller) {
      this.#callers.set(caller, (answer) => {
        this.#waiting--;
        this.#callers.delete(caller);
        reject(new AttemptError(failure, "never", undefined, answer));
      });
    }
    signal.addEventListener("abort", leave, { once: true });
    try {
      await (caller ? Promise.race([this.done, told]) : this.done);
    } finally {
      signal.removeEventListener("abort", leave);
      if (caller) this.#callers.delete(caller);
    }
  }
}
