/** A login that is under way, and what waits for it. */

import {
  type Login,
  LoginError,
  type LoginPage,
  type ShowPage,
} from "../../login.ts";
import { orAborted } from "../../time.ts";
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
  /** What waits, and the call whose result may ask, if it is for one. */
  readonly #waiting = new Set<{ readonly caller: Call | undefined }>();

  /** Begins it, but not at once: what is shown needs to know what waits. */
  constructor(login: Login, show: ShowPage) {
    this.done = Promise.resolve()
      .then(() => login.begin(show, this.#end.signal));
  }

  end(why: LoginError): void {
    this.#end.abort(why);
  }

  get firstCaller(): Call | undefined {
    return this.#waiting.values().find(({ caller }) => caller)?.caller;
  }

  /** Waits for it, on behalf of a request that failed, until its signal. */
  async wait(signal: AbortSignal, caller: Call | undefined): Promise<void> {
    const one = { caller };
    this.#waiting.add(one);
    try {
      await orAborted(this.done, signal);
    } finally {
      this.#waiting.delete(one);
      if (this.#waiting.size === 0 && !this.page) {
        this.end(new LoginError("interrupted", "nobody waits for it any more"));
      }
    }
  }
}
